#!/usr/bin/python3
"""The Debian package from its making to its purge, on this machine's own root
with a layer over it that takes all changes, in a network of its own.

    package_test.py BUILD [TEST…]     BUILD: a build directory with an alula

Needs root, overlayfs and dpkg-dev; says so where one of them is not to be had.
"""

import gzip
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
import uuid as uuids

import real_systemd
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


def package_of_another_version(file, version, into):
    """The same program in a package that dpkg takes for a newer one."""
    with tempfile.TemporaryDirectory() as place:
        run("dpkg-deb", "-R", file, place)
        control = pathlib.Path(place, "DEBIAN/control")
        control.write_text(re.sub(r"^Version: .*$", f"Version: {version}",
                                  control.read_text(), flags=re.M))
        out = into / f"alula_{version}.deb"
        run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", place, out)
        return out


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = pathlib.Path(tempfile.mkdtemp(prefix="alula-packages-"))
        cls.addClassCleanup(shutil.rmtree, cls.made, True)
        said = run(ROOT / "scripts/package", BUILD, cls.made)
        cls.package = pathlib.Path(said.strip().splitlines()[-1])
        cls.newer = package_of_another_version(cls.package, NEWER, cls.made)

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

    def boot(self):
        return systemd.Systemd(self.root, "alula.service")

    # -- the root and the node in it ----------------------------------------------

    def in_root(self, *words):
        return self.system.run(*words)

    def dpkg(self, verb, *what):
        named = []
        for each in what:
            if isinstance(each, pathlib.Path):
                shutil.copy(each, self.root / "tmp")
                each = f"/tmp/{each.name}"
            named.append(each)
        return self.in_root("dpkg", "--force-confold", verb, *named)

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

    # -- tests --------------------------------------------------------------------

    def test_it_holds_what_an_operator_looks_for(self):
        names = run("dpkg-deb", "-c", self.package)
        for name in ("./usr/bin/alula", "./lib/systemd/system/alula.service",
                     "./usr/lib/tmpfiles.d/alula.conf", "./etc/default/alula",
                     "./etc/alula/config.yml",
                     "./usr/share/man/man1/alula.1.gz",
                     "./usr/share/bash-completion/completions/alula",
                     "./usr/share/zsh/vendor-completions/_alula",
                     "./usr/share/doc/alula/README.md",
                     "./usr/share/doc/alula/operations.md",
                     "./usr/share/doc/alula/migrate-from-wings.md",
                     "./usr/share/doc/alula/alert-rules.yml"):
            self.assertIn(f" {name}\n", names)
        self.assertNotIn("/home", names)
        about = run("dpkg-deb", "-f", self.package)
        self.assertIn("Package: alula", about)
        self.assertIn("libc6", about)
        self.assertRegex(about, r"Depends: .*libsqlite3")
        self.assertEqual(run("dpkg-deb", "-I", self.package, "conffiles"),
                         "/etc/default/alula\n/etc/alula/config.yml\n")

    def test_it_installs_starts_and_is_ready_for_work(self):
        self.dpkg("-i", self.package)
        self.assertTrue(self.system.is_active(), self.system.said())
        self.assertTrue(self.system.enabled)
        self.assertTrue(self.system.is_ready())
        self.assertEqual(self.ask("GET", "/readyz")[0], 200)
        self.assertEqual((self.root / "var/lib/alula").stat().st_mode & 0o777,
                         0o700)
        self.assertEqual(
            (self.root / "var/lib/alula/token").stat().st_mode & 0o777, 0o600)
        said = json.loads(self.in_root("alula", "check-config", "--json",
                                       "/etc/alula/config.yml"))
        self.assertEqual(said["findings"], [])
        # The command line finds it without a word of where.
        self.make_server()
        self.assertIn("castle", self.in_root("alula", "servers"))
        # And for whoever has a token and may not read the config.
        token = (self.root / "var/lib/alula/token").read_text().strip()
        self.assertIn("castle", self.in_root(
            "env", f"ALULA_TOKEN={token}", "setpriv", "--reuid=65534",
            "--regid=65534", "--clear-groups", "alula", "servers"))
        self.assertIn("succeeded",
                      self.in_root("alula", "backups", "create", "castle"))
        # With the capabilities of the unit and no more.
        backup = self.get("/api/backups")["items"][0]["uuid"]
        motd = self.root / f"var/lib/alula/volumes/{SERVER}/server.properties"
        motd.write_text("motd=changed\n")
        os.chown(motd, 12345, 12345)
        motd.chmod(0o600)
        self.assertIn("succeeded", self.in_root(
            "alula", "backups", "restore", "castle", backup, "--yes"))
        self.assertEqual(motd.read_text(), "motd=castle\n")
        self.assertIn("succeeded", self.in_root(
            "alula", "servers", "delete", "castle", "--yes"))
        self.assertFalse(motd.parent.exists())
        manual = self.root / "usr/share/man/man1/alula.1.gz"
        self.assertIn(b".TH ALULA", gzip.decompress(manual.read_bytes()))
        completed = self.in_root(
            "bash", "-c", ". /usr/share/bash-completion/completions/alula;"
            " COMP_WORDS=(alula backups res); COMP_CWORD=2; _alula;"
            " echo ${COMPREPLY[@]}")
        self.assertEqual(completed.strip(), "restore")

    def test_it_is_started_with_what_the_operator_wrote(self):
        self.dpkg("-i", self.package)
        self.system.stop()
        (self.root / "etc/default/alula").write_text(
            '# mine\nALULA_OPTIONS="--data=/srv/games --debug"\n')
        # A config that the service is not told of is not the command line's.
        (self.root / "etc/alula/config.yml").write_text(
            "token: x\napi: {host: 127.0.0.1, port: 9}\n")
        self.assertEqual(self.system.start(), 0, self.system.said())
        self.assertTrue((self.root / "srv/games/token").exists())
        self.in_root("alula", "servers")
        # An upgrade keeps both.
        self.dpkg("-i", self.newer)
        self.assertIn("# mine", (self.root / "etc/default/alula").read_text())
        self.assertIn("port: 9", (self.root / "etc/alula/config.yml").read_text())
        self.assertTrue(self.system.is_active(), self.system.said())

    def test_a_backup_that_runs_survives_an_upgrade(self):
        self.dpkg("-i", self.package)
        # Slow enough to be met under way.
        config = self.root / "etc/alula/config.yml"
        token = (self.root / "var/lib/alula/token").read_text().strip()
        config.write_text(
            f"token: {token}\napi: {{host: 127.0.0.1, port: 8080}}\n"
            "system:\n  root_directory: /var/lib/alula\n"
            "  data: /var/lib/alula/volumes\n  log_directory: /var/log/alula\n"
            "  tmp_directory: /tmp/alula\n  backups: {read_limit: 4}\n")
        (self.root / "etc/default/alula").write_text(
            'ALULA_OPTIONS="--config /etc/alula/config.yml"\n')
        self.in_root("systemctl", "restart", "alula.service")
        volume = self.make_server(megabytes=24)
        backup = str(uuids.uuid4())
        job = self.started("POST", f"/api/servers/{SERVER}/backup",
                           {"adapter": "wings", "uuid": backup, "ignore": ""})
        end = time.monotonic() + PATIENCE
        while ((self.get(job)["progress"] or {}).get("done") or 0) < 2 << 20:
            self.assertLess(time.monotonic(), end)
        before = self.system.main_process()
        self.dpkg("-i", self.newer)
        self.assertNotEqual(self.system.main_process(), before)
        done = self.ended(job)
        self.assertEqual(done["state"], "succeeded", done)
        shown = self.get(f"/api/servers/{SERVER}/backup/{backup}")
        archive = self.root / f"var/lib/alula/backups/backup-{backup}.tar.gz"
        told = run("sha1sum", archive).split()[0]
        self.assertEqual(shown["checksum"], told)
        with tempfile.TemporaryDirectory() as place:
            run("tar", "-xzf", archive, "-C", place)
            run("diff", "-r", place, volume)
        self.assertIn(NEWER, self.in_root("dpkg", "-s", "alula"))

    def test_a_removal_keeps_the_config_and_all_data(self):
        self.dpkg("-i", self.package)
        volume = self.make_server()
        mine = self.root / "etc/default/alula"
        mine.write_text(mine.read_text() + "# mine\n")
        self.dpkg("-r", "alula")
        self.assertFalse(self.system.is_active())
        self.assertFalse(self.system.enabled)
        self.assertFalse((self.root / "usr/bin/alula").exists())
        self.assertFalse(
            (self.root / "lib/systemd/system/alula.service").exists())
        self.assertIn("# mine", mine.read_text())
        self.assertTrue((volume / "server.properties").exists())
        self.assertTrue((self.root / "var/lib/alula/alula/ledger.db").exists())
        # It comes back to all of it.
        self.dpkg("-i", self.package)
        self.assertEqual([s["configuration"]["uuid"]
                          for s in self.get("/api/servers")], [SERVER])

    def test_where_no_systemd_runs_it_is_enabled_for_the_first_boot(self):
        (self.root / "run/systemd/system").rmdir()
        self.dpkg("-i", self.package)
        self.assertTrue(self.system.enabled)
        self.assertFalse(self.system.is_active())
        self.dpkg("-r", "alula")
        self.assertFalse(self.system.enabled)

    def test_a_purge_takes_the_config_and_never_the_data(self):
        self.dpkg("-i", self.package)
        volume = self.make_server()
        said = self.dpkg("-P", "alula")
        self.assertIn("/var/lib/alula is kept", said)
        self.assertFalse((self.root / "etc/default/alula").exists())
        self.assertFalse((self.root / "etc/alula").exists())
        self.assertTrue((volume / "server.properties").exists())
        gone = subprocess.run(["chroot", self.root, "dpkg", "-s", "alula"],
                              capture_output=True, text=True)
        self.assertNotEqual(gone.returncode, 0)

    def test_nothing_is_left_when_there_is_no_data(self):
        self.dpkg("-i", self.package)
        self.system.stop()
        shutil.rmtree(self.root / "var/lib/alula")
        said = self.dpkg("-P", "alula")
        self.assertNotIn("is kept", said)
        left = run("find", self.root / "etc", self.root / "usr",
                   self.root / "var/lib", self.root / "lib", "-name", "*alula*",
                   "-not", "-path", "*/dpkg/*").split()
        self.assertEqual(left, [])

    def test_the_unit_is_good_and_hardened(self):
        self.dpkg("-i", self.package)
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not there")
        unit = "/lib/systemd/system/alula.service"
        self.assertEqual(self.in_root("systemd-analyze", "verify", "--man=no",
                                      unit).strip(), "")
        said = self.in_root("systemd-analyze", "security", "--offline=true",
                            unit)
        exposure = float(re.search(r"Overall exposure level.*?(\d+\.\d)",
                                   said).group(1))
        self.assertLess(exposure, 5.0, said)


