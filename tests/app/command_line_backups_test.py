#!/usr/bin/python3
"""The commands of the command line that are about backups, against a real node.

    command_line_backups_test.py ALULA [TEST…]
"""

import ctypes
import errno
import functools
import http.server
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tarfile
import threading
import unittest
import uuid as uuids

from command_line import Commands
from running_node import RunningNode, run_tests

import bucket  # of tests/crash, which running_node looks into

BINARY = ""


class Filter(ctypes.Structure):
    """struct sock_filter of linux/filter.h."""
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]


def refuse_calls(errors):
    """What makes the calls of these numbers fail with these errors in this
    process from now on, as a file system would that does not know them."""
    load, is_equal, leave, allow, fail, seccomp, no_new_privileges = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000, 22, 38
    steps = [Filter(load, 0, 0, 0)]
    for number, error in errors.items():
        steps += [Filter(is_equal, 0, 1, number), Filter(leave, 0, 0, fail | error)]
    steps.append(Filter(leave, 0, 0, allow))
    program = Program(len(steps), (Filter * len(steps))(*steps))
    libc = ctypes.CDLL(None, use_errno=True)

    def refuse():
        if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0 or libc.prctl(seccomp, 2, ctypes.byref(program), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no seccomp")
    return refuse


class Copies(unittest.TestCase):
    """With a store that keeps what it gets in memory."""

    def run_backups(self, node, *words):
        return subprocess.run([BINARY, "backups", *words, "--config", str(node.config)], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)

    def test_a_backup_is_copied_and_its_copy_verified(self):
        store = bucket.Store("node/")
        try:
            with RunningNode(BINARY, more=store.config()) as node:
                server = node.make_server("castle")
                backup = node.make_backup(server)

                run = functools.partial(self.run_backups, node)
                done = run("copy", "castle", backup, "offsite")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual([p["place"] for p in node.get(f"/api/servers/{server}/backup/{backup}")["places"]],
                                 ["local", "offsite"])
                self.assertEqual(run("verify", "castle", backup, "--place", "offsite").returncode, 0)
                store.bucket.call("PUT", f"node/{server}/{backup}.tar.gz", body=b"something else")
                done = run("verify", "castle", backup, "--place", "offsite")
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertIn("offsite", done.stdout + done.stderr)
                self.assertEqual(run("verify", "castle", backup).returncode, 0)
        finally:
            store.close()

    def test_a_node_that_has_lost_its_ledger_finds_its_backups_again(self):
        store = bucket.Store("node/")
        try:
            with RunningNode(BINARY, more=store.config()) as node:
                server = node.make_server("castle")
                backup = node.make_backup(server)

                run = functools.partial(self.run_backups, node)
                self.assertEqual(run("copy", "castle", backup, "offsite").returncode, 0)
            # Another node, which looks by itself as it knows of no backup.
            with RunningNode(BINARY, more=store.config()) as node:
                run = functools.partial(self.run_backups, node)
                self.assertEqual(run("scan", "offsite").returncode, 0)
                [found] = node.get("/api/backups?orphaned=true")["items"]
                self.assertEqual((found["uuid"], found["server"]), (backup, server))
                self.assertEqual([p["place"] for p in found["places"]], ["offsite"])
                self.assertTrue(node.get("/api/jobs?kind=store.scan")["items"])
                store.bucket.call("PUT", "node/holiday.jpg", body=b"?")
                done = run("scan", "offsite")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("3 objects: 0 new backups, 0 new copies of known ones, 1 odd", done.stdout)
                self.assertIn("holiday.jpg", done.stdout)
                done = run("scan", "nowhere")
                self.assertEqual(done.returncode, 66, done.stdout + done.stderr)
        finally:
            store.close()


class Backups(Commands):
    def test_a_backup_is_named_by_the_beginning_of_its_uuid(self):
        first, second = (f"abcdef00-000{digit}-4000-8000-000000000000" for digit in "12")
        for uuid in (first, second):
            self.run_alula("backups", "create", "castle", "--uuid", uuid)
        self.assertEqual(self.run_alula("backups", "get", "castle", "abcdef00-0001", "server.properties", "-o", "-"), "motd=castle\n")
        said = self.run_alula("backups", "delete", "castle", "abcdef00", code=64)
        self.assertIn('"abcdef00" fits more than one backup:', said)
        self.assertIn(first, said)
        self.assertIn(second, said)
        self.assertIn("begins with", self.run_alula("backups", "verify", "castle", "00000000-0000", code=66))
        for begin in ("abcdef00-0001", "abcdef00-0002"):
            self.run_alula("backups", "delete", "castle", begin)

    def test_an_empty_word_and_a_short_one_name_no_server_and_no_backup(self):
        server = self.node.make_server("alone", files=1)
        only = self.node.make_backup(server)
        for word in ("", only[:7]):
            said = self.run_alula("backups", "delete", "alone", word, "--yes", code=64)
            self.assertIn("a backup is named by", said)
            self.assertIn("8 or more characters", said)
        for command in ("show", "delete"):
            self.assertIn("a server is named by", self.run_alula("servers", command, "", code=64))
            self.assertIn("8 or more characters", self.run_alula("servers", command, server[:7], code=66))
        self.assertEqual([b["uuid"] for b in self.json_of("backups", "list", "alone")], [only])

    def test_the_question_of_a_restore_names_the_whole_backup(self):
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        for more in ([], ["--merge"], ["--path", "world"]):
            os.write(ours, b"n\n")
            done = subprocess.run([BINARY, "backups", "restore", "castle", self.backup[:8], *more, "--config", self.node.config],
                                  stdin=theirs, text=True, capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"backup {self.backup} of server", done.stderr)

    def test_a_download_replaces_no_file_unless_it_is_told_to(self):
        to = self.node.base / "mine.txt"
        to.write_text("mine")
        get = ("backups", "get", "castle", self.backup, "server.properties", "-o", to)
        said = self.run_alula(*get, code=64)
        self.assertIn(f"{to} is there already", said)
        self.assertIn("--force", said)
        self.assertEqual(to.read_text(), "mine")
        self.run_alula(*get, "--force")
        self.assertEqual(to.read_text(), "motd=castle\n")
        # Nor does one that does not come whole, and it leaves nothing behind.
        self.run_alula("backups", "get", "castle", self.backup, "no/such/file", "-o", to, "--force", code=66)
        self.assertEqual(to.read_text(), "motd=castle\n")
        self.assertEqual([f.name for f in self.node.base.glob("mine.txt*")], ["mine.txt"])
        # What is no file is nobody's to replace.
        self.assertIn("is no file", self.run_alula(*get[:-1], self.node.base / "volumes", "--force", code=64))

    def test_a_signal_leaves_nothing_of_a_download(self):
        begun, over = queue.Queue(), threading.Event()

        class Stuck(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"a part of it")
                self.wfile.flush()
                begun.put(self.path)
                over.wait(120)

            def log_message(self, *_):
                pass

        stuck = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stuck)
        stuck.daemon_threads = True
        threading.Thread(target=stuck.serve_forever, daemon=True).start()
        self.addCleanup(stuck.server_close)
        self.addCleanup(stuck.shutdown)
        self.addCleanup(over.set)
        to = self.node.base / "endless.tar.gz"
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

        def hear_signals():  # a test in the background is one whose SIGINT is ignored
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)
        for number in numbers:
            got = subprocess.Popen([BINARY, "backups", "get", self.server, self.backup, "-o", to], preexec_fn=hear_signals,
                                   env={**os.environ, "ALULA_URL": f"http://127.0.0.1:{stuck.server_port}", "ALULA_TOKEN": "secret"})
            self.addCleanup(got.kill)
            begun.get(timeout=60)
            self.assertEqual([f.name for f in self.node.base.glob("endless*")], [f"{to.name}.{got.pid}.part"])
            got.send_signal(number)
            self.assertEqual(got.wait(30), -number)
            self.assertEqual(list(self.node.base.glob("endless*")), [])

    def test_a_download_is_kept_where_no_file_can_be_linked(self):
        calls = {"x86_64": {"renameat2": 316, "link": 86, "linkat": 265}, "aarch64": {"renameat2": 276, "linkat": 37}}.get(os.uname().machine)
        if calls is None:
            self.skipTest("the numbers of this machine's calls are not known here")
        to = self.node.base / "card.txt"
        get = [BINARY, "backups", "get", "castle", self.backup, "server.properties", "-o", to, "--config", self.node.config]
        for error in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP):
            refuse = refuse_calls({number: errno.EINVAL if call == "renameat2" else error for call, number in calls.items()})
            done = subprocess.run(get, preexec_fn=refuse, text=True, capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(to.read_text(), "motd=castle\n")
            self.assertEqual([f.name for f in self.node.base.glob("card.txt*")], ["card.txt"])
            to.unlink()

    def test_servers_show_their_last_good_backup(self):
        text = self.run_alula("servers")
        self.assertIn("castle", text)
        self.assertRegex(text, r"castle +offline +(now|\d+ s ago)")
        self.assertEqual(self.json_of("servers", "show", "castle")["configuration"]["uuid"], self.server)
        self.assertEqual(self.json_of("servers", "show", self.server[:8])["configuration"]["uuid"], self.server)

    def test_a_backup_is_made_looked_into_fetched_verified_and_deleted(self):
        uuid = str(uuids.uuid4())
        text = self.run_alula("backups", "create", "castle", "--ignore", "*.0.dat", "--uuid", uuid)
        self.assertIn("succeeded", text)
        self.assertIn(uuid, self.run_alula("backups", "list", "castle"))
        names = [f["name"] for f in self.json_of("backups", "files", "castle", uuid, "world")]
        self.assertIn("region.1.dat", names)
        self.assertNotIn("region.0.dat", names)
        to = self.node.base / "fetched.tar.gz"
        self.run_alula("backups", "get", "castle", uuid, "-o", to)
        with tarfile.open(to) as archive:
            self.assertIn("server.properties", [n.removeprefix("./") for n in archive.getnames()])
        self.assertEqual(self.run_alula("backups", "get", "castle", uuid, "server.properties", "-o", "-"), "motd=castle\n")
        self.run_alula("backups", "verify", "castle", uuid)
        self.assertIn("no rotation takes it", self.run_alula("backups", "pin", "castle", uuid))
        self.assertIn("pinned", self.run_alula("backups", "list", "castle"))
        self.run_alula("backups", "delete", "castle", uuid)
        self.assertNotIn(uuid, self.run_alula("backups"))

    def test_what_only_a_store_has_is_fetched_from_there_without_the_token(self):
        seen = []

        class Elsewhere(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path.split("?")[0], self.headers["Authorization"]))
                here = self.path.startswith("/api/")
                self.send_response(302 if here else 200)
                if here:
                    self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/bucket/key?X-Amz-Signature=abc")
                body = b"" if here else b"the archive"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        both = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
        threading.Thread(target=both.serve_forever, daemon=True).start()
        self.addCleanup(both.server_close)
        self.addCleanup(both.shutdown)
        to = self.node.base / "from-a-store.tar.gz"
        self.run_alula("backups", "get", self.server, self.backup, "-o", to, without_config=True,
                       environment={"ALULA_URL": f"http://127.0.0.1:{both.server_port}", "ALULA_TOKEN": "secret"})
        self.assertEqual(to.read_bytes(), b"the archive")
        self.assertEqual(seen, [(f"/api/servers/{self.server}/backup/{self.backup}/download", "Bearer secret"), ("/bucket/key", None)])

    def test_a_restore_can_be_taken_back(self):
        motd = self.node.base / "volumes" / self.server / "server.properties"
        motd.write_text("motd=changed\n")
        text = self.run_alula("backups", "restore", "castle", self.backup)
        self.assertEqual(motd.read_text(), "motd=castle\n")
        undo = re.search(r"alula jobs undo (\S+)", text).group(1)
        self.run_alula("jobs", "undo", undo, "--wait")
        self.assertEqual(motd.read_text(), "motd=changed\n")

    def test_a_restore_that_went_well_is_one_also_when_the_node_goes_away_then(self):
        job = {"id": str(uuids.uuid4()), "kind": "backup.restore", "state": "succeeded", "done": True, "advice": None,
               "progress": None, "reason": None, "message": None, "error": None, "waiting_since": None, "steps": [], "links": {}}
        asked = []

        class Leaving(http.server.BaseHTTPRequestHandler):
            def do_any(self):
                asked.append(self.path.split("?")[0])
                status = 202 if self.command == "POST" else 200 if self.path.startswith("/api/jobs/") else 404
                if asked.count(f"/api/jobs/{job['id']}") > 1:
                    status = 503
                body = json.dumps(job if status < 400 else {}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_any()

            do_GET = do_any

            def log_message(self, *_):
                pass

        leaving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Leaving)
        threading.Thread(target=leaving.serve_forever, daemon=True).start()
        self.addCleanup(leaving.server_close)
        self.addCleanup(leaving.shutdown)
        said = self.run_alula("backups", "restore", self.server, self.backup, "--yes", without_config=True,
                              environment={"ALULA_URL": f"http://127.0.0.1:{leaving.server_port}", "ALULA_TOKEN": "secret"})
        self.assertIn("succeeded", said)
        self.assertEqual(asked.count(f"/api/jobs/{job['id']}"), 2)

    def test_rotation_says_what_it_would_do(self):
        for _ in range(2):
            self.node.make_backup(self.server)
        text = self.run_alula("backups", "rotate", "castle", "--dry-run")
        self.assertIn("goes", text)
        self.assertIn(self.backup, text)

    def test_usage_names_the_disk(self):
        self.assertIn("free of", self.run_alula("backups", "usage"))


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
