"""A real alula and a websocket client, for stories about real servers in a real
dockerd."""

import asyncio
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid as uuids

import jwt
import websockets

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http"),
                str(HERE.parent / "doubles")]
from description_test import Description  # noqa: E402
from file_news import wait_in  # noqa: E402
from panel_process import FIRST, PATIENCE, TOKEN, ask_http  # noqa: E402
from secrecy import keep_secrets  # noqa: E402
from telling import Broken, check, say  # noqa: E402

USER = 988  # whom the files of servers belong to


def described():
    try:
        return Description()
    except ImportError:
        return None


class Alula:
    """One node; start() may be called again after kill(). `settings` are added
    to those of its `system`."""

    def __init__(self, binary, panel, identity=FIRST, docker=None,
                 settings=None):
        self.binary, self.panel, self.port = binary, panel, 0
        self.identity = identity
        # What nobody else may read, and what it is.
        self.secrets = [("a node's token", identity["token"])]
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="alula-live-"))
        self.process = None
        # None where python3-jsonschema is not there.
        self.description = described()
        socket = docker or os.environ.get("DOCKER_HOST",
                                          "unix:///var/run/docker.sock")
        self.config = self.base / "config.yml"
        self.config.write_text(json.dumps({
            **identity, "remote": panel.url,
            "api": {"host": "127.0.0.1", "port": 0},
            "system": {
                "root_directory": str(self.base / "root"),
                "data": str(self.base / "volumes"),
                "log_directory": str(self.base / "log"),
                "tmp_directory": str(self.base / "tmp"),
                "user": {"uid": USER, "gid": USER}, **(settings or {}),
            },
            # A dockerd of a test has no bridge.
            "docker": {"socket": socket.removeprefix("unix://"),
                       "network": {"network_mode": "none"}},
        }, indent=1))

    @property
    def volumes(self):
        return self.base / "volumes"

    def start(self):
        self.log = open(self.base / "alula.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", str(self.config), "--port",
             str(self.port)], stdout=subprocess.PIPE, stderr=self.log,
            text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rsplit(":", 1)[1])
                self.started = time.time()
                return
        raise Broken("alula did not start:\n" + self.said())

    def said(self):
        return (self.base / "alula.log").read_text()

    def ask(self, method, path, body=None):
        status, headers, said = ask_http(self.port, method, path, body,
                                         self.identity["token"])
        if why := self.description and self.description.complain_about_path(
                method, path.split("?")[0], status,
                headers.get("content-type", ""),
                said if isinstance(said, str) or said is None
                else json.dumps(said)):
            raise Broken(f"{method} {path}: {status}: {why}")
        return status, headers, said

    def expect(self, status, method, path, body=None):
        got, headers, said = self.ask(method, path, body)
        if got != status:
            raise Broken(f"{method} {path}: {got}, not {status}: {said}")
        return headers, said

    def end_of(self, headers):
        """The job that a Location names, when it has ended."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            _, _, job = self.ask("GET", headers["location"] + "?wait=20s")
            if job["done"]:
                return job
        raise Broken(f"a job does not end: {job}")

    @contextlib.contextmanager
    def holding(self, pool):
        """No work of that kind begins meanwhile."""
        self.expect(200, "POST", f"/api/pools/{pool}/pause",
                    {"reason": "a story has to be told first"})
        yield
        self.expect(200, "POST", f"/api/pools/{pool}/resume")

    def until_there(self, uuid, name):
        path = self.volumes / uuid / name
        if not wait_in(path.parent, path.exists, PATIENCE):
            raise Broken(f"the server does not make {name}")
        say(f"ok   the server has made {name}")

    def events(self):
        """What the node commits from now on, one event after the other; the
        first is None: from there on nothing is missed. An end of the stream, or
        silence for longer than PATIENCE, is Broken."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request("GET", "/api/events", headers={
                "Authorization": f"Bearer {self.identity['token']}"})
            answer = link.getresponse()
            if answer.status != 200:
                raise Broken(f"/api/events: {answer.status}")
            # A comment every 15 s keeps the reading from its own limit.
            end, name = time.monotonic() + PATIENCE, ""
            while answer.readline().strip():
                pass
            yield None
            while time.monotonic() < end:
                raw = answer.readline()
                if not raw:
                    break
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name != "job.progress":
                    yield json.loads(line.removeprefix("data: "))
            raise Broken("the stream of events has ended")
        except (OSError, http.client.HTTPException) as why:
            raise Broken(f"the stream of events has ended: {why!r}") from why
        finally:
            link.close()

    def until(self, is_so, what):
        """Looks again whenever something was committed."""
        for _ in self.events():
            if found := is_so():
                return found
        raise Broken(what)

    def until_all_is_told(self):
        """The outbox is empty, and nothing in it was given up."""
        def is_empty():
            items = self.expect(200, "GET", "/api/outbox")[1]["items"]
            if items and items[0]["state"] == "dead":
                raise Broken(f"not told: {items}")
            return not items

        self.until(is_empty, "something waits to be told")
        say("ok   nothing waits to be told")

    def keep_secrets(self, secrets):
        """Those of all nodes of the story. One that has ended is started again,
        to be asked for its lists."""
        if self.process.poll() is not None:
            self.start()
        keep_secrets(lambda path: self.expect(200, "GET", path)[1],
                     [self.base / "alula.log", self.base / "log"], secrets)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self, keep):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if not keep:
            shutil.rmtree(self.base, ignore_errors=True)


