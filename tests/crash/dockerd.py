"""A dockerd in a few lines: the calls alula makes, on a unix socket, with its
containers in this process, so that they outlive the daemon under test.

A container that is made here and started says "ready" and lives until it is
told `stop` on its console, stopped or killed. An installer says a line and ends
after a moment: with code 0 and a file in its server's volume, with another code
or, until it is ended, not at all, as `ends_with` says."""

import json
import os
import queue
import re
import select
import socketserver
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

CONTAINER = re.compile(r"^(?:/v[0-9.]+)?/containers/([^/]+)(?:/([a-z]+))?$")
OTHER = re.compile(r"^(?:/v[0-9.]+)?/(images|networks)/(.+)$")
INSTALLER = "_installer"
INSTALL_TAKES = 0.05  # seconds
NO_SCRIPT = 127
INSTALLED = "installed"  # the file that an installer leaves


def installer_says(run, code=0):
    """The first and the last line of one run of an installer."""
    last = "installed" if code == 0 else f"gave up with {code}"
    return f"installing, run {run}", f"{last}, run {run}"


def installer_leaves(run):
    return {INSTALLED: f"by run {run}\n"}


class Container:
    def __init__(self, name, labels, number, mounts=()):
        self.name, self.labels, self.number = name, labels, number
        self.places = {each["Target"]: each["Source"] for each in mounts}
        self.status, self.exit_code = "created", 0
        self.over = threading.Event()  # its run or, when it has none, the next
        self.listeners, self.lines = [], []

    @property
    def running(self):
        return self.status == "running"

    def say(self, line):
        self.lines.append(line)
        for each in self.listeners:
            each.put(line)

    def end(self, code):
        self.status, self.exit_code = "exited", code
        # Who attaches from now on, attaches to the next run.
        over, self.over = self.over, threading.Event()
        over.set()

    def start(self, ends_with=0):
        self.status, self.exit_code = "running", 0
        if not self.name.endswith(INSTALLER):
            return self.say("ready")
        self.say(installer_says(self.number)[0])
        scripts = self.places.get("/mnt/install")
        if scripts and not os.path.exists(os.path.join(scripts, "install.sh")):
            ends_with = NO_SCRIPT
        if ends_with is not None:
            threading.Timer(INSTALL_TAKES, self.end_by_itself,
                            (ends_with,)).start()
        return None

    def end_by_itself(self, code):
        if not self.running:
            return
        volume = self.places.get("/mnt/server")
        if code == 0 and volume:
            for name, text in installer_leaves(self.number).items():
                with open(os.path.join(volume, name), "w") as file:
                    file.write(text)
        self.say(installer_says(self.number, code)[1])
        self.end(code)

    def hear(self, text):
        if "stop" in text.split() and self.running:
            self.say("bye")
            self.end(0)

    def shown(self, key):
        return {"Id": key, "Name": "/" + self.name, "Image": "sha256:1",
                "Config": {"Tty": True, "Image": "alula/test",
                           "Labels": self.labels},
                "State": {"Running": self.running, "Status": self.status,
                          "ExitCode": self.exit_code, "OOMKilled": False,
                          "StartedAt": "2026-01-01T00:00:00Z"}}


