"""Minetest from Debian as a game server: how it is described, and what can be
seen of its world from outside. The image is scripts/pack-minetest's, whose mod
explores the map all the time, so that there is always something to save."""

import contextlib
import io
import pathlib
import sqlite3
import subprocess
import tarfile

from file_news import wait_in

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAGE = "alula/minetest:5"
USER = 988
PATIENCE = 120  # seconds, for anything
PROCESS = {"startup": {"done": ["listening on"]},
           "stop": {"type": "signal", "value": "SIGINT"}, "configs": []}


def pack():
    """Makes the image; why it cannot be made, or nothing."""
    packed = subprocess.run([ROOT / "scripts/pack-minetest", IMAGE],
                            capture_output=True, text=True)
    if packed.returncode == 0:
        return ""
    return "Minetest cannot be packed: " \
        + " ".join(packed.stderr.split())[-200:]


def docker(*words):
    return subprocess.run(["docker", *words], capture_output=True, check=True,
                          timeout=PATIENCE).stdout


def settings_of(uuid):
    return {
        "uuid": uuid, "meta": {"name": "minetest"},
        "invocation": "minetestserver",
        "container": {"image": f"~{IMAGE}"},
        "build": {"memory_limit": 1500, "swap": 0, "io_weight": 500,
                  "cpu_limit": 0, "disk_space": 4096},
        "allocations": {"default": {"ip": "127.0.0.1", "port": 30000},
                        "mappings": {}}}


def until(what, is_so, directory):
    """Asks again whenever something has happened in the directory."""
    found = wait_in(directory, is_so, PATIENCE)
    assert found, f"not in {PATIENCE} s: {what}"
    return found


def blocks_in(database):
    """Of a map that nobody writes; whole, or it is an error."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        check = db.execute("PRAGMA integrity_check").fetchall()
        assert check == [("ok",)], f"{database}: {check}"
        return db.execute("SELECT count(*) FROM blocks").fetchone()[0]


def all_databases(world):
    """Their names; each is whole, or it is an error."""
    found = sorted(pathlib.Path(world).glob("*.sqlite"))
    for path in found:
        with contextlib.closing(sqlite3.connect(path)) as db:
            check = db.execute("PRAGMA integrity_check").fetchall()
            assert check == [("ok",)], f"{path}: {check}"
    return [path.name for path in found]


class World:
    """The directory "world" of a server's volume, and the game in it."""

    def __init__(self, volume):
        self.path = pathlib.Path(volume) / "world"
        self.map = self.path / "map.sqlite"
        self.ended_well = self.path / "clean_shutdown.txt"

    def put_explorer(self):
        """The mod, out of the image."""
        maker = docker("create", IMAGE).decode().strip()
        mod = docker("cp", f"{maker}:/worldmod", "-")
        docker("rm", maker)
        target = self.path / "worldmods"
        target.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(mod)) as archive:
            archive.extractall(target)
        (target / "worldmod").rename(target / "explorer")

    def explored(self):
        """How many blocks the game says it has generated since its start."""
        try:
            return int((self.path / "explored.txt").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def explores(self, more=1):
        """Waits until the game has seen so many more. In a world that was
        restored, until its next run has come further than the last one."""
        begin = self.explored()
        until("the game explores", lambda: self.explored() >= begin + more,
              self.path)

    def destroy(self):
        """Under the feet of the game, if need be."""
        self.map.write_bytes(b"no database at all" * 65536)
        for name in ("auth.sqlite", "players.sqlite", "map_meta.txt",
                     "world.mt"):
            (self.path / name).unlink(missing_ok=True)
