#!/usr/bin/python3
"""The commands of the command line against a real node.

    command_line_test.py ALULA [TEST…]
"""

import ctypes
import errno
import http.server
import json
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid as uuids

from running_node import ROOT, Panel, RunningNode, run_tests

import bucket  # of tests/crash, which running_node looks into

BINARY = ""
NODE_UUID = "7a1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b99"


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

    def test_a_backup_is_copied_and_its_copy_verified(self):
        store = bucket.Store("node/")
        try:
            with RunningNode(BINARY, more=store.config()) as node:
                server = node.make_server("castle")
                backup = node.make_backup(server)

                def run(*words):
                    return subprocess.run([BINARY, "backups", *words, "--config", str(node.config)], text=True,
                                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
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


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = RunningNode(BINARY).start()
        cls.server = cls.node.make_server("castle")
        cls.backup = cls.node.make_backup(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def run_alula(self, *words, code=0, environment=None, without_config=False):
        words = [str(w) for w in words]
        config = [] if without_config else ["--config", str(self.node.config)]
        done = subprocess.run([BINARY, *words, *config], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              env={**{k: v for k, v in os.environ.items() if not k.startswith("ALULA")}, **(environment or {})}, timeout=120)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def json_of(self, *words, **more):
        return json.loads(self.run_alula(*words, "--json", **more))

    def test_jobs_are_listed_for_people_and_for_programs(self):
        text = self.run_alula("jobs")
        self.assertIn("backup.create", text)
        self.assertIn("STATE", text)
        page = self.json_of("jobs", "list", "--kind", "backup.*", "--limit", 1)
        self.assertEqual([job["kind"].split(".")[0] for job in page["items"]], ["backup"])

    def test_a_job_is_shown_with_its_steps(self):
        job = self.json_of("jobs", "list", "--kind", "backup.create")["items"][0]["id"]
        text = self.run_alula("jobs", "show", job)
        self.assertIn("archive", text)
        self.assertIn("succeeded", text)

    def test_watching_an_ended_job_leaves_with_how_it_ended(self):
        job = self.json_of("jobs", "--kind", "backup.create")["items"][0]["id"]
        self.assertIn("succeeded", self.run_alula("jobs", "watch", job))

    def test_a_job_is_named_by_the_beginning_of_its_id(self):
        job = self.json_of("jobs", "--kind", "backup.create")["items"][-1]["id"]
        self.assertEqual(self.json_of("jobs", "show", job[:30])["id"], job)
        self.assertIn("succeeded", self.run_alula("jobs", "watch", job[:30]))
        self.assertIn("8 or more characters", self.run_alula("jobs", "show", job[:7], code=64))
        self.assertIn("8 or more characters", self.run_alula("jobs", "show", "not-a-job-at-all", code=64))
        self.assertIn("begins with", self.run_alula("jobs", "show", "00000000-0000", code=66))

    def test_a_beginning_that_fits_several_jobs_is_refused_with_them(self):
        # Ids begin with their time: of these at least two share the first eight.
        for _ in range(2):
            self.node.make_backup(self.server)
        by_begin = {}
        for job in self.json_of("jobs", "--limit", 200)["items"]:
            by_begin.setdefault(job["id"][:8], []).append(job["id"])
        begin, jobs = max(by_begin.items(), key=lambda one: len(one[1]))
        self.assertGreater(len(jobs), 1)
        said = self.run_alula("jobs", "cancel", begin, code=64)
        self.assertIn(f'"{begin}" fits more than one job:', said)
        self.assertIn(jobs[0], said)
        self.assertIn("succeeded", said)

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
            self.assertIn(f"backup {self.backup}?", done.stderr)

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

    def test_a_pool_is_paused_and_resumed(self):
        self.assertIn("backup", self.run_alula("pools"))
        self.addCleanup(self.node.ask, "POST", "/api/pools/verify/resume")
        said = self.run_alula("pools", "pause", "verify", "--reason", "new disk")
        self.assertIn("by the node's token: new disk", said)
        self.assertIn("`alula pools resume verify`", said)
        self.assertRegex(self.run_alula("pools", "list"), r"verify .*paused (now|\d+ s ago) by the node's token: new disk")
        pools = {pool["name"]: pool for pool in self.json_of("pools")["items"]}
        self.assertEqual(pools["verify"]["pause_reason"], "new disk")
        self.assertIsNone(pools["backup"]["paused_at"])
        self.assertIn("goes on", self.run_alula("pools", "resume", "verify"))
        self.assertIsNone(self.json_of("pools", "resume", "verify")["paused_at"])
        self.assertIn("only", self.run_alula("pools", "pause", "nothing", code=66))

    def test_who_paused_a_pool_is_said(self):
        made = self.json_of("token", "create", "--role", "admin", "--name", "Anna")
        self.addCleanup(self.node.ask, "POST", "/api/pools/verify/resume")
        self.assertIn(" by Anna", self.run_alula("pools", "pause", "verify", environment={"ALULA_TOKEN": made["secret"]}))
        self.assertIn(" by Anna", self.run_alula("pools"))

    def complete(self, command, *words, node=None):
        words = [BINARY, command, *(node or ["--config", str(self.node.config)]), *words]
        script = self.run_alula("completion", "bash", without_config=True)
        given = " ".join(f"'{word}'" for word in words)
        done = subprocess.run(
            ["bash", "-c", f"{script}\nCOMP_WORDS=({given}); COMP_CWORD={len(words) - 1}; _alula; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
            text=True, capture_output=True, timeout=60, check=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("ALULA")})
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_values_are_completed_by_the_running_node(self):
        job = self.json_of("jobs", "--kind", "backup.create")["items"][-1]["id"]
        self.assertEqual(self.complete("servers", "show", "cast"), {"castle"})
        self.assertEqual(self.complete("servers", "stop", self.server[:9]), {self.server})
        self.assertEqual(self.complete("backups", "get", "castle", self.backup[:9]), {self.backup})
        self.assertEqual(self.complete("jobs", "show", job[:30]), {job})
        self.assertEqual(self.complete("jobs", "cancel", job[:30]), set())  # it has ended
        self.assertEqual(self.complete("pools", "pause", "ver"), {"verify"})
        self.assertEqual(self.complete("jobs", "--server", self.server[:9]), {self.server})
        self.assertEqual(self.complete("jobs", "--state", "ret"), {"retry_wait"})
        self.assertEqual(self.complete("jobs", "--state", "=", "ret"), {"retry_wait"})
        self.assertEqual(self.complete("jobs", "list", "--kind", "trash"), {"trash.purge"})
        self.assertEqual(self.complete("outbox", "--state", "d"), {"dead"})
        self.assertEqual(self.complete("servers", "delete", "castle", "--backups", "k"), {"keep"})

    def test_names_that_a_shell_would_run_are_not_offered(self):
        harm = self.node.base / "harm"
        self.node.make_server(f"harm$(touch {harm})", files=1)
        self.node.make_server("harm`id`", files=1)
        self.assertEqual(self.complete("servers", "show", "harm"), set())
        self.assertFalse(harm.exists())

    def test_nothing_is_completed_while_the_node_is_away(self):
        away = ["--url", "http://127.0.0.1:1", "--token", "any"]
        self.assertEqual(self.complete("servers", "show", "cast", node=away), set())
        self.assertEqual(self.complete("jobs", "sh", node=away), {"show"})

    def test_names_do_not_steer_the_terminal(self):
        self.node.make_server("steers\x1b]0;me\x07\u009b2J", files=1)
        text = self.run_alula("servers")
        self.assertIn("steers?]0;me??2J", text)
        self.assertNotRegex(text, "[\x1b\x07\u009b]")
        self.assertIn("steers\x1b]0;me\x07\u009b2J", [s["configuration"]["meta"]["name"] for s in self.json_of("servers")])

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

    def test_what_is_as_long_as_an_id_stays_one_member_of_the_url(self):
        seen = []

        class Anything(http.server.BaseHTTPRequestHandler):
            def do_any(self):
                seen.append(self.path)
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_any

            def log_message(self, *_):
                pass

        anything = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Anything)
        threading.Thread(target=anything.serve_forever, daemon=True).start()
        self.addCleanup(anything.server_close)
        self.addCleanup(anything.shutdown)
        word = "../servers/castle/power?x=1&y=2#".ljust(36, "z")
        for words in (("trash", "restore", word), ("jobs", "show", word), ("jobs", "--server", word)):
            self.run_alula(*words, without_config=True, code=66, environment={
                "ALULA_URL": f"http://127.0.0.1:{anything.server_port}", "ALULA_TOKEN": "secret"})
        id = urllib.parse.quote(word, safe="")
        self.assertEqual(seen[:2], [f"/api/trash/{id}/restore", f"/api/jobs/{id}"])
        self.assertEqual(urllib.parse.parse_qs(urllib.parse.urlsplit(seen[2]).query)["server"], [word])

    def test_a_restore_can_be_taken_back(self):
        motd = self.node.base / "volumes" / self.server / "server.properties"
        motd.write_text("motd=changed\n")
        text = self.run_alula("backups", "restore", "castle", self.backup)
        self.assertEqual(motd.read_text(), "motd=castle\n")
        undo = re.search(r"alula jobs undo (\S+)", text).group(1)
        self.run_alula("jobs", "undo", undo, "--wait")
        self.assertEqual(motd.read_text(), "motd=changed\n")

    def test_a_job_that_is_cancelled_as_asked_is_a_success(self):
        self.node.ask("POST", "/api/pools/backup/pause", {"reason": "a test"})
        self.addCleanup(self.node.ask, "POST", "/api/pools/backup/resume")
        _, headers, _ = self.node.ask("POST", f"/api/servers/{self.server}/backup",
                                      {"adapter": "wings", "uuid": str(uuids.uuid4()), "ignore": ""})
        job = headers["Location"].rsplit("/", 1)[1]
        self.assertIn("cancelled", self.run_alula("jobs", "cancel", job, "--wait"))

    def test_rotation_says_what_it_would_do(self):
        for _ in range(2):
            self.node.make_backup(self.server)
        text = self.run_alula("backups", "rotate", "castle", "--dry-run")
        self.assertIn("goes", text)
        self.assertIn(self.backup, text)

    def test_usage_names_the_disk(self):
        self.assertIn("free of", self.run_alula("backups", "usage"))

    def test_a_deleted_server_comes_back_from_the_trash(self):
        server = self.node.make_server("doomed")
        self.run_alula("servers", "delete", server, "--no-wait")
        status = 200
        while status == 200:
            status, _, _ = self.node.ask("GET", f"/api/servers/{server}")
        job = next(t["job"] for t in self.json_of("trash")["items"] if t["server"] == server)
        self.assertIn(server, self.run_alula("trash"))
        self.run_alula("trash", "restore", job)
        self.assertIn("doomed", self.run_alula("servers"))

    def test_a_token_may_do_what_its_role_says_until_it_is_revoked(self):
        made = self.json_of("token", "create", "--role", "viewer", "--name", "Nagios", "--servers", "castle", "--expires", "90d")
        self.assertEqual(made["scope"]["servers"], [self.server])
        as_viewer = {"environment": {"ALULA_TOKEN": made["secret"]}}
        self.assertIn("castle", self.run_alula("servers", **as_viewer))
        self.run_alula("servers", "stop", "castle", code=77, **as_viewer)
        self.run_alula("token", "list", code=77, **as_viewer)
        text = self.run_alula("token", "list")
        self.assertIn("Nagios", text)
        self.assertNotIn(made["secret"], text)
        self.run_alula("token", "revoke", made["id"])
        self.run_alula("servers", code=77, **as_viewer)
        self.assertIn("/api/tokens", self.run_alula("audit"))
        self.assertIn("nothing was changed", self.run_alula("audit", "--system", "nobody"))

    def test_the_outbox_is_empty_without_a_panel(self):
        self.assertEqual(self.json_of("outbox")["items"], [])

    def test_mistakes_have_codes_of_their_own(self):
        nobody = "01970000-0000-7000-8000-00000000dead"
        self.run_alula("jobs", "show", nobody, code=66)
        self.run_alula("servers", "show", "nowhere", code=66)
        self.run_alula("jobs", "dance", code=64)
        self.assertIn("does not know the token", self.run_alula("jobs", "--token", "wrong", code=77))
        self.assertIn("token of --token", self.run_alula("jobs", "--token", "wrong", code=77))
        self.assertIn("Is it running", self.run_alula("jobs", "--url", "http://127.0.0.1:1", code=69))
        self.run_alula("jobs", "list", "--config", self.node.base / "nothing.yml", code=78, without_config=True)

    def test_url_and_token_come_from_the_environment(self):
        text = self.run_alula("jobs", without_config=True,
                              environment={"ALULA_URL": self.node.url, "ALULA_TOKEN": self.node.token})
        self.assertIn("backup.create", text)

    def test_a_copy_of_the_ledger_is_sound(self):
        to = self.node.base / "copy.db"
        self.assertIn("checked", self.run_alula("db", "backup", to))
        self.assertEqual([f.name for f in self.node.base.glob("copy.db*")], ["copy.db"])
        self.assertIn("sound", self.run_alula("db", "check"))
        self.run_alula("db", "backup", to, code=64)

    def test_doctor_finds_what_was_put_wrong(self):
        stray = str(uuids.uuid4())
        (self.node.base / "volumes" / stray).mkdir()
        found = self.json_of("doctor")
        areas = {f["area"] for f in found}
        self.assertLessEqual({"config", "space", "mounts", "database", "docker", "panel", "clock", "node", "jobs"}, areas)
        self.assertTrue(any(stray in f["what"] and f["to_do"] for f in found), found)
        self.assertFalse([f for f in found if f["level"] == "bad"], found)
        self.assertIn("0 bad", self.run_alula("doctor"))

    @unittest.skipIf(os.geteuid() != 0, "skipped: only root gives files to another user")
    def test_doctor_says_when_servers_would_run_as_root(self):
        config = self.node.base / "no-such-user.yml"
        text = self.node.config.read_text()
        config.write_text(text.replace("system:\n", "system:\n  username: nobody-has-this-name\n"))
        found = self.json_of("doctor", "--config", config, without_config=True)
        self.assertTrue(any(f["area"] == "user" and f["level"] == "warning" and "as root" in f["what"] for f in found), found)
        config.write_text(text.replace("system:\n", "system:\n  user: {uid: 988, gid: 988}\n"))
        found = self.json_of("doctor", "--config", config, without_config=True)
        self.assertEqual([f["level"] for f in found if f["area"] == "user"], ["ok"])

    def test_diagnostics_hold_no_secret(self):
        to = self.node.base / "diagnostics.txt"
        self.run_alula("diagnostics", "-o", to)
        text = to.read_text()
        self.assertNotIn(self.node.token, text)
        self.assertIn("token: (hidden)", text)
        self.assertIn("==== doctor", text)
        self.assertEqual(to.stat().st_mode & 0o777, 0o600)
        self.assertIn("File exists", self.run_alula("diagnostics", "-o", to, code=1))

    def test_every_command_is_in_the_manual_and_completed(self):
        manual = (ROOT / "docs/alula.1").read_text().replace("\\-", "-")
        script = self.run_alula("completion", "bash", without_config=True)
        commands = re.findall(r'^ +"([a-z][a-z -]*)"\) offers=', script, re.M)
        self.assertIn("backups restore", commands)
        for command in commands:
            self.assertIn(f".B {command.split()[-1]}", manual, command)
        done = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(alula jobs ca); COMP_CWORD=2; _alula; echo \"${COMPREPLY[@]}\""],
                              text=True, capture_output=True, check=True)
        self.assertEqual(done.stdout.split(), ["cancel"])


