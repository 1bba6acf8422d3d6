"""`check`, wrong usage and `route`: exit statuses, and every fault of a file with its place."""

import re
import unittest

from harness import SystemTest, World


class Configuration(SystemTest):
    def world(self):
        return World(self.directory, [{"name": "acme", "port": 2775}, {"name": "backup", "port": 2776}],
                     routes=[{"name": "german", "prefix": ["49"], "to": ["acme"]},
                             {"name": "mobile", "prefix": ["4917"], "to": ["backup", "acme"], "set": {"from": "ACME"}}])

    def test_good(self):
        world = self.world()
        status, out, err = self.call("check", "--config", world.config)
        self.assertEqual(status, 0, out + err)

    def test_messages_of_phones_that_nothing_takes(self):
        """As long as a session can receive and there is no rule."""
        world = self.world()
        status, out, err = self.call("check", "--config", world.config)
        self.assertEqual(status, 0, out + err)
        self.assertIn("warning: there is no [[inbound]]", err)
        self.assertIn("1 warning", out)
        for carrier in world.carriers:
            carrier["bind"] = "transmitter"
        world.write()
        self.assertNotIn("[[inbound]]", self.call("check", "--config", world.config)[2])
        del world.carriers[0]["bind"]
        world.write()
        with open(world.config, "a", encoding="utf-8") as config:
            config.write('[[inbound]]\nname = "all"\nto = "all"\n')
        self.assertNotIn("warning", self.call("check", "--config", world.config)[2])

    def test_all_faults(self):
        """Each fault is listed with file, line and column; an unknown key with the nearest known one."""
        world = self.world()
        text = world.config.read_text()
        faults = """
[log]
levle = "info"

[[carrier]]
name = "acme"
hostt = "x.example"
host = "x.example"
port = 70000
system_id = "a system id far too long"
window = "ten"
response_timeout = "60"

[[route]]
name = "r"
to = ["nobody"]
strategy = "sometimes"
"""
        world.config.write_text(text + faults)
        status, out, err = self.call("check", "--config", world.config)
        self.assertEqual(status, 2)
        told = out + err
        first = text.count("\n") + 1
        lines = (text + faults).split("\n")
        for fragment, word in [("levle", "level"), ("hostt", "host"), ("port = 70000", "port"), ("system_id = \"a system", "system_id"),
                               ("window = \"ten\"", "window"), ("response_timeout = \"60\"", "response_timeout"),
                               ("to = [\"nobody\"]", "nobody"), ("strategy = \"some", "strategy")]:
            line = next(n for n, text_line in enumerate(lines, 1) if n >= first and fragment in text_line)
            with self.subTest(fragment=fragment):
                place = re.search(rf"^.*{re.escape(world.config.name)}:{line}:\d+.*$", told, re.M)
                self.assertTrue(place, f"no fault at line {line} in:\n{told}")
                self.assertIn(word, place.group(0))

    def test_not_toml(self):
        world = self.world()
        world.config.write_text('data_dir = "x\n')
        status, out, err = self.call("check", "--config", world.config)
        self.assertEqual(status, 2)
        self.assertRegex(out + err, rf"{re.escape(world.config.name)}:1:\d+")

    def test_run_refuses(self):
        world = self.world()
        world.config.write_text(world.config.read_text() + "\n[engine]\nmax_activ = 3\n")
        status, out, err = self.call("run", "--config", world.config, "--once")
        self.assertEqual(status, 2)
        self.assertIn("max_active", out + err)

    def test_usage(self):
        for arguments in [(), ("no-such-command",), ("run",), ("run", "--config"), ("check", "--config", "/nonexistent/x.toml"),
                          ("simulator", "--latency", "fast"), ("run", "--no-such-option"),
                          ("status", "--url", "garbage"), ("status", "--url", "127.0.0.1:99999"), ("decode", "")]:
            with self.subTest(arguments=arguments):
                status, out, err = self.call(*arguments)
                self.assertEqual(status, 2, out + err)
                self.assertTrue(out + err)
        for command in ((), ("run",), ("check",), ("simulator",), ("send",), ("status",), ("route",)):
            with self.subTest(command=command):
                status, out, _ = self.call(*command, "--help")
                self.assertEqual(status, 0)
                self.assertTrue(out)
        status, out, _ = self.call("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"\d+\.\d+\.\d+")

    def test_route(self):
        """`route` names the rule that wins and the carriers in order."""
        world = self.world()
        status, out, err = self.call("route", "+49 171 2345678", "--config", world.config)
        self.assertEqual(status, 0, err)
        self.assertIn("mobile", out)
        winner = out[out.index("route mobile"):]
        self.assertLess(winner.index("backup"), winner.index("acme"))
        status, out, err = self.call("route", "49302345678", "--config", world.config)
        self.assertEqual(status, 0, err)
        self.assertIn("german", out)
        status, out, err = self.call("route", "33123456789", "--config", world.config)
        self.assertEqual(status, 1)
        self.assertIn("no_route", out + err)


if __name__ == "__main__":
    unittest.main()