class Dockerd:
    def __init__(self, socket_path):
        self.lock = threading.RLock()
        self.containers = {}
        self.made = 0
        self.runs = {}  # name of an installer → number of its newest run
        self.ends_with = {}  # name of an installer → code, or None: by itself
        self.begun = []  # (when, name, number) of every start
        self.gone = {}   # number of a container → when it was removed
        self.beside = []  # (server, number of the installer it ran beside)
        self.hung = set()  # names of containers that no call gets an answer about
        self.closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if owner.is_hung(self.path):
                    self.close_connection = True
                    return owner.closing.wait()
                stream = owner.stream_of(self.command, self.path)
                if stream:
                    self.close_connection = True
                    return stream(self)
                status, said = owner.call(self.command, self.path, body)
                data = said if isinstance(said, bytes) else b"" \
                    if said is None else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if status not in (204, 304):
                    self.wfile.write(data)
                return None

            do_GET = do_POST = do_DELETE = do_HEAD = answer

        class Server(socketserver.ThreadingMixIn,
                     socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # the daemon under test is killed all the time

        self.server = Server(socket_path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    # -- for tests ------------------------------------------------------------

    def run_container(self, name):
        """The container of this server, named after it as Wings does, runs;
        one is made where there is none."""
        with self.lock:
            key = self.find(name)
            one = self.containers[key] if key else self.put(name, {})
            if not one.running:
                self.start(one)

    def put(self, name, labels, mounts=()):
        self.made += 1
        made = Container(name, labels, self.made, mounts)
        self.containers[f"{self.made:064x}"] = made
        return made

    def start(self, one):
        server = one.name.removesuffix(INSTALLER)
        is_installer = one.name != server
        other = self.containers.get(
            self.find(server if is_installer else server + INSTALLER))
        if other and other.running:
            self.beside.append((server, (one if is_installer else other).number))
        self.begun.append((time.time(), one.name, one.number))
        if is_installer:
            self.runs[one.name] = one.number
        one.start(self.ends_with.get(one.name, 0))

    def names(self):
        with self.lock:
            return sorted(c.name for c in self.containers.values())

    def newest_install(self, server):
        """The number of the newest run of its installer, gone or not."""
        with self.lock:
            return self.runs.get(server + INSTALLER, 0)

    def starts_of(self, name):
        """(when, number) of each start of a container of this name."""
        with self.lock:
            return [(at, number) for at, of, number in self.begun if of == name]

    def is_running(self, name):
        with self.lock:
            key = self.find(name)
            return key is not None and self.containers[key].running

    def crash(self, name):
        """The process of this container ends by itself."""
        with self.lock:
            key = self.find(name)
            if key is not None and self.containers[key].running:
                self.containers[key].end(1)

    def is_hung(self, path):
        return any(f"/containers/{name}/" in path for name in self.hung)

    def find(self, name_or_id):
        for key, container in self.containers.items():
            if name_or_id in (key, container.name):
                return key
        return None

    # -- streams --------------------------------------------------------------

    def stream_of(self, method, target):
        path = urllib.parse.unquote(urllib.parse.urlsplit(target).path)
        if path.endswith("/events"):
            return lambda handler: self.hold(handler, b"", threading.Event())
        match = CONTAINER.match(path)
        with self.lock:
            key = self.find(match.group(1)) if match else None
            if key is None:
                return None
            container = self.containers[key]
            over, runs = container.over, container.running
        if match.group(2) == "wait" and method == "POST" and runs:
            return lambda handler: self.hold(
                handler, b"", over,
                lambda: json.dumps({"StatusCode": container.exit_code}).encode())
        if match.group(2) == "attach" and method == "POST":
            return lambda handler: self.attach(handler, container, over)
        if match.group(2) == "stats":
            sample = json.dumps({
                "read": "2026-01-01T00:00:01Z", "networks": {},
                "memory_stats": {"usage": 1000, "limit": 2000},
                "cpu_stats": {"system_cpu_usage": 1}}).encode() + b"\n"
            return lambda handler: self.hold(handler, sample, over)
        return None

    @staticmethod
    def peer_is_gone(connection, seconds):
        ready, _, _ = select.select([connection], [], [], seconds)
        return bool(ready) and not connection.recv(65536)

    def hold(self, handler, first, until, last=lambda: b""):
        """Says something, and then nothing until it is over, and a last word."""
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def say(word):
            if word:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(word), word))

        say(first)
        while not until.is_set():
            if self.peer_is_gone(handler.connection, 0.05):
                return
        say(last())
        handler.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def attach(handler, container, over):
        said = queue.Queue()
        container.listeners.append(said)
        link = handler.connection
        link.sendall(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/"
                     b"vnd.docker.raw-stream\r\nConnection: Upgrade\r\n"
                     b"Upgrade: tcp\r\n\r\n")
        try:
            while True:
                is_over = over.is_set()
                while not said.empty():
                    link.sendall(said.get().encode() + b"\r\n")
                if is_over:
                    return
                ready, _, _ = select.select([link], [], [], 0.02)
                text = link.recv(65536) if ready else None
                if text == b"":
                    return
                if text:
                    container.hear(text.decode("utf-8", "replace"))
        finally:
            container.listeners.remove(said)

    # -- calls ----------------------------------------------------------------

    def call(self, method, target, body):
        url = urllib.parse.urlsplit(target)
        path = urllib.parse.unquote(url.path)
        query = urllib.parse.parse_qs(url.query)
        with self.lock:
            if path.endswith("/version"):
                return 200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12",
                             "Version": "20.10.24"}
            if path.endswith("/info"):
                return 200, {"ServerVersion": "20.10.24", "Driver": "overlay2",
                             "Containers": len(self.containers),
                             "CgroupDriver": "systemd", "CgroupVersion": "2"}
            if path.endswith("/_ping"):
                return 200, None
            if path.endswith("/containers/json"):
                return 200, self.list(query)
            if path.endswith("/containers/create"):
                return self.create(query["name"][0], json.loads(body))
            if path.endswith("/images/create"):
                return 200, b'{"status":"Image is up to date"}\n'
            if other := OTHER.match(path):
                return 200, {"Name": other.group(2), "Id": other.group(2)}
            match = CONTAINER.match(path)
            if not match:
                return 404, {"message": "page not found"}
            forced = "force=1" in url.query
            return self.act(method, *match.groups(), forced)

    def create(self, name, body):
        if key := self.find(name):
            return 409, {"message": f'Conflict. The container name "/{name}" '
                                    f'is already in use by "{key}".'}
        self.put(name, body.get("Labels") or {},
                 body.get("HostConfig", {}).get("Mounts") or ())
        return 201, {"Id": self.find(name), "Warnings": []}

    def list(self, query):
        wanted = json.loads(query.get("filters", ["{}"])[0]).get("label", [])
        if isinstance(wanted, dict):
            wanted = list(wanted)
        return [{"Id": key, "Names": ["/" + c.name], "Labels": c.labels,
                 "State": c.status}
                for key, c in self.containers.items()
                if all(c.labels.get(w.split("=", 1)[0])
                       == w.split("=", 1)[-1] for w in wanted)]

    def act(self, method, name, verb, forced):
        key = self.find(name)
        if key is None:
            return 404, {"message": f"No such container: {name}"}
        container = self.containers[key]
        if method == "GET" and verb == "logs":
            return 200, "".join(f"{line}\r\n"
                                for line in container.lines[-100:]).encode()
        if method == "GET":
            return 200, container.shown(key)
        if method == "POST" and verb in ("kill", "stop"):
            if not container.running:
                return (409, {"message": f"Container {key} is not running"}) \
                    if verb == "kill" else (304, None)
            container.end(137 if verb == "kill" else 0)
            return 204, None
        if method == "POST" and verb == "start":
            if container.running:
                return 304, None
            self.start(container)
            return 204, None
        if method == "POST":  # an update, or a wait for one that is down
            return 200, {"StatusCode": container.exit_code, "Warnings": None}
        if method == "DELETE":
            if container.running and not forced:
                return 409, {"message": "You cannot remove a running "
                                        f"container {key}."}
            container.end(137)
            del self.containers[key]
            self.gone[container.number] = time.time()
            return 204, None
        return 405, {"message": "method not allowed"}
