"""npm's smpp as an SMSC that delivers phones' long messages in parts, shuffled and repeated, while the engine is killed again and again:
each text arrives whole, as that stack cut it."""

import json
import os
import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import SystemTest, World, free_port, listens, seed, wait_until  # noqa: E402

HERE = Path(__file__).resolve().parent
MESSAGES = int(os.environ.get("INTEROP_PHONES", "2000"))
KILLS = 6


class NodePhones(SystemTest):
    def test_parts_over_restarts(self):
        self.assertTrue((HERE / "node_modules" / "smpp").is_dir(), "node packages are missing: run deploy/deps.sh")
        drawn = seed()
        draw = random.Random(drawn)
        port = free_port()
        sent_path = self.directory / "sent.jsonl"
        smsc = self.start("node_phones", ["node", HERE / "node_phones.js", port, MESSAGES, drawn, sent_path])
        wait_until("listening node_phones", lambda: listens(port), processes=[smsc])
        world = World(self.directory, [{"name": "node", "port": port, "sessions": 2, "reconnect": {"min": "10ms", "max": "50ms"}}],
                      extra='[[inbound]]\nname = "all"\nto = "all"\n')
        for kill in range(KILLS):
            engine = self.run_engine(world, name=f"engine-{kill}")
            time.sleep(draw.uniform(0.1, 0.5))  # the moment is drawn
            self.assertIsNone(engine.poll(), engine.output())
            engine.kill()
        engine = self.serve(world)
        sent = {m["from"]: m for m in map(json.loads, sent_path.read_text().splitlines())}
        self.assertEqual(len(sent), MESSAGES)
        wait_until("all parts answered", lambda: "all answered" in smsc.output(), timeout=60, processes=[engine, smsc])

        def received():
            return {m["from"]: m for m in world.inbound("all")}

        wait_until("all messages", lambda: len(received()) == MESSAGES, timeout=30, processes=[engine])
        wrong = []
        for line in world.inbound("all"):
            want = sent[line["from"]]
            if (line["text"], line["parts"], line["to"]) != (want["text"], want["parts"], "12345") or "incomplete" in line:
                wrong.append((want, line))
        self.assertEqual(wrong[:3], [], f"{len(wrong)} differ")
        self.assertEqual(engine.stop(), 0)
        smsc.stop()


if __name__ == "__main__":
    unittest.main()
