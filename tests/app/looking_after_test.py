#!/usr/bin/python3
"""What looks after a node from outside: a log for programs, Prometheus with its
alerts and dashboard, a webhook, and a bundle for those who help.

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
import time
import unittest
import uuid as uuids

from running_node import ROOT, Panel, RunningNode, run_tests

BINARY = ""
PATIENCE = 120  # seconds, for anything


def until(what, is_so):
    end = time.monotonic() + PATIENCE
    while not (found := is_so()):
        if time.monotonic() > end:
            raise AssertionError(f"not in {PATIENCE} s: {what}")
    return found


def names_in(text):
    """Metrics that an expression of Prometheus names."""
    return set(re.findall(r"\balula_[a-z_]+", text))


class Node(unittest.TestCase):
    def node_with(self, more, **how):
        node = RunningNode(BINARY, more=more, **how)
        self.addCleanup(node.close)
        return node

    def said(self, node):
        return (node.base / "alula.log").read_text()

    def fail_a_restore(self, node):
        server = node.make_server("castle")
        backup = node.make_backup(server)
        archive = next((node.base / "backups").glob(f"*{backup}*.tar.gz"))
        good = archive.read_bytes()
        archive.write_bytes(good[:len(good) // 2] + bytes(len(good) // 2))
        _, headers, _ = node.ask("POST", f"/api/servers/{server}/backup/{backup}/restore",
                                 {"adapter": "wings", "truncate_directory": True})
        return node.end_of(headers["Location"])


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


class Prometheus(Node):
    # What issue and manual promise, by what it is about.
    PROMISED = {
        "jobs by kind and state": ["alula_jobs", "alula_jobs_by_kind", "alula_jobs_ended_total"],
        "oldest waiting job, paused pools": ["alula_job_oldest_waiting_seconds", "alula_pool_paused_seconds"],
        "step durations and retries": ["alula_step_seconds", "alula_step_retries_total"],
        "outbox": ["alula_outbox_open", "alula_outbox_dead", "alula_outbox_oldest_seconds"],
        "backup bytes and throughput": ["alula_backup_archive_bytes_total", "alula_backup_content_bytes_total",
                                        "alula_backup_seconds", "alula_backup_last_bytes_per_second"],
        "last good backup": ["alula_last_good_backup_age_seconds", "alula_last_good_backup_age_seconds_max"],
        "purge and trash": ["alula_purge_entries_total", "alula_purge_bytes_total", "alula_trash_bytes",
                            "alula_trash_entries"],
        "ledger": ["alula_ledger_commit_seconds", "alula_ledger_fsync_seconds", "alula_ledger_wal_bytes"],
        "docker": ["alula_docker_call_seconds", "alula_docker_failures_total", "alula_docker_up",
                   "alula_containers_unresponsive"],
        "sockets and polls": ["alula_door", "alula_polls_total"],
    }

    def figures(self, node):
        status, _, text = node.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        return text

    def values(self, node):
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in self.figures(node).splitlines() if not line.startswith("#"))}

    def test_all_that_is_promised_is_there_and_in_the_manual(self):
        node = self.node_with("").start()
        self.fail_a_restore(node)
        # That backup is known to be bad now; an age is a good one's.
        node.make_backup(node.make_server("village"))
        text = self.figures(node)
        there = set(re.findall(r"^# TYPE (\S+)", text, re.M))
        manual = names_in((ROOT / "docs/metrics.md").read_text())
        # Only there while there is something of it: a retry, a silent Docker, a live job.
        sometimes = {"alula_step_retries_total", "alula_docker_failures_total", "alula_jobs_by_kind"}
        for about, names in self.PROMISED.items():
            for name in names:
                self.assertIn(name, there | sometimes, about)
                self.assertIn(name, manual, about)

    def test_rules_and_dashboard_name_only_what_is_there(self):
        manual = set(re.findall(r"`(alula_\w+)`", (ROOT / "docs/metrics.md").read_text()))
        with_parts = manual | {f"{name}_{part}" for name in manual for part in ("bucket", "sum", "count")}
        rules = names_in((ROOT / "docs/alert-rules.yml").read_text())
        dashboard = json.loads((ROOT / "docs/grafana.json").read_text())
        shown = names_in(json.dumps(dashboard))
        self.assertGreater(len(rules), 5)
        self.assertGreater(len(shown), 10)
        self.assertEqual((rules | shown) - with_parts, set())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                self.assertTrue(names_in(target["expr"]), panel["title"])

    def test_jobs_are_counted_by_kind_and_state_while_they_wait(self):
        node = self.node_with("").start()
        server = node.make_server("castle")
        node.ask("POST", "/api/pools/backup/pause", {"reason": "a test"})
        _, headers, _ = node.ask("POST", f"/api/servers/{server}/backup", {
            "adapter": "wings", "uuid": str(uuids.uuid4()), "ignore": ""}, headers={"Prefer": "respond-async"})
        job = until("the job waits", lambda: (seen := node.get(headers["Location"]))["reason"] == "PoolPaused" and seen)
        of = f'alula_jobs_by_kind{{kind="backup.create",state="{job["state"]}"}}'
        self.assertEqual(self.values(node)[of], 1)
        self.assertGreater(self.values(node)['alula_pool_paused_seconds{pool="backup"}'], 0)
        node.ask("POST", "/api/pools/backup/resume")
        node.end_of(headers["Location"])
        until("it is counted no more", lambda: self.values(node)[of] == 0)
        self.assertEqual(self.values(node)['alula_pool_paused_seconds{pool="backup"}'], 0)

    def test_failed_tries_are_counted_while_their_job_lives(self):
        node = self.node_with("", docker=False).start()
        server = node.make_server("castle")
        _, headers, _ = node.ask("DELETE", f"/api/servers/{server}", headers={"Prefer": "respond-async"})
        until("a failed try is counted", lambda: self.values(node).get(
            'alula_step_retries_total{kind="server.delete",step="destroy_container"}', 0) >= 1)
        self.assertFalse(node.get(headers["Location"])["done"])

    def rule(self, name):
        """Its expression, which has to be a plain comparison."""
        rules = (ROOT / "docs/alert-rules.yml").read_text()
        text = re.search(rf"- alert: {name}\n(?:\s*#.*\n)*\s*expr: (.*)\n", rules).group(1)
        metric, sign, number = re.fullmatch(r"(alula_\w+(?:\{.*\})?) (==|>|<) ([\d.]+)", text).groups()
        compare = {"==": float.__eq__, ">": float.__gt__, "<": float.__lt__}[sign]

        def fires(node):
            value = self.values(node).get(metric)
            return value is not None and compare(value, float(number))
        return fires

    def test_the_alarm_of_a_docker_that_is_away_needs_no_job(self):
        away = self.rule("AlulaDockerAway")
        well = self.node_with("").start()
        until("Docker has answered", lambda: self.values(well).get("alula_docker_up") == 1)
        self.assertFalse(away(well))
        alone = self.node_with("", docker=False).start()
        until("it is told of a node with nothing to do", lambda: away(alone))

    def without_undelete(self, node):
        """What writes the config of a node that purges at once."""
        config = node.config.read_text().replace("undelete_hours: 24", "undelete_hours: 0")
        return lambda: node.config.write_text(re.sub(r"(?m)^  port: \d+", f"  port: {node.port}", config))

    def test_a_purge_counts_what_it_removes_and_the_trash_is_weighed(self):
        node = self.node_with("").start()
        config = self.without_undelete(node)
        kept = node.make_server("kept")
        big = node.base / "volumes" / kept / "big"
        big.write_bytes(os.urandom(3 << 20))
        node.ask("DELETE", f"/api/servers/{kept}", headers={"Prefer": "respond-async"})
        weighed = until("the trash was weighed", lambda: self.values(node)["alula_trash_bytes"])
        self.assertGreater(weighed, 3 << 20)
        self.assertLess(weighed, 5 << 20)
        self.assertEqual(self.values(node)["alula_purge_bytes_total"], 0)
        self.assertEqual(self.values(node)["alula_trash_entries"], 1)
        # The window is over: it goes.
        node.kill()
        node.write_config = config
        node.write_config()
        doomed_before = node.start()
        doomed = node.make_server("doomed", files=200)
        _, headers, _ = node.ask("DELETE", f"/api/servers/{doomed}")
        result = node.end_of(headers["Location"])["result"]
        values = self.values(doomed_before)
        self.assertGreaterEqual(values["alula_purge_entries_total"], 200)
        self.assertEqual(values["alula_purge_entries_total"], result["entries"])
        self.assertEqual(values["alula_purge_bytes_total"], result["bytes"])

    def purge_figures(self, node):
        values = self.values(node)
        return values["alula_purge_entries_total"], values["alula_purge_bytes_total"]

    def test_what_a_purge_removed_before_a_kill_is_in_its_result_and_counted_once(self):
        node = self.node_with("")
        node.write_config = self.without_undelete(node)
        node.write_config()
        node.start()
        doomed = node.make_server("doomed", files=1)
        for i in range(20_000):
            small = node.base / "volumes" / doomed / f"d{i}"
            small.mkdir()
            for name in "abcd":
                (small / name).write_bytes(b"x" if name == "a" else b"")
        _, headers, _ = node.ask("DELETE", f"/api/servers/{doomed}", headers={"Prefer": "respond-async"})
        before = until("the purge has begun", lambda: any(seen := self.purge_figures(node)) and seen)
        node.kill()
        node.start()
        result = node.end_of(headers["Location"])["result"]
        after = self.purge_figures(node)
        whole = 20_000 * 5 + 4  # world, its file, server.properties, and the tree itself
        self.assertGreater(after[0], 0, "it was over before it was killed")
        # What was removed in the last moment before a kill nobody has counted.
        self.assertLessEqual(result["entries"], whole)
        self.assertGreaterEqual(result["entries"], before[0] + after[0])
        self.assertGreaterEqual(result["bytes"], before[1] + after[1])
        self.assertGreater(before[1], 0)


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
