#!/usr/bin/python3
"""Proves the shim and the disk with a small program: what was not synced is
dropped by a power cut, what was synced stays.

  shim_test.py <alula_crash_shim.so> <alula_crash_probe>
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disk  # noqa: E402

SHIM, PROBE = "", ""


class Place(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="alula-shim-")
        self.addCleanup(shutil.rmtree, self.root)
        self.watched = os.path.join(self.root, "data")
        self.state = os.path.join(self.root, "state")
        os.mkdir(self.watched)
        disk.prepare_state(self.state)

    def run_probe(self, *calls, **environment):
        words = []
        for call in calls:
            words += (call.split(" ", 2) + ["-", "-"])[:3]
        return subprocess.run(
            [PROBE, *words], cwd=self.watched, capture_output=True, text=True,
            env={**os.environ, "LD_PRELOAD": SHIM,
                 "ALULA_CRASH_WATCH": self.watched,
                 "ALULA_CRASH_STATE": self.state,
                 **{f"ALULA_CRASH_{k}": str(v)
                    for k, v in environment.items()}})

    def do(self, *calls):
        done = self.run_probe(*calls)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def cut(self, seed=0):
        return disk.cut_power(self.watched, self.state, seed)

    def tree(self):
        found = {}
        for path, directories, names in os.walk(self.watched):
            at = os.path.relpath(path, self.watched)
            for name in directories:
                found[os.path.normpath(os.path.join(at, name))] = None
            for name in names:
                with open(os.path.join(path, name)) as file:
                    found[os.path.normpath(os.path.join(at, name))] \
                        = file.read()
        return found


class Cuts(Place):
    def test_a_file_that_was_never_synced_is_gone(self):
        self.do("write a hello")
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_a_synced_file_without_its_name_is_gone(self):
        self.do("write a hello", "sync a")
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_a_synced_name_without_its_data_is_empty(self):
        self.do("write a hello", "sync .")
        self.cut()
        self.assertEqual(self.tree(), {"a": ""})

    def test_a_synced_file_with_its_name_stays(self):
        self.do("write a hello", "sync a", "sync .")
        self.assertEqual(self.cut(), 0)
        self.assertEqual(self.tree(), {"a": "hello"})

    def test_overwritten_bytes_come_back(self):
        self.do("write a hello", "sync a", "sync .", "over a HEL",
                "append a world", "resize a 2")
        self.cut()
        self.assertEqual(self.tree(), {"a": "hello"})

    def test_a_truncating_open_is_taken_back(self):
        self.do("write a hello", "sync a", "sync .", "write a x")
        self.cut()
        self.assertEqual(self.tree(), {"a": "hello"})

    def test_an_unlinked_file_comes_back_with_its_data(self):
        self.do("write a hello", "sync a", "sync .", "unlink a")
        self.assertEqual(self.tree(), {})
        self.cut()
        self.assertEqual(self.tree(), {"a": "hello"})

    def test_a_synced_unlink_stays(self):
        self.do("write a hello", "sync a", "sync .", "unlink a", "sync .")
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_a_rename_needs_both_directories(self):
        self.do("mkdir one", "mkdir two", "write one/a hello", "sync one/a",
                "sync one", "sync two", "sync .")
        self.do("rename one/a two/b", "sync two")
        self.cut()
        self.assertEqual(self.tree(), {"one": None, "two": None,
                                       "one/a": "hello"})
        self.do("rename one/a two/b", "sync one", "sync two")
        self.cut()
        self.assertEqual(self.tree(), {"one": None, "two": None,
                                       "two/b": "hello"})

    def test_a_rename_over_a_file_is_taken_back(self):
        self.do("write a old", "sync a", "write t new", "sync t", "sync .",
                "rename t a")
        self.cut()
        self.assertEqual(self.tree(), {"a": "old", "t": "new"})

    def test_a_tree_in_an_unsynced_directory_is_gone(self):
        self.do("mkdir d", "write d/a hello", "sync d/a", "sync d")
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_a_removed_tree_comes_back(self):
        self.do("mkdir d", "mkdir d/e", "write d/e/a hello", "sync d/e/a",
                "sync d/e", "sync d", "sync .")
        self.do("unlink d/e/a", "rmdir d/e", "rmdir d")
        self.cut()
        self.assertEqual(self.tree(), {"d": None, "d/e": None,
                                       "d/e/a": "hello"})

    def test_a_synced_removal_of_a_tree_stays(self):
        self.do("mkdir d", "write d/a hello", "sync d/a", "sync d", "sync .")
        self.do("unlink d/a", "rmdir d", "sync .")
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_a_directory_is_not_gone_while_what_left_it_is_back_in_it(self):
        seen = set()
        for seed in range(1, 40):
            old, new = f"from{seed}", f"to{seed}"
            self.do(f"mkdir {old}", f"mkdir {old}/d", f"mkdir {new}",
                    f"write {old}/d/a hello", f"sync {old}/d/a",
                    f"sync {old}/d", f"sync {old}", f"sync {new}", "sync .")
            self.do(f"rename {old}/d/a {new}/a", f"rmdir {old}/d")
            self.cut(seed)
            tree = self.tree()
            places = (f"{old}/d/a" in tree, f"{new}/a" in tree)
            self.assertIn(places, ((True, False), (False, True)))
            seen.add((places, f"{old}/d" in tree))
        # The file may be back, or only its directory, or neither.
        self.assertEqual(len(seen), 3)

    def test_what_came_into_a_directory_is_back_when_that_was_never_made(self):
        seen = set()
        for seed in range(1, 80):
            old, new = f"from{seed}", f"to{seed}"
            self.do(f"mkdir {old}", f"write {old}/a hello", f"sync {old}/a",
                    f"sync {old}", "sync .")
            self.do(f"mkdir {new}", f"mkdir {new}/d",
                    f"rename {old}/a {new}/d/a")
            self.cut(seed)
            tree = self.tree()
            places = (f"{old}/a" in tree, f"{new}/d/a" in tree)
            self.assertIn(places, ((True, False), (False, True)))
            seen.add((places, new in tree, f"{new}/d" in tree))
        # The file may have come, or not, and so may one directory, or both.
        self.assertEqual(len(seen), 4)

    def test_a_mode_comes_back_without_a_sync(self):
        self.do("write a hello", "sync a", "sync .", "chmod a 600")
        self.cut()
        mode = os.stat(os.path.join(self.watched, "a")).st_mode & 0o777
        self.assertEqual(mode, 0o644)

    def test_raw_openat2_is_seen(self):
        self.do("beneath a -")
        self.assertEqual(self.tree(), {"a": ""})
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_changes_of_an_earlier_life_are_lost_too(self):
        self.do("write a hello")
        self.do("write b hello", "sync b")
        self.cut()
        self.assertEqual(self.tree(), {})

    def test_a_random_cut_loses_a_suffix_of_the_names(self):
        calls = [f"write {name} x" for name in "abcdef"]
        seen = set()
        for seed in range(1, 40):
            self.do(*calls)
            self.cut(seed)
            names = "".join(sorted(self.tree()))
            self.assertTrue("abcdef".startswith(names), names)
            seen.add(names)
            for name in names:
                os.unlink(os.path.join(self.watched, name))
        self.assertIn("", seen)
        self.assertGreater(len(seen), 3)


class Points(Place):
    def test_a_kill_comes_before_the_numbered_call(self):
        done = self.run_probe("write a hello", "unlink a", KILL_AT=3)
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual(self.tree(), {"a": "hello"})
        self.assertEqual([kind for kind, _ in disk.points(self.state)],
                         ["create", "write", "unlink"])

    def test_a_failing_call_changes_nothing(self):
        done = self.run_probe("write a hello", "unlink a", "write b x",
                              FAIL_AT=3, FAIL_ERRNO=28)
        self.assertIn("1 unlink a: No space left", done.stdout)
        self.assertEqual(self.tree(), {"a": "hello"})

    def test_calls_fail_so_many_times(self):
        done = self.run_probe("write a hello", FAIL_AT=1, FAIL_TIMES=1)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.tree(), {})

    def test_calls_elsewhere_are_no_points(self):
        other = os.path.join(self.root, "other")
        self.do(f"write {other} hello", f"sync {other}", f"unlink {other}")
        self.assertEqual(disk.points(self.state), [])


if __name__ == "__main__":
    PROBE = os.path.abspath(sys.argv.pop())
    SHIM = os.path.abspath(sys.argv.pop())
    unittest.main()
