#!/usr/bin/python3
"""A server moves from one real node to another: two alulas, each with a dockerd
of its own, and the Panel between them.

    scripts/with-dockerd --own tests/live/transfer_story.py --binary ALULA
        [--keep]

First one that arrives whole and starts there, then one whose target is killed in
the middle. Ends with code 77 where there is no dockerd.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
import uuid as uuids

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Broken, Client, check, say  # noqa: E402
from panel_process import FIRST, ROOT  # noqa: E402
from panel_story import GAMES, INSTALLER, settings_of  # noqa: E402
from scene import Scene, options_of, parser_of  # noqa: E402

SECOND = {"uuid": "5f0c7f54-2f0e-4a43-9a51-1f3f0d6c2b77", "token": "s" * 64,
          "token_id": "ZyXwVuTsRqPoNmLk"}
GAME = GAMES["tiny"]
FIRST_DOCKER = "ALULA_FIRST_DOCKER"


def fill(volume, megabytes):
    """Whatever an archive may lose, in a server that is running."""
    volume.joinpath("plugins/empty/deeper").mkdir(parents=True)
    volume.joinpath("plugins/über uns.txt").write_text("ja\n")
    volume.joinpath("nothing").touch()
    volume.joinpath("secret.key").write_text("key\n")
    volume.joinpath("secret.key").chmod(0o600)
    volume.joinpath("run.sh").write_text("#!/bin/sh\n")
    volume.joinpath("run.sh").chmod(0o755)
    volume.joinpath("latest").symlink_to("world/tick")
    # Rules of backups: a transfer takes everything.
    volume.joinpath(".pteroignore").write_text("*\n")
    volume.joinpath("big.bin").write_bytes(os.urandom(megabytes << 20))
    # As the server itself would have made them: what arrives belongs to the
    # user whom servers run as.
    owner = volume.stat()
    for path in volume.rglob("*"):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def look_of(root):
    """Everything below it: kind, mode, time of files, and what is in it."""
    seen = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        line = [stat.filemode(info.st_mode), info.st_uid]
        if path.is_symlink():
            line = ["link", os.readlink(path)]
        elif path.is_file():
            line += [int(info.st_mtime), info.st_size,
                     hashlib.sha256(path.read_bytes()).hexdigest()]
        seen[str(path.relative_to(root))] = line
    return seen


class Story:
    def __init__(self, panel, source, target):
        self.panel, self.source, self.target = panel, source, target

    def begin(self, megabytes):
        """A server that runs on the source; its client."""
        self.uuid = str(uuids.uuid4())
        self.base = f"/api/servers/{self.uuid}"
        self.panel.put_server(
            self.uuid, settings_of(self.uuid, GAME),
            {"startup": {"done": [GAME.done]}, "stop": GAME.stop,
             "configs": []},
            {"container_image": INSTALLER, "entrypoint": "sh",
             "script": "#!/bin/sh\n" + GAME.install + "\n"})
        self.source.expect(202, "POST", "/api/servers", {
            "uuid": self.uuid, "start_on_completion": True})
        self.panel.wait_for_calls("POST", f"/servers/{self.uuid}/install", 1,
                                  "a server is installed")
        self.source.until_there(self.uuid, GAME.files)
        fill(self.source.volumes / self.uuid, megabytes)
        client = Client(self.source, self.uuid,
                        ("*", "admin.websocket.transfer"))
        self.source.until(
            lambda: self.state(self.source)["state"] == "running",
            "the server does not run")
        return client

    def state(self, node):
        return node.expect(200, "GET", self.base)[1]

    def move(self):
        told = self.panel.control("POST", "/transfers", {
            "server": self.uuid, "to": SECOND["uuid"]})
        check(told["status"] == 202, "the Panel asks the source to send it")

    def job(self):
        """The newest transfer of the server at the source."""
        return self.source.expect(
            200, "GET",
            f"{self.base}/jobs?kind=server.transfer")[1]["items"][0]

    def reports(self, how):
        return self.panel.calls(
            "POST", f"/servers/{self.uuid}/transfer/{how}")

    def arrive(self):
        say("==   a server that arrives")
        client = self.begin(megabytes=6)
        self.move()
        client.hear("transfer status", "it is on its way", "processing")
        self.source.expect(409, "POST", f"{self.base}/power",
                           {"action": "start"})
        say("ok   nobody starts it meanwhile")
        client.hear("transfer logs", "how far it is", "Uploading [")
        client.hear("transfer status", "the move is done", "completed")
        client.hear_end("the server is gone from the source")
        self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/transfer/success", 1, "it is there")
        self.target.until_all_is_told()
        self.source.until_all_is_told()
        check(len(self.reports("success")) == 1 and not self.reports("failure"),
              "the Panel has heard of one success and nothing else")
        check(self.panel.state()["servers"][self.uuid]["node"]
              == SECOND["uuid"], "the Panel has it on the other node")
        self.source.expect(404, "GET", self.base)
        said = self.source.expect(200, "GET", "/api/trash")[1]
        entry = next(e for e in said["items"] if e["server"] == self.uuid)
        trash = self.source.base / ".trash" / entry["job"]
        here, there = look_of(trash), look_of(self.target.volumes / self.uuid)
        lost = {k: (v, there.get(k)) for k, v in here.items()
                if there.get(k) != v}
        check(not lost and not set(there) - set(here),
              f"{len(here)} names are there as they were"
              + (f": {lost} {set(there) - set(here)}" if lost else ""))
        check(not self.state(self.target)["is_transferring"],
              "it is free on the other node")
        headers, _ = self.target.expect(202, "POST", f"{self.base}/power",
                                        {"action": "start"})
        check(self.target.end_of(headers)["state"] == "succeeded",
              "and starts there")
        self.target.expect(204, "DELETE", self.base)

    def be_lost(self):
        say("==   a target that is killed in the middle")
        client = self.begin(megabytes=48)
        self.move()
        client.hear("transfer logs", "the server is on its way", "Uploading [")
        self.target.kill()
        client.hear("transfer status", "it did not arrive", "failure")
        self.source.until(
            lambda: self.state(self.source)["state"] == "running",
            "it does not run again where it was")
        say("ok   it runs again where it was")
        self.source.until(lambda: self.job()["done"], "the job does not end")
        check(self.job()["state"] == "failed", "the job has failed")
        check(not self.state(self.source)["is_transferring"],
              "the server is free again")
        self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/transfer/failure", 1,
            "it did not arrive")
        self.target.start()
        self.target.until(
            lambda: self.target.ask("GET", self.base)[0] == 404,
            "the target still has it")
        self.target.until_all_is_told()
        left = [str(p) for p in self.target.base.rglob(f"*{self.uuid}*")
                if "log" not in p.parts]
        left += [str(p) for p in self.target.base.rglob("*.part")]
        check(not left, f"nothing of it is left on the target {left or ''}")
        check(not self.reports("success")
              and self.panel.state()["servers"][self.uuid]["node"]
              == FIRST["uuid"], "the Panel has it where it was")
        self.source.expect(204, "DELETE", self.base)


def prepare(docker):
    made = subprocess.run([str(ROOT / "scripts/test-image")], text=True,
                          capture_output=True,
                          env={**os.environ, "DOCKER_HOST": docker})
    if made.returncode != 0:
        raise Broken(f"scripts/test-image: {made.stdout}{made.stderr}")


def tell(options):
    dockers = os.environ[FIRST_DOCKER], os.environ["DOCKER_HOST"]
    for docker in dockers:
        prepare(docker)
    with Scene("a transfer", options) as scene:
        # What was deleted stays in the trash, to be compared; a few seconds
        # are needed to kill somebody in the middle.
        scene.start_node(FIRST, dockers[0], {
            "undelete_hours": 1, "transfers": {"upload_limit": 6}})
        scene.start_node(SECOND, dockers[1])
        for node in scene.nodes:
            scene.panel.control("POST", "/nodes", {
                **node.identity, "url": f"http://127.0.0.1:{node.port}"})
        story = Story(scene.panel, *scene.nodes)
        story.arrive()
        story.be_lost()
    return not scene.failed


def main():
    options = options_of(parser_of(__doc__))
    # Nodes are machines: each has containers of its own.
    if FIRST_DOCKER not in os.environ:
        os.environ[FIRST_DOCKER] = os.environ["DOCKER_HOST"]
        os.execv(ROOT / "scripts/with-dockerd",
                 ["with-dockerd", "--own", sys.executable, "-B",
                  os.path.abspath(__file__), *sys.argv[1:]])
    told = tell(options)
    say(json.dumps({"stories": 2, "failed": not told}))
    sys.exit(0 if told else 1)


if __name__ == "__main__":
    main()
