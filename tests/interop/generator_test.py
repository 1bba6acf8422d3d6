"""Random valid PDUs of every command, with every field and optional parameter, written by our encoder: node-smpp and tshark
decode the same octets to the same values. PDUS (3000) sets how many, SEED which; both are printed."""

import calendar
import json
import os
import re
import struct
import subprocess
import tempfile
import time
import unittest
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
GENERATOR = os.environ.get("PDU_GENERATOR", "build/ci/tests/pdu_generator")
COUNT = int(os.environ.get("PDUS", "3000"))
SEED = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(4), "big")

# What node-smpp knows by another name or in another shape than the standard.
NODE_NAMES = {"destination_port": "dest_port", "broadcast_area_identifier": "failed_broadcast_area_identifier"}
NODE_SKIPPED_TLVS = {
    # It reads four octets; the standard's is a string of 1 to 5 (5.0, 4.8.4.22).
    "dest_addr_np_country",
    # It reads one octet where the value may be of none (3.4, 5.3.2.41): the octet it gives then belongs to the next TLV.
    "alert_on_message_delivery",
    # It reads two octets; 3.4 (5.3.2.8) says one and 5.0 (4.8.4.57) two.
    "source_telematics_id", "dest_telematics_id",
    # A TLV named as a mandatory field or TLV of the same command overwrites it in the one object it keeps.
    "message_state",
    # Strings that it decodes as ASCII, dropping the highest bit of each octet.
    "broadcast_content_type_info", "broadcast_end_time", "broadcast_service_group", "source_node_id", "dest_node_id",
    "dest_addr_np_information",
}

# Of these node-smpp reads more octets than a value may have; at the end of a PDU that is past the end, and it throws.
NODE_OVERREADS = {"dest_addr_np_country", "alert_on_message_delivery", "source_telematics_id", "dest_telematics_id"}

# tshark reads no optional parameters behind these, which the standard gives none (3.4), though any PDU may have them (5.0).
TSHARK_WITHOUT_TLVS = {
    "bind_receiver", "bind_transmitter", "bind_transceiver", "outbind", "unbind", "unbind_resp", "enquire_link", "enquire_link_resp",
    "generic_nack", "query_sm", "query_sm_resp", "cancel_sm", "cancel_sm_resp", "replace_sm_resp", "cancel_broadcast_sm_resp",
}

# Behind these tshark 4.0 goes on at a wrong offset: it takes one octet for source_telematics_id, whatever its length says; one
# for ms_validity, which has four more in 5.0 (4.8.4.40); and reads broadcast_rep_num past its length (docs/protocol.md).
TSHARK_LOSES_STEP = {"source_telematics_id", "ms_validity", "broadcast_rep_num"}


