#!/usr/bin/python3
"""A node that ran Wings, there and back (docs/migrate-from-wings.md): the
directories of a Wings with its own config.yml, and a Panel that knows it.

    beside_wings_test.py ALULA [TEST…]
"""

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
import unittest
import urllib.request
import uuid as uuids

from running_node import ROOT, RunningNode, run_tests

BINARY = ""
TOKEN, TOKEN_ID = "t" * 64, "AbCdEfGhIjKlMnOp"
# What alula may add; docs/migrate-from-wings.md says so.
OURS = re.compile(r"^(volumes/\.alula-store|backups/\.alula-store"
                  r"|alula(/.*)?|\.trash(/\.alula-store)?|\.staging)$")


def seen(base):
    """Everything below: kind, owner, mode, time, content."""
    out = {}
    for at in sorted(base.rglob("*")):
        about = at.lstat()
        what = os.readlink(at) if at.is_symlink() else \
            hashlib.sha256(at.read_bytes()).hexdigest() if at.is_file() else ""
        # A new name in a directory moves its time, and nothing else of it.
        when = about.st_mtime_ns if not at.is_dir() else 0
        out[str(at.relative_to(base))] = (
            about.st_mode, about.st_uid, about.st_gid, when, what)
    return out


class WingsNode(RunningNode):
    """What a Wings has left: its default config with every key, volumes,
    archives, its database and its states."""

    def __init__(self, binary):
        self.panel = subprocess.Popen(
            ["/usr/bin/python3", "-B", ROOT / "tests/doubles/panel.py",
             "--token", TOKEN, "--token-id", TOKEN_ID],
            stdout=subprocess.PIPE, text=True)
        self.panel_port = int(self.panel.stdout.readline().split()[1])
        super().__init__(binary)
        self.token = TOKEN
        self.server, self.archived = str(uuids.uuid4()), str(uuids.uuid4())
        self.wings = self.base / "pterodactyl"
        self.volume = self.wings / "volumes" / self.server
        self.lay_out()

    def write_config(self):
        """As Wings' own file, with the paths of this test."""
        text = (ROOT / "tests/app/wings_defaults.yml").read_text()
        for was, now in [("/var/lib/pterodactyl", self.base / "pterodactyl"),
                         ("/var/log/pterodactyl", self.base / "log"),
                         ("/tmp/pterodactyl", self.base / "tmp")]:
            text = text.replace(was, str(now))
        for key, value in [("token_id", TOKEN_ID), ("token", TOKEN),
                           ("remote", f"http://127.0.0.1:{self.panel_port}")]:
            text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.M)
        text = text.replace("host: 0.0.0.0\n  port: 8080",
                            f"host: 127.0.0.1\n  port: {self.port}")
        # Where a Wings would be told by DOCKER_HOST.
        self.config.write_text(text)
        os.environ["DOCKER_HOST"] = f"unix://{self.socket}"

    def lay_out(self):
        world = self.volume / "world"
        world.mkdir(parents=True)
        for i in range(20):
            (world / f"r.{i}.mca").write_bytes(os.urandom(5000))
        (self.volume / "server.properties").write_text("motd=wings\n")
        os.symlink("server.properties", self.volume / "link")
        for name in ("archives", "backups"):
            (self.wings / name).mkdir()
        with tarfile.open(self.archive, "w:gz") as archive:
            for at in sorted(self.volume.rglob("*")):
                if at.is_file() and not at.is_symlink():
                    archive.add(at, at.relative_to(self.volume))
        (self.wings / "states.json").write_text(
            json.dumps({self.server: "offline"}))
        with sqlite3.connect(self.wings / "wings.db") as db:
            db.execute("CREATE TABLE activity_logs (id INTEGER PRIMARY KEY)")
        db.close()
        self.control("/servers", {
            "uuid": self.server,
            "settings": {"uuid": self.server, "meta": {"name": "castle"},
                         "container": {"image": "~alula/none"}},
            "process_configuration": {}})
        self.control("/backups", {"uuid": self.archived,
                                  "server": self.server, "disk": "wings",
                                  "successful": True})

    @property
    def archive(self):
        return self.wings / "backups" / f"{self.archived}.tar.gz"

    def control(self, path, body):
        urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.0.1:{self.panel_port}/_control{path}",
            data=json.dumps(body).encode(), method="POST")).read()

    def start(self):
        super().start()
        self.take_up()
        return self

    def take_up(self):
        """What a first start does by itself."""
        self.until("the Panel's server is here", lambda: self.get(
            "/api/jobs?kind=server.create&state=succeeded")["items"])
        self.until("the backup directory was read", lambda: self.get(
            "/api/jobs?kind=backup.scan&state=succeeded")["items"])

    def until(self, what, is_so):
        end = time.monotonic() + 60
        while not is_so():
            if time.monotonic() > end:
                raise AssertionError(
                    f"not in time: {what}\n{(self.base / 'alula.log').read_text()}")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            raise AssertionError((self.base / "alula.log").read_text())
        self.process.stdout.close()
        self.log.close()

    def close(self):
        super().close()
        self.panel.kill()
        self.panel.wait()
        self.panel.stdout.close()


