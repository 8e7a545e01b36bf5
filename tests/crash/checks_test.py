#!/usr/bin/python3
"""What the checks of crashes see, and how a failure is told.

  checks_test.py
"""

import contextlib
import io
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain_moves  # noqa: E402
import checks  # noqa: E402
import crash  # noqa: E402
import panel_moves  # noqa: E402
import points  # noqa: E402
from dockerd import INSTALLER, Container, Dockerd, installer_says  # noqa: E402
from servers import A, B  # noqa: E402
from workload import Client, Told  # noqa: E402


class Sentences(unittest.TestCase):
    def told(self, check):
        outcome = crash.Outcome(crash.Scenario("installs", "eio", 801))
        outcome.move, outcome.lives = 4, 2
        try:  # assertRaises forgets where it was raised
            check()
        except AssertionError as why:
            return crash.sentence_of(why, outcome)
        return self.fail("the check failed nobody")

    def test_a_failure_names_its_check_and_where_the_run_was(self):
        def volume_is_there():
            raise AssertionError("the volume is lost")
        self.assertRegex(
            self.told(volume_is_there),
            r"^volume_is_there \(checks_test\.py:\d+\) in move 4 of life 2: "
            r"the volume is lost$")

    def test_what_a_bare_check_expected_is_told_as_it_stands(self):
        def is_done():
            state = "failed"
            assert state == "succeeded", {"state": state}
        self.assertTrue(self.told(is_done).endswith(
            """expected `assert state == "succeeded", {"state": state}`, """
            """found {'state': 'failed'}"""), self.told(is_done))


class Points(unittest.TestCase):
    FOUND = [("write", "a")] * 4 + [("write", "b"), ("fsync", "b")] \
        + [("unlink", "c")] * 3

    def chosen(self, **how):
        return [each.point for each in
                points.all_of({"deletes": self.FOUND}, random.Random(1),
                              ("kill",), **how)]

    def test_all_of_them_are_all(self):
        self.assertEqual(self.chosen(), [1, 2, 3, 4, 5, 6, 7, 8, 9])

    def test_one_that_was_interrupted_goes_on_where_it_was(self):
        self.assertEqual(self.chosen(first=8), [8, 9])

    def test_of_writes_in_a_row_there_are_the_ends_and_of_others_all(self):
        self.assertEqual(self.chosen(ends=True), [1, 4, 5, 6, 7, 8, 9])

    def test_of_a_database_there_is_each_write_and_of_its_log_the_ends(self):
        found = [("write", "/ledger.db-wal")] * 3 + [("fsync", "/ledger.db-wal")] \
            + [("write", "/ledger.db")] * 3
        self.assertEqual([*points.ends_of_rows(found)], [1, 3, 4, 5, 6, 7])

    def test_each_point_has_all_ways_and_a_cut_with_another_crash(self):
        ways = [*points.all_of({"deletes": self.FOUND[:1]}, random.Random(1),
                               points.MODES)]
        self.assertEqual([each.mode for each in ways],
                         [*points.MODES, "cut"])
        self.assertTrue(ways[-1].again)


class Words(unittest.TestCase):
    """Of a campaign's command line; the files only have to be there."""

    def options(self, *words):
        return crash.read_options(
            ["--binary", __file__, "--shim", __file__, *words])

    def is_refused(self, sentence, *words):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), \
                self.assertRaises(SystemExit) as end:
            self.options(*words)
        self.assertEqual(end.exception.code, 2)
        self.assertRegex(said.getvalue(), sentence)

    def test_a_part_of_all_is_refused_without_all(self):
        for words in (("--from", "400"), ("--from", "1"), ("--ends",)):
            self.is_refused("parts of --all", *words)
            self.is_refused("parts of --all", "--all", "--point", "3", *words)

    def test_points_are_counted_in_one_workload_from_one_on(self):
        self.is_refused("one --workload", "--all", "--from", "2")
        self.is_refused("one --workload", "--all", "--from", "2",
                        "--workload", "deletes", "--workload", "backups")
        self.is_refused("first point is 1", "--all", "--from", "0",
                        "--workload", "deletes")
        self.assertEqual(self.options("--all", "--from", "1").first, 1)
        self.assertEqual(self.options("--all").first, 1)

    def test_the_last_line_says_what_was_left_out(self):
        self.assertRegex(self.last_line("--all"), " 0 failed$")
        self.assertRegex(self.last_line("--all", "--from", "9"),
                         r"^1 runs, .* 0 failed; from point 9 of 9$")
        self.assertRegex(self.last_line("--all", "--ends"),
                         "0 failed; of writes in a row the ends$")

    def test_what_begins_behind_the_last_point_is_refused(self):
        with self.assertRaises(SystemExit) as end:
            self.last_line("--all", "--from", "10")
        self.assertEqual(end.exception.code, 2)

    def last_line(self, *words):
        """Of a campaign in which nothing is run, and nothing fails."""
        words = ["crash.py", "--binary", __file__, "--shim", __file__,
                 "--workload", "deletes", "--mode", "kill", *words]
        with contextlib.redirect_stdout(io.StringIO()) as said, \
                mock.patch.object(sys, "argv", words), \
                mock.patch.object(crash, "baseline",
                                  lambda *_: {"deletes": Points.FOUND}), \
                mock.patch.object(crash, "run",
                                  lambda _, scenario: crash.Outcome(scenario)):
            crash.main()
        return said.getvalue().splitlines()[-1]


