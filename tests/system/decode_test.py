"""`trunkline decode`: every PDU that other implementations made comes out with the fields they read."""
import json
import os
import pathlib
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

    def test_text_for_people_and_wrong_usage(self):
        code, out, _ = decode("00:00:00:10 80 00 00 04 00 00 00 58 00 00 00 01")
        self.assertEqual(code, 0)
        self.assertIn("ESME_RTHROTTLED", out)
        code, _, err = decode("xyz")
        self.assertEqual(code, 2)
        self.assertIn("not hexadecimal", err)


if __name__ == "__main__":
    unittest.main()