def containers():
    """The names of all that this dockerd has, running or not."""
    return subprocess.run(
        ["docker", "ps", "-a", "--format", "{{.Names}}"],
        capture_output=True, text=True, check=True).stdout.split()


class Client:
    """A websocket client of one server, as a Panel's page is one. What it
    hears is kept; hear() waits for what comes after the last thing heard."""

    def __init__(self, node, uuid, permissions=("*",)):
        self.node, self.uuid, self.permissions = node, uuid, permissions
        self.user = str(uuids.uuid4())
        self.heard, self.at, self.closed = [], 0, None
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.socket = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        self.hear("auth success", "it is let in")

    def token(self):
        # One of the second in which the node was started would be denied.
        now = max(int(time.time()), int(self.node.started) + 1)
        made = jwt.encode({
            "iss": self.node.panel.url, "jti": "live", "iat": now,
            "nbf": now - 300, "exp": now + 600, "user_uuid": self.user,
            "server_uuid": self.uuid, "permissions": list(self.permissions),
            "unique_id": "live"}, TOKEN, algorithm="HS256")
        self.node.secrets.append(("a websocket's token", made))
        return made

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.listen())

    async def listen(self):
        url = f"ws://127.0.0.1:{self.node.port}/api/servers/{self.uuid}/ws"
        try:
            async with websockets.connect(
                    url, origin=self.node.panel.url, ping_interval=None,
                    max_size=None) as self.socket:
                await self.socket.send(json.dumps(
                    {"event": "auth", "args": [self.token()]}))
                async for frame in self.socket:
                    self.take(json.loads(frame))
        except (OSError, websockets.WebSocketException) as why:
            self.take({"event": f"lost: {why!r}"})
        with self.changed:
            self.closed = (self.socket.close_code, self.socket.close_reason) \
                if self.socket else (0, "never open")
            self.changed.notify_all()

    def take(self, message):
        with self.changed:
            self.heard.append((message["event"],
                               "".join(message.get("args", [])),
                               message.get("seq")))
            self.changed.notify_all()

    def send(self, event, *args):
        asyncio.run_coroutine_threadsafe(
            self.socket.send(json.dumps({"event": event, "args": list(args)})),
            self.loop).result(PATIENCE)

    def forget(self):
        """What was heard so far is not waited for any more."""
        with self.changed:
            self.at = len(self.heard)

    def hear(self, event, what, has="", quietly=False):
        """The argument of the next such event, with `has` in it."""
        end = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                while self.at < len(self.heard):
                    name, text, _ = self.heard[self.at]
                    self.at += 1
                    if name == event and has in text:
                        if not quietly:
                            say(f"ok   a client sees that {what}")
                        return text
                left = end - time.monotonic()
                if left <= 0 or (self.closed and self.at >= len(self.heard)):
                    raise Broken(f"no client sees that {what}; last:\n" +
                                 "\n".join(map(str, self.heard[-25:])))
                self.changed.wait(left)

    def hear_end(self, what):
        with self.changed:
            self.changed.wait_for(lambda: self.closed, PATIENCE)
            if not self.closed:
                raise Broken(f"the socket stays open though {what}")
            say(f"ok   a client is shown out: {what} ({self.closed[0]})")
            return self.closed

    def check_numbers(self):
        """Announcements have come in order, and none is missing."""
        numbers = [seq for _, _, seq in self.heard if seq]
        check(numbers == list(range(numbers[0], numbers[0] + len(numbers))),
              f"{len(numbers)} announcements have come in order, without gaps")