class InstallLogs(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="alula-checks-")
        self.addCleanup(shutil.rmtree, self.root)
        self.path = os.path.join(self.root, "log", "install", f"{A}.log")
        os.makedirs(os.path.dirname(self.path))
        self.said = []
        self.node = types.SimpleNamespace(
            root=self.root,
            ask=lambda *_: (200, {}, {"data": self.said}),
            docker=types.SimpleNamespace(newest_install=lambda _: 7))
        self.told = Told()

    def kept(self, job):
        return Client(self.node, self.told).log_is_kept(A, "install", job)

    def on_disk(self, *lines):
        with open(self.path, "w") as file:
            file.writelines(line + "\n" for line in lines)

    def test_an_installation_without_its_log_is_seen(self):
        with self.assertRaisesRegex(AssertionError, "is missing in"):
            self.kept({"result": {"ran": True}})

    def test_the_log_of_the_run_before_is_none(self):
        self.said += installer_says(6)
        with self.assertRaisesRegex(AssertionError, "run 7"):
            self.kept({"result": {"ran": True}})

    def test_a_log_without_its_last_words_is_seen(self):
        self.said += installer_says(7)[:1]
        with self.assertRaisesRegex(AssertionError, "installed, run 7"):
            self.kept({"result": {"ran": True}})

    def test_a_script_that_was_ended_has_no_last_words(self):
        self.said += installer_says(7)[:1]
        client = Client(self.node, self.told)
        self.assertTrue(client.log_is_kept(A, "install", {"result": None}, None))
        with self.assertRaisesRegex(AssertionError, "gave up with 3, run 7"):
            client.log_is_kept(A, "install", {"result": None}, 3)

    def test_a_log_that_was_told_lost_may_be(self):
        self.assertTrue(self.kept({"result": {"log_lost": "EIO"}}))
        checks.install_logs(self.node, self.told)

    def test_a_log_that_was_shown_stays(self):
        self.said += installer_says(7)
        self.assertTrue(self.kept({"result": {"ran": True}}))
        with self.assertRaisesRegex(AssertionError, "its log is lost"):
            checks.install_logs(self.node, self.told)
        self.on_disk(installer_says(6)[0])
        with self.assertRaisesRegex(AssertionError, "shown of run 7"):
            checks.install_logs(self.node, self.told)
        self.on_disk(installer_says(7)[0])
        checks.install_logs(self.node, self.told)
        self.on_disk(installer_says(8)[0])
        checks.install_logs(self.node, self.told)

    def test_an_installer_says_its_run(self):
        installer = Container("a_installer", {}, 7)
        installer.start()
        self.assertEqual(installer.lines, [installer_says(7)[0]])


