"""`trunkline decode`: every PDU that other implementations made comes out with the fields they read."""
import json
import os
import pathlib
import struct
import subprocess
import unittest

TRUNKLINE = os.environ.get("TRUNKLINE", "build/dev/trunkline")
DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


def decode(*arguments, octets=b""):
    done = subprocess.run([TRUNKLINE, "decode", *arguments], input=octets, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def vectors():
    with open(DATA / "pdus" / "vectors.jsonl") as lines:
        return [json.loads(line) for line in lines]


def message(text, esm_class=0, data_coding=0, tlvs=b""):
    """A deliver_sm."""
    body = b"\0\1\0014915\0\1\001123\0" + bytes([esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0, len(text)]) + text + tlvs
    return struct.pack(">IIII", 16 + len(body), 5, 0, 1) + body


class Decode(unittest.TestCase):
    def test_json_has_the_fields_of_the_standard(self):
        rows = vectors()
        code, out, _ = decode("--json", *[row["hex"] for row in rows])
        self.assertEqual(code, 0)
        pdus = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(pdus), len(rows))
        for row, pdu in zip(rows, pdus):
            theirs = row["fields"]["node_smpp"]
            with self.subTest(row["name"]):
                for name in ("command", "command_length", "command_id", "command_status", "sequence_number",
                             "service_type", "source_addr", "destination_addr", "esm_class", "data_coding",
                             "message_id", "message_state", "receipted_message_id", "final_date", "system_id"):
                    if name in theirs:
                        self.assertEqual(pdu[name], theirs[name], name)
                if "short_message" in theirs:
                    self.assertEqual(pdu["short_message"], theirs["short_message"]["hex"])
                    self.assertEqual(pdu["sm_length"] * 2, len(pdu["short_message"]))
                if theirs.get("password"):
                    self.assertEqual(pdu["password"], "********")

    def test_raw_octets_of_standard_input(self):
        octets = b"".join(bytes.fromhex(row["hex"]) for row in vectors())
        code, out, _ = decode("--json", octets=octets)
        self.assertEqual(code, 0)
        self.assertEqual(len(out.splitlines()), len(vectors()))

    def test_receipt_and_text_are_read(self):
        row = next(row for row in vectors() if row["name"] == "ns_deliver_sm_dlr_both")
        code, out, _ = decode("--json", row["hex"])
        pdu = json.loads(out)
        self.assertEqual(code, 0)
        self.assertEqual(pdu["receipt"]["message_id"], pdu["receipted_message_id"])
        self.assertIn("stat:", pdu["text"])

    def test_what_is_wrong_says_where(self):
        cases = {
            "unknown command": ("000000140000000a000000000000001500000000", "unknown_command", 4),
            "length below 16": ("0000000c000000150000000000000009", "bad_length", 0),
            "cut": ("0000001080000004000000", "truncated", 11),
            "body cut": ("000000120000000500000000000000010000", "truncated", 18),
        }
        for name, (octets, error, offset) in cases.items():
            with self.subTest(name):
                code, out, _ = decode("--json", octets)
                self.assertEqual(code, 1)
                self.assertEqual(json.loads(out), {"error": error, "offset": offset})

    def test_goes_on_behind_a_wrong_body(self):
        code, out, _ = decode("--json", "000000140000000a000000000000001500000000" "00000010000000150000000000000001")
        self.assertEqual(code, 1)
        self.assertEqual([("error" in json.loads(line)) for line in out.splitlines()], [True, False])

    def test_groups_of_a_hex_dump_are_one_input(self):
        code, out, _ = decode("--json", "00000010", "80000004", "00000058", "0000002a", "00000010", "00000015", "00000000", "00000007")
        self.assertEqual(code, 0)
        self.assertEqual([json.loads(line)["sequence_number"] for line in out.splitlines()], [42, 7])

    def test_what_receipts_and_parts_say(self):
        text = b"id:7F stat:%s err:001"
        tlvs = bytes.fromhex("020c0002" "0102" "020e0001" "03" "020f0001" "02")
        cases = {
            "a word that is no state": (message(text % b"STRANGE", esm_class=0x04), {"receipt": {"message_id": "7F", "stat": "STRANGE", "err": "001"}}),
            "seven values": (message(b"3,2611222031,2611222030,000,491,492,ID77", esm_class=0x04),
                             {"receipt": {"message_id": "ID77", "stat": "3", "err": "000", "submit_date": "2611222030", "done_date": "2611222031"}}),
            "in UCS-2": (message((text % b"DELIVRD").decode().encode("utf-16-be"), esm_class=0x04, data_coding=8),
                         {"receipt": {"message_id": "7F", "state": "delivered", "final": True, "stat": "DELIVRD", "err": "001"}}),
            "TLVs behind a header that cannot be read": (
                message(b"\x20\x00", esm_class=0x44, tlvs=bytes.fromhex("001e0002" "3700" "04270001" "05")),
                {"receipt": {"message_id": "7", "state": "undeliverable", "final": True}, "text": None}),
            "not said to be one": (message(text % b"DELIVRD"), {"receipt": None}),
            "says nothing": (message(b"hello", esm_class=0x04), {"receipt": None, "text": "hello"}),
            "a part, by TLVs": (message(b"hi", tlvs=tlvs), {"part": {"reference": 258, "total": 3, "sequence": 2}, "text": "hi"}),
            "a part, by header": (message(bytes.fromhex("06080412340301") + b"hi", esm_class=0x40),
                                  {"part": {"reference": 0x1234, "total": 3, "sequence": 1}, "text": "hi"}),
            "national tables": (message(bytes.fromhex("06240101250101") + b"\x04\x1bI", esm_class=0x40), {"text": "\u20ac\u0130"}),
            "flash": (message(b"\x00A", data_coding=0x10), {"text": "@A"}),
            "message waiting, UCS-2": (message("é".encode("utf-16-be"), data_coding=0xE0), {"text": "é"}),
            "octets": (message(b"\x00A", data_coding=0xF5), {"text": None}),
        }
        code, out, _ = decode("--json", *[pdu.hex() for pdu, _ in cases.values()])
        self.assertEqual(code, 0)
        for (name, (_, expected)), line in zip(cases.items(), out.splitlines(), strict=True):
            with self.subTest(name):
                pdu = json.loads(line)
                self.assertEqual({key: pdu.get(key) for key in expected}, expected)

    def test_classes_and_waiting_messages_are_named(self):
        for data_coding, expected in {0x18: {"message_class": 0}, 0xF2: {"message_class": 2}, 0x00: {},
                                      0xC8: {"message_waiting": {"kind": "voicemail", "active": True, "discard": True}},
                                      0xD1: {"message_waiting": {"kind": "fax", "active": False, "discard": False}}}.items():
            with self.subTest(hex(data_coding)):
                code, out, _ = decode("--json", octets=message(b"\0h\0i", data_coding=data_coding))
                self.assertEqual(code, 0)
                read = json.loads(out)
                self.assertEqual({k: read[k] for k in ("message_class", "message_waiting") if k in read}, expected)

    def test_every_form_of_a_response(self):
        cases = {  # body, status -> message_id, and what else
            "no body": ("", 0x58, {"message_id": ""}),
            "a lone NUL": ("00", 0x58, {"message_id": ""}),
            "a full body": ("61626300", 0x58, {"message_id": "abc"}),
            "no NUL": ("616263", 0, {"message_id": "abc"}),
            "TLVs behind it": ("61626300" "0425000102", 0x45, {"message_id": "abc", "delivery_failure_reason": 2}),
        }
        for name, (body, status, expected) in cases.items():
            with self.subTest(name):
                body = bytes.fromhex(body)
                code, out, _ = decode("--json", struct.pack(">IIII", 16 + len(body), 0x80000004, status, 1).hex() + body.hex())
                pdu = json.loads(out)
                self.assertEqual(code, 0)
                self.assertEqual({key: pdu[key] for key in expected}, expected)
        code, out, _ = decode("--json", "00000014" "80000021" "00000000" "00000001" "69643100")
        self.assertEqual((code, json.loads(out)["unsuccess_sme"]), (0, []), "a submit_multi_resp that ends behind its message_id")

    def test_text_for_people_and_wrong_usage(self):
        code, out, _ = decode("00:00:00:10 80 00 00 04 00 00 00 58 00 00 00 01")
        self.assertEqual(code, 0)
        self.assertIn("ESME_RTHROTTLED", out)
        code, _, err = decode("xyz")
        self.assertEqual(code, 2)
        self.assertIn("not hexadecimal", err)


if __name__ == "__main__":
    unittest.main()
