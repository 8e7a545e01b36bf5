#!/usr/bin/python3
"""The Debian package from its making to its purge, on this machine's own root
with a layer over it that takes all changes, in a network of its own.

    package_test.py BUILD [TEST…]     BUILD: a build directory with an alula

Needs root, overlayfs and dpkg-dev; says so where one of them is not to be had.
"""

import gzip
import json
import os
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
from packed import NEWER, PATIENCE, SERVER, Packed, package_of_another_version, run

OLDER = "0.0.0~older"


class Package(Packed):
    def test_it_holds_what_an_operator_looks_for(self):
        names = run("dpkg-deb", "-c", self.package)
        for name in ("./usr/bin/alula", "./lib/systemd/system/alula.service",
                     "./usr/lib/tmpfiles.d/alula.conf", "./etc/default/alula",
                     "./usr/share/alula/config.yml",
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
                         "/etc/default/alula\n")
        self.assertNotIn("./etc/alula", names)

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
        config = self.root / "etc/alula/config.yml"
        about = config.stat()
        self.assertEqual((about.st_mode & 0o777, about.st_uid, about.st_gid),
                         (0o600, 0, 0))
        self.assertEqual(config.read_text(), (
            self.root / "usr/share/alula/config.yml").read_text())
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

    def test_an_upgrade_asks_nothing_of_a_config_that_was_changed(self):
        said = self.dpkg("-i", self.package)
        self.assertNotIn("which was there", said)
        config = self.root / "etc/alula/config.yml"
        mine = config.read_text() + "# mine\n"
        config.write_text(mine)
        said = self.dpkg("-i", self.newer)
        self.assertNotIn("which was there", said)
        self.assertEqual(config.read_text(), mine)
        self.assertIn("# newer", (self.root / "usr/share/alula/config.yml").read_text())
        self.assertTrue(self.system.is_active(), self.system.said())

    def before_the_default_config(self):
        return package_of_another_version(
            self.package, OLDER, self.made, {"etc/default/alula": 'ALULA_OPTIONS=""\n'})

    def test_an_upgrade_of_one_without_a_default_config_makes_it_for_the_same_node(self):
        self.dpkg("-i", self.before_the_default_config())
        config = self.root / "etc/alula/config.yml"
        self.assertFalse(config.exists())
        self.make_server()
        self.assertNotIn("which was there", self.dpkg("-i", self.package))
        self.assertTrue(config.exists())
        self.assertEqual(len(self.get("/api/servers")), 1)

    def test_a_config_that_was_not_in_use_is_kept_and_said_to_be_in_use_now(self):
        self.dpkg("-i", self.before_the_default_config())
        config = self.root / "etc/alula/config.yml"
        mine = "token_file: /var/lib/alula/token\napi: {host: 127.0.0.1}\n"
        config.parent.mkdir(exist_ok=True)
        config.write_text(mine)
        config.chmod(0o640)
        self.assertIn(f"/{config.relative_to(self.root)}, which was there and not used",
                      self.dpkg("-i", self.package))
        self.assertEqual(config.read_text(), mine)
        self.assertEqual(config.stat().st_mode & 0o777, 0o640)
        self.assertNotIn("which was there", self.dpkg("-i", self.newer))

    def test_a_node_that_ran_wings_has_its_config_by_a_link(self):
        self.dpkg("-i", self.package)
        wings = self.root / "etc/pterodactyl/config.yml"
        wings.parent.mkdir()
        wings.write_text(
            "token_file: /var/lib/alula/token\napi: {host: 127.0.0.1, port: 8080}\n"
            "system:\n  root_directory: /srv/wings\n  data: /srv/wings/volumes\n"
            "  log_directory: /srv/wings/logs\n  tmp_directory: /srv/wings/tmp\n")
        link = self.root / "etc/alula/config.yml"
        self.in_root("ln", "-sf", "/etc/pterodactyl/config.yml", "/etc/alula/config.yml")
        self.in_root("systemctl", "restart", "alula.service")
        self.assertTrue((self.root / "srv/wings/alula/ledger.db").exists())
        self.in_root("alula", "servers")
        self.dpkg("-i", self.newer)
        self.assertEqual(os.readlink(link), "/etc/pterodactyl/config.yml")
        self.assertTrue(self.system.is_active(), self.system.said())
        self.dpkg("-P", "alula")
        self.assertFalse(link.is_symlink())
        self.assertTrue(wings.exists())

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
    Packed.build = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
