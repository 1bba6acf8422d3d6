"""The table of states, row by row: what an operator sees of a session in /status, `trunkline status` and the metrics."""

import json
import os
import socket
import subprocess
import unittest

from harness import SystemTest, World, batch, binary, free_port, wait_until

STATES = {"Idle": "idle", "Error": "error", "Connecting...": "connecting", "Logging...": "logging_in", "Logged in": "logged_in",
          "Login failed": "login_failed"}
LAST_STATES = {"O.K.": "ok", "Disconnected": "disconnected", "SMPP error by login (Invalid response)": "login_error",
               "SMPPNACK error": "nack", "Response timeout": "timeout", "Invalid password": "invalid_password",
               "Invalid username": "invalid_username"}


class SessionStates(SystemTest):
    def engine(self, port, lines=0, prefix=(), **keys):
        """An engine with one session at that port, and messages for it."""
        self.world = World(self.directory, [{"name": "acme", "port": port, "window": 5, "reconnect": {"min": "100ms", "max": "200ms"},
                                             **keys}], spool={"unknown_resends": 100})
        if lines:
            self.world.drop("a.jsonl", batch([{"to": f"49170{i:06d}", "text": "hello"} for i in range(lines)]))
        self.process = self.serve(self.world, prefix=list(prefix))

    def sees(self, state, last_state, address=None):
        """Waits for the row on all three pages at once."""

        def shown():
            session = json.loads(self.world.get("/status")[1])["carriers"][0]["sessions"][0]
            if (session["state"], session["last_state"]) != (state, last_state):
                return False
            if session["stack"] != "SMPP 3.4" or (address and session["address"] != address):
                return False
            metrics = self.world.get("/metrics")[1]
            for name, values, now in (("state", STATES, state), ("last_state", LAST_STATES, last_state)):
                for text, label in values.items():
                    wanted = f'trunkline_session_{name}{{carrier="acme",session="0",{name}="{label}"}} {int(text == now)}'
                    if wanted not in metrics:
                        return False
            _, table, _ = self.call("status", "--url", f"127.0.0.1:{self.world.http}")
            row = next(line for line in table.splitlines() if line.startswith("acme "))
            return f" {state} " in row and f" {last_state} " in row

        wait_until(f"{state}, {last_state}", shown, processes=[self.process])

    def tearDown(self):
        if self.process.poll() is None:
            self.assertEqual(self.process.stop(), 0)
        super().tearDown()

    # --- connection states -------------------------------------------------------------------------------------------

    def test_idle(self):
        """A transmitter without messages is not connected, and need not be; with one it logs in, sends, and leaves."""
        smsc = self.simulator()
        self.engine(smsc.port, bind="transmitter", idle_unbind="300ms")
        self.sees("Idle", "O.K.")
        self.world.drop("b.jsonl", batch([{"to": "491701234567", "text": "hello"}]))
        wait_until("the report", lambda: self.world.finished("b.jsonl"), processes=[self.process])
        self.sees("Idle", "O.K.", f"127.0.0.1:{smsc.port}")

    def test_error(self):
        """Nobody listens: waiting to try again."""
        port = free_port()
        self.engine(port)
        self.sees("Error", "Disconnected", f"127.0.0.1:{port}")

    def test_connecting(self):
        """TCP stands, and the peer says nothing to our TLS."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.engine(listener.getsockname()[1], tls=True, tls_insecure=True, connect_timeout="60s")
            self.sees("Connecting...", "O.K.")

    def test_logging(self):
        self.engine(self.simulator("--bind-fault", "silence").port, bind_timeout="60s")
        self.sees("Logging...", "O.K.")

    def test_logged_in(self):
        smsc = self.simulator()
        self.engine(smsc.port)
        self.sees("Logged in", "O.K.", f"127.0.0.1:{smsc.port}")

    def test_logged_in_over_ipv6_and_by_name(self):
        smsc = self.simulator("--listen", "::1")
        self.engine(smsc.port, host="::1")
        self.sees("Logged in", "O.K.", f"[::1]:{smsc.port}")

    def test_a_name_is_looked_up_at_each_reconnect(self):
        """The carrier moves: its name means another address from now on, and the sessions follow."""
        own_hosts = [*(["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]), "sh", "-c",
                     f"mount --bind {self.directory / 'hosts'} /etc/hosts && exec \"$@\"", "sh"]
        hosts = self.directory / "hosts"
        hosts.write_text("127.0.0.1 smsc.test\n")
        if subprocess.run([*own_hosts, "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("mount namespaces cannot be used here (unshare --mount, mount --bind)")
        here = self.simulator()
        self.engine(here.port, host="smsc.test", prefix=own_hosts)
        self.sees("Logged in", "O.K.", f"127.0.0.1:{here.port}")
        hosts.write_text("127.0.0.2 smsc.test\n")
        self.start("there", [binary(), "simulator", "--listen", "127.0.0.2", "--port", here.port])
        here.stop()
        self.sees("Logged in", "O.K.", f"127.0.0.2:{here.port}")

    def test_login_failed(self):
        """Every refusal that is not about credentials."""
        self.engine(self.simulator("--bind-error", "ESME_RSYSERR").port)
        self.sees("Login failed", "SMPP error by login (Invalid response)")

    # --- last states -------------------------------------------------------------------------------------------------

    def test_disconnected(self):
        """The peer closes in the middle, and is not there any more."""
        scenario = self.directory / "s.toml"
        scenario.write_text('[[step]]\nat = "300ms"\naction = "disconnect"\naccept = false\n')
        self.engine(self.simulator("--scenario", scenario).port)
        self.sees("Error", "Disconnected")

    def test_invalid_password(self):
        self.engine(self.simulator("--system-id", "tester", "--password", "other").port)
        self.sees("Login failed", "Invalid password")
        self.assertIn('trunkline_carrier_credentials_refused{carrier="acme"} 1', self.world.get("/metrics")[1])

    def test_invalid_username(self):
        self.engine(self.simulator("--system-id", "other").port)
        self.sees("Login failed", "Invalid username")
        self.assertIn('trunkline_carrier_credentials_refused{carrier="acme"} 1', self.world.get("/metrics")[1])

    def test_bind_failed_is_about_credentials_too(self):
        self.engine(self.simulator("--bind-error", "ESME_RBINDFAIL").port)
        self.sees("Login failed", "SMPP error by login (Invalid response)")
        self.assertIn('trunkline_carrier_credentials_refused{carrier="acme"} 1', self.world.get("/metrics")[1])

    def test_already_bound(self):
        """The ghost of our last connection: refused once, and not asked again for longer than the peer's patience."""
        smsc = self.simulator("--bind-error", "ESME_RALYBND")
        self.engine(smsc.port)
        self.sees("Login failed", "SMPP error by login (Invalid response)")
        self.assertIn('trunkline_carrier_credentials_refused{carrier="acme"} 0', self.world.get("/metrics")[1])
        waits = [line for line in self.process.output().splitlines() if "ESME_RALYBND" in line]
        self.assertEqual(len(waits), 1)
        self.assertGreaterEqual(int(waits[0].split("next attempt in ")[1].split()[0]), 75_000)

    def test_answered_with_another_kind_of_bind(self):
        self.engine(self.simulator("--bind-fault", "other").port)
        self.sees("Login failed", "SMPP error by login (Invalid response)")

    def test_nack_to_the_bind(self):
        self.engine(self.simulator("--bind-fault", "nack").port)
        self.sees("Login failed", "SMPPNACK error")

    def test_nack_to_a_message(self):
        """The session stays, and says so until something goes well again."""
        self.engine(self.simulator("--nack", "1").port, lines=3)
        self.sees("Logged in", "SMPPNACK error")

    def test_bind_unanswered(self):
        self.engine(self.simulator("--bind-fault", "silence").port, bind_timeout="200ms", reconnect={"min": "5s", "max": "5s"})
        self.sees("Error", "Response timeout")

    def test_messages_unanswered(self):
        """Some other life from the peer, so that the session stays."""
        self.engine(self.simulator("--drop-responses", "1", "--inbound", "50/s").port, lines=5, response_timeout="300ms")
        self.sees("Logged in", "Response timeout")

    def test_enquire_link_unanswered(self):
        scenario = self.directory / "s.toml"
        scenario.write_text('[[step]]\nat = "200ms"\naction = "mute"\naccept = false\n')
        self.engine(self.simulator("--scenario", scenario).port, enquire_link="1s", response_timeout="300ms",
                    reconnect={"min": "20s", "max": "20s"})
        self.sees("Error", "Response timeout")


if __name__ == "__main__":
    unittest.main()
