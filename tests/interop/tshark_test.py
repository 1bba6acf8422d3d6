"""tshark's dissector reads everything that the engine and the simulator say to one another and finds nothing malformed."""

import socket
import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import SCALE, SystemTest, World, batch, wait_until  # noqa: E402
from mixed import mixed_batch  # noqa: E402


class Tshark(SystemTest):
    def read(self, capture, port, *options):
        done = subprocess.run(["tshark", "-n", "-r", capture, "-d", f"tcp.port=={port},smpp", *options], capture_output=True, text=True,
                              timeout=120 * SCALE, check=True)
        return done.stdout

    def test_nothing_malformed(self):
        simulator = self.simulator("--receipts", "10ms", "--inbound", "50/s", "--error", "ESME_RMSGQFUL=0.02")
        capture = self.directory / "run.pcapng"
        dumpcap = self.start("dumpcap", ["dumpcap", "-q", "-i", "lo", "-f", f"tcp port {simulator.port}", "-B", "64", "-w", capture])

        def capturing():
            # A connection without a PDU, until one is in the file: only then does the capture see everything.
            with socket.create_connection(("127.0.0.1", simulator.port), timeout=5):
                pass
            return capture.exists() and capture.stat().st_size > 1000

        wait_until("a running capture", capturing, processes=[dumpcap])
        world = World(self.directory, [{"name": "acme", "port": simulator.port, "sessions": 2, "window": 20, "enquire_link": "100ms"}])
        octets, expected = mixed_batch(1500, seed=32, bad=False)
        world.drop("first.jsonl", octets)
        world.drop("second.jsonl", batch([{"to": "491711", "text": "flash", "flash": True, "from": "ACME"},
                                          {"to": "491712", "text": "urgent", "priority": "urgent", "validity": "90m"},
                                          {"to": "491713", "data": "0102ff", "data_coding": 4, "receipt": False},
                                          {"to": "491714", "text": "with a TLV", "tlv": {"0x1401": "0a0b"}}]))
        engine = self.run_once(world)
        self.assertEqual(engine.status, 0, engine.output())
        simulator.stop()
        wait_until("the end of the capture", lambda: self.ended(capture, simulator.port), processes=[dumpcap])
        dumpcap.stop()

        self.assertEqual(self.read(capture, simulator.port, "-Y", "tcp.analysis.lost_segment"), "", "the capture has holes")
        self.assertEqual(self.read(capture, simulator.port, "-Y", "_ws.malformed || (smpp && _ws.expert.severity == 8388608)", "-V")[:4000], "")
        commands = Counter()
        for line in self.read(capture, simulator.port, "-Y", "smpp", "-T", "fields", "-e", "smpp.command_id").split():
            commands.update(int(value, 16) for value in line.split(","))
        parts = sum(w.parts for w in expected.values()) + 4
        self.assertGreaterEqual(commands[0x00000004], parts)  # submit_sm; refused ones came again
        self.assertEqual(commands[0x80000004], commands[0x00000004])
        self.assertEqual((commands[0x00000009], commands[0x80000009]), (2, 2))  # bind_transceiver
        self.assertEqual((commands[0x00000006], commands[0x80000006]), (2, 2))  # unbind
        self.assertGreater(commands[0x00000005], 0)  # deliver_sm
        self.assertEqual(commands[0x80000000], 0)  # generic_nack

    def ended(self, capture, port):
        """Both sessions were closed in what is in the file by now."""
        done = subprocess.run(["tshark", "-n", "-r", capture, "-d", f"tcp.port=={port},smpp", "-Y", "smpp.command_id == 0x80000006",
                               "-T", "fields", "-e", "smpp.command_id"], capture_output=True, text=True, timeout=60 * SCALE, check=False)
        return done.stdout.count("0x80000006") >= 2


if __name__ == "__main__":
    unittest.main()
