#!/usr/bin/python3
"""A real game's world, backed up while the game writes it, destroyed, restored
and played on: Minetest from Debian in a container of a real dockerd.

  scripts/with-dockerd tests/app/minetest_test.py <alula>

The game explores its map all the time and commits what it finds to a SQLite
database. What alula says of a backup is held against other programs: GNU tar,
gzip, sha1sum and SQLite. Skipped, with the reason, where there is no dockerd or
where the game cannot be installed.
"""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = ""
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/doubles"))
import minetest  # noqa: E402
from minetest import USER, all_databases, blocks_in, until  # noqa: E402
SERVER = "5d1f6a3e-7f0b-4a51-9d5b-1d2c3b4a5f60"
TOKEN_ID, TOKEN = "minetest01234567", "minetest-token-0123456789abcdef01"
PATIENCE = 120  # seconds, for anything


class Alula:
    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.game = minetest.World(self.base / "volumes" / SERVER)
        self.world = self.game.path
        self.backups = self.base / "backups"
        socket = os.environ["DOCKER_HOST"].removeprefix("unix://")
        config = self.base / "config.yml"
        config.write_text(f"""\
uuid: 6c2f6a3e-7f0b-4a51-9d5b-1d2c3b4a5f60
token_id: {TOKEN_ID}
token: {TOKEN}
remote: ""
api:
  host: 127.0.0.1
  port: 0
  sync_wait: 0
system:
  root_directory: {self.base}
  data: {self.base}/volumes
  backup_directory: {self.backups}
  log_directory: {self.base}/logs
  tmp_directory: {self.base}/tmp
  user:
    uid: {USER}
    gid: {USER}
docker:
  socket: {socket}
  network:
    network_mode: none
""")
        self.log = open(self.base / "alula.log", "wb")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", str(config)],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rsplit(":", 1)[1])
                break
        else:
            raise AssertionError("alula did not start: " + self.said())
        # It says so when it is ready.
        assert self.ask("GET", "/readyz")[0] == 200, self.said()

    def said(self):
        return (self.base / "alula.log").read_text(errors="replace")[-4000:]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(
                method, path, None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            data = answer.read()
            text = json.loads(data) if data[:1] in (b"{", b"[") else data
            return answer.status, answer.headers, text

    def do(self, method, path, body=None):
        """A job, from its request to its good end."""
        status, headers, answer = self.ask(method, path, body)
        assert status == 202, f"{method} {path}: {status} {answer}"
        place = headers["Location"]
        end = time.monotonic() + PATIENCE
        while True:
            _, _, job = self.ask("GET", f"{place}?wait=20s")
            if job["done"] or job["state"] == "parked":
                break
            assert time.monotonic() < end, f"{method} {path} does not end"
        assert job["state"] == "succeeded", \
            f"{method} {path}: {json.dumps(job)}\n{self.said()}"
        return job

    def server(self, tail="", method="GET", body=None):
        return self.ask(method, f"/api/servers/{SERVER}{tail}", body)[2]

    def power(self, action):
        self.do("POST", f"/api/servers/{SERVER}/power", {"action": action})

    def wait_until_it_plays(self):
        self.game.explores(more=100)
        state = self.server()["state"]
        assert state == "running", f"a game that plays is {state}"


class Minetest(unittest.TestCase):
    def setUp(self):
        reason = os.environ.get("ALULA_NO_DOCKER")
        if not reason and "DOCKER_HOST" not in os.environ:
            reason = "started without scripts/with-dockerd"
        if not reason:
            reason = minetest.pack()
        if reason:
            print(f"skipped: {reason}", flush=True)
            self.skipTest(reason)
        self.base = tempfile.mkdtemp(prefix="alula-minetest-")
        self.addCleanup(shutil.rmtree, self.base, True)
        self.addCleanup(subprocess.run, ["docker", "rm", "-f", SERVER],
                        capture_output=True)
        self.alula = Alula(self.base)
        self.addCleanup(self.alula.close)

    def begin_world(self):
        """A server whose game explores its map by itself."""
        alula = self.alula
        alula.do("POST", "/api/servers", {
            "uuid": SERVER, "settings": minetest.settings_of(SERVER),
            "process_configuration": minetest.PROCESS})
        alula.game.put_explorer()
        alula.power("start")
        alula.wait_until_it_plays()

    def back_up(self, number):
        """Made while the game writes, and read by everybody else's programs."""
        alula = self.alula
        uuid = f"{number}1111111-1111-4111-8111-111111111111"
        before = alula.game.explored()
        job = alula.do("POST", f"/api/servers/{SERVER}/backup",
                       {"adapter": "wings", "uuid": uuid, "ignore": ""})
        self.assertEqual("running", alula.server()["state"])
        until("the game goes on", lambda: alula.game.explored() > before,
              alula.world)
        self.assertEqual(
            [], [note for note in job["result"]["notes"]
                 if "torn" in note["what"]], "torn databases")
        shown = alula.server(f"/backup/{uuid}")
        archive = alula.backups / f"backup-{uuid}.tar.gz"
        subprocess.run(["gzip", "-t", archive], check=True)
        names = subprocess.run(["tar", "-tzf", archive], check=True,
                               capture_output=True, text=True).stdout.split()
        self.assertIn("world/map.sqlite", names)
        told = subprocess.run(["sha1sum", archive], check=True,
                              capture_output=True, text=True).stdout.split()[0]
        self.assertEqual(shown["checksum"], told)
        self.assertEqual(shown["sha256"],
                         hashlib.sha256(archive.read_bytes()).hexdigest())
        with tempfile.TemporaryDirectory() as place:
            subprocess.run(["tar", "-xzf", archive, "-C", place], check=True)
            all_databases(f"{place}/world")
            return uuid, blocks_in(f"{place}/world/map.sqlite")

    def test_a_world_comes_back_and_the_game_goes_on_in_it(self):
        alula = self.alula
        self.begin_world()
        counts = []
        for number in range(1, 6):
            uuid, blocks = self.back_up(number)
            counts.append(blocks)
        self.assertEqual(sorted(counts), counts, "later backups hold more")
        self.assertGreater(counts[0], 0)

        # The world is destroyed under the feet of the game.
        alula.game.destroy()
        shutil.rmtree(alula.world / "worldmods")

        alula.do("POST", f"/api/servers/{SERVER}/backup/{uuid}/restore",
                 {"adapter": "wings", "truncate_directory": True})
        self.assertEqual("offline", alula.server()["state"])
        self.assertIn("map.sqlite", all_databases(alula.world))
        self.assertEqual(counts[-1], blocks_in(alula.game.map))
        self.assertTrue((alula.world / "world.mt").exists())
        self.assertEqual(USER, alula.game.map.stat().st_uid)

        alula.game.ended_well.unlink(missing_ok=True)
        alula.power("start")
        alula.wait_until_it_plays()
        alula.power("stop")
        self.assertTrue(alula.game.ended_well.exists(),
                        "the game did not end by itself")
        all_databases(alula.world)
        played = blocks_in(alula.game.map)
        self.assertGreater(played, counts[-1])
        print(f"the last of {len(counts)} backups held {counts[-1]} blocks; "
              f"after the restore the game went on to {played}")


if __name__ == "__main__":
    BINARY = os.path.abspath(sys.argv.pop(1))
    unittest.main()