class RefusedByThePanel(unittest.TestCase):
    def test_a_dead_report_is_told_again_when_what_was_wrong_is_mended(self):
        panel = Panel(422)
        self.addCleanup(panel.close)
        node = RunningNode(BINARY, more=panel.config()).start()
        self.addCleanup(node.close)

        def run(*words, code=0):
            done = subprocess.run([BINARY, *words, "--config", str(node.config)], text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            return done.stdout + done.stderr

        backup = node.make_backup(node.make_server("castle"))
        end = time.monotonic() + 120
        while not (dead := json.loads(run("outbox", "list", "--state", "dead", "--json"))["items"]):
            self.assertLess(time.monotonic(), end)
        report = next(r["report"] for r in dead if backup in r["subject"])
        self.assertIn("alula outbox retry", run("doctor", code=1))
        panel.status = 204
        self.assertIn(f"backup:{backup}", run("outbox", "retry", str(report)))
        while any(backup in r["subject"] for r in json.loads(run("outbox", "--json"))["items"]):
            self.assertLess(time.monotonic(), end)
        run("outbox", "retry", str(report), code=75)  # it was, already
        run("outbox", "retry", "999999", code=66)


class FirstStart(unittest.TestCase):
    def said_at_a_terminal(self, data):
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        node = subprocess.Popen([BINARY, "serve", "--data", data, "--port", "0"], stdin=subprocess.DEVNULL,
                                stdout=theirs, stderr=subprocess.DEVNULL)
        self.addCleanup(node.wait)
        self.addCleanup(node.kill)
        os.close(theirs)
        said = b""
        while b"listening on" not in said:
            said += os.read(ours, 4096)
        return said.decode()

    def test_its_token_is_shown_once_to_who_sits_at_the_terminal(self):
        with tempfile.TemporaryDirectory() as base:
            data = pathlib.Path(base, "data")
            said = self.said_at_a_terminal(data)
            token = (data / "token").read_text().strip()
            self.assertIn(f"the token of this node, shown this once: {token}", said)
            self.doCleanups()
            self.assertNotIn(token, self.said_at_a_terminal(data))
            self.doCleanups()


class WithoutDocker(unittest.TestCase):
    def setUp(self):
        self.node = RunningNode(BINARY, docker=False).start()
        self.addCleanup(self.node.close)

    def test_a_job_that_waits_for_docker_says_so_and_what_to_do(self):
        server = self.node.make_server("castle")
        _, headers, _ = self.node.ask("DELETE", f"/api/servers/{server}", headers={"Prefer": "respond-async"})
        job, end = headers["Location"].rsplit("/", 1)[1], time.monotonic() + 120
        while not self.node.get(f"/api/jobs/{job}")["advice"]:
            self.assertLess(time.monotonic(), end)
        shown = subprocess.run([BINARY, "jobs", "show", job, "--config", self.node.config], text=True, capture_output=True, check=True).stdout
        self.assertIn("Start Docker", shown)
        self.assertRegex(shown, r"since +(now|\d+ s ago)")
        doctor = subprocess.run([BINARY, "doctor", "--config", self.node.config], text=True, capture_output=True)
        self.assertEqual(doctor.returncode, 1)
        self.assertIn("dockerd does not answer", doctor.stdout)


class Watched(unittest.TestCase):
    """What looks after a node hears of it: Prometheus, a webhook, systemd."""

    def setUp(self):
        heard = self.heard = queue.Queue()

        class Hook(http.server.BaseHTTPRequestHandler):
            answers = [503]  # the first time it is away

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = self.answers.pop() if self.answers else 204
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if status == 204:
                    heard.put((self.headers["Authorization"], json.loads(body)))

            def log_message(self, *_):
                pass

        hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        self.addCleanup(hook.server_close)
        self.addCleanup(hook.shutdown)
        self.node = RunningNode(BINARY, more=f"uuid: {NODE_UUID}\nalerts:\n  webhook: http://127.0.0.1:{hook.server_port}/hook\n  token: for-the-hook\n")
        self.addCleanup(self.node.close)

    def fail_a_job(self):
        server = self.node.make_server("castle")
        backup = self.node.make_backup(server)
        archive = next((self.node.base / "backups").glob(f"*{backup}*.tar.gz"))
        good = archive.read_bytes()
        archive.write_bytes(good[:len(good) // 2] + bytes(len(good) - len(good) // 2))
        _, headers, _ = self.node.ask("POST", f"/api/servers/{server}/backup/{backup}/restore", {"adapter": "wings", "truncate_directory": True})
        job = self.node.end_of(headers["Location"])
        self.assertEqual(job["state"], "failed", job)
        return job

    def test_a_job_that_failed_is_told_also_after_a_kill(self):
        self.node.start()
        job = self.fail_a_job()
        self.node.kill()  # while the webhook is not told yet
        self.node.start()
        bearer, told = self.heard.get(timeout=60)
        self.assertEqual(bearer, "Bearer for-the-hook")
        self.assertEqual(told["event"], "job.failed")
        self.assertEqual(told["job"]["id"], job["id"])
        self.assertEqual(told["node"], NODE_UUID)
        self.assertIn("backup.restore failed", told["text"])
        self.assertNotIn("for-the-hook", (self.node.base / "alula.log").read_text())

    def test_metrics_count_what_happened(self):
        self.node.start()
        self.assertEqual(self.node.ask("GET", "/metrics", token="wrong")[0], 401)
        self.fail_a_job()
        status, headers, text = self.node.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        self.assertEqual(values['alula_jobs_ended_total{kind="backup.create",state="succeeded"}'], "1")
        self.assertEqual(values['alula_jobs_ended_total{kind="backup.restore",state="failed"}'], "1")
        self.assertEqual(values['alula_jobs{state="parked"}'], "0")
        self.assertEqual(values['alula_step_seconds_count{kind="backup.create",step="archive"}'], "1")
        for name in ["alula_ledger_commit_seconds_count", "alula_backup_content_bytes_total", 'alula_docker_call_seconds_count{method="GET"}',
                     'alula_door{what="connections"}', "alula_polls_total", "alula_backup_disk_free_bytes"]:
            self.assertGreater(float(values[name]), 0, name)
        # Every name is in the manual, and nothing else is.
        named = set(re.findall(r"^# TYPE (\S+)", text, re.M))
        manual = set(re.findall(r"`(alula_\w+)`", (ROOT / "docs/metrics.md").read_text()))
        self.assertLessEqual(manual - {"alula_jobs_by_kind", "alula_step_retries_total", "alula_docker_failures_total", "alula_last_good_backup_age_seconds",
                                       "alula_last_system_backup_age_seconds", "alula_system_refusals_total"}, named)
        self.assertLessEqual(named, manual)

    def test_the_log_says_more_while_it_is_asked_to(self):
        self.node.start()
        log = self.node.base / "alula.log"
        self.assertEqual(self.node.ask("GET", "/api/log")[2], '{"level":"info"}')
        self.assertEqual(self.node.ask("PUT", "/api/log", {"level": "debug"})[2], '{"level":"debug"}')
        self.assertEqual(self.node.ask("PUT", "/api/log", {"level": "loud"})[0], 422)
        with socket.create_connection(("127.0.0.1", self.node.port)) as stranger:
            stranger.sendall(b"NONSENSE\r\n\r\n")
            while stranger.recv(4096):
                pass
        self.assertRegex(log.read_text(), r"Z debug request-refused ")

    def test_the_log_says_what_was_asked_for_until_debug_is_changed(self):
        self.node.start()
        self.node.ask("PUT", "/api/log", {"level": "warning"})
        for update, level in (({"app_name": "castles"}, "warning"), ({"debug": True}, "debug"), ({"debug": False}, "info")):
            status, _, text = self.node.ask("POST", "/api/update", update)
            self.assertEqual(status, 200, text)
            self.assertEqual(json.loads(self.node.ask("GET", "/api/log")[2])["level"], level)

    def test_the_watchdog_hears_of_a_node_that_is_well(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            path = self.node.base / "notify"
            supervisor.bind(str(path))
            supervisor.settimeout(30)
            os.environ.update(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="300000")
            try:
                self.node.start()
            finally:
                del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
            heard = [supervisor.recv(100) for _ in range(4)]
        self.assertIn(b"READY=1", heard)
        self.assertGreaterEqual(heard.count(b"WATCHDOG=1"), 3)


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
