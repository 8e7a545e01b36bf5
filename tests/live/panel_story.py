#!/usr/bin/python3
"""A Panel runs real game servers on a real node: create, install, start,
console, command, stop, restart, kill, suspend by sync, unsuspend, reinstall,
delete, each seen by a websocket client and in the Panel's log of calls.

    scripts/with-dockerd --own tests/live/panel_story.py --binary ALULA
        [--game openttd|minetest|tiny|hardships] [--keep]

Without --game all of them; `hardships` is what happens to a node meanwhile
(hardships.py). Ends with code 77 where there is no dockerd.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import uuid as uuids

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hardships import Hardships  # noqa: E402
from node import Broken, Client, check, containers, say  # noqa: E402
from panel_process import ROOT  # noqa: E402
from scene import Scene, options_of, parser_of  # noqa: E402

INSTALLER = "alula/test-server:1"
SPEAKS = "the installer is at work"
# A file of every egg here, as its installer leaves it, and what a start makes of
# it (wings-protocol 3.4).
CONFIGURED = "server.properties"
LEFT = ["motd=a world", "server-port=1"]
CONFIGS = [{"parser": "properties", "file": CONFIGURED, "replace": [
    {"match": "server-port", "replace_with": "25565"},
    {"match": "motd", "if_value": "another", "replace_with": "nothing"},
    {"match": "online-mode", "replace_with": True}]}]
MADE = ["motd=a world", "server-port=25565", "online-mode=true"]


@dataclasses.dataclass
class Game:
    """A server as an egg describes it."""
    image: str
    pack: str        # the script that makes the image
    done: str        # a line that says that it is up
    stop: dict
    command: str     # for the console; empty: it has none
    answer: str      # what the console says to it
    files: str       # a file it makes, below its volume
    install: str = "echo installing; echo hello > /mnt/server/installed.txt"
    memory: int = 512


GAMES = {
    "openttd": Game(
        image="alula/openttd:13", pack="pack-openttd",
        done="starting game",
        stop={"type": "command", "value": "quit"},
        command="save before-backup", answer="Map successfully saved",
        files="save/before-backup.sav"),
    "minetest": Game(
        image="alula/minetest:5", pack="pack-minetest",
        done="listening on", stop={"type": "stop", "value": "^C"},
        command="", answer="", files="world/map.sqlite",
        # Without a player nothing is written: a mod looks at the map.
        install="cd /mnt/server; mkdir -p world/worldmods/look;"
                " cd world/worldmods/look; echo name = look >mod.conf;"
                " echo 'minetest.after(0, function() minetest.emerge_area("
                "{x=0,y=0,z=0}, {x=47,y=47,z=47}) end)' >init.lua;"
                " echo made a mod",
        memory=1024),
    "tiny": Game(
        image="alula/test-server:1", pack="test-image", done="Done, world",
        stop={"type": "command", "value": "stop"}, command="say hi",
        answer="[chat] hi", files="world/tick"),
}


def settings_of(uuid, game):
    return {
        "uuid": uuid, "meta": {"name": "story", "description": ""},
        "suspended": False, "invocation": "run", "skip_egg_scripts": False,
        "environment": {"STARTUP": "run", "SERVER_PORT": 25565,
                        "P_SERVER_UUID": uuid},
        "build": {"memory_limit": game.memory, "swap": 0, "io_weight": 500,
                  "cpu_limit": 0, "threads": None, "disk_space": 0,
                  "oom_disabled": False},
        "container": {"image": "~" + game.image},
        "crash_detection_enabled": True,
    }


class Story(Hardships):
    def __init__(self, game, node, panel):
        self.game, self.node, self.panel = game, node, panel
        self.uuid = str(uuids.uuid4())
        self.base = f"/api/servers/{self.uuid}"
        self.settings = settings_of(self.uuid, game)

    def tell_panel(self, **changes):
        self.settings.update(changes)
        self.panel.put_server(
            self.uuid, self.settings,
            {"startup": {"done": [self.game.done]}, "stop": self.game.stop,
             "configs": CONFIGS},
            {"container_image": INSTALLER, "entrypoint": "sh",
             "script": "\r\n".join([
                 "#!/bin/sh", f"echo {SPEAKS}",
                 f": >/mnt/server/{CONFIGURED}",
                 *(f"echo '{line}' >>/mnt/server/{CONFIGURED}" for line in LEFT),
                 self.game.install, ""])})

    def state(self):
        return self.node.expect(200, "GET", self.base)[1]

    @contextlib.contextmanager
    def asks_the_panel(self, what):
        """What the server is like now, once."""
        def asked():
            return len(self.panel.calls("GET", f"/servers/{self.uuid}"))

        before = asked()
        yield
        check(asked() - before == 1, f"the Panel was asked once, for {what}")

    def tell(self):
        client = self.create_and_come()
        self.check_container_is_made()
        self.install(client)
        self.start(client)
        self.use_console(client)
        self.stop(client)
        self.restart_and_kill(client)
        self.suspend(client)
        client = self.come()
        self.reinstall(client)
        self.delete(client)
        self.look_at_activity()

    def create_and_come(self):
        """The client of a new server, who comes before it is installed: that an
        installation begins is told once, to who is there, and before there is a
        container whose script could wait."""
        with self.node.holding("install"):
            self.create()
            return self.come()

    def create(self):
        # Or the sync of the boot would find it there before it is asked for.
        self.panel.wait_for_calls("GET", "/servers", 1,
                                  "the node asks for its servers")
        self.tell_panel()
        headers, _ = self.node.expect(
            202, "POST", "/api/servers",
            {"uuid": self.uuid, "start_on_completion": False})
        job = self.node.end_of(headers)
        check(job["state"] == "succeeded", "a server was created")
        self.panel.wait_for_calls("GET", f"/servers/{self.uuid}", 1,
                                  "the node asks what the server is like")

    def check_container_is_made(self):
        seen = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Status}}", self.uuid],
            text=True, capture_output=True)
        check(seen.stdout.strip() == "created",
              "a container is made of its image, before any start")
        check(self.state()["state"] == "offline", "the server is off")

    def install(self, client=None):
        """What a client hears who was there before it began, and what is told
        the Panel."""
        if client:
            client.hear("install started", "the installation begins")
            client.hear("install output", "the installer speaks", SPEAKS)
            client.hear("install completed", "the installation ends")
        told = self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/install", 1, "it is installed")
        check(told[0]["body"] == {"successful": True, "reinstall": False},
              "the installation went well")
        _, log = self.node.expect(200, "GET", f"{self.base}/install-logs")
        check(any("| Output:" in line for line in log["data"])
              and any(SPEAKS in line for line in log["data"]),
              "the log of the installation is served")
        check(self.state()["install"]["state"] == "done",
              "the server shows that it is installed")

    def start(self, client):
        with self.asks_the_panel("a start"):
            client.send("set state", "start")
            client.hear("status", "the server starts", "starting")
            client.hear("status", "it is up", "running")
        file = self.node.volumes / self.uuid / CONFIGURED
        check(file.read_text().splitlines() == MADE,
              "its configuration file says what the egg wants, and what it said")
        client.hear("stats", "it is told what it uses",
                    '"memory_bytes"')
        check(self.state()["state"] == "running", "the API says the same")

    def use_console(self, client):
        game = self.game
        if game.command:
            client.send("send command", game.command)
            client.hear("console output", "a command was answered",
                        game.answer)
            self.node.expect(204, "POST", f"{self.base}/commands",
                             {"commands": [game.command]})
            client.hear("console output", "one of the Panel's was, too",
                        game.answer)
        client.send("send logs", None)
        client.hear("console output", "the log is sent once more")
        _, logs = self.node.expect(200, "GET", f"{self.base}/logs?size=50")
        check(logs["data"], "the Panel can read the last lines")
        self.node.until_there(self.uuid, game.files)

    def stop(self, client):
        headers, _ = self.node.expect(202, "POST", f"{self.base}/power",
                                      {"action": "stop"})
        client.hear("status", "it stops", "stopping")
        client.hear("status", "it is off", "offline")
        check(self.node.end_of(headers)["state"] == "succeeded",
              "the stop is a job that succeeded")
        self.node.expect(502, "POST", f"{self.base}/commands",
                         {"commands": ["x"]})
        say("ok   a command to a server that is off is 502")

    def restart_and_kill(self, client):
        client.send("set state", "start")
        client.hear("status", "it is up again", "running")
        with self.asks_the_panel("a restart"):
            client.send("set state", "restart")
            client.hear("status", "a restart stops it", "stopping")
            client.hear("status", "the restart starts it", "starting")
            client.hear("status", "it is up after the restart", "running")
        client.send("set state", "kill")
        client.hear("status", "a kill ends it", "offline")
        check(self.state()["wanted_power"] == "down",
              "nobody wants it up any more")

    def suspend(self, client):
        client.send("set state", "start")
        client.hear("status", "it is up before it is suspended", "running")
        self.tell_panel(suspended=True)
        with self.asks_the_panel("the sync that suspends it"):
            self.node.expect(204, "POST", f"{self.base}/sync")
        check(client.hear_end("the server is suspended")[0] == 1008,
              "with the code that pages know for that")
        watcher = Client(self.node, self.uuid)
        while watcher.hear(
                "status", "the server goes off", quietly=True) != "offline":
            pass
        say("ok   a client sees that the server goes off")
        self.node.expect(400, "POST", f"{self.base}/power",
                         {"action": "start"})
        watcher.send("set state", "start")
        watcher.hear("daemon error", "a suspended server is not started",
                     "suspended")
        self.tell_panel(suspended=False)
        with self.asks_the_panel("the sync that lifts the suspension"):
            self.node.expect(204, "POST", f"{self.base}/sync")
        check(not self.state()["is_suspended"], "the Panel lifts the suspension")
        check(self.state()["state"] == "offline", "that alone starts nothing")
        with self.asks_the_panel("the start after that"):
            watcher.send("set state", "start")
            watcher.hear("status", "it may be started again", "running")

    def reinstall(self, client):
        client.send("subscribe", "jobs")
        client.hear("subscribed", "jobs can be followed")
        with self.asks_the_panel("a reinstallation"):
            headers, _ = self.node.expect(202, "POST",
                                          f"{self.base}/reinstall")
            client.hear("job progress", "a job reinstalls", "server.reinstall")
            client.hear("status", "the server is off for it", "offline")
            client.hear("install started", "the installation begins again")
            client.hear("install output", "the installer speaks again", SPEAKS)
            client.hear("install completed", "the installation ends again")
        told = self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/install", 2, "it is reinstalled")
        check(told[1]["body"] == {"successful": True, "reinstall": True},
              "the reinstallation went well")
        check(self.node.end_of(headers)["state"] == "succeeded",
              "its job succeeded")
        client.hear("job progress", "its job has ended", '"succeeded"')

    def delete(self, client):
        client.send("set state", "start")
        client.hear("status", "it runs when it is deleted", "running")
        self.node.expect(204, "DELETE", self.base)
        client.hear("deleted", "the server is deleted", "null")
        check(client.hear_end("the server is deleted")[0] == 1001,
              "with the code that pages know for that")
        client.check_numbers()
        self.node.expect(404, "GET", self.base)
        check(not [name for name in containers() if self.uuid in name],
              "no container of it is left")
        check(not (self.node.volumes / self.uuid).exists(),
              "no files of it are left")

    def look_at_activity(self):
        """What came over the websocket; the Panel has noted its own calls."""
        self.node.until_all_is_told()
        said = [row["event"].removeprefix("server:")
                for call in self.panel.calls("POST", "/activity")
                for row in call["body"]["data"]
                if row["server"] == self.uuid]
        wanted = ["power.start"] \
            + (["console.command"] if self.game.command else []) \
            + ["power.start", "power.restart", "power.kill", "power.start",
               "power.start", "power.start"]
        check(said == wanted, "the Panel knows who did what, in order")


def prepare(game):
    for script in ("test-image", game.pack):
        made = subprocess.run([str(ROOT / "scripts" / script)],
                              capture_output=True, text=True)
        if made.returncode != 0:
            raise Broken(f"scripts/{script}: {made.stdout}{made.stderr}")


HARDSHIPS = "hardships"
ABOUT = {
    "openttd": "a real game, stopped by a command",
    "minetest": "a real game, stopped by a signal",
    "tiny": "a server of a few lines",
    HARDSHIPS: "the node, the Panel, the container and dockerd go away in turn",
}


def tell(name, options):
    say(f"==   {name}: {ABOUT[name]}")
    game = GAMES["tiny" if name == HARDSHIPS else name]
    prepare(game)
    with Scene(name, options) as scene:
        story = Story(game, scene.start_node(), scene.panel)
        if name == HARDSHIPS:
            story.tell_hardships()
        else:
            story.tell()
    return not scene.failed


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--game", choices=[*GAMES, HARDSHIPS],
                        action="append")
    options = options_of(parser)
    told = [tell(name, options) for name in options.game or [*GAMES, HARDSHIPS]]
    say(json.dumps({"stories": len(told), "failed": told.count(False)}))
    sys.exit(0 if all(told) else 1)


if __name__ == "__main__":
    main()
