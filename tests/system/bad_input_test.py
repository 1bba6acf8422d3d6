"""Everything wrong that a producer can put into the spool: each gets a clear word, and nothing else suffers."""

import grp
import gzip
import json
import os
import shutil
import struct
import subprocess
import unittest

from pathlib import Path

from harness import SystemTest, World, batch, read_submits, texts_by_number, wait_until


def good(number, text="hello", **more):
    return {"to": str(number), "text": text, **more}


def zstd_frame(octets):
    """A zstd frame of one raw block (at most 255 octets)."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(octets)]) + struct.pack("<I", 1 | len(octets) << 3)[:3] + octets


class BadInput(SystemTest):
    def setUp(self):
        super().setUp()
        self.smsc = self.simulator()
        self.world = World(self.directory, [{"name": "acme", "port": self.smsc.port, "window": 50}])

    def incoming(self, *names):
        path = self.world.path("incoming", *names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def rejected(self):
        return {p.name for p in self.world.path("rejected").iterdir()}

    def assert_rejected(self, name):
        error = self.world.path("rejected", name + ".error")
        self.assertTrue(error.exists(), f"no {name}.error among {sorted(self.rejected())}")
        self.assertTrue(error.read_text().strip())
        self.assertTrue(os.path.lexists(self.world.path("rejected", name)), f"{name} itself is gone")
        self.assertFalse(os.path.lexists(self.incoming(name)))
        self.assertFalse(self.world.finished(name))
        return error.read_text()

    def outcome(self, name):
        """{line: (status, code)}"""
        return {e["line"]: (e["status"], e.get("error", {}).get("code")) for e in self.world.report(name)}

    def texts(self):
        return texts_by_number(read_submits(self.smsc.log_path))

    def test_files(self):
        """What is no batch goes to rejected/ with a word why; the good batches beside it are sent."""
        secret = self.directory / "secret.jsonl"
        secret.write_bytes(batch([good(4917600001)]))
        self.incoming("link.jsonl").symlink_to(secret)
        self.incoming("dangling.jsonl").symlink_to(self.directory / "nowhere")
        self.incoming("directory.jsonl").mkdir()
        (self.incoming("directory.jsonl") / "inner.jsonl").write_bytes(batch([good(4917600002)]))
        os.mkfifo(self.incoming("fifo.jsonl"))
        names = ["odd name.jsonl", "ümlaut.jsonl", "text.txt", "noending", "a.report.jsonl", "a.summary.json", "x" * 195 + ".jsonl",
                 "semi;colon.jsonl", "new\nline.jsonl"]
        for name in names:
            self.incoming(name).write_bytes(batch([good(4917600003)]))
        self.incoming("notgzip.jsonl.gz").write_bytes(b"this is not gzip")
        self.incoming("cut.jsonl.gz").write_bytes(gzip.compress(batch([good(4917600004)] * 1000))[:-20])
        self.incoming("damaged.jsonl.gz").write_bytes(gzip.compress(batch([good(4917600005)] * 10))[:-8] + b"\0" * 8)
        self.incoming("notzstd.jsonl.zst").write_bytes(b"neither zstd")
        # These are left where they are: a producer is still writing them.
        waiting = [".hidden.jsonl", "writing.tmp", "writing.part", "later.jsonl.tmp"]
        for name in waiting:
            self.incoming(name).write_bytes(batch([good(4917600006)]))
        self.world.drop("good-1.jsonl", batch([good(4917700001), good(4917700002)]))
        self.world.drop("good-2.jsonl.gz", gzip.compress(batch([good(4917700003)])))
        self.world.drop("good-3.jsonl.zst", zstd_frame(batch([good(4917700004)])))
        self.world.drop("good-4.csv", 'to,text,tags.kind\n4917700005,"two\nlines, one message",x\n4917700006,plain,y\n')
        engine = self.run_once(self.world)
        self.assertEqual(engine.status, 0, engine.output())
        for name in ["link.jsonl", "dangling.jsonl", "directory.jsonl", "fifo.jsonl", "notgzip.jsonl.gz", "cut.jsonl.gz",
                     "damaged.jsonl.gz", "notzstd.jsonl.zst", "text.txt", "noending", "a.report.jsonl", "a.summary.json"]:
            with self.subTest(name=name):
                self.assert_rejected(name)
        # Odd names may be changed on the way, but all of them left incoming/, each with its .error.
        self.assertEqual({p.name for p in self.incoming(".").iterdir()}, set(waiting))
        errors = [n for n in self.rejected() if n.endswith(".error")]
        self.assertEqual(len(errors), 4 + len(names) + 4, sorted(self.rejected()))
        self.assertTrue(secret.exists(), "the target of a link was touched")
        self.assertEqual(set(self.texts()), {f"491770000{i}" for i in range(1, 7)})
        self.assertEqual(self.texts()["4917700005"], "two\nlines, one message")
        self.assertEqual(self.outcome("good-4.csv"), {2: ("sent", None), 4: ("sent", None)})
        for name in ("good-1.jsonl", "good-2.jsonl.gz", "good-3.jsonl.zst"):
            self.assertEqual({s for s, _ in self.outcome(name).values()}, {"sent"})

    def test_name_seen_before(self):
        """A name is accepted once, whatever became of its files, also by the next process."""
        self.world.drop("again.jsonl", batch([good(4917700001)]))
        self.assertEqual(self.run_once(self.world).status, 0)
        report = self.world.path("done", "again.jsonl.report.jsonl").read_bytes()
        self.world.drop("again.jsonl", batch([good(4917700002)]))
        self.run_once(self.world, name="second")
        for path in self.world.path("done").iterdir():
            path.unlink()
        self.world.drop("again.jsonl", batch([good(4917700003)]))
        self.world.drop("other.jsonl", batch([good(4917700004)]))
        self.run_once(self.world, name="third")
        self.assertTrue(report)
        found = self.rejected()
        self.assertTrue({"again.jsonl.1", "again.jsonl.1.error", "again.jsonl.2", "again.jsonl.2.error"} <= found, sorted(found))
        self.assertEqual(set(self.texts()), {"4917700001", "4917700004"})

    def test_unreadable(self):
        """A file that the engine may not read is rejected; its neighbour is sent."""
        if os.geteuid() == 0:
            prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
            if not shutil.which("setpriv"):
                self.skipTest("no setpriv")
        else:
            prefix = []
        self.world.drop("secret.jsonl", batch([good(4917700001)]))
        self.incoming("secret.jsonl").chmod(0)
        self.world.drop("good.jsonl", batch([good(4917700002)]))
        engine = self.run_once(self.world, prefix=prefix)
        self.assertIn(engine.status, (0, 3), engine.output())
        self.assert_rejected("secret.jsonl")
        self.assertEqual(set(self.texts()), {"4917700002"})

    def test_lines(self):
        """Bad lines are rejected with their physical line number and a code; the others are sent."""
        many = "z" * 100
        cases = [  # (line as octets without its end, status, codes)
            (json.dumps(good(4917700001)).encode(), "sent", None),
            (b"", None, None),
            (b"   \t ", None, None),
            (b"not JSON at all", "rejected", {"bad_json"}),
            (b'{"to":"4917700002","text":"cut', "rejected", {"bad_json"}),
            (b'{"to":"4917700003","text":"a"}{"to":"4917700004","text":"b"}', "rejected", {"bad_json"}),
            (b'["4917700005","a"]', "rejected", {"bad_json", "bad_field"}),
            (b'"4917700005"', "rejected", {"bad_json", "bad_field"}),
            (b"null", "rejected", {"bad_json", "bad_field"}),
            (b'{"to":"4917700006","text":"nul \x00 inside"}', "rejected", {"bad_json"}),
            (b"\x00" * 50, "rejected", {"bad_json"}),
            (b'{"to":"4917700007","text":"bad utf-8 \xff\xfe"}', "rejected", {"bad_utf8"}),
            (b'{"to":"4917700008","text":"lone \\ud800 surrogate"}', "rejected", {"bad_json", "bad_field", "cannot_encode"}),
            (b'{"to":"4917700009","text":"a","surprise":1}', "rejected", {"bad_field"}),
            (b'{"text":"no number"}', "rejected", {"bad_number", "bad_field"}),
            (b'{"to":"","text":"a"}', "rejected", {"bad_number"}),
            (b'{"to":"12","text":"a"}', "rejected", {"bad_number"}),
            (b'{"to":"4917700010x","text":"a"}', "rejected", {"bad_number"}),
            (b'{"to":"1234567890123456","text":"a"}', "rejected", {"bad_number"}),
            (b'{"to":"017612345678","text":"a"}', "rejected", {"bad_number"}),
            (b'{"to":4917700011,"text":"a"}', "rejected", {"bad_field", "bad_number"}),
            (b'{"to":"4917700012"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700013","text":{"a":1}}', "rejected", {"bad_field"}),
            (b'{"to":"4917700014","text":"a","data":"00"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700015","data":"0g"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700016","text":"a","priority":"highest"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700017","text":"a","validity":"soon"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700018","text":"a","send_at":"2026-11-22T10:00:00"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700019","text":"a","from":"a sender too long"}', "rejected", {"bad_sender"}),
            ('{"to":"4917700020","text":"a","from":"Ümlaut"}'.encode(), "rejected", {"bad_sender"}),
            ('{"to":"4917700021","text":"☃","encoding":"gsm7"}'.encode(), "rejected", {"cannot_encode"}),
            (('{"to":"4917700022","text":"' + many * 20 + '"}').encode(), "rejected", {"too_long"}),
            (b'{"to":"4917700023","text":"a","carrier":"nobody"}', "rejected", {"unknown_carrier"}),
            (b'{"to":"4917700024","text":"a","id":"' + b"i" * 65 + b'"}', "rejected", {"bad_field"}),
            (b'{"to":"4917700025","text":"a","tags":{"a":1}}', "rejected", {"bad_field"}),
            (b"{" * 2000 + b"}" * 2000, "rejected", {"bad_json", "bad_field"}),
            (json.dumps(good(4917700098)).encode(), "sent", None),
            (json.dumps(good(4917700099, "last, without a line end")).encode(), "sent", None),
        ]
        self.world.drop("lines.jsonl", b"\n".join(octets for octets, _, _ in cases))
        engine = self.run_once(self.world)
        self.assertEqual(engine.status, 3, engine.output())
        outcome = self.outcome("lines.jsonl")
        wrong = []
        for line, (octets, status, codes) in enumerate(cases, 1):
            got_status, got_code = outcome.get(line, (None, None))
            if got_status != status or (codes and got_code not in codes):
                wrong.append((line, octets[:60], got_status, got_code, status, codes))
        self.assertEqual(wrong, [])
        self.assertEqual(len(self.world.report("lines.jsonl")), len(outcome))
        self.assertEqual(set(self.texts()), {"4917700001", "4917700098", "4917700099"})

    def test_line_ends(self):
        """CRLF, a byte order mark, blank lines, an empty file and a file of blank lines."""
        self.world.drop("crlf.jsonl", b"\r\n".join(json.dumps(good(4917700000 + i)).encode() for i in range(3)) + b"\r\n")
        self.world.drop("bom.jsonl", b"\xef\xbb\xbf" + batch([good(4917700010), good(4917700011)]))
        self.world.drop("bom-header.jsonl", b"\xef\xbb\xbf" + batch([{"batch": {"from": "ACME"}}, good(4917700012)]))
        self.world.drop("blank.jsonl", b"\n\n" + batch([good(4917700020)]) + b"\n  \n" + batch([good(4917700021)]) + b"\n\n")
        self.world.drop("empty.jsonl", b"")
        self.world.drop("only-blank.jsonl", b"\n\r\n   \n")
        self.world.drop("crlf.csv", b"to,text\r\n4917700030,a\r\n4917700031,b\r\n")
        self.world.drop("bom.csv", b"\xef\xbb\xbfto,text\n4917700032,a\n")
        engine = self.run_once(self.world)
        self.assertEqual(engine.status, 0, engine.output())
        sent = ("sent", None)
        self.assertEqual(self.outcome("crlf.jsonl"), {1: sent, 2: sent, 3: sent})
        self.assertEqual(self.outcome("bom.jsonl"), {1: sent, 2: sent})
        self.assertEqual(self.outcome("bom-header.jsonl"), {2: sent})
        self.assertEqual(self.outcome("blank.jsonl"), {3: sent, 6: sent})
        self.assertEqual(self.outcome("crlf.csv"), {2: sent, 3: sent})
        self.assertEqual(self.outcome("bom.csv"), {2: sent})
        for name in ("empty.jsonl", "only-blank.jsonl"):
            # Nothing to send is a batch of no messages, or a rejected file that says so.
            if name in self.rejected():
                self.assert_rejected(name)
            else:
                self.assertEqual(self.world.report(name), [])
                self.world.summary(name)

    def test_huge_line(self):
        """A line of 100 MB is one bad line, in bounded memory."""
        with open(self.incoming(".huge"), "wb") as out:
            out.write(batch([good(4917700001)]))
            out.write(b'{"to":"4917700002","text":"')
            for _ in range(100):
                out.write(b"x" * (1 << 20))
            out.write(b'"}\n')
            out.write(batch([good(4917700003)]))
        self.incoming(".huge").rename(self.incoming("huge.jsonl"))
        engine = self.run_engine(self.world, "--once")
        peak = 0

        def ended():
            nonlocal peak
            peak = max(peak, engine.memory_bytes())
            return engine.poll() is not None

        wait_until("end of the run", ended, timeout=60)
        self.assertEqual(engine.poll(), 3, engine.output())
        outcome = self.outcome("huge.jsonl")
        self.assertEqual(outcome, {1: ("sent", None), 2: ("rejected", "line_too_long"), 3: ("sent", None)})
        if "TIMEOUT_SCALE" not in os.environ:  # sanitizers have their own idea of memory
            self.assertLess(peak, 300 << 20)

    def test_header_and_trailer(self):
        """A header's defaults and template, a trailer that fits, one that does not, and a header with a fault."""
        lines = batch([{"batch": {"from": "ACME", "name": "spring", "text": "Dear {name}, {{code}} {code}"}},
                       {"to": "4917700001", "vars": {"name": "Ada", "code": "7"}}, {"to": "4917700002", "vars": {"name": "Bob"}}])
        self.world.drop("template.jsonl", lines)
        body = batch([good(4917700003)])
        self.world.drop("trailer.jsonl", body + json.dumps({"end": {"messages": 1, "crc32c": f"{crc32c(body):08x}"}}).encode() + b"\n")
        self.world.drop("bad-count.jsonl", body + b'{"end":{"messages":2,"crc32c":"%08x"}}\n' % crc32c(body))
        self.world.drop("bad-sum.jsonl", body + b'{"end":{"messages":1,"crc32c":"%08x"}}\n' % (crc32c(body) ^ 1))
        self.world.drop("bad-header.jsonl", batch([{"batch": {"form": "ACME"}}, good(4917700004)]))
        self.world.drop("no-columns.csv", b"too,text\n4917700005,a\n")
        engine = self.run_once(self.world)
        self.assertEqual(engine.status, 3, engine.output())
        self.assertEqual(self.outcome("template.jsonl"), {2: ("sent", None), 3: ("rejected", "bad_field")})
        self.assertEqual(self.texts()["4917700001"], "Dear Ada, {code} 7")
        self.assertEqual(self.outcome("trailer.jsonl"), {1: ("sent", None)})
        for name in ("bad-count.jsonl", "bad-sum.jsonl", "bad-header.jsonl", "no-columns.csv"):
            with self.subTest(name=name):
                self.assert_rejected(name)
        self.assertEqual(set(self.texts()), {"4917700001", "4917700003"})

    def test_swapped_while_accepted(self):
        """A file that is swapped for a link between the look at it and its acceptance is refused as a link."""
        strace = ["strace", "-D", "-f", "--seccomp-bpf", "-o", str(self.directory / "strace"), "-e", "trace=renameat2",
                  "-e", "inject=renameat2:delay_enter=700000"]
        if subprocess.run(["strace", "-f", "--seccomp-bpf", "-e", "trace=renameat2", "true"], capture_output=True, check=False).returncode:
            self.skipTest("strace cannot be used here")
        simulator = self.simulator()
        world = World(self.directory, [{"name": "acme", "port": simulator.port}])
        secret = self.directory / "secret"
        secret.write_bytes(batch([{"to": "4999", "text": "not for sending"}]))
        engine = self.run_engine(world, prefix=strace)
        wait_until("/readyz of the engine", world.ready, processes=[engine])
        link = world.path("incoming", ".link")
        link.symlink_to(secret)
        world.drop("wish.jsonl", batch([{"to": "4930", "text": "hello"}]))

        def opened():
            for fd in Path(f"/proc/{engine.pid}/fd").iterdir():
                try:
                    if os.readlink(fd).endswith("/wish.jsonl"):
                        return True
                except OSError:
                    pass
            return False
        wait_until("the engine to look at the file", opened, processes=[engine])
        link.replace(world.path("incoming", "wish.jsonl"))
        wait_until("rejection", lambda: world.path("rejected", "wish.jsonl.error").exists(), processes=[engine])
        self.assertIn("link", world.path("rejected", "wish.jsonl.error").read_text())
        self.assertIn("was replaced or changed while it was being accepted", engine.output())
        self.assertFalse(world.path("active", "wish.jsonl").exists())
        self.assertEqual(engine.stop(), 0)
        self.assertEqual(read_submits(simulator.log_path), [])

    def test_changed_after_acceptance(self):
        """A producer that goes on writing is found out: a log line, a word in the summary, and still each line once."""
        simulator = self.simulator()
        world = World(self.directory, [{"name": "acme", "port": simulator.port, "throughput": 500.0}], engine={"max_active": 1000})
        engine = self.serve(world)
        lines = 4000
        world.drop("moving.jsonl", batch([{"to": f"49{i:08d}", "text": "hello"} for i in range(lines)]))
        wait_until("the first submits", lambda: read_submits(simulator.log_path), processes=[engine])
        with open(world.path("active", "moving.jsonl"), "ab") as moving:
            moving.write(batch([{"to": "4999", "text": "too late"}]))
        wait_until("report", lambda: world.finished("moving.jsonl"), timeout=30, processes=[engine])
        self.assertIn("moving.jsonl was changed after it had been accepted", engine.output())
        self.assertTrue(world.summary("moving.jsonl")["changed_after_acceptance"])
        report = world.report("moving.jsonl")
        self.each_line_once(report, range(1, lines + 1))
        self.assertEqual({e["status"] for e in report}, {"sent"})
        self.assertEqual(engine.stop(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to give files to others")
    def test_owner(self):
        """With [spool] group set, a file that belongs to neither the engine's user nor the group is refused."""
        simulator = self.simulator()
        world = World(self.directory, [{"name": "acme", "port": simulator.port}], spool={"group": "daemon"})
        group = grp.getgrnam("daemon").gr_gid
        incoming = world.path("incoming")
        incoming.mkdir(parents=True)
        for name, uid, gid in (("ours.jsonl", os.geteuid(), 65534), ("group.jsonl", 65534, group), ("stranger.jsonl", 65534, 65534)):
            hidden = incoming / f".{name}"
            hidden.write_bytes(batch([{"to": "4930", "text": "hello"}]))
            os.chown(hidden, uid, gid)
            hidden.rename(incoming / name)
        self.assertEqual(self.run_once(world).status, 0)
        self.assertTrue(world.finished("ours.jsonl") and world.finished("group.jsonl"))
        self.assertIn("belongs to user 65534", world.path("rejected", "stranger.jsonl.error").read_text())

    def test_full_disk_at_start(self):
        """With less free space than min_free the engine is not ready, sends nothing, loses nothing, and says why."""
        self.world.spool_keys["min_free"] = "900000GiB"
        self.world.write()
        self.world.drop("wait.jsonl", batch([good(4917700001)]))
        engine = self.run_engine(self.world)
        code, page = wait_until("/readyz", lambda: (a := self.world.get("/readyz"))[0] and a, processes=[engine])
        self.assertEqual(code, 503)
        self.assertTrue(page.strip())
        self.assertEqual(self.world.get("/healthz")[0], 200)
        self.assertEqual(read_submits(self.smsc.log_path), [])
        self.assertEqual(engine.stop(), 0)
        self.world.spool_keys["min_free"] = "1MiB"
        self.world.write()
        self.assertEqual(self.run_once(self.world, name="again").status, 0)
        self.assertEqual(self.outcome("wait.jsonl"), {1: ("sent", None)})


def crc32c(octets):
    """CRC-32C (Castagnoli), bit by bit: an oracle that shares nothing with the engine."""
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283

if __name__ == "__main__":
    unittest.main()
