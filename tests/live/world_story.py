#!/usr/bin/python3
"""A real game's world goes to a real object store by the Panel's URLs while the
game writes it, is put together there by the Panel, is fetched by clients that
know nothing of us, and comes back: Minetest in a container of a real dockerd.

  scripts/with-dockerd scripts/with-s3 --min-part 65536 [radosgw|swift|both] \\
      tests/live/world_story.py --binary build/dev/alula

The parts are small, and the store has to allow that, as a game makes no large
world in the seconds that a test has. Skipped (77) where there is no dockerd, no
store, or no game.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid as uuids

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from far_node import Stage, why_not  # noqa: E402
import minetest  # noqa: E402
from telling import check, say  # noqa: E402

PART = 65536
FIRST = 100  # blocks that are explored before the backup
RING = 27  # blocks that are explored a second


def look_into(archive):
    """Whether GNU tar finds whole databases in it, and how many blocks."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["tar", "-xzf", archive, "-C", place], check=True)
        names = minetest.all_databases(f"{place}/world")
        return names, minetest.blocks_in(f"{place}/world/map.sqlite")


class Teller(Stage):
    def __init__(self, binary, docker):
        super().__init__(binary, PART)
        self.docker = docker

    def power(self, action):
        node = self.node
        node.ends_well(node.asked("POST", f"/api/servers/{node.server}/power",
                                  {"action": action}), f"power {action}")

    def begin(self, keys=""):
        """A server whose game explores its map by itself."""
        super().begin(keys, self.docker)
        self.node.make_server(minetest.settings_of(str(uuids.uuid4())),
                              minetest.PROCESS)
        self.game = minetest.World(self.node.volume)
        self.game.put_explorer()
        self.power("start")
        self.game.explores(FIRST)
        say(f"ok   the game has explored {self.game.explored()} blocks")

    def close(self):
        if self.node:
            subprocess.run(["docker", "rm", "-f", self.node.server],
                           capture_output=True)
        super().close()

    def tale_game(self):
        """A world that is played in goes to the Panel's store and comes back."""
        self.begin()
        node, game = self.node, self.game
        # The local archive goes when the Panel has taken note: it is looked at
        # while the Panel puts its parts together.
        self.way.hold_completion("before")
        uuid, job = node.begin("s3")
        check(self.way.wait_for_held("completion"),
              "all parts are there, and the Panel begins to put them together")
        [local] = node.archives(uuid)
        written = local.read_bytes()
        self.way.let()
        seen = node.ends_well(job, "the backup ends well")
        check(not [note for note in seen["result"]["notes"]
                   if "torn" in note["what"]], "no database in it is torn")
        parts = len(self.way.parts)
        # How much a game explores by itself is up to it: 3 to 6 parts were seen.
        check(parts > 1, f"it went in {parts} parts")
        data = self.arrived(uuid)
        check(data == written, "what lies in the store is the local archive, "
                               "byte by byte")
        self.is_downloaded(uuid, data)
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            names, blocks = look_into(file.name)
        check(blocks > 0 and "map.sqlite" in names,
              f"it holds a whole map of {blocks} blocks, and {', '.join(names)}")
        game.explores()
        say("ok   the game was not held up")
        game.destroy()
        self.restores(uuid)
        check(minetest.all_databases(game.path) == names
              and minetest.blocks_in(game.map) == blocks,
              "the databases are whole, and the map has the same blocks")
        self.is_played_in(blocks)

    def is_played_in(self, blocks):
        self.game.ended_well.unlink(missing_ok=True)
        self.power("start")
        self.game.explores(2 * RING)
        self.power("stop")
        check(self.game.ended_well.exists(), "the game goes on in it, and ends")
        minetest.all_databases(self.game.path)
        played = minetest.blocks_in(self.game.map)
        check(played > blocks, f"its map has {played} blocks now")


def main():
    parse = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parse.add_argument("--binary", required=True)
    options = parse.parse_args()
    why = os.environ.get("ALULA_NO_DOCKER") or why_not() or (
        "" if "DOCKER_HOST" in os.environ else "run in scripts/with-dockerd")
    if why := why or minetest.pack():
        print(f"skipped: {why}")
        return 77
    docker = os.environ["DOCKER_HOST"].removeprefix("unix://")
    return 0 if Teller(options.binary, docker).tell("game") else 1


if __name__ == "__main__":
    sys.exit(main())
