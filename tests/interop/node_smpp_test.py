"""npm's smpp as the SMSC: 10,000 messages (GSM with its extension table, UCS-2 with emoji, long ones by UDH) arrive there
with the right text, as that stack decodes it."""

import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import SystemTest, World, free_port, listens, wait_until  # noqa: E402
from mixed import mixed_batch  # noqa: E402

HERE = Path(__file__).resolve().parent
LINES = int(os.environ.get("INTEROP_LINES", "10000"))


class NodeSmpp(SystemTest):
    def smsc(self):
        self.assertTrue((HERE / "node_modules" / "smpp").is_dir(), "node packages are missing: run deploy/deps.sh")
        port = free_port()
        process = self.start("node_smsc", ["node", HERE / "node_smsc.js", port, self.directory / "received.jsonl"])
        wait_until("listening node_smsc", lambda: listens(port), processes=[process])
        process.port = port
        return process

    def test_ten_thousand(self):
        smsc = self.smsc()
        world = World(self.directory, [{"name": "node", "port": smsc.port, "sessions": 2, "window": 50}])
        octets, expected = mixed_batch(LINES, seed=31, bad=False)
        world.drop("interop.jsonl", octets)
        engine = self.run_once(world, timeout=180)
        self.assertEqual(engine.status, 0, engine.output())
        self.assertEqual(smsc.stop(), 0)
        *messages, totals = [json.loads(line) for line in (self.directory / "received.jsonl").read_text().splitlines()]
        self.assertEqual((totals["errors"], totals["unfinished"]), ([], 0))
        self.assertEqual(totals["binds"], 2)
        received = {m["to"]: m for m in messages}
        self.assertEqual((len(messages), len(received)), (LINES, LINES))
        report = {e["line"]: e for e in world.report("interop.jsonl")}
        wrong = []
        for line, want in expected.items():
            got = received[want.number]
            if (got["text"], got["parts"], got["message_ids"]) != (want.text, want.parts, report[line]["message_ids"]):
                wrong.append((line, want.__dict__, got, report[line]))
        self.assertEqual(wrong[:3], [], f"{len(wrong)} differ")
        self.assertEqual(totals["submits"], sum(w.parts for w in expected.values()))


if __name__ == "__main__":
    unittest.main()
