"""A dockerd in a few lines: the calls alula makes, on a unix socket, with its
containers in this process, so that they outlive the daemon under test."""

import json
import re
import socketserver
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

CONTAINER = re.compile(r"^(?:/v[0-9.]+)?/containers/([^/]+)(?:/([a-z]+))?$")


class Dockerd:
    """Containers by id: {"Id", "Name", "Running", "Labels"}."""

    def __init__(self, socket_path):
        self.lock = threading.Lock()
        self.containers = {}
        self.made = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                status, body = owner.call(self.command, self.path)
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if status not in (204, 304):
                    self.wfile.write(data)

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
        self.server.shutdown()
        self.server.server_close()

    def run_container(self, name):
        """Makes a running container, as Wings names it: after its server."""
        with self.lock:
            self.made += 1
            self.containers[f"{self.made:064x}"] = {
                "Name": name, "Running": True, "Labels": {}}

    def names(self):
        with self.lock:
            return sorted(c["Name"] for c in self.containers.values())

    def find(self, name_or_id):
        for key, container in self.containers.items():
            if name_or_id in (key, container["Name"]):
                return key
        return None

    def call(self, method, target):
        url = urllib.parse.urlsplit(target)
        path = urllib.parse.unquote(url.path)
        with self.lock:
            if path.endswith("/version"):
                return 200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12",
                             "Version": "20.10.24"}
            if path.endswith("/_ping"):
                return 200, None
            if path.endswith("/containers/json"):
                return 200, self.list(urllib.parse.parse_qs(url.query))
            match = CONTAINER.match(path)
            if not match:
                return 404, {"message": "page not found"}
            forced = "force=1" in url.query
            return self.act(method, *match.groups(), forced)

    def list(self, query):
        wanted = json.loads(query.get("filters", ["{}"])[0]).get("label", [])
        if isinstance(wanted, dict):
            wanted = list(wanted)
        return [{"Id": key, "Names": ["/" + c["Name"]], "Labels": c["Labels"],
                 "State": "running" if c["Running"] else "exited"}
                for key, c in self.containers.items()
                if all(c["Labels"].get(w.split("=", 1)[0])
                       == w.split("=", 1)[-1] for w in wanted)]

    def act(self, method, name, verb, forced):
        key = self.find(name)
        if key is None:
            return 404, {"message": f"No such container: {name}"}
        container = self.containers[key]
        if method == "GET":
            running = container["Running"]
            return 200, {"Id": key, "Name": "/" + container["Name"],
                         "State": {"Running": running,
                                   "Status": "running" if running
                                   else "exited",
                                   "StartedAt": "2026-01-01T00:00:00Z"}}
        if method == "POST" and verb in ("kill", "stop"):
            if not container["Running"] and verb == "kill":
                return 409, {"message": f"Container {key} is not running"}
            container["Running"] = False
            return 204, None
        if method == "POST":
            return 200, {"StatusCode": 0}
        if method == "DELETE":
            if container["Running"] and not forced:
                return 409, {"message": "You cannot remove a running "
                                        f"container {key}."}
            del self.containers[key]
            return 204, None
        return 405, {"message": "method not allowed"}
