"""A package made of a build directory, and a layer over this machine's root to
install it in, with the node that it starts there.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import systemd

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/crash"))
from dockerd import Dockerd  # noqa: E402

PATIENCE = 120  # seconds, for anything
SERVER = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11"
NEWER = "99.0.0"


def run(*words, **how):
    done = subprocess.run([str(w) for w in words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=PATIENCE, **how)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}")
    return done.stdout


def package_of_another_version(file, version, into, texts):
    """The same program in a package that dpkg takes for another, with these
    files in place of its own."""
    with tempfile.TemporaryDirectory() as place:
        run("dpkg-deb", "-R", file, place)
        control = pathlib.Path(place, "DEBIAN/control")
        control.write_text(re.sub(r"^Version: .*$", f"Version: {version}",
                                  control.read_text(), flags=re.M))
        for name, text in texts.items():
            pathlib.Path(place, name).write_text(text)
        out = into / f"alula_{version}.deb"
        run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", place, out)
        return out


class Packed(unittest.TestCase):
    """Has a package made of `build`, and a root to install it in."""

    build = None

    @classmethod
    def setUpClass(cls):
        cls.made = pathlib.Path(tempfile.mkdtemp(prefix="alula-packages-"))
        cls.addClassCleanup(shutil.rmtree, cls.made, True)
        said = run(ROOT / "scripts/package", cls.build, cls.made)
        cls.package = pathlib.Path(said.strip().splitlines()[-1])
        template = (ROOT / "packaging/config.yml").read_text()
        cls.newer = package_of_another_version(cls.package, NEWER, cls.made, {
            "usr/share/alula/config.yml": template + "# newer\n"})

    def setUp(self):
        base = tempfile.mkdtemp(prefix="alula-root-")
        self.addCleanup(os.rmdir, base)
        # It may fail half way, where / is an overlay itself.
        self.addCleanup(subprocess.run, ["umount", "-R", base],
                        capture_output=True)
        try:
            self.root = systemd.lay_over(base)
        except subprocess.CalledProcessError as why:
            print(f"skipped: no layer can be laid over / here ({why})",
                  flush=True)
            self.skipTest("no overlay")
        # Of a package that is on this machine by chance nothing is tried.
        for left in ("etc/default/alula", "var/lib/alula", "etc/alula",
                     "etc/pterodactyl", "var/lib/pterodactyl"):
            at = self.root / left
            shutil.rmtree(at) if at.is_dir() else at.unlink(missing_ok=True)
        # Else each dpkg reads all of this machine's manual pages.
        (self.root / "var/lib/man-db/auto-update").unlink(missing_ok=True)
        dockerd = Dockerd(str(self.root / "run/docker.sock"))
        self.addCleanup(dockerd.close)
        self.system = self.boot()
        self.addCleanup(self.system.close)
        if (self.root / "var/lib/dpkg/info/alula.list").exists():
            self.in_root("dpkg", "-P", "alula")

    def boot(self):
        return systemd.Systemd(self.root, "alula.service")

    # -- the root and the node in it ----------------------------------------------

    def in_root(self, *words):
        return self.system.run(*words)

    def dpkg(self, verb, *what):
        """Nobody is there to answer what it asks: it fails then."""
        named = []
        for each in what:
            if isinstance(each, pathlib.Path):
                shutil.copy(each, self.root / "tmp")
                each = f"/tmp/{each.name}"
            named.append(each)
        return self.in_root("dpkg", verb, *named)

    def ask(self, method, path, body=None):
        token = (self.root / "var/lib/alula/token").read_text().strip()
        node = http.client.HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE)
        try:
            node.request(method, path, None if body is None else json.dumps(body),
                         {"Authorization": f"Bearer {token}"})
            answer = node.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            node.close()

    def get(self, path):
        status, _, text = self.ask("GET", path)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def started(self, method, path, body):
        status, headers, text = self.ask(method, path, body)
        self.assertEqual(status, 202, text)
        return headers["Location"]

    def ended(self, job):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            seen = self.get(f"{job}?wait=5s")
            if seen["done"]:
                return seen
        self.fail(f"the job does not end: {seen}\n{self.system.said()}")

    def make_server(self, megabytes=1):
        volume = self.root / "var/lib/alula/volumes" / SERVER
        volume.mkdir(parents=True, exist_ok=True)
        (volume / "server.properties").write_text("motd=castle\n")
        for i in range(megabytes):
            (volume / f"region.{i}.mca").write_bytes(os.urandom(1 << 20))
        job = self.started("POST", "/api/servers", {
            "uuid": SERVER, "start_on_completion": False,
            "settings": {"uuid": SERVER, "meta": {"name": "castle"}},
            "process_configuration": {}})
        self.assertEqual(self.ended(job)["state"], "succeeded")
        return volume