class UnderSystemd(Package):
    """The same with the real systemd, which confines and watches the node as
    its unit says."""

    def setUp(self):
        if why := real_systemd.why_not():
            print(f"skipped: {why}, so no systemd was started", flush=True)
            self.skipTest(why)
        super().setUp()

    def boot(self):
        return real_systemd.RealSystemd(self.root, "alula.service")

    def quicker(self, lines):
        drop_in = self.root / "etc/systemd/system/alula.service.d/test.conf"
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text(f"[Service]\n{lines}\n")
        self.in_root("systemctl", "daemon-reload")
        self.in_root("systemctl", "restart", "alula.service")

    def restarted(self, before):
        self.system.until("it was started again", lambda: self.system.is_active()
                          and self.system.main_process() not in (0, before))
        return self.system.main_process()

    def test_one_that_hangs_or_dies_is_started_again_and_one_that_works_is_not(self):
        self.dpkg("-i", self.package)
        self.quicker("WatchdogSec=3\nRestartSec=100ms")
        self.make_server()
        process = self.system.main_process()
        self.in_root("systemctl", "kill", "--signal=STOP", "alula.service")
        again = self.restarted(process)
        self.assertIn("watchdog", self.system.said().lower())
        self.in_root("systemctl", "kill", "--signal=KILL", "alula.service")
        last = self.restarted(again)
        self.assertEqual(self.system.shown("NRestarts"), "2")
        self.assertEqual(len(self.get("/api/servers")), 1)
        # Several watchdogs later it is the same process.
        begun = int(self.system.shown("WatchdogTimestampMonotonic"))
        self.system.until("it was heard of for 7 s", lambda: int(
            self.system.shown("WatchdogTimestampMonotonic")) > begun + 7_000_000)
        self.assertEqual(self.system.main_process(), last)

    def test_a_config_that_cannot_be_used_is_not_tried_again_and_again(self):
        self.dpkg("-i", self.package)
        (self.root / "etc/alula/config.yml").write_text("token: x\napi: {port: many}\n")
        (self.root / "etc/default/alula").write_text(
            'ALULA_OPTIONS="--config /etc/alula/config.yml"\n')
        self.system.tries("systemctl", "restart", "alula.service")
        self.system.until("it has failed", lambda: self.system.shown("ActiveState") == "failed")
        self.assertEqual(self.system.shown("ExecMainStatus"), "78")
        self.assertEqual(self.system.shown("NRestarts"), "0")
        self.assertIn("/etc/alula/config.yml:2", self.system.said())

    def test_the_log_has_priorities_and_no_token(self):
        self.dpkg("-i", self.package)
        said = self.system.said()
        self.assertIn(" ready servers=0", said)
        self.assertNotIn((self.root / "var/lib/alula/token").read_text().strip(), said)
        warnings = self.in_root("journalctl", "-u", "alula", "-p", "warning", "--no-pager")
        self.assertNotIn(" ready ", warnings)


def main():
    global BUILD
    if len(sys.argv) < 2:
        raise SystemExit(f"usage: {sys.argv[0]} BUILD [TEST…]")
    missing = [name for name in ("dpkg-shlibdeps", "cpack", "unshare", "ip")
               if not shutil.which(name)]
    world = f"{', '.join(missing)} is not there" if missing \
        else systemd.enter_a_world_of_its_own()
    if isinstance(world, str):
        print(f"skipped: {world}, so no package was made and installed")
        return
    if world:
        os.environ["ALULA_OWN_WORLD"] = "1"
        os.execvp(world[0], [*world, sys.executable, "-B", *sys.argv])
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
