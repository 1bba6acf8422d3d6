"""A deliver_sm is answered when it is durable. While the disk stands still nothing is, and the carrier has to know."""

import socket
import struct
import subprocess
import time
import unittest

from harness import SystemTest, World, read_lines, wait_until

BIND_TRANSCEIVER, BIND_TRANSCEIVER_RESP = 0x09, 0x80000009
DELIVER_SM, DELIVER_SM_RESP = 0x05, 0x80000005
RX_T_APPN = 0x64


def pdu(command, status, sequence, body=b""):
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


class Carrier:
    """The SMSC's side of one session, octet by octet."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(40)
        command, _, sequence, _ = self.read()
        assert command == BIND_TRANSCEIVER, hex(command)
        self.connection.sendall(pdu(BIND_TRANSCEIVER_RESP, 0, sequence, b"smsc\0"))

    def read(self):
        """The next PDU: command, status, sequence number, body."""
        octets = b""
        while len(octets) < 4 or len(octets) < struct.unpack(">I", octets[:4])[0]:
            more = self.connection.recv((struct.unpack(">I", octets[:4])[0] if len(octets) >= 4 else 4) - len(octets))
            if not more:
                raise EOFError("the engine hung up")
            octets += more
        return *struct.unpack(">III", octets[4:16]), octets[16:]

    def deliver(self, sequence, text):
        body = b"\0\1\x01491701234567\0\0\x0112345\0" + bytes(3) + b"\0\0" + bytes(4) + bytes([len(text)]) + text
        self.connection.sendall(pdu(DELIVER_SM, 0, sequence, body))

    def answer_to(self, sequence):
        """The status of its deliver_sm_resp."""
        while True:
            command, status, number, _ = self.read()
            if command == DELIVER_SM_RESP and number == sequence:
                return status

    def close(self):
        self.connection.close()
        self.listener.close()


class Acknowledgement(SystemTest):
    def stall(self, engine):
        """Every fdatasync of the running engine waits for a minute, until what this returns is ended."""
        strace = subprocess.Popen(
            ["strace", "-f", "-p", str(engine.pid), "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=60000000"],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(strace.stderr.close)
        self.addCleanup(strace.wait)
        self.addCleanup(strace.kill)
        if "attached" not in strace.stderr.readline():
            self.skipTest("strace cannot be attached here")
        return strace

    def test_is_withheld_while_the_disk_stands_still_and_then_refused(self):
        carrier = Carrier()
        self.addCleanup(carrier.close)
        world = World(self.directory, [{"name": "acme", "port": carrier.port, "sessions": 1}])
        engine = self.run_engine(world)
        carrier.accept()
        wait_until("/readyz of the engine", world.ready, processes=[engine])
        carrier.deliver(1, b"before")
        self.assertEqual(carrier.answer_to(1), 0)
        strace = self.stall(engine)
        carrier.deliver(2, b"meanwhile")
        asked = time.monotonic()
        self.assertEqual(carrier.answer_to(2), RX_T_APPN)
        self.assertTrue(9 < time.monotonic() - asked < 15, "after about 10 s, and not before")
        strace.terminate()  # the disk is back; a carrier sends again what was refused
        carrier.deliver(3, b"meanwhile")
        self.assertEqual(carrier.answer_to(3), 0)

        def texts():
            paths = world.path("inbound", "unrouted").glob("[!.]*.jsonl")
            return [line["text"] for path in paths for line in read_lines(path)]

        # At least once: what was refused had reached the journal all the same.
        wait_until("both messages", lambda: set(texts()) == {"before", "meanwhile"}, processes=[engine])
        engine.kill()


if __name__ == "__main__":
    unittest.main()