def generate():
    print(f"generator_test: SEED={SEED} PDUS={COUNT}")
    done = subprocess.run([GENERATOR, str(SEED), str(COUNT)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Generator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pdus = generate()

    def test_all_commands_are_drawn(self):
        self.assertEqual(len({pdu["command"] for pdu in self.pdus}), 33)
        self.assertGreater(len({tlv["name"] for pdu in self.pdus for tlv in pdu["tlvs"]}), 60)

    def test_node_smpp(self):
        done = subprocess.run(["node", str(HERE / "node_decode.js")], input="".join(pdu["hex"] + "\n" for pdu in self.pdus),
                              capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), len(self.pdus))
        compared = 0
        for pdu, line in zip(self.pdus, lines):
            with self.subTest(command=pdu["command"], hex=pdu["hex"][:2000]):
                compared += self.compare_with_node(pdu, json.loads(line))
        print(f"node-smpp read {compared} values of {len(lines)} PDUs as they were written")

    def compare_with_node(self, pdu, read):
        if "error" in read:
            self.assertEqual(read["error"], "ERR_OUT_OF_RANGE")
            self.assertIn(pdu["tlvs"][-1]["name"] if pdu["tlvs"] else "", NODE_OVERREADS)
            return 0
        self.assertEqual(read["command"], pdu["command"])
        self.assertEqual(read["sequence_number"], pdu["sequence_number"])
        self.assertEqual(read["command_length"] * 2, len(pdu["hex"]))
        compared = 0
        fields = pdu["fields"]
        for name, value in fields.items():
            if name in ("short_message",):
                value = {"hex": value}
            if name == "dest_address":
                value = [{key: v for key, v in entry.items() if key != "dest_flag"} for entry in value]
            if name == "message_state" and any(tlv["name"] == name for tlv in pdu["tlvs"]):
                continue  # overwritten by the TLV of that name
            self.assertEqual(read.get(name), value, name)
            compared += 1
        values = defaultdict(list)
        for tlv in pdu["tlvs"]:
            values[tlv["name"] or str(tlv["tag"])].append(tlv)
        for name, tlvs in values.items():
            if name in NODE_SKIPPED_TLVS:
                continue
            got = read.get(name, read.get(NODE_NAMES.get(name)))
            got = got if isinstance(got, list) else [got]
            if not tlvs[0]["name"] or len(got) < len(tlvs):
                tlvs = tlvs[-1:]  # of a repeated one that it does not know to be repeatable it keeps the last
            self.assertEqual([self.node_value(tlv, value) for tlv, value in zip(tlvs, got)], [tlv["hex"] for tlv in tlvs], name)
            compared += len(tlvs)
        return compared

    @staticmethod
    def node_value(tlv, value):
        if isinstance(value, dict):
            return value["hex"]
        if isinstance(value, int):
            return f"{value:0{len(tlv['hex'])}x}"
        return None if value is None else value.encode("latin1").hex()

    def test_tshark(self):
        columns = ["smpp.command_id", "smpp.command_length", "smpp.sequence_number", "smpp.opt_param_tag", "smpp.opt_param_len",
                   "_ws.malformed", *TSHARK_FIELDS, *TSHARK_TLVS.values()]
        with tempfile.TemporaryDirectory() as folder:
            capture = Path(folder) / "generated.pcap"
            capture.write_bytes(self.pcap())
            # Sub-dissectors of the text (GSM SMS and what it carries) do not judge the SMPP layer: random octets are no text.
            command = ["tshark", "-n", "-r", str(capture), "-d", "tcp.port==2775,smpp", "--disable-protocol", "gsm_sms_ud", "-T", "fields",
                       "-E", "occurrence=a", "-E", "aggregator=|", "-E", "separator=/t"]
            for column in columns:
                command += ["-e", column]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"})
        lines = done.stdout.split("\n")[: len(self.pdus)]
        self.assertEqual(len(lines), len(self.pdus))
        compared = 0
        for pdu, line in zip(self.pdus, lines):
            with self.subTest(command=pdu["command"], hex=pdu["hex"][:2000]):
                read = {name: value.split("|") if value else [] for name, value in zip(columns, line.split("\t"))}
                compared += self.compare_with_tshark(pdu, read)
        print(f"tshark read {compared} values of {len(lines)} PDUs as they were written")

    def pcap(self):
        """One PDU a segment of one TCP stream, so that each frame of the capture is one PDU."""
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101)]  # raw IP
        sequence = 1
        for number, pdu in enumerate(self.pdus):
            octets = bytes.fromhex(pdu["hex"])
            tcp = struct.pack(">HHIIBBHHH", 40000, 2775, sequence & 0xFFFFFFFF, 1, 0x50, 0x18, 0xFFFF, 0, 0) + octets
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), number & 0xFFFF, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + tcp
            out.append(struct.pack("<IIII", number, 0, len(ip), len(ip)) + ip)
            sequence += len(octets)
        return b"".join(out)

    def compare_with_tshark(self, pdu, read):
        self.assertEqual([int(v, 0) for v in read["smpp.command_id"]], [int(pdu["hex"][8:16], 16)])
        self.assertEqual([int(v, 0) for v in read["smpp.command_length"]], [len(pdu["hex"]) // 2])
        self.assertEqual([int(v, 0) for v in read["smpp.sequence_number"]], [pdu["sequence_number"]])
        compared = 3
        tlvs = []
        in_step = True
        if pdu["command"] not in TSHARK_WITHOUT_TLVS:
            for tlv in pdu["tlvs"]:
                tlvs.append(tlv)
                if tlv["name"] in TSHARK_LOSES_STEP:
                    in_step = False  # what it makes of the rest is not compared
                    break
        wanted = defaultdict(list)
        for name, value in pdu["fields"].items():
            if isinstance(value, list):
                for entry in value:
                    for key, v in entry.items():
                        wanted[key].append(v)
            else:
                wanted[name].append(value)
        for name, values in wanted.items():
            column = "smpp." + name
            if name in ("dest_flag", "short_message", "esm_class", "registered_delivery"):
                continue  # below, or not shown
            if name in ("schedule_delivery_time", "validity_period", "final_date"):
                if values[0]:
                    relative = values[0].endswith("R")
                    self.assertEqual([time_of(v) for v in read[column + ("_r" if relative else "")][:1]], [time_of_smpp(values[0])], name)
                    compared += 1
                continue
            if name == "message_state":
                values = values + [int(t["hex"], 16) for t in tlvs if t["name"] == name]
            if name == "replace_if_present_flag":
                values = [values[0] & 1]  # all that it shows
            got = read[column]
            if not in_step:
                got = got[: len(values)]
            if isinstance(values[0], int):
                self.assertEqual([int(v, 0) for v in got], values, name)
            else:
                # An empty text is no value to it, but for the service_type.
                self.assertEqual(got, [v or "(Default)" for v in values] if name == "service_type" else [v for v in values if v], name)
            compared += len(values)
        if "esm_class" in wanted:
            mode, kind, features = (int(read["smpp.esm.submit." + part][0], 0) for part in ("msg_mode", "msg_type", "features"))
            self.assertEqual(mode | kind << 2 | features << 6, wanted["esm_class"][0])
            compared += 1
        if "registered_delivery" in wanted:
            receipt, acks, notification = (int(read["smpp.regdel." + part][0], 0) for part in ("receipt", "acks", "notif"))
            self.assertEqual(receipt | acks << 2 | notification << 4, wanted["registered_delivery"][0] & 0x1F)
            compared += 1
        if "short_message" in wanted:
            self.assertEqual([int(v, 0) for v in read["smpp.sm_length"]], [len(wanted["short_message"][0]) // 2])
            self.assertEqual("".join(read["smpp.message"]).replace(":", ""), wanted["short_message"][0])
            compared += 2
        tags, lengths = ([int(v, 0) for v in read["smpp.opt_param_" + part]] for part in ("tag", "len"))
        if not in_step:
            tags, lengths = tags[: len(tlvs)], lengths[: len(tlvs)]
        self.assertEqual(tags, [t["tag"] for t in tlvs], "tags")
        self.assertEqual(lengths, [len(t["hex"]) // 2 + (1 if t["type"] == "text" else 0) for t in tlvs], "lengths")
        compared += 2 * len(tlvs)
        by_name = defaultdict(list)
        for tlv in tlvs:
            by_name[tlv["name"]].append(tlv)
        for name, column in TSHARK_TLVS.items():
            if name not in by_name or not in_step:
                continue
            got = read[column]
            if by_name[name][0]["type"] == "integer" or name == "ussd_service_op":
                self.assertEqual([int(v, 0) for v in got], [int(t["hex"], 16) for t in by_name[name]], name)
            elif by_name[name][0]["type"] == "text":
                self.assertEqual(got, [bytes.fromhex(t["hex"]).decode() for t in by_name[name] if t["hex"]], name)
            else:
                self.assertEqual([v.replace(":", "") for v in got], [t["hex"] for t in by_name[name] if t["hex"]], name)
            compared += len(by_name[name])
        return compared


TSHARK_FIELDS = ["smpp." + name for name in (
    "system_id password system_type interface_version service_type addr_ton addr_npi address_range source_addr_ton source_addr_npi "
    "source_addr dest_addr_ton dest_addr_npi destination_addr esm.submit.msg_mode esm.submit.msg_type esm.submit.features protocol_id "
    "priority_flag schedule_delivery_time schedule_delivery_time_r validity_period validity_period_r regdel.receipt regdel.acks "
    "regdel.notif replace_if_present_flag data_coding sm_default_msg_id sm_length message message_id dl_name final_date final_date_r "
    "message_state error_code error_status_code esme_addr_ton esme_addr_npi esme_addr").split()]

TSHARK_TLVS = {name: "smpp." + name for name in (
    "dest_addr_subunit source_addr_subunit dest_network_type source_network_type dest_bearer_type source_bearer_type qos_time_to_live "
    "payload_type additional_status_info_text receipted_message_id privacy_indicator source_subaddress dest_subaddress "
    "user_message_reference user_response_code language_indicator source_port destination_port sar_msg_ref_num sar_total_segments "
    "sar_segment_seqnum display_time sms_signal dpf_result set_dpf ms_availability_status delivery_failure_reason "
    "more_messages_to_send number_of_messages its_reply_type ussd_service_op message_payload congestion_state "
    "dest_addr_np_country dest_addr_np_resolution source_network_id source_node_id dest_network_id dest_node_id "
    "broadcast_channel_indicator broadcast_message_class broadcast_error_status broadcast_area_success broadcast_service_group").split()}
TSHARK_TLVS["sc_interface_version"] = "smpp.SC_interface_version"
TSHARK_TLVS["billing_identification"] = "smpp.billing_id"
TSHARK_TLVS["dest_addr_np_information"] = "smpp.dest_addr_np_info"


def time_of(text):
    """tshark's time, absolute in UTC or seconds, as milliseconds."""
    if re.fullmatch(r"[0-9.]+", text):
        return round(float(text) * 1000)
    stamp, fraction = re.fullmatch(r"(.*:\d\d)\.(\d{9}) UTC", " ".join(text.split())).groups()
    return calendar.timegm(time.strptime(stamp, "%b %d, %Y %H:%M:%S")) * 1000 + int(fraction) // 1_000_000


def time_of_smpp(text):
    year, month, day, hour, minute, second = (int(text[i: i + 2]) for i in range(0, 12, 2))
    if text.endswith("R"):
        return (((day * 24 + hour) * 60 + minute) * 60 + second) * 1000
    offset = int(text[13:15]) * 15 * 60 * (1 if text[15] == "+" else -1)
    return (calendar.timegm((2000 + year, month, day, hour, minute, second)) - offset) * 1000 + int(text[12]) * 100


if __name__ == "__main__":
    unittest.main()
