"""The examples of docs/inbound.md and docs/receipts.md: what they show is taken out of the pages and run."""

import json
import re
import tomllib
import unittest

from harness import ROOT, SystemTest, World, batch, read_lines, toml_table, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def objects(text):
    """JSON objects one after the other; an example may break a line between members."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def shape(value):
    """The object with what differs from run to run replaced by its form; the order of members stays."""
    if isinstance(value, dict):
        return [(key, "ID" if key in ("message_id", "id") and re.fullmatch("[0-9a-f]+", member) else shape(member)) for key, member in value.items()]
    if isinstance(value, list):
        return ["ID" if re.fullmatch("[0-9a-f]+", str(member)) else shape(member) for member in value]
    return TIME.sub("TIME", value) if isinstance(value, str) else value


class Examples(SystemTest):
    carriers = [{"name": "acme", "port": 2775}, {"name": "backup", "port": 2775}]

    def check(self, world):
        status, out, err = self.call("check", "--config", world.config)
        self.assertEqual(status, 0, out + err)

    def test_inbound_configurations_and_commands(self):
        text = page("inbound.md")
        configurations = blocks(text, "toml")
        self.assertGreaterEqual(len(configurations), 3)
        for extra in configurations:
            self.check(World(self.directory, self.carriers, extra=extra))
        world = World(self.directory, self.carriers, extra=configurations[0])
        commands = 0
        for shown in blocks(text, "console"):
            for command, expected in re.findall(r"^\$ trunkline (.*?)\n((?:(?!\$ ).*\n)*)", shown, re.M):
                arguments = [a.strip('"').replace("trunkline.toml", str(world.config)) for a in re.findall(r'"[^"]*"|\S+', command)]
                _, out, err = self.call(*arguments)
                self.assertEqual(TIME.sub("TIME", out) + err, TIME.sub("TIME", expected), command)
                commands += 1
        self.assertGreaterEqual(commands, 4)

    def test_rewriting(self):
        text = page("inbound.md")
        given, sender, receiver = re.search(r"^What they make of `(.*?)`, written by (\d+) to (\d+):$", text, re.M).groups()
        rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", text[text.index("What they make of") :], re.M)
        self.assertGreaterEqual(len(rows), 8)
        for template, expected in rows:
            world = World(self.directory, self.carriers, extra=toml_table("[[inbound]]", {"name": "all", "to": "drop", "reply": template}))
            _, out, err = self.call("route", sender, "--inbound", "--config", world.config, "--to", receiver, "--text", given)
            self.assertIn(f'answered with "{expected}"\n', out, f"{template}: {err}")

    def test_inbound_line(self):
        """The line that the page shows: a phone answers line 7 of a batch."""
        (shown,) = objects(blocks(page("inbound.md"), "json")[0])
        before = self.simulator(name="before")
        world = World(self.directory, [{"name": "acme", "port": before.port}],
                      extra=toml_table("[[inbound]]", {"name": shown["rule"], "to": shown["rule"]}))
        engine = self.serve(world)
        sent = shown["reply_to"]
        lines = [{"to": f"4930{i}00000", "from": "12345", "text": "x"} for i in range(1, sent["line"])]
        world.drop(sent["batch"], batch([*lines, {"to": shown["from"], "from": shown["to"], "text": "spring!", "id": sent["id"]}]))
        wait_until("the report", lambda: world.finished(sent["batch"]), processes=[engine])
        before.stop()
        self.simulator("--inbound", "100/s", "--inbound-count", "1", "--inbound-text", shown["text"], "--inbound-from", shown["from"],
                       "--inbound-to", shown["to"], port=before.port, name="after")
        (line,) = wait_until("the message", lambda: world.inbound(shown["rule"]), processes=[engine])
        self.assertEqual(shape(line), shape(shown))
        self.assertEqual(engine.stop(), 0)

    def test_receipt_lines_and_radices(self):
        """The lines that the page shows, for a message of two parts, and its configuration of a carrier that changes the radix."""
        text = page("receipts.md")
        shown = objects(blocks(text, "json")[0])
        self.assertEqual([line["kind"] for line in shown], ["part", "message"])
        (keys,) = tomllib.loads(blocks(text, "toml")[0])["carrier"]
        simulator = self.simulator("--receipts", "10ms", "--message-ids", keys["response_ids"], "--receipt-ids", keys["receipt_ids"])
        world = World(self.directory, [{**keys, "port": simulator.port, "receipts": True}])
        self.check(world)
        engine = self.serve(world)
        part, whole = shown
        lines = [{"to": f"4930{i:02d}00000", "text": "x"} for i in range(1, part["line"])]
        text_of_two_parts = "x" * 200
        world.drop(part["batch"], batch([*lines, {"to": part["number"], "text": text_of_two_parts, "id": part["id"]}]))
        fate = world.path("done", part["batch"] + ".receipts.jsonl")
        wait_until("the fate of the batch", fate.exists, processes=[engine])
        self.assertEqual(engine.stop(), 0)
        written = [line for path in sorted(world.path("receipts").glob("*.jsonl")) for line in read_lines(path)]
        self.assertIn(shape(part), [shape(line) for line in written])
        self.assertIn(shape(whole), [shape(line) for line in written])
        # Ids are those of the responses, whatever the receipts called them.
        report = {line["line"]: line for line in world.report(part["batch"])}
        (message,) = [line for line in written if line["kind"] == "message" and line["line"] == whole["line"]]
        self.assertEqual(message["message_ids"], report[whole["line"]]["message_ids"])
        self.assertIn(shape(whole), [shape(line) for line in read_lines(fate)])


if __name__ == "__main__":
    unittest.main()
