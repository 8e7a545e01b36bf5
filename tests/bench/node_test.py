#!/usr/bin/python3
"""What the scripts of bench/ measure: a past that is written into a ledger is
one that alula could have had.

    node_test.py ALULA [TEST…]
"""

import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(ROOT / "bench"), str(ROOT / "tests/app")]
from node import Node, fill  # noqa: E402
from running_node import run_tests  # noqa: E402

BINARY = ""
SERVERS, JOBS = 3, 120


class Past(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.node = Node(pathlib.Path(BINARY).resolve(), place.name)
        self.node.start()
        self.addCleanup(self.node.stop)

    def steps_of(self, row, of):
        return of.execute("SELECT seq, name, class, state FROM job_steps WHERE job_row = ? ORDER BY seq", (row,)).fetchall()

    def test_jobs_that_are_written_are_like_the_one_that_alula_has_done(self):
        self.node.create()
        self.node.stop()
        fill(self.node.ledger, SERVERS, JOBS)
        db = sqlite3.connect(self.node.ledger)
        self.addCleanup(db.close)
        (done, plan), *written = db.execute("SELECT job_row, plan_version FROM jobs WHERE kind = 'server.create' ORDER BY job_row").fetchall()
        self.assertEqual(len(written), JOBS)
        steps = self.steps_of(done, db)
        self.assertIn("activate", [name for _, name, _, _ in steps])
        for row, plan_of_it in written:
            self.assertEqual(plan_of_it, plan)
            self.assertEqual(self.steps_of(row, db), steps)

    def test_a_node_has_what_was_written_and_finds_nothing_wrong(self):
        self.node.create()
        self.node.stop()
        fill(self.node.ledger, SERVERS, JOBS)
        self.node.start()
        of = {server["configuration"]["uuid"] for server in json.loads(self.node.ask("GET", "/api/servers")[2])}
        self.assertEqual(len(of), SERVERS + 1)
        jobs = json.loads(self.node.ask("GET", "/api/jobs?kind=server.create&limit=200")[2])["items"]
        self.assertEqual(len(jobs), JOBS + 1)
        self.assertEqual({job["server"] for job in jobs}, of)
        self.assertEqual({job["state"] for job in jobs}, {"succeeded", "failed"})
        check = subprocess.run([BINARY, "db", "check", "--config", self.node.config], text=True, capture_output=True)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)

    def test_no_jobs_are_made_up_where_alula_has_done_none(self):
        self.node.stop()
        with self.assertRaisesRegex(AssertionError, "no server.create"):
            fill(self.node.ledger, SERVERS, JOBS)


class Counts(unittest.TestCase):
    def test_less_than_one_is_refused_with_a_sentence(self):
        for option in ("--servers", "--jobs", "--rounds"):
            for few in ("0", "-1"):
                asked = subprocess.run([sys.executable, ROOT / "bench/boot", f"{option}={few}"], text=True, capture_output=True)
                self.assertEqual(asked.returncode, 2)
                self.assertIn(f"argument {option}: {few} is too few: 1 at least", asked.stderr)


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
