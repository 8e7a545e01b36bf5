"""What the scripts of this folder share: an alula of their own on loopback, in
a temporary directory, and tables of what they measured."""

import argparse
import atexit
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
TOKEN = "bench-token"


def count(text):
    """An option that says how many: at least one."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: 1 at least")
    return int(text)


def options(about, **more):
    """The arguments that every script takes, and the given ones."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--alula", default=BUILD / "alula", type=Path,
                        help="the program (default: build/release/alula)")
    parser.add_argument("--client", default=BUILD / "bench" / "load_client",
                        type=Path, help="the load client")
    parser.add_argument("--dir", help="parent of the temporary directory")
    parser.add_argument("--rounds", type=count, default=3)
    for name, settings in more.items():
        parser.add_argument("--" + name.replace("_", "-"), **settings)
    given = parser.parse_args()
    # Ends like an exception, so that what was started and made goes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for program in (given.alula, given.client):
        if not program.exists():
            sys.exit(f"{program} is missing: cmake --preset release && "
                     "cmake --build --preset release")
    return given


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """One alula, from start() to stop()."""

    def __init__(self, program, directory, docker="/nonexistent/docker.sock",
                 api=""):
        self.program = program
        self.directory = Path(directory)
        self.port = free_port()
        self.process = None
        self.config = self.directory / "config.yml"
        self.data = self.directory / "volumes"
        self.ledger = self.directory / "alula" / "ledger.db"
        self.log = self.directory / "log"
        self.config.write_text(
            f"token: {TOKEN}\n"
            f"api: {{host: 127.0.0.1, port: {self.port}, sync_wait: 0{api}}}\n"
            f"allowed_origins: ['*']\n"
            f"system:\n"
            f"  root_directory: {self.directory}\n"
            f"  data: {self.data}\n"
            f"  user: {{uid: {os.getuid()}, gid: {os.getgid()}}}\n"
            f"docker: {{socket: {docker}}}\n"
        )

    def start(self, limit=120):
        """Seconds from the start of the process to its readiness."""
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.config],
                stdout=log, stderr=log, preexec_fn=raise_descriptors,
            )
        atexit.register(self.process.kill)  # a bench that fails leaves none
        while time.monotonic() - begin < limit:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/readyz")[0] == 200:
                    return time.monotonic() - begin
            time.sleep(0.005)
        sys.exit(f"alula did not get ready:\n{self.log.read_text()[-2000:]}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def ask(self, method, path, body=None, **headers):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=70)
        try:
            link.request(
                method, path,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {TOKEN}", **headers},
            )
            answer = link.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            link.close()

    def job(self, location):
        status, headers, body = self.ask("GET", location)
        assert status == 200, (status, body)
        return json.loads(body), headers.get("ETag")

    def finish(self, location, limit=1800):
        """The job at its end."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            _, _, body = self.ask("GET", f"{location}?wait=30")
            job = json.loads(body)
            if job["done"]:
                return job
            # A long poll ends with any change, so this asks again at once.
        sys.exit(f"{location} did not end in {limit} s: {job}")

    def idle(self, limit=600):
        """Waits until no job is left that would run by itself."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            _, _, body = self.ask("GET", "/api/jobs/summary")
            states = json.loads(body)["jobs"]["by_state"]
            if not sum(states.values()) - states.get("parked", 0):
                return
            time.sleep(0.02)
        sys.exit(f"jobs are still there: {states}")

    def create(self, server=None):
        """A server that is there: its uuid and the URL of its job."""
        server = server or str(uuid.uuid4())
        status, headers, body = self.ask("POST", "/api/servers",
                                         server_body(server))
        assert status in (200, 201, 202, 204), (status, body)
        job = self.finish(headers["Location"])
        assert job["state"] == "succeeded", job
        return server, headers["Location"]

    def resident(self, name="VmRSS"):
        """MiB of memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) / 1024

    def processor(self):
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = fields.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def raise_descriptors():
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def server_body(server):
    """What a Panel knows of a server, in its shape, at a usual length."""
    return {
        "uuid": server,
        "settings": {
            "uuid": server,
            "meta": {"name": "A server", "description": ""},
            "suspended": False,
            "environment": {"SERVER_JARFILE": "server.jar", "MEMORY": "2048"},
            "invocation": "java -Xms128M -jar server.jar",
            "build": {"memory_limit": 2048, "swap": 0, "io_weight": 500,
                      "cpu_limit": 100, "threads": None, "disk_space": 10240,
                      "oom_disabled": True},
            "container": {"image": "example/java:17"},
            "allocations": {"default": {"ip": "127.0.0.1", "port": 25565},
                            "mappings": {"127.0.0.1": [25565]}},
        },
        "process_configuration": {
            "startup": {"done": ["Done ("], "user_interaction": []},
            "stop": {"type": "command", "value": "stop"},
            "configs": [],
        },
    }


@contextlib.contextmanager
def running(given, **settings):
    """A started node whose directory goes with it."""
    with directory(given) as where:
        node = Node(given.alula, where, **settings)
        node.start()
        try:
            yield node
        finally:
            node.stop()


@contextlib.contextmanager
def directory(given):
    where = tempfile.mkdtemp(prefix="alula-bench.", dir=given.dir)
    try:
        yield where
    finally:
        shutil.rmtree(where, ignore_errors=True)


def request_text(method, path, body=None, token=TOKEN, **headers):
    """A request as it goes over the wire."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1",
            f"Authorization: Bearer {token}"]
    head += [f"{name.replace('_', '-')}: {value}"
             for name, value in headers.items()]
    text = "" if body is None else json.dumps(body)
    if body is not None:
        # A "{uuid}" becomes 36 characters.
        size = len(text) + text.count("{uuid}") * (36 - len("{uuid}"))
        head += ["Content-Type: application/json", f"Content-Length: {size}"]
    return "\r\n".join(head) + "\r\n\r\n" + text


