"""A dockerd on a unix socket that can be held up. It has no containers, but for
those that a script gives it: they run for ever, and say on their consoles what
the script says."""

import contextlib
import json
import re
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from urllib.parse import unquote


class Dockerd(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path):
        super().__init__(str(path), Answers)
        self.path = path
        self.server_of_interest = None
        self.asked = threading.Event()  # somebody has asked about that server
        self.let = threading.Event()    # and may have an answer
        self.let.set()
        self.consoles = {}  # by name: None until somebody attaches
        self.attached = threading.Condition()

    def run(self, name):
        """From now on there is such a container, and it runs."""
        self.consoles[name] = None

    def say(self, name, data, limit=30):
        """Bytes on its console, once somebody listens to it."""
        with self.attached:
            if not self.attached.wait_for(lambda: self.consoles[name], limit):
                raise TimeoutError(f"nobody attaches to {name}")
            console = self.consoles[name]
        console.sendall(data)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def container(self):
        """(name, what is asked of it) or None."""
        found = re.match(r"(?:/v[0-9.]+)?/containers/([^/?]+)/(\w+)",
                         self.path)
        if not found:
            return None
        name = found[1].removeprefix("c0ffee-")
        return (name, found[2]) if name in self.server.consoles else None

    def answer_for(self, name, what):
        """True when that is all there is to say."""
        if what == "attach":
            self.connection.sendall(
                b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n"
                b"Upgrade: tcp\r\n\r\n")
            with self.server.attached:
                self.server.consoles[name] = self.connection
                self.server.attached.notify_all()
        if what in ("attach", "stats"):
            while self.connection.recv(4096):  # until it hangs up
                pass
            self.close_connection = True
            return True
        return False

    def do_GET(self):
        name = self.server.server_of_interest
        if name and name in unquote(self.path):
            self.server.asked.set()
            self.server.let.wait(4)  # below alula's deadline of an inspect
        status, body = 404, b'{"message":"No such container"}'
        container = self.container()
        if container and self.answer_for(*container):
            return
        if container and container[1] == "json":
            status, body = 200, json.dumps({
                "Id": "c0ffee-" + container[0], "Name": "/" + container[0],
                "State": {"Status": "running", "Running": True},
                "Config": {"Tty": True}}).encode()
        elif self.path.split("?")[0].endswith("/containers/json"):
            status, body = 200, json.dumps([
                {"Id": "c0ffee-" + one, "Names": ["/" + one],
                 "State": "running"}
                for one in self.server.consoles]).encode()
        elif self.path.endswith("/_ping"):
            status, body = 200, b"OK"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_POST = do_GET

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    with tempfile.TemporaryDirectory(prefix="alula-bench.") as where:
        dockerd = Dockerd(Path(where) / "docker.sock")
        threading.Thread(target=dockerd.serve_forever, daemon=True).start()
        try:
            yield dockerd
        finally:
            dockerd.let.set()
            dockerd.shutdown()
            dockerd.server_close()
