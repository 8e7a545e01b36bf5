"""The story scripts/demo tells; that script prepares what this one needs."""

import asyncio
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import uuid as uuids

import jwt
import websockets

FILES, DIRECTORIES = 20_000, 200
ROOT = pathlib.Path(__file__).resolve().parent.parent
NO_DOCKER = os.environ.get("ALULA_NO_DOCKER")
UUID = str(uuids.uuid4())
START = time.monotonic()


def say(text):
    print(f"{time.monotonic() - START:7.2f} s  {text}", flush=True)


def fail(text):
    raise SystemExit(f"demo: {text}")


def check(what, is_so):
    say(("ok   " if is_so else "FAIL ") + what)
    if not is_so:
        fail("it did not go as promised")


class Alula:
    """One process of the program."""

    def __init__(self, data, environment):
        self.data = data
        self.environment = environment
        self.port = 0
        self.process = None

    def start(self):
        words = [str(ROOT / "build/release/alula"), "serve", "--data",
                 str(self.data), "--port", str(self.port)]
        self.log = open(self.data.parent / "alula.log", "ab")
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=self.environment)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rsplit(":", 1)[1])
                return
        fail("alula did not start; it said:\n"
             + (self.data.parent / "alula.log").read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def token(self):
        return (self.data / "token").read_text().strip()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=90)
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def job_at_end(self, url):
        while True:
            status, _, text = self.call("GET", f"{url}?wait=5s")
            if status != 200:
                fail(f"GET {url} answered {status}: {text}")
            job = json.loads(text)
            if job["done"]:
                return job
            progress = job["progress"] or {}
            say(f"     {job['state']}: {progress.get('done', 0):,} of"
                f" {progress.get('total') or '?'} {progress.get('unit', '')}"
                f" {job['reason'] or ''}")


class Player:
    """A websocket client as the Panel's console is one, on its own thread."""

    def __init__(self, node):
        self.node = node
        self.heard = []
        self.close = None
        self.ready = threading.Event()
        self.gone = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.listen()),
                         daemon=True).start()

    def make_token(self):
        # A token of the second in which alula started is refused, as by Wings.
        now = int(time.time()) + 1
        time.sleep(max(0.0, now - time.time()))
        claims = {"iat": now, "nbf": now - 60, "exp": now + 600,
                  "jti": uuids.uuid4().hex, "user_uuid": str(uuids.uuid4()),
                  "server_uuid": UUID, "permissions": ["*"]}
        return jwt.encode(claims, self.node.token, algorithm="HS256")

    async def listen(self):
        url = f"ws://127.0.0.1:{self.node.port}/api/servers/{UUID}/ws"
        try:
            async with websockets.connect(url, ping_interval=None) as socket:
                await socket.send(json.dumps(
                    {"event": "auth", "args": [self.make_token()]}))
                async for text in socket:
                    message = json.loads(text)
                    self.heard.append(message)
                    say(f"     websocket: {text}")
                    if message["event"] == "auth success":
                        self.ready.set()
                self.close = socket.close_code
        except websockets.ConnectionClosed as closed:
            self.close = closed.code
        except (OSError, websockets.WebSocketException) as error:
            say(f"     websocket: {error}")
        say(f"     websocket: closed with {self.close}")
        self.ready.set()
        self.gone.set()