def load(given, port, clients, requests, text):
    """What the load client measured."""
    done = subprocess.run(
        [given.client, str(port), str(clients), str(requests)],
        input=text, capture_output=True, text=True,
        preexec_fn=raise_descriptors,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def median(numbers):
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2]


def table(title, head, rows):
    """Prints a Markdown table."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows])
              for i in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width)
                                for cell, width in zip(row, widths)) + " |")
    sys.stdout.flush()


# -- a database with a past ---------------------------------------------------


def done_create(db):
    """How alula has recorded the newest server.create that it has done there:
    what a job has by its plan, and the steps."""
    names = ("plan_version", "pool", "priority", "version", "max_attempts",
             "answer_after")
    found = db.execute(
        f"SELECT job_row, {', '.join(names)} FROM jobs"
        " WHERE kind = 'server.create' AND state = 'succeeded'"
        " ORDER BY job_row DESC LIMIT 1").fetchone()
    assert found, "alula has done no server.create there"
    steps = db.execute("SELECT seq, name, class, state FROM job_steps"
                       " WHERE job_row = ? ORDER BY seq", found[:1]).fetchall()
    return dict(zip(names, found[1:])), steps


def fill(ledger, servers, jobs):
    """Puts so many servers and ended jobs straight into a ledger that alula
    made, after the jobs it has; they are like the one of done_create(). The
    triggers that would refuse rows without a life are taken away for it, and
    put back word for word."""
    now = int(time.time() * 1000)
    db = sqlite3.connect(ledger, isolation_level=None)
    first, = db.execute(
        "SELECT 1 + max(coalesce((SELECT max(job_row) FROM jobs), 0),"
        " coalesce((SELECT max(server_row) FROM servers), 0))").fetchone()
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA cache_size=-200000")
    triggers = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    db.execute("BEGIN")
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    config = json.dumps({
        key: server_body("{uuid}")[key]
        for key in ("settings", "process_configuration")
    })
    numbers = (f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL "
               f"SELECT i + 1 FROM n WHERE i < :count + {first - 1}) ")
    uuid_of = "printf('%08x-0000-4000-8000-%012x', {0}, {0})"
    job_id_of = "printf('0199c1de-%04x-7%03x-8000-%012x', {0} >> 12, {0} & 4095, {0})"
    if servers:
        db.execute(
            numbers + f"""INSERT INTO servers(server_row, uuid, state,
              suspended, created_by, config, created_at, updated_at)
            SELECT i, {uuid_of.format('i')}, 'active', 0, NULL,
              replace(:config, '{{uuid}}', {uuid_of.format('i')}), :now, :now
            FROM n""",
            {"count": servers, "config": config, "now": now},
        )
    if jobs:
        model, steps = done_create(db)
        owner = f"(i % {max(servers, 1)}) + {first}" if servers else "NULL"
        server = uuid_of.format(f"(i % {max(servers, 1)} + {first})")
        db.execute(
            numbers + f"""INSERT INTO jobs(job_row, id, kind, plan_version,
              server_row, server, lane, pool, priority, state, version, input,
              result, error, max_attempts, past_pivot, answer_after, run_at,
              created_at, started_at, finished_at, expires_at)
            SELECT i, {job_id_of.format('i')}, 'server.create', :plan_version,
              {owner}, {server}, coalesce('server:' || ({owner}), 'node'),
              :pool, :priority, iif(i % 50, 'succeeded', 'failed'), :version,
              json_object('server', {server}), NULL,
              iif(i % 50, NULL,
                '{{"code":"io-error","detail":"no","where":"bench"}}'),
              :max_attempts, i % 50 > 0, :answer_after, :now - 5000,
              :now - 86400000 + i % 86000000, :now - 4000, :now - 3000,
              :now + 2592000000
            FROM n""",
            {"count": jobs, "now": now, **model},
        )
        for seq, name, kind, state in steps:
            db.execute(
                numbers + """INSERT INTO job_steps(job_row, seq, name, class,
                  state, started_at, finished_at)
                SELECT i, :seq, :name, :class, :state, :now - 4000, :now - 3500
                FROM n""",
                {"count": jobs, "seq": seq, "name": name, "class": kind,
                 "state": state, "now": now},
            )
        for kind in ("job.accepted", "job.succeeded"):
            db.execute(
                numbers + """INSERT INTO events(job_row, type, job_version, at,
                  data) SELECT i, :type, :version, :now - 3000, '{}' FROM n""",
                {"count": jobs, "type": kind, "version": model["version"],
                 "now": now},
            )
    for _, sql in triggers:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
