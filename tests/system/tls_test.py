"""TLS end to end: to `simulator --tls-cert`, and through Python's ssl module (OpenSSL) in front of a plain simulator.
What is wrong is Error with last state Disconnected, a line in the log, and no password on the wire."""

import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

from harness import SCALE, SystemTest, World, batch, read_submits, wait_until


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class TlsProxy:
    """TLS to the outside, plain to a port of ours; one thread a connection, since an SSL object is not for two."""

    def __init__(self, behind, certificate, key, client_ca=None):
        self.behind = behind
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.versions = []
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        raw.settimeout(60 * SCALE)
        try:
            outer = self.context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        self.versions.append(outer.version())
        inner = socket.create_connection(("127.0.0.1", self.behind))
        self.open += [outer, inner]
        self.pump(outer, inner)

    @staticmethod
    def pump(outer, inner):
        try:
            over = False
            while not over:
                # What OpenSSL has decrypted already makes no socket readable.
                readable = [outer] if outer.pending() else select.select([outer, inner], [], [], 60 * SCALE)[0]
                over = not readable
                for source, target in ((outer, inner), (inner, outer)):
                    if source in readable:
                        data = source.recv(65536)
                        target.sendall(data)
                        over = over or not data
        except (OSError, ValueError):
            pass
        for each in (outer, inner):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        for each in self.open:
            each.close()


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Tls(SystemTest):
    def setUp(self):
        super().setUp()
        self.make_ca("ca")
        self.make_certificate("server", "ca", "DNS:localhost,IP:127.0.0.1")

    def file(self, name):
        return self.directory / name

    def make_ca(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj",
                f"/CN=test {name}", "-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.pem"))

    def make_certificate(self, name, ca, names):
        self.file(f"{name}.ext").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.csr"))
        openssl("x509", "-req", "-in", self.file(f"{name}.csr"), "-CA", self.file(f"{ca}.pem"), "-CAkey", self.file(f"{ca}.key"),
                "-days", 1, "-extfile", self.file(f"{name}.ext"), "-out", self.file(f"{name}.pem"))

    def tls_simulator(self, *options, **kinds):
        return self.simulator("--tls-cert", self.file("server.pem"), "--tls-key", self.file("server.key"), *options, **kinds)

    def world(self, port, **keys):
        carrier = {"name": "acme", "port": port, "window": 50, "sessions": 2, "tls": True, "tls_ca": "ca.pem", **keys}
        return World(self.directory, [carrier])

    def drop(self, world, lines):
        world.drop("batch.jsonl", batch([{"to": f"49170{i:06d}", "text": f"hello {i}"} for i in range(1, lines + 1)]))

    def judge_sent(self, world, simulator, lines):
        simulator.stop()
        report = world.report("batch.jsonl")
        self.each_line_once(report, range(1, lines + 1))
        self.assertEqual({e["status"] for e in report}, {"sent"})
        self.assertEqual(len(read_submits(simulator.log_path)), lines)

    def test_to_the_simulator(self):
        """Engine and simulator, TLS without anything between; receipts come back the same way."""
        simulator = self.tls_simulator("--receipts", "0s")
        world = self.world(simulator.port, host="localhost")
        self.drop(world, 5000)
        engine = self.run_once(world)
        self.assertEqual(engine.status, 0, engine.output())
        self.assertIn("TLSv1.3", engine.output())
        self.judge_sent(world, simulator, 5000)

    def test_through_openssl(self):
        """Python's ssl module in front of a plain simulator."""
        simulator = self.simulator()
        proxy = TlsProxy(simulator.port, self.file("server.pem"), self.file("server.key"))
        self.addCleanup(proxy.close)
        world = self.world(proxy.port)
        self.drop(world, 2000)
        engine = self.run_once(world)
        self.assertEqual(engine.status, 0, engine.output())
        self.assertEqual(set(proxy.versions), {"TLSv1.3"})
        self.judge_sent(world, simulator, 2000)

    def test_client_certificate(self):
        """A simulator that asks for one takes ours, and nobody without."""
        self.make_certificate("esme", "ca", "DNS:esme.example")
        simulator = self.tls_simulator("--tls-client-ca", self.file("ca.pem"))
        world = self.world(simulator.port, tls_cert="esme.pem", tls_key="esme.key")
        self.drop(world, 100)
        engine = self.run_once(world)
        self.assertEqual(engine.status, 0, engine.output())
        stranger = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{simulator.port}", "-CAfile", self.file("ca.pem"),
                                   "-tls1_2"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        self.assertNotEqual(stranger.returncode, 0)
        self.judge_sent(world, simulator, 100)

    def test_what_is_wrong(self):
        """Each fault: state Error, last state Disconnected, a clear line, and not one bind."""
        self.make_ca("other")
        self.make_certificate("elsewhere", "ca", "DNS:smsc.elsewhere.example")
        for name, certificate, keys, said in [
            ("wrong CA", "server", {"tls_ca": "other.pem"}, "certificate refused: unable to get local issuer certificate"),
            ("wrong host name", "elsewhere", {"host": "localhost"}, "certificate refused: hostname mismatch"),
            ("plain peer", None, {}, "the peer does not speak TLS"),
        ]:
            with self.subTest(name):
                tls = ["--tls-cert", self.file(f"{certificate}.pem"), "--tls-key", self.file(f"{certificate}.key")] if certificate else []
                label = name.replace(" ", "-")
                simulator = self.simulator(*tls, name=f"simulator-{label}")
                world = self.world(simulator.port, **keys)
                engine = self.run_engine(world, name=f"engine-{label}")

                def in_error():
                    page = world.get("/metrics")[1]
                    return all(f'trunkline_session_state{{carrier="acme",session="{i}",state="error"}} 1' in page and
                               f'trunkline_session_last_state{{carrier="acme",session="{i}",last_state="disconnected"}} 1' in page
                               for i in (0, 1))

                wait_until("two sessions in error", in_error, processes=[engine, simulator])
                self.assertEqual(engine.stop(), 0)
                self.assertIn(said, engine.output())
                simulator.stop()
                self.assertEqual(json.loads(simulator.stdout_path.read_text().splitlines()[-1])["binds"], 0)

    def test_new_files_without_a_restart(self):
        """The carrier moves to another CA: once its file is there, the next attempt takes it. tls_insecure is a metric."""
        self.make_ca("other")
        shutil.copy(self.file("other.pem"), self.file("trusted.pem"))
        simulator = self.tls_simulator()
        world = self.world(simulator.port, tls_ca="trusted.pem")
        self.drop(world, 100)
        engine = self.run_engine(world, "--once")
        wait_until("a refused certificate", lambda: "certificate refused" in engine.output(), processes=[engine])
        self.assertIn('trunkline_carrier_tls_insecure{carrier="acme"} 0', world.get("/metrics")[1])
        shutil.copy(self.file("ca.pem"), self.file("new.pem"))
        os.replace(self.file("new.pem"), self.file("trusted.pem"))
        self.assertEqual(engine.wait(60), 0, engine.output())
        self.judge_sent(world, simulator, 100)

    def test_not_verified(self):
        """tls_insecure: goes on, says so in check, in the log and as a metric."""
        self.make_ca("other")
        simulator = self.tls_simulator()
        world = self.world(simulator.port, tls_ca="other.pem", tls_insecure=True)
        status, _, err = self.call("check", "--config", world.config)
        self.assertEqual(status, 0)
        self.assertIn("gets the password", err)
        engine = self.run_engine(world)
        wait_until("a login", lambda: 'state="logged_in"} 1' in world.get("/metrics")[1], processes=[engine])
        self.assertIn('trunkline_carrier_tls_insecure{carrier="acme"} 1', world.get("/metrics")[1])
        self.assertEqual(engine.stop(), 0)
        self.assertIn("NOT verified", engine.output())

    def test_check_reads_the_files(self):
        """check finds what a login would stumble over."""
        self.make_ca("other")
        for keys, said in [({"tls_ca": "gone.pem"}, "gone.pem"),
                           ({"tls_cert": "server.pem", "tls_key": "other.key"}, "other.key"),
                           ({"tls_cert": "server.key"}, "tls_cert: ")]:
            world = self.world(2775, **keys)
            status, _, err = self.call("check", "--config", world.config)
            self.assertEqual(status, 2, err)
            self.assertIn(said, err)


if __name__ == "__main__":
    unittest.main()
