#!/usr/bin/python3
"""What clients of a node that crashes hold it to, shown by nodes that break it.

  moves_test.py
"""

import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crash  # noqa: E402
from backup_workloads import FIRST  # noqa: E402
from dockerd import INSTALLER, installer_says  # noqa: E402
from node import Died, Node  # noqa: E402
from points import MODES  # noqa: E402
from servers import A  # noqa: E402
from workload import Client, Told, Workload  # noqa: E402


class Answers:
    """A node that says what a test has put there, and then does `next`."""

    def __init__(self, base):
        self.root = base
        self.backups = os.path.join(base, "backups")
        self.jobs = []      # the newest first
        self.server = {}
        self.log = []       # of its newest installation
        self.of_post = (202, {}, {})
        self.asked = []     # what was posted
        self.next = lambda: None
        self.containers = set()  # that run
        self.docker = types.SimpleNamespace(
            beside=[], newest_install=lambda _: 7,
            names=lambda: sorted(self.containers),
            is_running=lambda name: name in self.containers)

    def ask(self, method, path, *_):
        if method == "POST":
            self.asked.append(path)
            self.next()
            return self.of_post
        if path.startswith("/api/jobs?"):
            return 200, {}, {"items": self.jobs}
        if path.startswith("/api/jobs/"):
            return 200, {"etag": '"1"'}, next(
                job for job in self.jobs if path.endswith(job["id"]))
        return 200, {}, {"data": self.log} if path.endswith("/install-logs") \
            else self.server

    def rest(self, *_):
        pass


def job_that(state, kind="server.install", **more):
    return {"id": "j", "kind": kind, "state": state, "error": None,
            "result": None, "done": state in ("succeeded", "failed",
                                              "cancelled"), **more}


class Moves(unittest.TestCase):
    def setUp(self):
        base = tempfile.mkdtemp(prefix="alula-moves-")
        self.addCleanup(shutil.rmtree, base)
        self.node, self.told = Answers(base), Told()
        self.client = Client(self.node, self.told)

    def is_wrong(self, sentence, move):
        with self.assertRaisesRegex(AssertionError, sentence):
            move()


