#!/usr/bin/python3
"""The commands of the command line against a real node; those about jobs and
backups are in command_line_jobs_test.py and command_line_backups_test.py.

    command_line_test.py ALULA [TEST…]
"""

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid as uuids

from command_line import Commands
from running_node import ROOT, Panel, RunningNode, run_tests

BINARY = ""


class CommandLine(Commands):
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

    def test_stores_are_completed_out_of_the_config_of_the_node(self):
        config = self.node.base / "with-stores.yml"
        config.write_text(self.node.config.read_text() + "stores:\n" + "".join(
            f"  {name}: {{endpoint: 'https://s3.example', bucket: games, access_key: a, secret_key: b}}\n" for name in ("offsite", "tape")))
        node = ["--config", str(config)]
        self.assertEqual(self.complete("backups", "scan", "off", node=node), {"offsite"})
        self.assertEqual(self.complete("backups", "verify", "castle", self.backup, "--place", "", node=node), {"offsite", "tape"})
        self.assertEqual(self.complete("backups", "copy", "castle", self.backup, "", node=node), {"local", "offsite", "tape"})
        # Of another node it does not tell.
        self.assertEqual(self.complete("backups", "scan", "off", node=[*node, "--url", "http://127.0.0.1:1"]), set())

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

    def one_that_knows_nothing(self):
        """The environment that leads to it, and what it was asked."""
        seen = []

        class Anything(http.server.BaseHTTPRequestHandler):
            def do_any(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen.append((self.command, self.path))
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_DELETE = do_any

            def log_message(self, *_):
                pass

        anything = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Anything)
        threading.Thread(target=anything.serve_forever, daemon=True).start()
        self.addCleanup(anything.server_close)
        self.addCleanup(anything.shutdown)
        return {"ALULA_URL": f"http://127.0.0.1:{anything.server_port}", "ALULA_TOKEN": "secret"}, seen

    def test_what_is_as_long_as_an_id_stays_one_member_of_the_url(self):
        environment, seen = self.one_that_knows_nothing()
        word = "../servers/castle/power?x=1&y=2#".ljust(36, "z")
        for words in (("trash", "restore", word), ("jobs", "show", word), ("jobs", "--server", word)):
            self.run_alula(*words, without_config=True, code=66, environment=environment)
        id = urllib.parse.quote(word, safe="")
        paths = [path for _, path in seen]
        self.assertEqual(paths[:2], [f"/api/trash/{id}/restore", f"/api/jobs/{id}"])
        self.assertEqual(urllib.parse.parse_qs(urllib.parse.urlsplit(paths[2]).query)["server"], [word])

    def test_the_node_is_not_asked_for_the_words_of_a_question_that_nobody_is_asked(self):
        environment, seen = self.one_that_knows_nothing()
        job, backup = str(uuids.uuid4()), f"/api/servers/{self.server}/backup/{self.backup}"
        for words, asked in ((("jobs", "cancel", job), ("POST", f"/api/jobs/{job}/cancel")),
                             (("jobs", "undo", job, "--yes"), ("POST", f"/api/jobs/{job}/undo")),
                             (("jobs", "abandon", job, "--reason", "x"), ("POST", f"/api/jobs/{job}/abandon")),
                             (("backups", "restore", self.server, self.backup, "--yes"), ("POST", f"{backup}/restore")),
                             (("backups", "delete", self.server, self.backup), ("DELETE", backup))):
            seen.clear()
            self.run_alula(*words, without_config=True, code=66, environment=environment)
            self.assertEqual(seen, [asked])

    def test_a_deleted_server_comes_back_from_the_trash(self):
        server = self.node.make_server("doomed")
        self.run_alula("servers", "delete", server, "--no-wait")
        status = 200
        while status == 200:
            status, _, _ = self.node.ask("GET", f"/api/servers/{server}")
        job = next(t["job"] for t in self.json_of("trash")["items"] if t["server"] == server)
        self.assertRegex(self.run_alula("trash"), rf"{server} +doomed ")
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

    def test_a_config_that_was_named_and_may_not_be_read_is_not_passed_over(self):
        config = self.node.base / "of-somebody-else.yml"
        config.write_text(self.node.config.read_text())
        config.chmod(0)
        # Root may read it all the same, but for its capabilities.
        lesser = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        for words, more in ((["--config", config], {}), ([], {"ALULA_CONFIG": str(config)})):
            done = subprocess.run([*lesser, BINARY, "jobs", "--token", self.node.token, *words], text=True, capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=120,
                                  env={**{k: v for k, v in os.environ.items() if not k.startswith("ALULA")}, **more})
            self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
            self.assertIn(f"{config}", done.stderr)

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
            self.assertEqual(said.count(token), 1)
            self.doCleanups()
            self.assertNotIn(token, self.said_at_a_terminal(data))
            self.doCleanups()

    def test_its_token_is_not_shown_where_what_it_says_is_kept(self):
        ours, theirs = os.openpty()  # somebody sits there, and sends the output elsewhere
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        with tempfile.TemporaryDirectory() as base:
            data = pathlib.Path(base, "data")
            node = subprocess.Popen([BINARY, "serve", "--data", data, "--port", "0"], stdin=theirs,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.addCleanup(node.stdout.close)
            self.addCleanup(node.wait)
            self.addCleanup(node.kill)
            said = node.stdout.readline()
            while "listening on" not in said:
                line = node.stdout.readline()
                self.assertTrue(line, said)
                said += line
            node.terminate()
            said += node.stdout.read()
            token = (data / "token").read_text().strip()
            self.assertGreater(len(token), 32)
            self.assertIn(f"the token is kept in {data}/token", said)
            self.assertNotIn(token, said)
            self.doCleanups()
            self.assertNotIn(token, self.said_at_a_terminal(data))
            self.doCleanups()


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
