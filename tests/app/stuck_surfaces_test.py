#!/usr/bin/python3
"""One node on which jobs are stuck for each reason we know at once: Docker away,
a full disk, the Panel away, parked after crashes, locked by another job. Each
shows why, since when and what to do, in the API, in `alula jobs show`, in `alula
jobs`, in `alula doctor` and on the page.

    stuck_surfaces_test.py ALULA [TEST…]

With SCREENSHOTS=DIR it also leaves a picture there.
"""

import datetime
import json
import os
import re
import subprocess
import sys
import time
import unittest
import uuid as uuids

from page import Browsed
from running_node import Panel, RunningNode, run_tests, small_disk

BINARY = ""
PATIENCE = 60  # seconds, for anything


class World:
    """The node, and its jobs by what they are stuck at."""

    def __init__(self):
        self.unmounts = []
        self.began = datetime.datetime.now(datetime.timezone.utc)
        self.panel = Panel(503)
        self.node = RunningNode(BINARY, docker=False, read_limit=1, more=self.panel.config())
        try:
            self.fill()
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.node.process and self.node.process.poll() is None:
            self.node.kill()
        for unmount in self.unmounts:
            unmount()
        self.node.close()

    def small_disk(self, name, options):
        at = self.node.base / name
        self.unmounts.append(small_disk(at, options))
        return at

    def create_server(self):
        uuid = str(uuids.uuid4())
        return self.node.begin("POST", "/api/servers", {
            "uuid": uuid, "start_on_completion": False,
            "settings": {"uuid": uuid, "meta": {"name": "late", "description": ""},
                         "container": {"image": "~alula/test"}, "build": {"memory_limit": 1024, "disk_space": 0}},
            "process_configuration": {}})

    def is_in_archive(self, job):
        return any(s["name"] == "archive" and s["state"] == "started" for s in self.node.get(f"/api/jobs/{job}")["steps"])

    def fill(self):
        node = self.node
        volumes = self.small_disk("volumes", "size=96m,nr_inodes=200")
        backups = self.small_disk("backups", "size=32m")
        node.start()
        castle, hut, mill, barn = (node.make_server(name, files=3) for name in ("castle", "hut", "mill", "barn"))
        (volumes / castle / "big").write_bytes(os.urandom(1 << 20) * 16)
        (volumes / barn / "big").write_bytes(os.urandom(1 << 20) * 48)

        parked = self.node.begin_backup(castle)
        for _ in range(3):
            end = time.monotonic() + PATIENCE
            while not self.is_in_archive(parked):
                if time.monotonic() > end:
                    raise RuntimeError("the backup does not begin")
            node.kill()
            node.start()
        self.panel.close()
        full = self.node.begin_backup(barn)
        node.end_of(full)
        try:
            for i in range(1000):
                (volumes / f"filler.{i}").mkdir()
        except OSError:
            pass

        # By name: the job, its reason, and what is in the why, the advice and the doctor's finding.
        self.jobs = {
            "parked": (parked, "Parked", ['alula died 3 times in step "archive"'],
                       ["look at the log and the memory", "retry", "abandon"], "is parked"),
            "locked": (self.node.begin_backup(castle), "WaitingInLine", [f"waits for the end of backup.create {parked}, which is parked"],
                       [f"alula jobs retry {parked}", f"alula jobs abandon {parked} --reason WHY"], "waits for"),
            "docker": (self.node.begin("DELETE", f"/api/servers/{mill}"), "DockerUnavailable", [str(node.socket)],
                       ["Start Docker", "goes on by itself"], "waits for"),
            "panel": (self.node.begin("POST", f"/api/servers/{hut}/sync"), "PanelUnavailable",
                      ["the Panel cannot be reached", f"asked at http://127.0.0.1:{self.panel.server.server_port}"],
                      ["remote", "goes on by itself"], "waits for"),
            "disk": (self.create_server(), "InsufficientStorage", [f"the disk at {volumes} has no free inodes", " are free"],
                     ["Free space", "inodes", "goes on by itself"], "waits for"),
        }
        # What does not fit waits for nothing: it has failed, with the numbers.
        self.full, self.backups = full, backups


def setUpModule():
    global WORLD
    WORLD = World()


def tearDownModule():
    WORLD.close()