class BesideWings(unittest.TestCase):
    def setUp(self):
        self.node = WingsNode(BINARY)
        self.addCleanup(self.node.close)

    def test_a_start_changes_nothing_that_wings_has(self):
        node = self.node
        before, config = seen(node.wings), node.config.read_bytes()
        RunningNode.start(node)
        node.config.write_bytes(config)  # the harness noted the port in it
        node.take_up()
        node.end()
        self.assertEqual(node.config.read_bytes(), config)
        after = seen(node.wings)
        self.assertEqual({name: after.get(name) for name in before}, before)
        added = [name for name in after if name not in before]
        self.assertEqual([n for n in added if not OURS.match(n)], [])

    def test_wings_own_config_is_read_without_a_word(self):
        said = subprocess.run([BINARY, "check-config", self.node.config],
                              text=True, capture_output=True)
        self.assertEqual((said.returncode, said.stderr), (0, ""), said.stdout)

    def test_its_archives_are_found_and_restored(self):
        node = self.node.start()
        place = f"/api/servers/{node.server}/backup/{node.archived}"
        shown = node.get(place)
        self.assertEqual(shown["size"], node.archive.stat().st_size)
        (node.volume / "server.properties").write_text("motd=changed\n")
        status, headers, text = node.ask(
            "POST", f"{place}/restore",
            {"adapter": "wings", "truncate_directory": True})
        self.assertIn(status, (202, 204), text)
        self.assertEqual(node.end_of(headers["Location"])["state"], "succeeded")
        self.assertEqual((node.volume / "server.properties").read_text(),
                         "motd=wings\n")
        self.assertTrue(node.archive.exists())

    def test_wings_finds_what_alula_made_when_it_comes_back(self):
        """With the one key that the page names."""
        node = self.node
        # A key below a section that Wings writes itself.
        wings_writes = node.write_config
        def with_the_key():
            wings_writes()
            text = node.config.read_text()
            node.config.write_text(text.replace(
                "  backups:\n", '  backups:\n    file_name: "{uuid}.tar.gz"\n'))
        node.write_config = with_the_key
        with_the_key()
        node.start()
        backup = str(uuids.uuid4())
        node.control("/backups", {"uuid": backup, "server": node.server,
                                  "disk": "wings"})
        status, headers, text = node.ask(
            "POST", f"/api/servers/{node.server}/backup",
            {"adapter": "wings", "uuid": backup, "ignore": ""})
        self.assertEqual(status, 202, text)
        self.assertEqual(node.end_of(headers["Location"])["state"], "succeeded")
        node.end()
        # Wings opens this very name, and every entry has to be a file.
        archive = node.wings / "backups" / f"{backup}.tar.gz"
        with tarfile.open(archive) as made:
            names = made.getnames()
            self.assertIn("server.properties", names)
            self.assertEqual([m.name for m in made if m.isdir()], [])
        shutil.rmtree(node.wings / "alula")  # as the page says, back at Wings
        self.assertTrue((node.volume / "server.properties").exists())


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