class EmptyDockerd(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Stands in for Docker where there is none: it knows no containers."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            lists = self.path.split("?")[0].endswith("/containers/json")
            body = b"[]" if lists else b'{"message":"No such container: x"}'
            self.send_response(200 if lists else 404)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        do_DELETE = do_POST = do_GET

        def address_string(self):
            return "unix"

        def log_message(self, *_):
            pass


def make_volume(data):
    volume = data / "volumes" / UUID
    for d in range(DIRECTORIES):
        region = volume / "world" / f"region-{d}"
        region.mkdir(parents=True)
        for f in range(FILES // DIRECTORIES):
            (region / f"r.{f}.dat").write_bytes(b"world" * 200)
    return volume


def docker(*words, check_it=True):
    return subprocess.run(["docker", *words], check=check_it, text=True,
                          capture_output=True)


def run_container(volume):
    subprocess.run([ROOT / "scripts/test-image"], check=True,
                   stdout=subprocess.DEVNULL)
    docker("run", "-d", "-i", "--name", UUID, "--network", "none",
           "-v", f"{volume}:/home/container", "alula/test-server:1")
    inside = docker("inspect", "-f", "{{.State.Status}}", UUID)
    return inside.stdout.strip()


def kill_in_the_purge(alula, data, url):
    """Waits until part of the tree is gone; returns what is left of it."""
    entry = data / ".trash" / url.rsplit("/", 1)[1]
    world = entry / "world"
    while world.exists():
        try:
            if len(os.listdir(world)) < DIRECTORIES - 20:
                break
        except FileNotFoundError:
            break
    alula.kill()
    return sum(len(files) for _, _, files in os.walk(entry))


def tell_story(work):
    data = work / "data"
    environment = dict(os.environ)
    if NO_DOCKER:
        say(f"there is no Docker ({NO_DOCKER});")
        say("so there is no container in this story: a stand-in that knows")
        say("no containers answers in dockerd's place")
        server = EmptyDockerd(str(work / "docker.sock"), EmptyDockerd.Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment["DOCKER_HOST"] = f"unix://{work}/docker.sock"

    alula = Alula(data, environment)
    try:
        alula.start()
        say(f"alula serves http://127.0.0.1:{alula.port}, data in {data}")
        volume = make_volume(data)
        say(f"server {UUID} has {FILES:,} files in its volume")
        if not NO_DOCKER:
            say(f"its container is {run_container(volume)}")

        status, headers, text = alula.call("POST", "/api/servers", {
            "uuid": UUID, "start_on_completion": False,
            "settings": {"uuid": UUID, "meta": {"name": "demo"}},
            "process_configuration": {}})
        check(f"POST /api/servers answers {status}", status in (202, 204))
        job = alula.job_at_end(headers["Location"])
        check(f"the server is registered ({job['kind']} {job['state']})",
              job["state"] == "succeeded")
        player = Player(alula)
        check("a websocket client is there and authenticated",
              player.ready.wait(30) and not player.gone.is_set())

        before = time.monotonic()
        status, headers, text = alula.call("DELETE", f"/api/servers/{UUID}")
        took = time.monotonic() - before
        url = headers.get("Location", "")
        check(f"DELETE /api/servers/{UUID} answers {status}"
              f" after {took:.2f} s", status == 204)
        left = kill_in_the_purge(alula, data, url)
        say(f"kill -9 in the middle of the purge: {left:,} files are left"
            if left else "kill -9; but the purge was done before")
        say(f"     the job of it is {url}")
        check("the volume's path is free already", not volume.exists())
        check("the client was told of it", player.gone.wait(10)
              and any(m["event"] == "deleted" for m in player.heard))
        check("and its connection was closed with 1001", player.close == 1001)

        before = time.monotonic()
        alula.start()
        say(f"alula is up again after {time.monotonic() - before:.2f} s")
        job = alula.job_at_end(url)
        for step in job["steps"]:
            crashes = f", {step['crashes']} crash" if step["crashes"] else ""
            say(f"     {step['state']:8} {step['name']}{crashes}")
        check(f"the same URL says {job['state']}: {json.dumps(job['result'])}",
              job["state"] == "succeeded")
        trash = list((data / ".trash").iterdir())
        check("nothing is left in the trash", not trash)
        if not NO_DOCKER:
            gone = docker("inspect", UUID, check_it=False)
            said = gone.stderr.strip().splitlines()
            check(f"docker inspect: {said[-1] if said else 'it is there'}",
                  gone.returncode != 0)
        status, _, _ = alula.call("DELETE", f"/api/servers/{UUID}")
        check(f"a second DELETE answers {status}", status == 404)
        say("the end")
    finally:
        alula.stop()
        if not NO_DOCKER:
            docker("rm", "-f", "-v", UUID, check_it=False)


def main():
    keep = "--keep" in sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = pathlib.Path(tempfile.mkdtemp(prefix="alula-demo."))
    (work / "data").mkdir()
    try:
        tell_story(work)
    finally:
        if keep:
            print(f"demo: kept {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
