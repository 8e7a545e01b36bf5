#!/usr/bin/python3
"""What looks after a node from outside: a log for programs, a webhook, and a
bundle for those who help. Figures are in metrics_test.py.

    looking_after_test.py ALULA [TEST…]
"""

import contextlib
import datetime
import http.server
import json
import os
import queue
import re
import signal
import sqlite3
import subprocess
import sys
import threading

from looked_after import PATIENCE, Node, until
from running_node import Panel, RunningNode, run_tests

BINARY = ""


class Log(Node):
    def test_every_line_is_an_object_where_json_is_wanted(self):
        node = self.node_with("log:\n  format: json\n").start()
        job = self.fail_a_restore(node)
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(node.process.wait(PATIENCE), 0)
        lines = [json.loads(line) for line in self.said(node).splitlines()]
        events = [line["event"] for line in lines]
        for name in ("starting", "door-open", "ready", "step-failed", "stopping", "stopped"):
            self.assertIn(name, events)
        for line in lines:
            self.assertIn(line["level"], ("debug", "info", "warning", "error"))
            datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        failed = lines[events.index("step-failed")]
        self.assertEqual(failed["job"], job["id"])
        self.assertIn(failed["step"], [step["name"] for step in job["steps"]])
        self.assertIsInstance(lines[events.index("door-open")]["port"], int)

    def test_a_step_that_failed_is_named_apart_from_where_it_failed(self):
        node = self.node_with("log:\n  format: json\nremote: http://127.0.0.1:1\ntoken_id: someone\n").start()
        server = node.make_server("castle")
        _, headers, _ = node.ask("POST", f"/api/servers/{server}/sync", headers={"Prefer": "respond-async"})
        path = f"/api/jobs/{headers['Location'].rsplit('/', 1)[1]}"

        def failed():
            lines = (json.loads(line) for line in self.said(node).splitlines())
            return [line for line in lines if line["event"] == "step-failed"]
        line = until("the step has failed", failed)[0]
        self.assertIn(line["step"], [step["name"] for step in node.get(path)["steps"]])
        self.assertIn(server, line["where"])  # what the Panel was asked

    def test_what_journald_reads_has_its_priority(self):
        node = self.node_with("")
        about = os.stat(node.base)  # the log's own number is known when it is there
        log = open(node.base / "alula.log", "ab")
        about = os.fstat(log.fileno())
        log.close()
        os.environ["JOURNAL_STREAM"] = f"{about.st_dev}:{about.st_ino}"
        self.addCleanup(os.environ.pop, "JOURNAL_STREAM", None)
        node.start()
        lines = self.said(node).splitlines()
        self.assertTrue(lines)
        self.assertEqual([line for line in lines if not re.match(r"<[3467]>\d{4}-", line)], [])

    def test_what_a_request_says_is_found_by_the_id_of_its_answer(self):
        node = self.node_with("log:\n  format: json\n").start()
        status, headers, text = node.ask("POST", "/api/deauthorize-user", {"user": "anna", "servers": []})
        self.assertEqual(status, 204, text)
        lines = [json.loads(line) for line in self.said(node).splitlines()]
        self.assertEqual([line.get("request") for line in lines if line["event"] == "user-deauthorized"],
                         [headers["X-Request-Id"]])

    def test_a_request_that_is_answered_by_another_thread_is_found_too(self):
        node = self.node_with("log:\n  format: json\n").start()
        status, headers, text = node.ask("POST", "/api/pools/verify/pause", {"reason": "dust"})
        self.assertEqual(status, 200, text)
        lines = [json.loads(line) for line in self.said(node).splitlines()]
        self.assertEqual([line.get("request") for line in lines if line["event"] == "pool-paused"],
                         [headers["X-Request-Id"]])

    def test_what_a_job_says_is_found_by_its_id(self):
        # A Panel that refuses, so that reports of outcomes are given up.
        panel = Panel(422)
        self.addCleanup(panel.close)
        node = self.node_with("log:\n  format: json\n" + panel.config()).start()
        job = self.fail_a_restore(node)

        def dead(lines):
            """Reports of backups, which are jobs': others the node sends by itself."""
            return [line for line in lines
                    if line["event"] == "report-dead" and line["subject"].startswith("backup:")]

        def told():
            lines = [json.loads(line) for line in self.said(node).splitlines()]
            return lines if dead(lines) and any(line["event"] == "step-failed" for line in lines) else None
        lines = until("the Panel was told", told)
        self.assertIn(job["id"], [line.get("job") for line in lines if line["event"] == "step-failed"])
        self.assertEqual([line for line in dead(lines) if not line.get("job")], [])


