"""A dockerd without containers, on a unix socket, that can be held up."""

import contextlib
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer


class Dockerd(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path):
        super().__init__(str(path), Answers)
        self.path = path
        self.asked = threading.Event()  # somebody has asked
        self.let = threading.Event()    # and may have an answer
        self.let.set()


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.set()
        self.server.let.wait(4)  # below alula's deadline of an inspect
        status, body = 404, b'{"message":"No such container"}'
        if self.path.split("?")[0].endswith("/containers/json"):
            status, body = 200, b"[]"
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
