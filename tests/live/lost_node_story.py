#!/usr/bin/python3
"""A node that loses its disk, its ledger with it, and gets its backups back from
a store of its own.

  scripts/with-s3 [radosgw|swift|both] tests/live/lost_node_story.py \\
      --binary build/dev/alula

Skipped (77) where there is no store.
"""

import argparse
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from far_node import Stage, tree, why_not  # noqa: E402
from telling import check, say  # noqa: E402


class Teller(Stage):
    def lose_everything(self):
        """What is left is the configuration, and what lies in the store."""
        node = self.node
        node.kill()
        for path in node.base.iterdir():
            if path in (node.config, node.socket):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def on_record(self):
        return {one["uuid"]: one
                for one in self.node.get("/api/backups")["items"]}

    def scan(self):
        return self.node.ends_well(
            self.node.asked("POST", "/api/stores/offsite/scan"),
            "a scan of the store ends well")["result"]

    def tale_lost_node(self):
        """Everything is copied, the disk dies, a new node finds what lies in the
        store and restores it, and a scan brings nothing back that is deleted."""
        self.begin()
        node = self.node
        node.make_world()
        self.panel.control("POST", "/habits", {"default_disk": "wings"})
        server, world = node.server, node.world
        base = f"/api/servers/{server}/backup/"
        far, job = node.begin("wings")
        node.ends_well(job, "a local backup is made")
        node.ends_well(node.asked("POST", f"{base}{far}/copy",
                                  {"to": "offsite"}), "and copied to the store")
        near, job = node.begin("store")
        node.ends_well(job, "another one is made for the store alone")
        node.lies_in(near, ["offsite"])
        made = self.on_record()

        self.lose_everything()
        node.start()
        node.until("the backups are on record", lambda: len(self.on_record()) == 2)
        found = self.on_record()
        check(set(found) == {far, near}, "a new node finds both by itself")
        check(all(one["server"] == server
                  and one["sha256"] == made[uuid]["sha256"]
                  and one["size"] == made[uuid]["size"]
                  and one["verified_at"] is None
                  and [p["place"] for p in one["places"]] == ["offsite"]
                  for uuid, one in found.items()),
              "with all that their manifests say")
        node.until("the server is there, from the Panel", lambda: node.ask(
            "GET", f"/api/servers/{server}")[0] == 200)
        node.ends_well(node.asked("POST", f"{base}{far}/restore",
                                  {"adapter": "wings",
                                   "truncate_directory": True}),
                       "one is restored from the store")
        check(tree(node.volume) == world, "the world is what it was")
        node.ends_well(node.asked("POST", f"{base}{near}/copy",
                                  {"to": "local"}), "one is copied back")
        node.asked("DELETE", f"{base}{far}")
        node.until("it is gone", lambda: set(self.on_record()) == {near})

        self.bucket.call("PUT", f"{self.given['prefix']}own/holiday.jpg",
                         body=b"?")
        said = self.scan()
        check((said["found"], said["copies"], said["odd"]) == (0, 0, 1)
              and said["named"][0]["key"] == "holiday.jpg",
              "which finds nothing new, and names what is no backup")
        check(set(self.on_record()) == {near}, "what was deleted stays deleted")


def main():
    parse = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parse.add_argument("--binary", required=True)
    options = parse.parse_args()
    if why := why_not():
        print(f"skipped: {why}")
        return 77
    told = Teller(options.binary).tell("lost_node")
    say("it ended well" if told else "it did not end well")
    return 0 if told else 1


if __name__ == "__main__":
    sys.exit(main())