class Webhook(Node):
    def hook(self):
        heard = queue.Queue()

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                heard.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return heard, f"alerts:\n  webhook: http://127.0.0.1:{server.server_port}/hook\n  backup_hours: 2\n"

    def age(self, node, hours):
        """As if servers and backups had been made so long ago."""
        with contextlib.closing(sqlite3.connect(node.base / "alula/ledger.db")) as db:
            for table, columns in {"servers": ["created_at"], "backups": ["created_at", "completed_at"]}.items():
                known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
                for column in known & set(columns):
                    db.execute(f"UPDATE {table} SET {column} = {column} - {hours * 3_600_000} WHERE {column} > 0")
            db.commit()

    def test_a_server_without_a_good_backup_for_too_long_is_told_once(self):
        heard, more = self.hook()
        node = self.node_with(more).start()
        old = node.make_server("old")
        never = node.make_server("never")
        node.make_backup(old)
        node.process.send_signal(signal.SIGTERM)
        node.process.wait(PATIENCE)
        self.age(node, hours=3)
        node.start()
        fresh = node.make_server("fresh")
        told = {}
        while len(told) < 2:
            one = heard.get(timeout=PATIENCE)
            self.assertEqual(one["event"], "backup.missing")
            self.assertNotIn(one["server"], told)
            told[one["server"]] = one
        self.assertEqual(set(told), {old, never})
        self.assertNotIn(fresh, told)
        self.assertIsNone(told[never]["newest_at"])
        self.assertGreater(told[old]["newest_at"], 0)
        self.assertIn(f"server old ({old}) has had no good backup for 2 hours", told[old]["text"])
        self.assertEqual(told[old]["text"], told[old]["content"])

    def test_nobody_is_told_while_backups_are_young_enough(self):
        heard, more = self.hook()
        node = self.node_with(more).start()
        node.make_backup(node.make_server("young"))
        node.process.send_signal(signal.SIGTERM)
        node.process.wait(PATIENCE)
        self.age(node, hours=1)
        node.start()
        self.fail_a_restore(node)  # is told, and after the look at backups
        self.assertEqual(heard.get(timeout=PATIENCE)["event"], "job.failed")
        self.assertTrue(heard.empty())


class Diagnostics(Node):
    SECRETS = {
        "token": "node-token-Aa1", "store": "store-secret-Bb2", "access": "ACCESSKEYCc3", "hook": "hook-path-Dd4",
        "alert": "alert-token-Ee5", "registry": "registry-pass-Ff6", "remote": "remote-pass-Gg7",
        "quoted": "quoted secret Hh8", "flow": "flow-secret-Ii9", "variable": "server-variable-Jj0",
    }

    def test_no_secret_of_any_kind_is_in_the_bundle(self):
        s = self.SECRETS
        node = RunningNode(BINARY, more=f"""\
token_id: public-id
remote_query:
  timeout: 3
alerts:
  webhook: https://user:{s['remote']}@hooks.example/services/{s['hook']}
  token: {s['alert']}
stores:
  offsite:
    endpoint: https://s3.example.com
    region: us-east-1
    bucket: b
    access_key: {s['access']}
    secret_key: "{s['quoted']}"
  second: {{endpoint: "https://s3.example.com", region: x, bucket: c, access_key: {s['access']}, secret_key: {s['flow']}}}
""")
        self.addCleanup(node.close)
        node.token = s["token"]
        node.more = node.more.replace("stores:", f"""\
stores:
  third: {{endpoint: "https://s3.example.com", region: x, bucket: d, access_key: {s['access']}, secret_key: {s['store']}}}""")
        plain = node.write_config
        def with_registry():
            plain()
            text = node.config.read_text()
            node.config.write_text(text.replace("docker:\n", f"""\
docker:
  registries:
    registry.example:
      username: someone
      password: {s['registry']}
"""))
        node.write_config = with_registry
        with_registry()
        node.start()
        server = node.make_server("castle")
        # What a job keeps of a request with a signed link, and of a server's variables.
        node.ask("POST", f"/api/servers/{server}/backup/00000000-0000-4000-8000-000000000000/restore", {
            "adapter": "s3", "truncate_directory": False,
            "download_url": f"https://s3.example.com/x?X-Amz-Credential={s['access']}&X-Amz-Signature={s['store']}"})
        to = node.base / "bundle.txt"
        done = subprocess.run([BINARY, "diagnostics", "-o", to, "--config", node.config], text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = to.read_text()
        for what, secret in s.items():
            self.assertNotIn(secret, text + done.stdout + done.stderr, what)
        for title in ("machine", "doctor", str(node.config), "API", "disks", "memory", "log"):
            self.assertIn(f"==== {title}", text)
        self.assertIn("registry.example", text)
        self.assertIn("s3.example.com", text)
        self.assertNotIn("cannot be used", text)


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
