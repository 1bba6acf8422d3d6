"""The README's quick start by hand, as it is printed: in a directory of its own, on free ports."""

import json
import os
import re
import signal
import subprocess
import unittest

from harness import ROOT, SCALE, SystemTest, binary, free_port


class Readme(SystemTest):
    def test_the_quick_start_by_hand(self):
        text = (ROOT / "README.md").read_text()
        block = re.search(r"By hand,.*?```sh\n(.*?)```", text, re.S).group(1)
        place = self.directory / "not" / "there" / "yet"
        smsc, http = free_port(), free_port()
        for printed, here in (("/tmp/trunkline", str(place)), ("--port 2775", f"--port {smsc}"),
                              ('host = "127.0.0.1"', f'host = "127.0.0.1"\nport = {smsc}'),
                              ("[spool]", f'[http]\nlisten = "127.0.0.1:{http}"\n[spool]'),
                              ("build/release/trunkline", binary())):
            self.assertIn(printed, block)
            block = block.replace(printed, here)
        steps = [line for line in block.splitlines() if not line.startswith("cmake ")]
        output = self.directory / "output"
        with open(output, "w", encoding="utf-8") as out:
            shell = subprocess.Popen(["bash", "-e", "-c", "\n".join(steps)], cwd=self.directory, stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            self.assertEqual(shell.wait(30 * SCALE), 0, output.read_text())
        finally:
            os.killpg(shell.pid, signal.SIGKILL)  # what it left in the background
        report = json.loads(next(line for line in output.read_text().splitlines() if line.startswith("{")))
        self.assertEqual((report["number"], report["status"], report["parts"]), ("491701234567", "sent", 1))


if __name__ == "__main__":
    unittest.main()
