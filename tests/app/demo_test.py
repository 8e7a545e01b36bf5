#!/usr/bin/python3
"""scripts/demo where there is no Docker: it says so, shows everything else, and
leaves nothing behind, also beside another and when it was kept for a look.

    demo_test.py ALULA [TEST…]
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import running_node

DEMO = running_node.ROOT / "scripts/demo"
PATIENCE = 60  # seconds, for anything
SHOWN = ["there is no Docker here (a test has none)", "== A server",
         "== A backup while the game writes, and kill -9 in the middle",
         "== The world is destroyed, and comes back", "== A look into the archive",
         "== What an operator sees", "== What happened"]


class Run:
    """In a directory and a process group of its own, which show what is left."""

    def __init__(self, *words):
        # Of a name that leaves room for the path of a unix socket.
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="demo."))
        self.process = subprocess.Popen(
            [DEMO, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "ALULA_BINARY": str(pathlib.Path(running_node.BINARY).resolve()), "ALULA_DEMO_INNER": "1",
                 "ALULA_NO_DOCKER": "a test has none", "TMPDIR": str(self.place)})

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.place, ignore_errors=True)


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Beside each other: neither needs what the other has.
        cls.plain, cls.kept = Run(), Run("--keep")

    @classmethod
    def tearDownClass(cls):
        cls.plain.close()
        cls.kept.close()

    def check_that_nothing_is_left(self, run):
        with self.assertRaises(ProcessLookupError):
            os.killpg(run.process.pid, 0)
        self.assertEqual(list(run.place.iterdir()), [])

    def check_that_all_is_shown(self, text):
        for part in SHOWN:
            self.assertIn(part, text)
        self.assertNotIn("FAIL", text)

    def urls_in(self, text):
        """By what stands before them."""
        return dict(re.findall(r"s  (status page|jobs|the API|figures) +(http://\S+)", text))

    def test_it_shows_everything_else_and_leaves_nothing(self):
        text, _ = self.plain.process.communicate(timeout=PATIENCE)
        self.assertEqual(self.plain.process.returncode, 0, text)
        self.check_that_all_is_shown(text)
        self.assertIn("== The server is deleted", text)
        self.assertEqual(len(self.urls_in(text)), 4, text)
        self.assertIn("scripts/demo --keep", text)
        self.check_that_nothing_is_left(self.plain)

    def test_what_is_kept_answers_until_it_is_ended(self):
        demo, text = self.kept.process, ""
        for line in demo.stdout:
            text += line
            if "Ctrl-C ends" in line:
                break
        self.check_that_all_is_shown(text)
        token = re.search(r"token +(\S+)", text[text.index("== Where to look"):])[1]
        urls = self.urls_in(text)
        self.assertEqual(len(urls), 4, text)
        for url in urls.values():
            request = urllib.request.Request(url.split("#")[0], headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                self.assertEqual(answer.status, 200, url)
        os.killpg(demo.pid, signal.SIGINT)
        self.assertEqual(demo.wait(PATIENCE), 130)
        self.check_that_nothing_is_left(self.kept)
        with self.assertRaises(urllib.error.URLError):
            urllib.request.urlopen(urls["status page"], timeout=PATIENCE)


if __name__ == "__main__":
    running_node.run_tests(sys.modules["__main__"])
