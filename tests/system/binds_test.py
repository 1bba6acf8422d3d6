"""Kinds of binds on the real program: receivers, transmitters beside receivers, outbind, the address we call from; and what a
peer may ask of us at any time."""

import json
import socket
import struct
import unittest
from collections import Counter

from harness import SCALE, SystemTest, World, batch, free_port, read_submits, wait_until

BIND_RECEIVER, DELIVER_SM, UNBIND, OUTBIND, ENQUIRE_LINK, ALERT_NOTIFICATION = 1, 5, 6, 0x0B, 0x15, 0x102
RESPONSE = 0x80000000


class Peer:
    """An SMSC by hand: PDUs in and out of one connection."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(20 * SCALE)
        self.kept = b""

    def say(self, command, sequence, body=b"", status=0):
        self.connection.sendall(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)

    def hear(self):
        """(command, status, sequence, body) of the next PDU; None at the end of the stream."""
        while len(self.kept) < 16 or len(self.kept) < struct.unpack(">I", self.kept[:4])[0]:
            some = self.connection.recv(4096)
            if not some:
                return None
            self.kept += some
        length, command, status, sequence = struct.unpack(">IIII", self.kept[:16])
        body, self.kept = self.kept[16:length], self.kept[length:]
        return command, status, sequence, body


class Binds(SystemTest):
    def sessions(self, world, name="acme"):
        carriers = json.loads(world.get("/status")[1])["carriers"]
        return next(c for c in carriers if c["name"] == name)["sessions"]

    def test_a_receiver_sends_nothing(self):
        """It stays connected; a message that only it could take is rejected, and routes pass it by."""
        smsc = self.simulator()
        world = World(self.directory, [{"name": "acme", "port": smsc.port, "bind": "receiver"},
                                       {"name": "other", "port": smsc.port}],
                      routes=[{"name": "one", "prefix": ["491"], "to": ["acme"]}, {"name": "both", "to": ["acme", "other"]}])
        engine = self.serve(world)
        wait_until("a bound receiver", lambda: [s["state"] for s in self.sessions(world)] == ["Logged in"], processes=[engine])
        world.drop("a.jsonl", batch([{"to": "491701234567", "text": "hello"}, {"to": "421901234567", "text": "hello"},
                                     {"to": "421901234568", "text": "hello", "carrier": "acme"}]))
        wait_until("the report", lambda: world.finished("a.jsonl"), processes=[engine])
        report = {e["line"]: e for e in world.report("a.jsonl")}
        for line in (1, 3):
            self.assertEqual((report[line]["status"], report[line]["error"]["code"]), ("rejected", "no_sending_carrier"))
        self.assertEqual((report[2]["status"], report[2]["carrier"]), ("sent", "other"))
        self.assertEqual([s["state"] for s in self.sessions(world)], ["Logged in"])
        self.assertEqual(engine.stop(), 0)

    def test_transmitters_and_a_receiver(self):
        """Four send, one is told what became of it."""
        smsc = self.simulator("--receipts", "50ms")
        binds = ('[[carrier.bind]]\nbind = "transmitter"\nsessions = 4\n'
                 '[[carrier.bind]]\nbind = "receiver"\n')
        world = World(self.directory, [{"name": "acme", "port": smsc.port, "window": 5, "receipts": True, "idle_unbind": "500ms"}])
        text = world.config.read_text()
        at = text.index("[[route]]")
        world.config.write_text(text[:at] + binds + text[at:])
        engine = self.serve(world)
        wait_until("the receiver", lambda: self.sessions(world)[4]["state"] == "Logged in", processes=[engine])
        self.assertEqual([s["state"] for s in self.sessions(world)[:4]], ["Idle"] * 4)
        world.drop("a.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(500)]))
        wait_until("the report", lambda: world.finished("a.jsonl"), processes=[engine])
        self.assertEqual(Counter(e["status"] for e in world.report("a.jsonl")), {"sent": 500})

        def receipts():
            return json.loads(world.get("/status")[1])["carriers"][0]["receipts"]

        wait_until("all receipts", lambda: receipts()["messages_delivered"] == 500, processes=[engine])
        self.assertEqual(receipts()["unmatched"], 0)
        wait_until("idle transmitters", lambda: [s["state"] for s in self.sessions(world)] == ["Idle"] * 4 + ["Logged in"],
                   processes=[engine])
        self.assertEqual(engine.stop(), 0)
        smsc.stop()
        self.assertEqual(len(read_submits(smsc.log_path)), 500)

    def test_local_address(self):
        """The carrier sees the address that was asked for."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            world = World(self.directory, [{"name": "acme", "port": listener.getsockname()[1], "local_address": "127.0.0.2"}])
            engine = self.serve(world)
            listener.settimeout(20 * SCALE)
            connection, (address, _) = listener.accept()
            connection.close()
            self.assertEqual(address, "127.0.0.2")
            self.assertEqual(engine.stop(), 0)

    def test_outbind(self):
        """The carrier calls, and says who it is; then we bind as a receiver on its connection, and are an SMPP peer like any
        other: asked, alerted, given a message, and unbound from."""
        port = free_port()
        world = World(self.directory, [{"name": "acme", "port": 1, "bind": "receiver", "outbind_listen": f"127.0.0.1:{port}",
                                        "outbind_system_id": "smsc", "outbind_password": "hush"}])
        engine = self.serve(world)
        wait_until("listening", lambda: self.sessions(world)[0]["state"] == "Idle", processes=[engine])

        def call(password):
            with_patience = lambda: self.connected(port)
            peer = Peer(wait_until("a connection", with_patience, processes=[engine]))
            self.addCleanup(peer.connection.close)
            peer.say(OUTBIND, 1, b"smsc\0" + password + b"\0")
            return peer

        self.assertIsNone(call(b"wrong").hear(), "no password for a stranger")
        peer = call(b"hush")
        command, _, sequence, body = peer.hear()
        self.assertEqual(command, BIND_RECEIVER)
        self.assertTrue(body.startswith(b"tester\0secret\0"))
        peer.say(RESPONSE | BIND_RECEIVER, sequence, b"smsc\0")
        wait_until("a session", lambda: self.sessions(world)[0]["state"] == "Logged in", processes=[engine])
        peer.say(ENQUIRE_LINK, 10)
        self.assertEqual(peer.hear()[:3], (RESPONSE | ENQUIRE_LINK, 0, 10))
        peer.say(ALERT_NOTIFICATION, 11, b"\x01\x01491701234567\0\x01\x0112345\0")
        text = b"Hello from a phone"
        peer.say(DELIVER_SM, 12, b"\0\x01\x01491701234567\0\x01\x0112345\0\0\0\0\0\0\0\0\0\0" + bytes([len(text)]) + text)
        self.assertEqual(peer.hear()[:3], (RESPONSE | DELIVER_SM, 0, 12))
        self.assertIn('trunkline_alert_notifications_total{carrier="acme"} 1', world.get("/metrics")[1])
        wait_until("the message", lambda: any(e["text"] == text.decode() for e in world.inbound("unrouted")), processes=[engine])
        peer.say(UNBIND, 13)
        self.assertEqual(peer.hear()[:3], (RESPONSE | UNBIND, 0, 13))
        self.assertIsNone(peer.hear(), "and the connection is closed")
        # It listens again, and we unbind first when the engine stops.
        peer = call(b"hush")
        command, _, sequence, _ = peer.hear()
        peer.say(RESPONSE | BIND_RECEIVER, sequence, b"smsc\0")
        wait_until("another session", lambda: self.sessions(world)[0]["state"] == "Logged in", processes=[engine])
        engine.signal(15)
        command, _, sequence, _ = peer.hear()
        self.assertEqual(command, UNBIND)
        peer.say(RESPONSE | UNBIND, sequence)
        self.assertEqual(engine.wait(), 0)

    @staticmethod
    def connected(port):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1)
        except OSError:
            return None


if __name__ == "__main__":
    unittest.main()
