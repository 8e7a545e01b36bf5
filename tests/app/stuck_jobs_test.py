#!/usr/bin/python3
"""A job that is stuck, for each reason we know: the API, `alula jobs show`,
`alula jobs` and `alula doctor` say why, since when, and what to do.

    stuck_jobs_test.py ALULA [TEST…]
"""

import json
import os
import subprocess
import sys
import time
import unittest

from running_node import RunningNode, run_tests, small_disk

BINARY = ""
PATIENCE = 120  # seconds, for anything


class StuckJobs(unittest.TestCase):
    def node_with(self, **how):
        self.node = RunningNode(BINARY, **how)
        self.addCleanup(self.node.close)
        return self.node

    def alula(self, *words, code=0):
        done = subprocess.run([BINARY, *words, "--config", self.node.config], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def until(self, job, is_so):
        end = time.monotonic() + PATIENCE
        while not is_so(seen := self.node.get(f"/api/jobs/{job}")):
            self.assertLess(time.monotonic(), end, seen)
        return seen

    def big_server(self, name="castle"):
        server = self.node.make_server(name)
        self.make_big(server)
        return server

    def make_big(self, server):
        """So that a backup under the read limits of here outlasts any test."""
        (self.node.base / "volumes" / server / "big").write_bytes(os.urandom(1 << 20) * 100)

    def holds(self, job, reason, why, to_do):
        """What the API says of a job that waits, and the command line after it."""
        seen = self.until(job, lambda seen: seen["reason"] == reason)
        self.assertIn(why, seen["message"])
        self.assertIn(to_do, seen["advice"])
        since = seen["waiting_since"]
        self.assertTrue(since)
        shown = self.alula("jobs", "show", job)
        self.assertIn(f"  why     {seen['message']}\n", shown)
        self.assertRegex(shown, r"\n  since   (now|\d+ s ago)")
        self.assertIn(f"  to do   {seen['advice']}\n", shown)
        line = next(line for line in self.alula("jobs").splitlines() if job in line)
        self.assertIn(seen["message"], line)
        self.assertRegex(line, r"\(since (now|\d+ s ago)\)")
        # It is the same moment however often somebody looks.
        self.assertEqual(self.node.get(f"/api/jobs/{job}")["waiting_since"], since)
        return seen

    def test_docker_is_away(self):
        node = self.node_with(docker=False).start()
        job = self.node.begin("DELETE", f"/api/servers/{node.make_server('castle')}")
        self.holds(job, "DockerUnavailable", "", "Start Docker")
        found = self.alula("doctor", code=1)
        self.assertIn("BAD  docker: dockerd does not answer", found)
        self.assertIn("-> `systemctl status docker`", found)

    def test_another_job_of_the_server_is_before_it(self):
        self.node_with(read_limit=2).start()
        server = self.big_server()
        first = self.node.begin_backup(server)
        second = self.node.begin_backup(server)
        self.holds(second, "WaitingInLine", f"waits for the end of backup.create {first}",
                   f"`alula jobs show {first}` says what that one is at and prints what can be done about it.")
        self.assertIn(f"alula jobs cancel {second}\n", self.alula("jobs", "show", second))

    def test_a_restore_is_refused_while_another_job_has_the_server(self):
        node = self.node_with().start()
        server = node.make_server("castle")
        backup = node.make_backup(server)
        self.make_big(server)
        node.kill()
        node.read_limit = 1
        node.write_config()
        node.start()
        job = self.node.begin_backup(server)
        status, _, text = node.ask("POST", f"/api/servers/{server}/backup/{backup}/restore",
                                   {"adapter": "wings", "truncate_directory": True})
        self.assertEqual(status, 409, text)
        self.assertEqual(json.loads(text)["owner_job"], job)
        said = subprocess.run([BINARY, "backups", "restore", server, backup, "--yes", "--config", node.config],
                              text=True, capture_output=True)
        self.assertEqual(said.returncode, 75, said.stderr)
        self.assertIn(job, said.stderr)

    def test_its_pool_is_paused(self):
        node = self.node_with().start()
        server = node.make_server("castle")
        self.assertEqual(node.ask("POST", "/api/pools/backup/pause", {"reason": "a disk is changed"})[0], 200)
        job = self.node.begin_backup(server)
        seen = self.holds(job, "PoolPaused", "a disk is changed", "`alula pools resume backup`")
        self.assertNotIn("token", seen["message"])  # who did is not for everybody
        self.assertNotIn("{", seen["advice"])
        self.assertIn("alula pools resume backup", self.alula("doctor"))
        # And what it says to do works.
        self.alula("pools", "resume", "backup")
        self.assertEqual(node.end_of(job)["state"], "succeeded")

    def test_the_process_died_in_it_again_and_again(self):
        node = self.node_with(read_limit=1).start()
        job = self.node.begin_backup(self.big_server())
        for _ in range(3):
            self.until(job, lambda seen: any(s["name"] == "archive" and s["state"] == "started" for s in seen["steps"]))
            node.kill()
            node.start()
        seen = self.holds(job, "Parked", 'alula died 3 times in step "archive"', "look at the log and the memory")
        self.assertEqual(seen["state"], "parked")
        found = self.alula("doctor", code=1)
        self.assertIn(f"BAD  jobs: backup.create {job} is parked", found)
        self.assertIn(f"alula jobs retry {job}", found)
        shown = self.alula("jobs", "show", job)
        self.assertIn(f"alula jobs retry {job}\n", shown)
        self.assertIn(f"alula jobs abandon {job} --reason WHY\n", shown)
        said = subprocess.run([BINARY, "jobs", "watch", job, "--config", node.config], text=True, capture_output=True)
        self.assertEqual(said.returncode, 2)
        # And what it said to do works.
        node.kill()
        node.read_limit = 0
        node.write_config()
        node.start()
        self.assertIn("succeeded", self.alula("jobs", "retry", job, "--wait"))

    def test_the_disk_of_the_backups_is_full(self):
        node = self.node_with()
        self.addCleanup(small_disk(node.base / "backups"))
        node.start()
        self.addCleanup(node.kill)
        job = self.node.begin_backup(self.big_server())
        seen = self.until(job, lambda seen: seen["done"])
        self.assertEqual((seen["state"], seen["error"]["code"]), ("failed", "no-room"))
        self.assertIn("MiB are needed on the backup disk", seen["error"]["detail"])
        self.assertIn("Free space on the disk, or remove old backups", seen["advice"])
        shown = self.alula("jobs", "show", job)
        self.assertIn(f"  why     {seen['error']['detail']}\n", shown)
        self.assertIn(f"  to do   {seen['advice']}\n", shown)
        self.assertIn("MiB are needed on the backup disk", self.alula("jobs"))

    def test_the_panel_is_away(self):
        node = self.node_with(more="remote: http://127.0.0.1:1\ntoken_id: someone\n").start()
        server = node.make_server("castle")
        backup = node.make_backup(server)
        # The job is done, and what the Panel was not told stands by itself.
        told = json.loads(self.alula("outbox", "--json"))["items"]
        self.assertIn(backup, json.dumps(told))
        shown = self.alula("outbox")
        self.assertIn("backup", shown)
        self.assertIn("told by itself when the Panel answers", shown)
        self.assertIn("`alula doctor` asks it", shown)
        found = self.alula("doctor", code=1)
        self.assertIn("BAD  panel: http://127.0.0.1:1 does not answer", found)
        self.assertIn("-> Look at `remote`, DNS and the firewall.", found)
        # A job that needs the Panel says what it ran into, and what to do.
        job = self.node.begin("POST", f"/api/servers/{server}/sync")
        seen = self.until(job, lambda seen: seen["advice"])
        shown = self.alula("jobs", "show", job)
        self.assertIn("  why     ", shown)
        self.assertIn("  to do   ", shown)
        self.assertIn("Panel", seen["advice"])


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
