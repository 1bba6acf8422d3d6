"""TLS that others judge and speak: `openssl s_client` at the simulator's port, `openssl s_server` as a carrier that is no
SMSC, and terminators of others (stunnel, socat) between the engine and a plain simulator."""

import json
import re
import shutil
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from harness import SystemTest, World, batch, free_port, listens, read_submits, wait_until  # noqa: E402

BIND_TRANSCEIVER, ENQUIRE_LINK, RESPONSE = 0x00000009, 0x00000015, 0x80000000


def pdu(command, sequence, body=b""):
    return struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class OpenSsl(SystemTest):
    def setUp(self):
        super().setUp()
        self.certificate("ca", "-x509", "-addext", "keyUsage=critical,keyCertSign")
        self.certificate("server", "-x509", "-CA", self.file("ca.pem"), "-CAkey", self.file("ca.key"), "-addext",
                         "subjectAltName=DNS:smsc.example,DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")

    def file(self, name):
        return self.directory / name

    def certificate(self, name, *more):
        subprocess.run(["openssl", "req", *map(str, more), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", f"/CN=test {name}", "-keyout", self.file(f"{name}.key"), "-out",
                        self.file(f"{name}.pem")], check=True, capture_output=True, timeout=60)

    def tls_simulator(self, *options):
        return self.simulator("--tls-cert", self.file("server.pem"), "--tls-key", self.file("server.key"), *options)

    def s_client(self, port, *options, octets=b"", answers=0):
        """What openssl says of a connection: (exit status, its words); with `answers`, the octets that came back."""
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", self.file("ca.pem"),
                                   "-verify_return_error", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        if not octets:
            out, err = client.communicate(timeout=60)
            return client.returncode, (out + err).decode(errors="replace")
        client.stdin.write(octets)
        client.stdin.flush()
        got = b""
        while len(got) < answers:
            some = client.stdout.read1(answers - len(got))
            if not some:
                break
            got += some
        client.kill()  # -quiet does not end with its input
        client.communicate()
        return client.returncode, got

    def test_the_simulator_by_openssl(self):
        """Chain and names verify, TLS 1.2 and 1.3 are spoken, and nothing older, whatever the client would take."""
        simulator = self.tls_simulator()
        for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            with self.subTest(version):
                status, words = self.s_client(simulator.port, option, "-verify_hostname", "smsc.example")
                self.assertEqual(status, 0, words)
                self.assertIn("Verify return code: 0 (ok)", words)
                self.assertIn("Verified peername: smsc.example", words)
                self.assertRegex(words, rf"New, {re.escape(version)}, Cipher is (?!\(NONE\))")
        status, words = self.s_client(simulator.port, "-verify_hostname", "elsewhere.example")
        self.assertNotEqual(status, 0)
        self.assertIn("hostname mismatch", words)
        for option in ("-tls1", "-tls1_1"):
            with self.subTest(option):
                # @SECLEVEL=0, so that it is not openssl's own policy that refuses.
                status, words = self.s_client(simulator.port, option, "-cipher", "DEFAULT@SECLEVEL=0")
                self.assertNotEqual(status, 0, words)
                self.assertIn("protocol version", words)
        simulator.stop()
        self.assertEqual(json.loads(simulator.stdout_path.read_text().splitlines()[-1])["binds"], 0)

    def test_smpp_by_hand(self):
        """A bind and an enquire_link typed into s_client are answered inside TLS."""
        simulator = self.tls_simulator("--system-id", "esme", "--password", "secret")
        bind = pdu(BIND_TRANSCEIVER, 1, b"esme\0secret\0\0\x34\0\0\0")
        bind_answer = 16 + len(b"trunkline-smsc\0") + 5  # and sc_interface_version
        _, got = self.s_client(simulator.port, "-quiet", octets=bind + pdu(ENQUIRE_LINK, 2), answers=bind_answer + 16)
        self.assertEqual(struct.unpack(">IIII", got[:16]), (bind_answer, RESPONSE | BIND_TRANSCEIVER, 0, 1))
        self.assertEqual(got[bind_answer:], pdu(RESPONSE | ENQUIRE_LINK, 2))

    def world(self, port, **keys):
        return World(self.directory, [{"name": "acme", "port": port, "window": 50, "sessions": 2, "tls": True,
                                       "tls_ca": "ca.pem", **keys}])

    def test_the_engine_by_openssl(self):
        """s_server says what our client offers: SNI, and 1.2 and 1.3 only; there is no TLS with a server of TLS 1.1."""
        for options, accepted in ((["-tls1_2"], "TLSv1.2"), (["-tls1_3"], "TLSv1.3"),
                                  (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], None)):
            with self.subTest(accepted):
                port = free_port()
                name = (accepted or "old").replace(".", "-")
                server = self.start(f"s_server-{name}", ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
                                                         self.file("server.pem"), "-key", self.file("server.key"), "-cert2",
                                                         self.file("server.pem"), "-key2", self.file("server.key"), "-trace", "-www",
                                                         "-servername", "smsc.example", *options])
                wait_until("listening s_server", lambda p=port: listens(p), processes=[server])
                world = self.world(port, sessions=1, host="localhost", tls_server_name="smsc.example", bind_timeout="1s")
                engine = self.run_engine(world, name=f"engine-{name}")
                if accepted:
                    wait_until("TLS", lambda e=engine, v=accepted: f"TLS with 127.0.0.1:{port}: {v}" in e.output(),
                               processes=[engine])
                else:
                    wait_until("a refusal", lambda e=engine: "no TLS with" in e.output(), processes=[engine])
                self.assertEqual(engine.stop(), 0)
                trace = server.stdout_path.read_text(errors="replace")
                server.kill()
                self.assertIn("extension_type=server_name", trace)
                offered = re.search(r"supported_versions.*?\n((?:\s+TLS.*\n)+)", trace)
                self.assertIsNotNone(offered, trace[:3000])
                self.assertEqual(set(re.findall(r"TLS \d\.\d", offered.group(1))), {"TLS 1.3", "TLS 1.2"})

    def through(self, name, command, port):
        """The engine's messages arrive at a plain simulator behind a terminator of others."""
        simulator = self.simulator()
        terminator = self.start(name, command(simulator.port))
        wait_until(f"listening {name}", lambda: listens(port), processes=[terminator])
        world = self.world(port, host="localhost")
        world.drop("batch.jsonl", batch([{"to": f"49170{i:06d}", "text": f"hello {i}"} for i in range(1, 3001)]))
        engine = self.run_once(world)
        self.assertEqual(engine.status, 0, engine.output())
        self.assertRegex(engine.output(), r"TLS with 127\.0\.0\.1:\d+: TLSv1\.[23]")
        terminator.signal(15)
        simulator.stop()
        report = world.report("batch.jsonl")
        self.each_line_once(report, range(1, 3001))
        self.assertEqual({e["status"] for e in report}, {"sent"})
        self.assertFalse(any(e.get("maybe_duplicate") for e in report))
        self.assertEqual(len(read_submits(simulator.log_path)), 3000)

    @unittest.skipUnless(shutil.which("stunnel"), "stunnel is not installed")
    def test_through_stunnel(self):
        port = free_port()

        def command(behind):
            self.file("stunnel.conf").write_text(
                f"foreground = yes\npid =\nsyslog = no\n[smpp]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{behind}\n"
                f"cert = {self.file('server.pem')}\nkey = {self.file('server.key')}\n")
            return ["stunnel", self.file("stunnel.conf")]

        self.through("stunnel", command, port)

    @unittest.skipUnless(shutil.which("socat"), "socat is not installed")
    def test_through_socat(self):
        port = free_port()
        self.through("socat", lambda behind: ["socat", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,verify=0,"
                                              f"cert={self.file('server.pem')},key={self.file('server.key')}",
                                              f"TCP:127.0.0.1:{behind}"], port)


if __name__ == "__main__":
    unittest.main()