class Links(Moves):
    """Of the Panel, to an archive."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.node.backups)
        self.archive = os.path.join(self.node.backups, f"backup-{FIRST}.tar.gz")
        with open(self.archive, "wb") as file:
            file.write(b"all of it")
        self.told.backups.add(FIRST)
        self.line = []  # (status, bytes, or None: it died) of each answer
        self.node.request = self.request

    def request(self, _method, _path, head):
        status, data = self.line.pop(0)
        if status:
            head(status)
        if data is None:
            raise Died("in the middle")
        return status, {}, data

    def answered(self, status, data=b"all of it"):
        self.line.append((status, json.dumps({"code": "token-used"}).encode()
                          if status == 410 else data))
        return self.client.follow_link(A, FIRST, "link")

    def dies(self, status):
        with self.assertRaises(Died):
            self.answered(status, None)

    def test_one_is_good_once(self):
        self.assertTrue(self.answered(200))
        self.assertTrue(self.answered(410))
        self.is_wrong("is good once more", lambda: self.answered(200))

    def test_one_that_nobody_has_followed_is_good(self):
        self.is_wrong("used up, by nobody", lambda: self.answered(410))

    def test_one_that_was_asked_without_an_answer_may_be_either(self):
        self.dies(None)
        self.assertTrue(self.answered(410))
        self.is_wrong("is good once more", lambda: self.answered(200))
        self.told.followed.clear()
        self.dies(None)
        self.assertTrue(self.answered(200))

    def test_with_the_head_of_the_answer_it_is_used_up(self):
        self.dies(200)
        self.is_wrong("is good once more", lambda: self.answered(200))

    def test_it_gives_the_archive(self):
        self.is_wrong("other bytes", lambda: self.answered(200, b"half"))
        self.told.followed.clear()
        os.unlink(self.archive)
        self.is_wrong("told ready; no file", lambda: self.answered(200))


class Heads(unittest.TestCase):
    def test_a_node_that_dies_in_the_middle_of_an_answer_was_heard(self):
        door = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(door.close)

        def say_half():
            link, _ = door.accept()
            link.recv(65_536)
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall")
            link.close()
        node = threading.Thread(target=say_half)
        node.start()
        self.addCleanup(node.join)
        heard = []
        with self.assertRaises(Died):
            Node.request(types.SimpleNamespace(port=door.getsockname()[1]),
                         "GET", "/download", head=heard.append)
        self.assertEqual(heard, [200])


class Disks(Moves):
    """What fails over a disk is asked for again where one has failed."""

    def settle(self):
        self.node.jobs = [job_that("failed", error={"code": "io-error"})]
        self.node.next = lambda: self.node.jobs.insert(0, job_that("succeeded"))
        return self.client.settle(
            A, lambda jobs: jobs[0]["state"] == "succeeded")

    def test_a_failure_over_a_disk_is_told_when_none_has_failed(self):
        self.is_wrong("no disk has failed", self.settle)
        self.assertEqual(self.node.asked, [])

    def test_a_failure_over_a_disk_that_fails_is_tried_again(self):
        self.told.disk_fails = True
        self.assertTrue(self.settle())
        self.assertEqual(self.node.asked, ["/api/jobs/j/retry"])

    def test_so_it_is_with_what_is_asked_for_once_more(self):
        for code in ("no-room", "io-error", "insufficient-storage",
                     "journal-unavailable"):
            seen = job_that("failed", error={"code": code})
            self.told.disk_fails = False
            self.is_wrong("no disk has failed",
                          lambda: self.client.again(seen))
            self.told.disk_fails = True
            self.assertFalse(self.client.again(seen))
        self.told.disk_fails = False
        self.assertFalse(self.client.again(
            job_that("failed", error={"code": "store-unavailable"})))

    def test_disks_fail_in_the_runs_that_make_them(self):
        fails = {}

        def moves(client):
            fails[mode] = client.told.disk_fails
            raise Died("before its first life")
        with mock.patch.dict(crash.WORKLOADS, {"none": Workload(moves)}):
            for mode in MODES:
                scenario = crash.Scenario("none", mode, 1)
                with self.assertRaises(Died):
                    crash.run_lives(self.node, scenario, crash.Outcome(scenario))
        self.assertEqual(fails, {"kill": False, "cut": False, "eio": True,
                                 "enospc": True, "eio40": True,
                                 "enospc40": True})

    def test_one_that_ended_without_an_error_is_no_reason_to_ask_again(self):
        self.is_wrong("no code",
                      lambda: self.client.again(job_that("cancelled")))


class Installations(Moves):
    def setUp(self):
        super().setUp()
        self.node.jobs = [job_that("failed", error={"what": "exit code 3"})]
        self.node.server = {"install": {"state": "failed"}, "state": "offline",
                            "wanted_power": "down"}
        self.node.log = list(installer_says(7, 3))

    def test_a_script_that_gave_up_has_the_last_word(self):
        self.assertTrue(self.client.is_given_up(A, 3))
        self.assertIs(self.told.wanted[A], False)
        self.node.jobs = [job_that("succeeded")]
        self.is_wrong("the script ended with 3",
                      lambda: self.client.is_given_up(A, 3))

    def test_one_that_did_not_go_well_leaves_its_server_down(self):
        self.node.server["install"]["state"] = "done"
        self.is_wrong("did not go well, and is done",
                      lambda: self.client.is_given_up(A, 3))
        self.node.server["install"]["state"] = "failed"
        self.node.containers.add(A)
        self.is_wrong("was never installed, and it runs",
                      lambda: self.client.is_given_up(A, 3))

    def test_a_container_that_outlives_its_job_is_seen(self):
        self.node.containers.add(A + INSTALLER)
        self.is_wrong("its container is there",
                      lambda: self.client.is_given_up(A, 3))

    def cancel(self, answer, state):
        """Of one that runs, and then is so."""
        self.told.to_cancel.clear()
        self.told.cancelled.clear()
        self.told.jobs.clear()
        self.node.jobs = [job_that("running")]
        self.node.containers.add(A + INSTALLER)
        self.node.of_post = 202, {}, answer

        def ends():
            self.node.containers.clear()
            self.node.jobs = [job_that(state)]
        self.node.next = ends
        return self.client.cancel_installation(A)

    def test_a_cancel_that_was_accepted_is_the_end(self):
        accepted = {"cancel_requested_at": "2026-01-01T00:00:00Z"}
        self.assertTrue(self.cancel(accepted, "cancelled"))
        self.assertEqual(self.node.asked, ["/api/jobs/j/cancel"])
        self.assertEqual(self.told.cancelled, {"j"})
        self.is_wrong("a cancel was accepted, and the job is",
                      lambda: self.cancel(accepted, "succeeded"))

    def test_one_of_which_no_job_is_listed_is_seen(self):
        self.node.jobs = []
        self.is_wrong("no job of it is listed",
                      lambda: self.client.ended_badly(A, 3))
        self.node.server = {"install": {"state": "done"}, "state": "offline",
                            "wanted_power": "down"}
        self.is_wrong("no job of it is listed",
                      lambda: self.client.is_through(A, up=False))

    def test_a_reinstall_beside_its_game_is_seen(self):
        self.node.log = list(installer_says(7))
        self.node.jobs = [job_that("succeeded", result={})]
        self.told.keys["again"] = "j"

        def install(word):
            return self.client.install(A, "again", word)
        self.node.docker.beside.append((A, 6))  # another one
        self.assertTrue(install("reinstall"))
        self.node.docker.beside.append((A, 7))
        self.is_wrong("ran beside installer 7 of its reinstall",
                      lambda: install("reinstall"))
        self.assertTrue(install("install"))


if __name__ == "__main__":
    unittest.main()
