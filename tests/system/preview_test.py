"""`trunkline preview`: how a text or a batch would be sent, against two independent calculators and in all forms of files."""
import gzip
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

TRUNKLINE = os.environ.get("TRUNKLINE", "build/dev/trunkline")
DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


def preview(*arguments):
    done = subprocess.run([TRUNKLINE, "preview", *arguments], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def plan(text, *arguments):
    code, out, err = preview(text, "--json", *arguments)
    assert code == 0, (text, arguments, err)
    return json.loads(out)


class Preview(unittest.TestCase):
    def test_agrees_with_the_oracles(self):
        compared = 0
        for case in json.loads((DATA / "segmentation-cases.json").read_text()):
            try:
                case["text"].encode()
            except UnicodeEncodeError:
                continue  # half a surrogate pair is no argument of a program
            if "\0" in case["text"]:
                continue  # nor is a NUL
            with self.subTest(case["name"]):
                found = plan(case["text"])
                expected = (case["encoding"].lower().replace("-", ""), case["segments"], case["per_segment_units"])
                self.assertEqual((found["encoding"], found["parts"], found["units"]), expected)
                self.assertEqual(found["data_coding"], 8 if found["encoding"] == "ucs2" else 0)
                self.assertEqual(len(found["pdu_bytes"]), found["parts"])
            compared += 1
        self.assertGreater(compared, 65)

    def test_modes_and_tables(self):
        long = "x" * 200
        cases = {
            "udh": ((long,), [153, 47]),
            "udh16": ((long, "--long", "udh16"), [152, 48]),
            "sar": ((long, "--long", "sar"), [153, 47]),
            "payload": ((long, "--long", "payload"), [200]),
            "an escape pair is not cut": (("x" * 152 + "\u20ac" + "x" * 10,), [152, 12]),
            "a locking table": (("\u011f" * 160, "--national", "tr"), [149, 11]),
            "a single shift table, 16 bits": (("\u00e1" * 80, "--national", "es", "--long", "udh16"), [148, 12]),
            "no table is allowed": (("\u011f" * 71,), [67, 4]),
            "Latin-1": (("\u00ea" * 141, "--encoding", "latin1"), [134, 7]),
            "a surrogate pair": (("\u044f" * 66 + "\U0001f600" + "\u044f" * 5,), [66, 7]),
            "a family of four": (("\u044f" * 60 + "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" + "b" * 5,), [60, 16]),
            "255 parts": (("x" * (153 * 255),), [153] * 255),
        }
        for name, (arguments, units) in cases.items():
            with self.subTest(name):
                found = plan(*arguments)
                self.assertEqual(found["units"], units)
                self.assertEqual(found["parts"], len(units))
        self.assertEqual(plan("\u011f" * 160, "--national", "tr")["locking"], "tr")
        # header 16, fields 16, validity 17, addresses, user data header 6, text
        self.assertEqual(plan(long, "--from", "ACME", "--to", "491")["pdu_bytes"], [56 + 6 + 153, 56 + 6 + 47])
        smart = plan("\u201cquoted\u201d \u2013 and\u2026", "--smart")
        self.assertEqual((smart["encoding"], smart["replaced"]), ("gsm7", 4))

    def test_what_cannot_be_sent(self):
        for arguments, error in {("\u044f", "--encoding", "gsm7"): "cannot_encode", ("x" * 200, "--max-parts", "1"): "too_long",
                                 ("x" * (153 * 255 + 1),): "too_long"}.items():
            code, out, _ = preview(*arguments, "--json")
            self.assertEqual((code, json.loads(out)), (1, {"error": error}))
        for arguments in (("x", "--long", "no"), ("x", "--national", "xx"), ("x", "--encoding", "no"), ("x", "--max-parts", "256"),
                          ("x", "--from", "a sender of 21 octets"), ()):
            self.assertEqual(preview(*arguments)[0], 2, arguments)

    def test_a_batch_in_every_form(self):
        lines = ['{"batch":{"from":"ACME"}}', '{"to":"491701234567","text":"hello"}', "", '{"to":"1","text":"bad number"}',
                 '{"to":"491701234567","text":"' + "x" * 200 + '"}', '{"to":"491701234567","text":"\u044f"}',
                 '{"to":"491701234567","text":"\u044f","encoding":"gsm7"}', '{"to":"491701234567","text":"' + "x" * 200 + '","max_parts":1}',
                 '{"to":"491701234567","data":"00ff","data_coding":4}', '{"end":{"messages":7}}']
        jsonl = "\n".join(lines).encode() + b"\n"
        csv = 'to,text\n491701234567,hello\n1,bad\n491701234567,"two\nlines"\n491701234567,\u044f'.encode()
        expected_jsonl = {"messages": 7, "parts": 5, "encodings": {"gsm7": 2, "ucs2": 1, "binary": 1}, "bad_lines": 3}
        expected_csv = {"messages": 4, "parts": 3, "encodings": {"gsm7": 2, "ucs2": 1}, "bad_lines": 1}
        with tempfile.TemporaryDirectory() as folder:
            for name, octets, expected, bad in (("b.jsonl", jsonl, expected_jsonl, [4, 7, 8]), ("b.jsonl.gz", gzip.compress(jsonl), expected_jsonl, [4, 7, 8]),
                                                ("b.csv", csv, expected_csv, [3]), ("b.csv.gz", gzip.compress(csv), expected_csv, [3])):
                with self.subTest(name):
                    path = pathlib.Path(folder, name)
                    path.write_bytes(octets)
                    code, out, err = preview("--json", "--file", str(path))
                    self.assertEqual(code, 0, err)
                    found = json.loads(out)
                    self.assertEqual({key: found[key] for key in expected}, expected)
                    self.assertEqual([one["line"] for one in found["bad"]], bad)
            broken = pathlib.Path(folder, "c.csv")
            broken.write_bytes(b"to,txet\n1,2\n")
            code, _, err = preview("--file", str(broken))
            self.assertEqual(code, 1)
            self.assertIn("txet", err)
            torn = pathlib.Path(folder, "c.jsonl.gz")
            torn.write_bytes(gzip.compress(jsonl)[:-9])
            self.assertEqual(preview("--file", str(torn))[0], 1)
            self.assertEqual(preview("--file", str(pathlib.Path(folder, "none.jsonl")))[0], 1)
            self.assertEqual(preview("--file", str(pathlib.Path(folder, "b.txt")))[0], 2)


if __name__ == "__main__":
    unittest.main()
