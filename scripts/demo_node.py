"""The node of scripts/demo: one process of alula that can be killed and started
again, the two ways of having a server in it, and what is said on the way."""

import asyncio
import contextlib
import http.client
import io
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
import uuid as uuids

import jwt
import websockets

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("ALULA_BINARY", str(ROOT / "build/release/alula"))
IMAGE = "alula/minetest:5"
SERVER = str(uuids.uuid4())
USER = 988  # whom the files of servers belong to
PATIENCE = 120  # seconds, for anything
READ_LIMIT = 16  # MiB/s, so that a backup can be watched
START = time.monotonic()


class Broken(Exception):
    """A promise that was not kept."""


def say(text=""):
    print(f"{time.monotonic() - START:7.2f} s  {text}" if text else "", flush=True)


def chapter(text):
    print(f"\n== {text}", flush=True)


def check(what, is_so):
    say(("ok   " if is_so else "FAIL ") + what)
    if not is_so:
        raise Broken(what)


def until(what, is_so):
    end = time.monotonic() + PATIENCE
    while not (found := is_so()):
        if time.monotonic() > end:
            raise Broken(f"not in {PATIENCE} s: {what}")
        time.sleep(0.05)
    return found


def mib(count):
    return f"{count / (1 << 20):.1f} MiB"


class Bar:
    """In place on a terminal; else a line for every tenth."""

    def __init__(self):
        self.moves, self.tenth = sys.stdout.isatty(), -1

    def show(self, job):
        p = job["progress"]
        if not p or not p["total"] or p["unit"] != "bytes":
            return
        part = min(p["done"] / p["total"], 1)
        text = (f"     [{'#' * int(part * 24):24}] {part:4.0%}  "
                f"{mib(p['done'])} of {mib(p['total'])}, {mib(p['rate'])}/s")
        if self.moves:
            print(f"\r{time.monotonic() - START:7.2f} s  {text}\x1b[K",
                  end="\n" if part == 1 else "", flush=True)
        elif int(part * 10) > self.tenth:
            self.tenth = int(part * 10)
            say(text)

    def end(self):
        if self.moves:
            print("\r\x1b[K", end="", flush=True)


