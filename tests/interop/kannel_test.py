"""Kannel's bearerbox binds to `trunkline simulator`; its messages arrive with the right text, and it understands our
receipts."""

import shutil
import sys
import threading
import unittest
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import SystemTest, free_port, listens, read_submits, texts_by_number, wait_until  # noqa: E402

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = secret
admin-allow-ip = 127.0.0.1
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-level = 0

group = smsc
smsc = smpp
smsc-id = simulator
host = 127.0.0.1
port = {smsc}
smsc-username = kannel
smsc-password = secret
system-type = ""
transceiver-mode = true
interface-version = 34
max-pending-submits = 10
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}
global-sender = 12345
log-level = 1

group = sendsms-user
username = tester
password = secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
text = "none"
max-messages = 0
"""


class Kannel(SystemTest):
    def receipts_server(self):
        """Collects what Kannel calls for receipts: ({(number, type)}, port)."""
        calls = set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 (the library's name)
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                calls.add((query["to"][0], query["type"][0]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return calls, server.server_address[1]

    def test_messages_arrive(self):
        self.assertTrue(shutil.which("bearerbox"), "Kannel is missing: run deploy/deps.sh")
        simulator = self.simulator("--system-id", "kannel", "--password", "secret", "--receipts", "20ms", "--log-sync")
        calls, receipts_port = self.receipts_server()
        ports = {"admin": free_port(), "box": free_port(), "send": free_port(), "smsc": simulator.port}
        configuration = self.directory / "kannel.conf"
        configuration.write_text(CONFIGURATION.format(**ports))
        bearerbox = self.start("bearerbox", ["bearerbox", configuration])
        wait_until("bearerbox's ports", lambda: listens(ports["box"]) and listens(ports["admin"]), processes=[bearerbox])
        smsbox = self.start("smsbox", ["smsbox", configuration])
        wait_until("smsbox's port", lambda: listens(ports["send"]), processes=[smsbox, bearerbox])

        def online():
            page = urllib.request.urlopen(f"http://127.0.0.1:{ports['admin']}/status.txt?password=secret", timeout=5).read().decode()
            return "(online" in page and page

        wait_until("Kannel's bind", online, processes=[bearerbox, simulator])
        texts = {}
        for i in range(60):
            number = f"49170{i:06d}"
            kind = i % 4
            if kind == 0:
                texts[number] = (f"Hello {i} @£$ ÄÖÜ ñ", 0)
            elif kind == 1:
                texts[number] = (f"Extension {i} [a] {{b}} ~^\\| €", 0)
            elif kind == 2:
                texts[number] = (f"Привет {i} ☃", 2)
            else:
                texts[number] = (f"A long one {i}: " + "0123456789 " * 30 + "end", 0)
        for number, (text, coding) in texts.items():
            query = urllib.parse.urlencode({"username": "tester", "password": "secret", "to": number, "text": text, "coding": coding,
                                            "charset": "UTF-8", "dlr-mask": 31,
                                            "dlr-url": f"http://127.0.0.1:{receipts_port}/?to={number}&type=%d"})
            with urllib.request.urlopen(f"http://127.0.0.1:{ports['send']}/cgi-bin/sendsms?{query}", timeout=10) as answer:
                self.assertEqual(answer.status, 202)
        received = wait_until("all messages at the simulator",
                              lambda: len(t := texts_by_number(read_submits(simulator.log_path))) == len(texts) and t,
                              processes=[bearerbox, smsbox, simulator])
        self.assertEqual(received, {number: text for number, (text, _) in texts.items()})
        # Type 1 is "delivered": Kannel has read our receipts and matched them by their ids.
        wait_until("receipts for all", lambda: {to for to, kind in calls if kind == "1"} == set(texts), processes=[bearerbox, smsbox])
        smsbox.stop()
        bearerbox.stop()


if __name__ == "__main__":
    unittest.main()
