"""A real alula on a configuration of its own, with a dockerd that is a few
lines of Python, for tests that look at it from outside."""

import functools
import http.server
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
import uuid as uuids

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/crash"))
from dockerd import Dockerd  # noqa: E402

TOKEN = "a-token-for-tests-of-the-page"
BINARY = ""  # of run_tests()


class Panel:
    """One that answers everything with one status, which may change."""

    def __init__(self, status):
        self.status = status
        panel = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_any(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                # In the shape of a Panel's errors: anybody else's word is no refusal.
                body = b"" if panel.status < 400 else json.dumps({"errors": [{
                    "code": "Refused", "status": str(panel.status), "detail": "The Panel does not want it."}]}).encode()
                self.send_response(panel.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = do_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def config(self):
        return f"remote: http://127.0.0.1:{self.server.server_port}\ntoken_id: someone\n"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def small_disk(at, options="size=4m"):
    """A file system of its own in a directory that is made. What is returned
    takes it away."""
    at.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", at], capture_output=True).returncode != 0:
        raise unittest.SkipTest("this process may not mount a small file system")
    return functools.partial(subprocess.run, ["umount", "-l", at])


class RunningNode:
    def __init__(self, binary, docker=True, more="", read_limit=0, api=""):
        """`more` are lines at the top level, `api` more lines of that section."""
        self.binary = pathlib.Path(binary).resolve()
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="alula-look-"))
        self.socket = self.base / "docker.sock"
        self.dockerd = Dockerd(str(self.socket)) if docker else None
        self.token, self.port, self.process = TOKEN, 0, None
        self.config = self.base / "config.yml"
        self.more, self.read_limit, self.api = more, read_limit, api
        self.write_config()

    def write_config(self):
        self.config.write_text(
            f"token: {self.token}\napi:\n  host: 127.0.0.1\n  port: {self.port}\n{self.api}"
            f"system:\n  root_directory: {self.base}\n  data: {self.base}/volumes\n"
            f"  log_directory: {self.base}/logs\n  tmp_directory: {self.base}/tmp\n"
            f"  undelete_hours: 24\n  backups:\n    rotation: {{keep_last: 2}}\n"
            f"    read_limit: {self.read_limit}\n"
            f"docker:\n  socket: {self.socket}\n{self.more}")

    def start(self):
        self.log = open(self.base / "alula.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", self.config],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rsplit(":", 1)[1])
                # So that the command line finds it there, and the next start.
                self.write_config()
                return self
        raise RuntimeError((self.base / "alula.log").read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        if self.dockerd:
            self.dockerd.close()
        shutil.rmtree(self.base, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, body=None, token=None, headers=None):
        """Status, headers and text."""
        request = urllib.request.Request(
            self.url + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.token}",
                     "Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, dict(answer.headers), answer.read().decode(errors="replace")
        except urllib.error.HTTPError as answer:
            return answer.code, dict(answer.headers), answer.read().decode(errors="replace")

    def get(self, path):
        status, _, text = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {text}")
        return json.loads(text)

    def end_of(self, job):
        job = job.rsplit("/", 1)[-1]
        end = time.monotonic() + 180
        while time.monotonic() < end:
            seen = self.get(f"/api/jobs/{job}?wait=10s")
            if seen["done"]:
                return seen
        raise RuntimeError(f"the job does not end: {seen}")

    def make_server(self, name, files=30):
        uuid = str(uuids.uuid4())
        world = self.base / "volumes" / uuid / "world"
        world.mkdir(parents=True)
        for i in range(files):
            (world / f"region.{i}.dat").write_bytes(f"{name} {i} ".encode() * 400)
        (world.parent / "server.properties").write_text(f"motd={name}\n")
        status, headers, text = self.ask("POST", "/api/servers", {
            "uuid": uuid, "start_on_completion": False,
            "settings": {"uuid": uuid, "meta": {"name": name, "description": ""},
                         "container": {"image": "~alula/test"},
                         "build": {"memory_limit": 1024, "disk_space": 0}},
            "process_configuration": {}})
        if status != 202:
            raise RuntimeError(f"POST /api/servers: {status} {text}")
        self.end_of(headers["Location"])
        return uuid

    def begin(self, method, path, body=None):
        """The job of a request that does not wait for it."""
        status, headers, text = self.ask(method, path, body, headers={"Prefer": "respond-async"})
        if status != 202:
            raise RuntimeError(f"{method} {path}: {status} {text}")
        return headers["Location"].rsplit("/", 1)[1]

    def begin_backup(self, server, uuid=None):
        return self.begin("POST", f"/api/servers/{server}/backup",
                          {"adapter": "wings", "uuid": uuid or str(uuids.uuid4()), "ignore": ""})

    def make_backup(self, server):
        uuid = str(uuids.uuid4())
        self.end_of(self.begin_backup(server, uuid))
        return uuid


def run_tests(module, minimum=2):
    """Runs the unittest cases of a test script: SCRIPT BINARY [TEST…]. The
    binary is BINARY in the script, and here for what scripts share."""
    global BINARY
    if len(sys.argv) < minimum:
        raise SystemExit(f"usage: {sys.argv[0]} ALULA [TEST…]")
    BINARY = module.BINARY = sys.argv[1]
    program = unittest.main(module=module, argv=[sys.argv[0], *sys.argv[2:]], exit=False, verbosity=2)
    result = program.result
    for _, why in result.skipped:
        print(f"skipped: {why}")
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed, {len(result.skipped)} skipped")
    raise SystemExit(0 if result.wasSuccessful() else 1)
