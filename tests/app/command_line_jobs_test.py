#!/usr/bin/python3
"""The commands of the command line that are about jobs, against a real node.

    command_line_jobs_test.py ALULA [TEST…]
"""

import http.server
import json
import subprocess
import sys
import threading
import time
import unittest
import uuid as uuids

from command_line import Commands
from running_node import RunningNode, run_tests

BINARY = ""


class Jobs(Commands):
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
        job = self.json_of("jobs", "--kind", "backup.create")["items"][-1]["id"]
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

    def test_a_job_that_is_cancelled_as_asked_is_a_success(self):
        self.node.ask("POST", "/api/pools/backup/pause", {"reason": "a test"})
        self.addCleanup(self.node.ask, "POST", "/api/pools/backup/resume")
        job = self.node.begin_backup(self.server)
        self.assertIn("cancelled", self.run_alula("jobs", "cancel", job, "--wait"))

    def test_a_job_is_listed_by_the_name_of_its_server(self):
        other = self.node.make_server("village", files=1)
        text = self.run_alula("jobs", "--kind", "server.create")
        for uuid, name in ((self.server, "castle"), (other, "village")):
            self.assertRegex(text, rf"server\.create +{name} \({uuid[:8]}\) ")
            self.assertNotIn(uuid, text)
        job = self.json_of("jobs", "--server", "village")["items"][0]
        self.assertEqual(job["server"], other)
        self.assertIn(other, self.run_alula("jobs", "show", job["id"]))

    def test_a_job_of_a_server_that_is_gone_or_has_no_name_is_listed_by_the_uuid(self):
        gone, nameless = self.node.make_server("doomed", files=1), self.node.make_server("", files=1)
        self.run_alula("servers", "delete", gone, "--no-wait")
        while self.node.ask("GET", f"/api/servers/{gone}")[0] == 200:
            pass
        text = self.run_alula("jobs", "--kind", "server.*")
        self.assertRegex(text, rf"server\.delete +{gone} ")
        self.assertRegex(text, rf"server\.create +{nameless} ")

    def listed_by(self, servers, *words):
        """What `alula jobs` prints of a node with two jobs of a server and one of
        none, which answers the question for its servers so; and what it was asked."""
        asked = []

        def job(server):
            return {"id": str(uuids.uuid4()), "kind": "backup.verify", "server": server, "state": "running",
                    "created_at": "2026-01-01T00:00:00Z", "waiting_since": None, "progress": None, "message": None, "error": None}
        jobs = [job(server) for server in (self.server, self.server, None)]

        class Node(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path.split("?")[0])
                status, body = (200, {"items": jobs, "has_more": False}) if asked[-1] == "/api/jobs" else servers
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        node = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Node)
        threading.Thread(target=node.serve_forever, daemon=True).start()
        self.addCleanup(node.server_close)
        self.addCleanup(node.shutdown)
        return self.run_alula("jobs", *words, without_config=True,
                              environment={"ALULA_URL": f"http://127.0.0.1:{node.server_port}", "ALULA_TOKEN": "secret"}), asked

    def test_the_names_of_all_servers_cost_one_request_and_a_program_none(self):
        servers = 200, [{"configuration": {"uuid": self.server, "meta": {"name": "castle"}}}]
        text, asked = self.listed_by(servers)
        self.assertEqual(text.count(f"castle ({self.server[:8]})"), 2)
        self.assertRegex(text, r"backup\.verify +- +running")
        self.assertEqual(asked, ["/api/jobs", "/api/servers"])
        self.assertEqual(self.listed_by(servers, "--json")[1], ["/api/jobs"])

    def test_jobs_are_listed_also_when_their_servers_cannot_be(self):
        text, _ = self.listed_by((429, {"code": "rate-limited", "detail": "too many lists of servers are asked for"}))
        self.assertEqual(text.count(self.server), 2)


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


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
