"""Every command of the command line with what it prints, for docs/screens:

    record_commands.py ALULA

On a node of its own with a few servers, backups and jobs in all states.
"""

import base64
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/app"))
from running_node import Panel, RunningNode  # noqa: E402

import bucket  # noqa: E402  of tests/crash, which running_node looks into


class Recorder:
    def __init__(self, binary, more=""):
        self.binary = os.path.abspath(binary)
        self.node = RunningNode(self.binary, read_limit=8, more=more)

    def alula(self, line, config=True):
        """As it would be typed where the config is in its usual place."""
        print(f"$ alula {line}")
        words = [self.binary, *shlex.split(line)]
        done = subprocess.run(
            [*words, *(["--config", self.node.config] if config else [])],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.node.base, timeout=120)
        print(done.stdout, end="" if done.stdout.endswith("\n") else "\n")
        if done.returncode != 0:
            print(f"(leaves with {done.returncode})")
        print(flush=True)

    def title(self, text):
        print(f"# {text}\n")

    def send_backup(self, system):
        """The id of a backup that an appliance has sent."""
        _, _, text = self.node.ask("POST", "/api/tokens", {"appliance": system})
        pair = f"{system}:{json.loads(text)['secret']}".encode()
        _, _, text = self.node.ask(
            "POST", "/api/systems/backups", {"as": "sent"}, headers={
                "Authorization": f"Basic {base64.b64encode(pair).decode()}",
                "X-Filename": "nightly.tar.gz"})
        return json.loads(text)["data"]["id"]

    def grow(self, server):
        (self.node.base / "volumes" / server / "world" / "map.sqlite.dump"
         ).write_bytes(os.urandom(24 << 20))

    def record(self):
        node = self.node.start()
        castle = node.make_server("castle")
        village = node.make_server("village")
        doomed = node.make_server("doomed")
        backup = node.make_backup(castle)
        node.make_backup(village)
        self.grow(castle)
        self.title("Servers and backups")
        self.alula("servers")
        self.alula("servers show castle")
        self.alula("servers show castle --json")
        self.alula("servers start village")
        self.alula("servers restart village")
        self.alula("servers kill village")
        self.alula("servers stop village")
        self.alula("backups create castle")
        self.alula("backups list castle")
        self.alula(f"backups files castle {backup}")
        self.alula(f"backups get castle {backup} server.properties -o -")
        self.alula(f"backups verify castle {backup}")
        self.alula(f"backups pin castle {backup}")
        self.alula(f"backups restore castle {backup}")
        self.alula("backups rotate castle --dry-run")
        self.alula(f"backups unpin castle {backup}")
        self.alula(f"backups index castle {backup}")
        self.alula("backups usage")
        self.grow(castle)
        self.title("Jobs, one of them in line behind another")
        first = self.node.begin_backup(castle)
        second = self.node.begin_backup(castle)
        while node.get(f"/api/jobs/{second}")["reason"] != "WaitingInLine":
            time.sleep(0.05)
        self.alula("jobs --limit 6")
        self.alula(f"jobs show {second}")
        self.alula(f"jobs cancel {second} --wait")
        self.alula(f"jobs watch {first}")
        restored = node.get("/api/jobs?kind=backup.restore")["items"][0]["id"]
        self.alula(f"jobs undo {restored} --wait")
        self.grow(castle)
        self.title("A job that needs somebody: the process died in it three times")
        parked = self.node.begin_backup(castle)
        for _ in range(3):
            while not any(s["name"] == "archive" and s["state"] == "started"
                          for s in node.get(f"/api/jobs/{parked}")["steps"]):
                time.sleep(0.02)
            node.kill()
            node.start()
        self.alula(f"jobs show {parked}")
        self.alula("doctor")
        self.alula(f"jobs retry {parked} --wait")
        newest = node.get("/api/backups")["items"][0]["uuid"]
        self.alula(f"backups delete castle {newest}")
        self.title("Deleted, and back")
        self.alula("servers delete doomed --no-wait")
        while node.ask("GET", f"/api/servers/{doomed}")[0] == 200:
            time.sleep(0.05)
        self.alula("trash")
        self.alula(f"trash restore {node.get('/api/trash')['items'][0]['job']}")
        self.title("Systems")
        self.alula('systems set edge-7 --organisation acme/north --name "Edge 7"')
        self.alula("systems")
        sent = self.send_backup("edge-7")
        self.alula("systems show edge-7")
        self.alula("systems backups edge-7")
        self.alula(f"systems get edge-7 {sent} -o nightly.tar.gz")
        self.alula(f"systems delete edge-7 {sent}")
        self.alula("systems forget edge-7")
        self.title("Who may come in, and who changed what")
        self.alula("token create --role viewer --name Nagios --expires 90d")
        self.alula("token list")
        self.alula(f"token revoke {node.get('/api/tokens')['items'][0]['id']}")
        self.alula(f"audit --server {village}")
        self.title("Upkeep")
        self.alula("outbox")
        self.alula('pools pause verify --reason "new disk"')
        self.alula("pools")
        self.alula("pools resume verify")
        self.alula("db check")
        self.alula("db backup ledger-copy.db")
        self.alula("diagnostics -o diagnostics.txt")
        self.alula(f"check-config {node.config}", config=False)
        self.alula("version", config=False)
        self.title("Mistakes")
        self.alula("servers show nowhere")
        self.alula(f"jobs show {parked[:8]}")
        self.alula("jobs --token wrong")
        self.alula("jobs --url http://127.0.0.1:1")
        self.alula("jobs dance", config=False)
        self.alula(f"jobs abandon {parked} --reason \"not needed\"")
        self.alula("configure --panel-url http://127.0.0.1:1 --token ptla_x"
                   " --node 3 --config-path new.yml", config=False)

    def record_refused(self, panel):
        node = self.node.start()
        node.make_backup(node.make_server("castle"))
        self.title("A report the Panel refused, and took when that was mended")
        while not node.get("/api/jobs/summary")["outbox"]["dead"]:
            time.sleep(0.05)
        self.alula("outbox")
        panel.status = 204
        report = node.get("/api/outbox?state=dead")["items"][0]["report"]
        self.alula(f"outbox retry {report}")

    def record_copies(self):
        node = self.node.start()
        backup = node.make_backup(node.make_server("castle"))
        self.title("With a store of one's own")
        self.alula(f"backups copy castle {backup} offsite")
        self.alula(f"backups verify castle {backup} --place offsite")
        self.alula("backups scan offsite")


def main():
    store = bucket.Store("node1/")
    recorder = Recorder(sys.argv[1])
    with_store = Recorder(sys.argv[1], store.config())
    panel = Panel(422)
    refused = Recorder(sys.argv[1], panel.config())
    try:
        recorder.record()
        with_store.record_copies()
        refused.record_refused(panel)
    finally:
        for one in (recorder, with_store, refused):
            one.node.close()
        store.close()
        panel.close()


if __name__ == "__main__":
    main()