class Installations(unittest.TestCase):
    """One of server A, told at second 20 and started at 30."""

    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="alula-checks-")
        self.addCleanup(shutil.rmtree, self.base)
        self.docker = Dockerd(os.path.join(self.base, "docker.sock"))
        self.addCleanup(self.docker.close)
        self.docker.begun += [(10, A + INSTALLER, 1), (30, A, 2)]
        self.docker.gone[1] = 15
        self.heard = [(21, True)]
        self.node = types.SimpleNamespace(
            base=self.base, ledger=os.path.join(self.base, "alula"),
            docker=self.docker, panel=types.SimpleNamespace(
                installs_of=lambda _: self.heard,
                accepted=lambda: [(self.path, {"successful": True})]))
        self.path = f"/servers/{A}/install"
        self.told = Told()
        self.told.ordered[A] = (True, None)
        os.mkdir(self.node.ledger)
        db = sqlite3.connect(os.path.join(self.node.ledger, "ledger.db"))
        db.executescript(f"""
            CREATE TABLE servers(uuid, state, install);
            CREATE TABLE jobs(server, kind);
            CREATE TABLE outbox(report, server, path, body, created_at);
            INSERT INTO servers VALUES ('{A}', 'active', 'done');
            INSERT INTO jobs VALUES ('{A}', 'server.install');
            INSERT INTO outbox VALUES (1, '{A}', '{self.path}',
              '{{"successful":true}}', 20000);""")
        db.close()

    def is_wrong(self, sentence):
        with self.assertRaisesRegex(AssertionError, sentence):
            chain_moves.installed_as_told(self.node, self.told)

    def test_one_that_went_well_is_right(self):
        chain_moves.installed_as_told(self.node, self.told)

    def test_the_panel_was_told_otherwise(self):
        self.heard.append((22, False))
        self.is_wrong("is done, and the Panel was told")

    def test_a_script_that_one_job_runs_twice_is_seen(self):
        self.docker.begun.insert(1, (12, A + INSTALLER, 3))
        self.is_wrong("1 jobs ran 2 installers")

    def test_a_word_before_the_installer_is_gone_is_seen(self):
        self.docker.gone[1] = 22
        self.is_wrong("was told of the end of installer 1")

    def test_who_was_told_installed_is_installed_no_more(self):
        self.docker.begun[0] = (25, A + INSTALLER, 1)
        self.is_wrong("told installed at 20.0, and its installers ran at .25.")

    def test_a_start_before_the_end_is_seen(self):
        self.docker.begun[1] = (19, A, 2)
        self.is_wrong("told installed at 20.0, and was started at .19.")

    def test_a_start_that_nobody_wished_or_that_is_missing_is_seen(self):
        self.told.ordered[A] = (False, None)
        self.is_wrong("was started at .30.")
        self.told.ordered[A] = (True, None)
        del self.docker.begun[1]
        self.is_wrong("was started at ..$")

    def test_a_game_beside_its_installer_is_seen(self):
        self.docker.ends_with[A + INSTALLER] = None
        self.docker.start(self.docker.put(A, {}))
        self.assertEqual(self.docker.beside, [])
        self.docker.start(self.docker.put(A + INSTALLER, {}))
        self.assertEqual(self.docker.beside, [(A, 2)])
        self.docker.crash(A)
        self.docker.start(self.docker.containers[self.docker.find(A)])
        self.assertEqual(self.docker.beside, [(A, 2)] * 2)

    def test_a_game_beside_its_installer_is_wrong_where_it_was_ordered(self):
        self.docker.beside.append((A, 1))
        self.is_wrong("ran beside its installer")

    def test_a_panel_that_never_heard_is_seen(self):
        self.heard.clear()
        self.is_wrong("was never told what was written")

    def test_who_was_never_told_installed_is_seen(self):
        self.told.ordered[B] = (True, None)
        self.is_wrong(f"{B} was ordered, and never told installed")

    def test_a_word_to_the_panel_that_is_not_on_the_disk_is_seen(self):
        with checks.Ledger(self.node) as ledger:
            checks.told_words(self.node, ledger)
            self.path = "/servers/other/install"
            with self.assertRaisesRegex(AssertionError, "the disk has not"):
                checks.told_words(self.node, ledger)


class HonestDisks(unittest.TestCase):
    """With one job that runs, and a cancel of it."""

    JOB = "0192a000-0000-7000-8000-000000000001"

    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="alula-checks-")
        self.addCleanup(shutil.rmtree, self.base)
        self.node = types.SimpleNamespace(
            base=self.base, root=self.base, panel=None,
            **{name: os.path.join(self.base, name) for name in
               ("ledger", "volumes", "trash", "backups", "staging")})
        os.mkdir(self.node.ledger)
        self.run_in_ledger(f"""
            CREATE TABLE jobs(id, state, version, cancel_requested_at, job_row,
              boot);
            INSERT INTO jobs VALUES ('{self.JOB}', 'cancelling', 3, 1000, 1, 1);
            """)
        self.told = Told()
        self.told.jobs[self.JOB] = {"version": 2, "done": False,
                                    "state": "running"}
        self.told.cancelled.add(self.JOB)

    def run_in_ledger(self, words):
        db = sqlite3.connect(os.path.join(self.node.ledger, "ledger.db"))
        db.executescript(words)
        db.close()

    def is_wrong(self, sentence):
        with self.assertRaisesRegex(AssertionError, sentence):
            checks.honest_disk(self.node, self.told)

    def test_one_that_has_all_it_said_is_right(self):
        checks.honest_disk(self.node, self.told)
        self.assertEqual(self.told.running, {(1, 1)})

    def test_a_cancel_that_was_accepted_and_forgotten_is_seen(self):
        self.run_in_ledger("UPDATE jobs SET cancel_requested_at = NULL")
        self.is_wrong(f"cancels that were accepted, and forgotten: .*{self.JOB}")

    def test_a_job_that_was_accepted_and_forgotten_is_seen(self):
        self.told.cancelled.clear()
        self.run_in_ledger("DELETE FROM jobs")
        self.is_wrong("is not on the disk")


class Reports(unittest.TestCase):
    def test_an_installation_may_be_told_by_another_beside_it(self):
        ended = {"first": ("server.install", "succeeded", 1, 10, 30),
                 "in line": ("server.reinstall", "cancelled", 1, 20, 40),
                 "later": ("server.reinstall", "failed", 1, 50, 60),
                 "elsewhere": ("server.reinstall", "failed", 2, 20, 40)}
        self.assertEqual(
            [job for job in ended if panel_moves.ends_with_another(job, ended)],
            ["in line"])


if __name__ == "__main__":
    unittest.main()