def alula(*words, code=0):
    done = subprocess.run([BINARY, *words, "--config", WORLD.node.config], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE)
    if done.returncode != code:
        raise RuntimeError(f"{words}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


class Told(unittest.TestCase):
    def each(self, check):
        """A job that is tried right now says so instead: it is looked at again."""
        end = time.monotonic() + PATIENCE
        for name, (job, *expected) in WORLD.jobs.items():
            with self.subTest(name):
                while True:
                    try:
                        check(job, *expected)
                        break
                    except AssertionError:
                        if time.monotonic() > end:
                            raise

    def test_the_api_says_why_since_when_and_what_to_do(self):
        since = {}

        def check(job, reason, why, to_do, _):
            seen = WORLD.node.get(f"/api/jobs/{job}")
            self.assertEqual(seen["reason"], reason)
            for part in why:
                self.assertIn(part, seen["message"])
            for part in to_do:
                self.assertIn(part, seen["advice"])
            began = datetime.datetime.fromisoformat(seen["waiting_since"].replace("Z", "+00:00"))
            self.assertLessEqual(began, datetime.datetime.now(datetime.timezone.utc))
            self.assertGreaterEqual(began, WORLD.began)
            # The same moment however often it is tried and looked at.
            self.assertEqual(since.setdefault(job, began), began)
            self.assertNotIn("token", seen["message"])

        self.each(check)
        self.each(check)

    def test_jobs_show_says_all_three_in_words(self):
        def check(job, reason, why, to_do, _):
            shown = alula("jobs", "show", job)
            said = {name: (re.findall(rf"^  {name} +(.*)$", shown, re.M) or [""])[0] for name in ("why", "since", "to do")}
            for part in why:
                self.assertIn(part, said["why"])
            self.assertRegex(said["since"], r"^(now|\d+ (s|min))")
            for part in to_do:
                self.assertIn(part, said["to do"])
        self.each(check)

    def test_the_list_of_jobs_marks_it(self):
        def check(job, reason, why, to_do, _):
            line = next(line for line in alula("jobs", "list").splitlines() if line.startswith(job))
            for part in why:
                self.assertIn(part, line)
            self.assertRegex(line, r"\(since (now|\d+ (s|min))")
        self.each(check)

    def test_the_doctor_names_it_at_once(self):
        def check(job, reason, why, to_do, finding):
            found = json.loads(alula("doctor", "--json", code=1))
            about = [f for f in found if f["area"] == "jobs" and f" {job} {finding}" in f["what"]]
            self.assertEqual(len(about), 1, found)
            self.assertIn(about[0]["level"], ("warning", "bad"))
            for part in why:
                self.assertIn(part, about[0]["what"])
            for part in to_do:
                self.assertIn(part, about[0]["to_do"])
        self.each(check)

    def test_a_backup_that_does_not_fit_has_failed_with_the_numbers(self):
        seen = WORLD.node.get(f"/api/jobs/{WORLD.full}")
        self.assertEqual((seen["state"], seen["error"]["code"]), ("failed", "no-room"))
        detail = seen["error"]["detail"]
        self.assertIn(f"MiB are needed on the backup disk (mounted at {WORLD.backups})", detail)
        self.assertRegex(detail, r": [\d.]+ MiB are missing$")
        self.assertIn("Free space on the disk", seen["advice"])
        self.assertIn(f"  why     {detail}\n", alula("jobs", "show", WORLD.full))
        self.assertIn(detail, next(line for line in alula("jobs").splitlines() if line.startswith(WORLD.full)))


class Shown(Browsed):
    @classmethod
    def furnish(cls):
        cls.node = WORLD.node

    @classmethod
    def clear_away(cls):
        pass

    def card(self, job):
        """What is read of one job among those under way."""
        return next((c.text for c in self.find("main article.card")
                     if self.find(f"a[href='#/jobs/{job}']", c)), "")

    def test_the_page_shows_all_three_in_the_list_and_of_each_job(self):
        self.open("jobs")
        expected = {name: (job, ["Why: ", "Since", "What to do: ", *why, *(part.replace("`", "") for part in to_do)])
                    for name, (job, _, why, to_do, _) in WORLD.jobs.items()}
        for name, (job, parts) in expected.items():
            with self.subTest(name, of="the list"):
                self.wait(lambda: all(part in self.card(job) for part in parts))
        self.look("stuck-each")
        for name, (job, parts) in expected.items():
            with self.subTest(name, of="the job"):
                self.browser.get(f"{self.node.url}/#/jobs/{job}")
                self.wait_text(*parts)
        self.browser.get(f"{self.node.url}/#/jobs/{WORLD.full}")
        self.wait_text("Failed:", f"(mounted at {WORLD.backups})", "are missing", "What to do:", "Free space on the disk")


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
