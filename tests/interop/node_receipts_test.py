"""npm's smpp as the SMSC sends receipts as carriers do: decimal ids for hexadecimal responses, before the response, twice,
intermediate ones first, in message_payload, on another session. Each is answered, and each message has its fate."""

import json
import os
import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import SystemTest, World, batch, free_port, listens, read_lines, wait_until  # noqa: E402

HERE = Path(__file__).resolve().parent
LINES = int(os.environ.get("INTEROP_LINES", "3000"))


class NodeReceipts(SystemTest):
    def test_every_message_has_its_fate(self):
        self.assertTrue((HERE / "node_modules" / "smpp").is_dir(), "node packages are missing: run deploy/deps.sh")
        port = free_port()
        smsc = self.start("node_smsc", ["node", HERE / "node_smsc.js", port, self.directory / "received.jsonl", "receipts"])
        wait_until("listening node_smsc", lambda: listens(port), processes=[smsc])
        world = World(self.directory, [{"name": "node", "port": port, "sessions": 2, "window": 50}])
        engine = self.serve(world)
        world.drop("fate.jsonl", batch([{"to": f"4917{i:08d}", "text": "long text " * 40 if i % 6 == 0 else "hello"} for i in range(1, LINES + 1)]))
        path = world.path("done", "fate.jsonl.receipts.jsonl")
        wait_until("the fate of the batch", path.exists, timeout=60, processes=[engine])
        lines = read_lines(path)
        whole = {line["line"]: line for line in lines if line["kind"] == "message"}
        wrong = []
        for entry in world.report("fate.jsonl"):
            failed = any(int(i, 16) % 9 == 0 for i in entry["message_ids"])
            line = whole[entry["line"]]
            if (line["message_ids"], line["state"], line["final"]) != (entry["message_ids"], "undeliverable" if failed else "delivered", True):
                wrong.append((entry, line))
        self.assertEqual(wrong[:3], [], f"{len(wrong)} differ")
        self.assertEqual(len(whole), LINES)
        carrier = json.loads(world.get("/status")[1])["carriers"][0]["receipts"]
        self.assertEqual(carrier["message_ids"], "decimal in receipts, hexadecimal in responses")
        self.assertEqual(engine.stop(), 0)
        smsc.stop()
        totals = read_lines(self.directory / "received.jsonl")[-1]
        self.assertEqual((totals["errors"], totals["receipts"]), ([], totals["answered"]))
        states = Counter(line["state"] for line in whole.values())
        print(f"{totals['submits']} parts, {totals['receipts']} receipts, {dict(states)}, {carrier['repeated']} repeated")


if __name__ == "__main__":
    unittest.main()