class Node:
    def __init__(self, base, docker_socket):
        self.base, self.port, self.process = base, 0, None
        self.begun = []  # URLs of the jobs that were asked for
        self.token = uuids.uuid4().hex
        self.volume = base / "volumes" / SERVER
        self.config = base / "config.yml"
        self.socket = docker_socket

    def write_config(self):
        self.config.write_text(f"""\
token: {self.token}
api: {{host: 127.0.0.1, port: {self.port}}}
allowed_origins: ["*"]
system:
  root_directory: {self.base}
  data: {self.base}/volumes
  log_directory: {self.base}/logs
  tmp_directory: {self.base}/tmp
  user: {{uid: {USER if os.geteuid() == 0 else os.geteuid()}, gid: {USER if os.geteuid() == 0 else os.getegid()}}}
  backups: {{read_limit: {READ_LIMIT}}}
docker:
  socket: {self.socket}
  network: {{network_mode: none}}
""")

    def start(self):
        self.write_config()
        with open(self.base / "alula.log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--config", self.config], text=True,
                stdout=subprocess.PIPE, stderr=log)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rsplit(":", 1)[1])
                self.write_config()  # the command line finds it there
                return
        raise Broken("alula did not start; it said:\n"
                     + (self.base / "alula.log").read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        if not self.process or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, body=None):
        node = http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=PATIENCE)
        with contextlib.closing(node):
            node.request(method, path, None if body is None else json.dumps(body),
                         {"Authorization": f"Bearer {self.token}",
                          "Content-Type": "application/json"})
            answer = node.getresponse()
            text = answer.read()
            is_json = text[:1] in (b"{", b"[")
            return answer.status, answer.headers, json.loads(text) if is_json else text

    def get(self, path):
        status, _, said = self.ask("GET", path)
        if status != 200:
            raise Broken(f"GET {path} answered {status}: {said}")
        return said

    def begin(self, method, path, body=None, answers=(202, 204)):
        """The URL of the job that a request began."""
        status, headers, said = self.ask(method, path, body)
        if status not in answers:
            raise Broken(f"{method} {path} answered {status}: {said}")
        say(f"     {method} {path}: {status}, Location: {headers['Location']}")
        self.begun.append(headers["Location"])
        return headers["Location"]

    def follow(self, job, leave_at=None):
        """A bar until it ends, or until it has come so far."""
        bar = Bar()
        try:
            while True:
                seen = self.get(job)
                bar.show(seen)
                if seen["done"]:
                    break
                p = seen["progress"] or {}
                if leave_at and p.get("total") and p["done"] >= leave_at * p["total"]:
                    return seen
                time.sleep(0.05)
        finally:
            bar.end()
        check(f"{seen['kind']} {seen['state']}"
              + (f": {seen['error']['detail']}" if seen["error"] else ""),
              seen["state"] == "succeeded")
        return seen

    def do(self, method, path, body=None):
        return self.follow(self.begin(method, path, body))

    def command(self, *words):
        """What an operator would type; its output as it is."""
        say("     $ alula " + " ".join(words))
        done = subprocess.run([BINARY, *words, "--config", self.config],
                              text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in done.stdout.splitlines():
            print(f"           | {line}", flush=True)
        return done.returncode


class Viewer(threading.Thread):
    """A websocket client of the server, as a player's browser is one; `heard`
    and `code` say how that went once it has been shown out."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.heard, self.code = node, [], None
        self.start()
        until("a client is let in", lambda: "auth success" in self.heard)

    def run(self):
        asyncio.run(self.listen())

    async def listen(self):
        now = int(time.time())
        token = jwt.encode({"jti": "demo", "iat": now, "exp": now + 600,
                            "user_uuid": str(uuids.uuid4()),
                            "server_uuid": SERVER, "permissions": ["*"]},
                           self.node.token, algorithm="HS256")
        url = f"ws://127.0.0.1:{self.node.port}/api/servers/{SERVER}/ws"
        async with websockets.connect(url, ping_interval=None) as socket:
            await socket.send(json.dumps({"event": "auth", "args": [token]}))
            with contextlib.suppress(websockets.ConnectionClosed):
                async for frame in socket:
                    self.heard.append(json.loads(frame)["event"])
            self.code = socket.close_code


def blocks_in(world):
    """Blocks of the map in a database that is whole, or it is no world."""
    with contextlib.closing(sqlite3.connect(f"file:{world}/map.sqlite?mode=ro",
                                            uri=True)) as db:
        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise Broken("the map's database is damaged")
        return db.execute("SELECT count(*) FROM blocks").fetchone()[0]


class Minetest:
    """A real server in a real container, with a mod that explores by itself."""

    name = ("Minetest, packed from Debian's own package, with a mod that explores"
            " by itself")

    def __init__(self, node):
        self.node, self.world = node, node.volume / "world"

    def prepare(self):
        packed = subprocess.run([ROOT / "scripts/pack-minetest", IMAGE],
                                text=True, capture_output=True)
        if packed.returncode != 0:
            return " ".join((packed.stderr or packed.stdout).split())[-200:]
        say("     " + packed.stdout.strip().splitlines()[-1])
        return None

    def body(self):
        return {
            "uuid": SERVER, "start_on_completion": False,
            "settings": {
                "uuid": SERVER, "meta": {"name": "castle"},
                "invocation": "minetestserver",
                "container": {"image": f"~{IMAGE}"},
                "build": {"memory_limit": 1500, "swap": 0, "io_weight": 500,
                          "cpu_limit": 0, "disk_space": 0},
                "allocations": {"default": {"ip": "127.0.0.1", "port": 30000},
                                "mappings": {}}},
            "process_configuration": {
                "startup": {"done": ["listening on"]},
                "stop": {"type": "signal", "value": "SIGINT"}, "configs": []}}

    def fill(self):
        maker = subprocess.run(["docker", "create", IMAGE], check=True, text=True,
                               capture_output=True).stdout.strip()
        mod = subprocess.run(["docker", "cp", f"{maker}:/worldmod", "-"],
                             check=True, capture_output=True).stdout
        subprocess.run(["docker", "rm", maker], check=True, capture_output=True)
        mods = self.world / "worldmods"
        mods.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(mod)) as archive:
            archive.extractall(mods)
        (mods / "worldmod").rename(mods / "explorer")

    def start(self):
        self.node.do("POST", f"/api/servers/{SERVER}/power", {"action": "start"})
        until("the game is up", lambda: self.node.get(
            f"/api/servers/{SERVER}")["state"] == "running")

    def explored(self):
        try:
            return int((self.world / "explored.txt").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def has_container(self):
        seen = subprocess.run(["docker", "inspect", SERVER], text=True,
                              capture_output=True)
        if seen.returncode != 0 and "no such" not in seen.stderr.lower():
            raise Broken(f"docker inspect: {seen.stderr.strip()}")
        return seen.returncode == 0

    def close(self):
        subprocess.run(["docker", "rm", "-f", "-v", SERVER], capture_output=True)


class StandIn(Minetest):
    """Where there is no Docker: a thread plays the game, and a dockerd of a few
    lines (tests/crash/dockerd.py) says that a container runs."""

    name = "a stand-in that writes a world as a game does"

    def __init__(self, node, dockerd):
        super().__init__(node)
        self.dockerd = dockerd
        self.plays = threading.Event()
        self.thread = None

    def prepare(self):
        return None

    def body(self):
        body = super().body()
        body["process_configuration"]["startup"]["done"] = ["ready"]
        body["process_configuration"]["stop"] = {"type": "command", "value": "stop"}
        return body

    def fill(self):
        self.world.mkdir(parents=True)

    def start(self):
        super().start()
        self.plays.set()
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def play(self):
        with contextlib.closing(sqlite3.connect(self.world / "map.sqlite")) as db:
            db.execute("CREATE TABLE IF NOT EXISTS blocks (at INTEGER PRIMARY KEY, data BLOB)")
            while self.plays.is_set():
                with contextlib.suppress(sqlite3.Error), db:
                    db.execute("INSERT INTO blocks (data) VALUES (?)",
                               (random.randbytes(400),))
                time.sleep(0.01)

    def halt(self):
        self.plays.clear()
        if self.thread:
            self.thread.join()

    def explored(self):
        try:
            return blocks_in(self.world)
        except (sqlite3.Error, Broken):
            return 0

    def has_container(self):
        return SERVER in self.dockerd.names()

    def close(self):
        self.halt()
