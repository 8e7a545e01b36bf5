#!/usr/bin/python3
"""What looks after a node hears of it: Prometheus, a webhook, systemd.

    watched_test.py ALULA [TEST…]
"""

import http.server
import json
import os
import queue
import re
import socket
import sys
import threading
import unittest

from running_node import ROOT, RunningNode, run_tests

BINARY = ""
NODE_UUID = "7a1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b99"


class Watched(unittest.TestCase):
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
        self.assertIn(f"backup.restore failed, server castle ({job['server']}): {job['error']['detail']}", told["text"])
        self.assertIn(job["advice"], told["text"])
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
        for name in ["alula_ledger_commit_seconds_count", "alula_ledger_fsync_seconds_count", "alula_backup_content_bytes_total", 'alula_docker_call_seconds_count{method="GET"}',
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
