#!/usr/bin/python3
"""Restores on a disk that is too small for them, with the real daemon on a file
system of 8 MiB: refused or rolled back with the numbers, and nothing touched.

  tests/crash/small_disk_test.py <alula>

It mounts that file system: as root. Skipped where that may not be.
"""

import contextlib
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checks  # noqa: E402
from node import Node  # noqa: E402
from servers import A  # noqa: E402
from workload import Client, Told  # noqa: E402

BINARY = ""
BACKUP = "11111111-1111-4111-8111-111111111111"
MIB = 1 << 20


def lie_about_size(path, content_bytes):
    """A manifest that is whole, and promises less than is in the archive."""
    with open(path, "rb") as file:
        member = zlib.decompressobj(wbits=31)
        header = member.decompress(file.read())
        rest = member.unused_data
    facts = json.loads(header.split(b"\n")[0])
    facts["archive"]["content_bytes"] = content_bytes
    line = json.dumps(facts, separators=(",", ":")).encode()
    seal = json.dumps({"sha256": hashlib.sha256(line).hexdigest()}).encode()
    with open(path, "wb") as file:
        file.write(gzip.compress(line + b"\n" + seal + b"\n") + rest)


def sizes_in(sentence):
    """In bytes, as exact as they are said."""
    units = {"bytes": 1, "KiB": 1 << 10, "MiB": MIB, "GiB": 1 << 30}
    return [float(number) * units[unit] for number, unit in
            re.findall(r"([\d.]+) (bytes|KiB|MiB|GiB)", sentence)]


class SmallDisk(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="alula-small-")
        self.addCleanup(shutil.rmtree, self.place, True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "none", self.place],
            capture_output=True)
        if mounted.returncode != 0:
            print("skipped: this process may not mount a small file system")
            self.skipTest("may not mount")
        self.addCleanup(subprocess.run, ["umount", "-l", self.place])
        self.node = Node(BINARY, None, disk_of_volumes=self.place)
        self.addCleanup(shutil.rmtree, self.node.base, True)
        self.addCleanup(self.node.close)
        self.client = Client(self.node, Told())
        self.node.start()

    def back_up_a_world(self, mib, **settings):
        """Then the world is another one, and small."""
        digits = random.Random(1)
        self.world = {f"region/r.{i}.mca": digits.randbytes(MIB // 4).hex()
                      for i in range(2 * mib)}
        new = {"level.dat": "new\n", "region/r.0.mca": "new\n"}
        c = self.client
        for move in (
                lambda: c.create(A, "create", **settings),
                lambda: c.settle_create(A, "create", self.world),
                lambda: c.back_up(A, BACKUP, "back-up"),
                lambda: c.change_files(A, new)):
            self.assertTrue(move())
        self.new = new

    @contextlib.contextmanager
    def filled(self, left):
        """Somebody else's file leaves that many bytes free."""
        path = os.path.join(self.place, "filler")
        disk = os.statvfs(self.place)
        with open(path, "wb") as file:
            file.write(bytes(disk.f_bavail * disk.f_frsize - left))
        yield
        os.unlink(path)

    def restore(self, **body):
        status, _, answer = self.node.ask(
            "POST", f"/api/servers/{A}/backup/{BACKUP}/restore",
            {"adapter": "wings", "truncate_directory": True, **body})
        return status, answer

    def assert_untouched(self):
        self.assertTrue(checks.has_files(self.node, A, self.new))
        for place in (self.node.staging, self.node.trash):
            self.assertEqual(set(), checks.names_in(place))
        # A rollback has started it again.
        self.client.shows_state(A, "running")

    def assert_comes_back_with_room(self):
        self.assertEqual(204, self.restore()[0])
        self.assertTrue(checks.has_files(self.node, A, self.world))

    def test_what_cannot_fit_is_refused_with_the_numbers(self):
        self.back_up_a_world(5)
        with self.filled(left=4 * MIB):
            status, answer = self.restore()
            self.assertEqual((507, "no-room"), (status, answer["code"]))
            needs, free, reserved, kept, missing = sizes_in(answer["detail"])
            self.assertLessEqual(abs(needs - (free - kept) - missing), 300 << 10)  # as rounded as they are said
            self.assertEqual(0, reserved)
            self.assertGreater(kept, 0)
            self.assertGreaterEqual(needs, 5 * MIB)
            self.assertLessEqual(abs(free - 4 * MIB), 64 << 10)
            self.assert_untouched()
        self.assert_comes_back_with_room()

    def test_chosen_paths_that_cannot_fit_are_refused_with_the_numbers(self):
        self.back_up_a_world(5)
        with self.filled(left=2 * MIB):
            status, answer = self.restore(truncate_directory=False,
                                          paths=["region"])
            self.assertEqual((507, "no-room"), (status, answer["code"]))
            self.assertGreaterEqual(sizes_in(answer["detail"])[0], 5 * MIB)
            self.assert_untouched()
        self.assert_comes_back_with_room()

    def test_a_manifest_that_promises_less_is_found_out(self):
        self.back_up_a_world(5)
        lie_about_size(checks.archive_of(self.node, BACKUP) + ".manifest", 10)
        with self.filled(left=2 * MIB):
            status, answer = self.restore()
            self.assertEqual((507, "no-room"), (status, answer["code"]))
            self.assertIn("ran full", answer["detail"])
            self.assert_untouched()
        self.assert_comes_back_with_room()

    def test_a_quota_holds_whatever_the_manifest_says(self):
        self.back_up_a_world(3, build={"disk_space": 2})
        status, answer = self.restore()
        self.assertEqual((507, "no-room"), (status, answer["code"]))
        self.assertEqual([3 * MIB, 2 * MIB], sizes_in(answer["detail"]))
        lie_about_size(checks.archive_of(self.node, BACKUP) + ".manifest", 10)
        status, answer = self.restore()
        self.assertEqual(500, status)
        self.assertEqual("archive-refused", answer["code"], answer)
        self.assert_untouched()


if __name__ == "__main__":
    BINARY = os.path.abspath(sys.argv.pop(1))
    unittest.main()
