"""One data directory, the daemon on it, life after life, and its API."""

import datetime
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

import disk
from dockerd import Dockerd
from doubles import panel as double

TOKEN_ID = "crashtest0123456"
TOKEN = "crash-test-token-0123456789abcdef"
PATIENCE = 90  # seconds for anything that has no reason to take long


class Died(Exception):
    """The daemon is gone, or left a question without an answer."""


def link_token(number, subject, **claims):
    """As the Panel signs them for whoever follows one of its links
    (wings-protocol 2.15, 2.16)."""
    now = int(time.time())
    return double.signed_token(
        {"iss": "http://panel.test", "jti": number, "sub": subject, "iat": now,
         "nbf": now - 300, "exp": now + 3_600, **claims}, TOKEN)


class Node:
    def __init__(self, binary, shim, undelete_hours=0, undo_hours=0,
                 disk_of_volumes=None, panel=None, room=0, store=None,
                 backups=""):
        memory = "/dev/shm"  # fast, and a file system like any other here
        self.base = tempfile.mkdtemp(
            prefix="alula-crash-",
            dir=memory if os.access(memory, os.W_OK) else None)
        self.binary, self.shim = binary, shim
        self.panel = panel
        self.room = room  # of the volumes' disk, by the shim; 0: what there is
        self.store = store
        self.root = os.path.join(self.base, "node")
        beside = disk_of_volumes or self.root
        self.volumes = os.path.join(beside, "volumes")
        self.trash = os.path.join(beside, ".trash")
        self.backups = os.path.join(self.root, "backups")
        self.staging = os.path.join(beside, ".staging")
        self.ledger = os.path.join(self.root, "alula")
        self.state = os.path.join(self.base, "state")
        self.log_path = os.path.join(self.base, "daemon.log")
        os.mkdir(self.root)
        disk.prepare_state(self.state)
        socket_path = os.path.join(self.base, "docker.sock")
        self.docker = Dockerd(socket_path)
        self.config = os.path.join(self.base, "config.yml")
        with open(self.config, "w") as file:
            file.write(f"""\
uuid: 5c2f6a3e-7f0b-4a51-9d5b-1d2c3b4a5f60
token_id: {TOKEN_ID}
token: {TOKEN}
remote: "{panel.url if panel else ''}"
api:
  host: 127.0.0.1
  port: 0
  sync_wait: 10s
  websocket:
    close_grace: 50ms
system:
  root_directory: {self.root}
  log_directory: {self.root}/log
  tmp_directory: {self.root}/tmp
  data: {self.volumes}
  trash_directory: {self.trash}
  ledger_directory: {self.ledger}
  undelete_hours: {undelete_hours}
  backup_directory: {self.backups}
  restore_undo_hours: {undo_hours}
  backups:
    download_hosts: [127.0.0.1]
{backups}\
  user:
    uid: {os.getuid()}
    gid: {os.getgid()}
docker:
  socket: {socket_path}
systems:
  uploads_per_minute: 0
  uploads_per_hour: 0
  requests_per_second: 0
jobs:
  stop_grace: 5s
{store.config() if store else ''}""")
        self.process = None
        self.port = 0
        self.lives = 0

    # -- lives ----------------------------------------------------------------

    def start(self, **faults):
        """Returns when the daemon is ready; Died when it is not to be."""
        environment = {**os.environ}
        if self.shim:
            environment |= {"LD_PRELOAD": self.shim,
                            "ALULA_CRASH_WATCH": self.root,
                            "ALULA_CRASH_STATE": self.state,
                            "ALULA_CRASH_ROOM": str(self.room),
                            **{f"ALULA_CRASH_{key.upper()}": str(value)
                               for key, value in faults.items()}}
        self.lives += 1
        self.started_at = datetime.datetime.utcnow().isoformat(
            timespec="milliseconds") + "Z"
        with open(self.log_path, "ab") as log:
            log.write(f"--- life {self.lives} {faults}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=environment)
        # A daemon that hangs at the start is killed, and its pipe ends.
        guard = threading.Timer(PATIENCE, self.process.kill)
        guard.start()
        try:
            for line in self.process.stdout:
                if line.startswith(b"listening on"):
                    self.port = int(line.rsplit(b":", 1)[1])
                    break
            else:
                self.process.wait()
                raise Died(f"start: exit code {self.process.returncode}")
            while True:
                status, _, _ = self.ask("GET", "/readyz")
                if status == 200:
                    return
                self.rest()
        finally:
            guard.cancel()

    def rest(self, seconds=0.02):
        """Waits for the process to end, at most so long."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise Died(f"exit code {self.process.returncode}")

    def bury(self):
        """After Died: how it ended."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the daemon hangs without answering") from None
        self.process.stdout.close()
        return code

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("SIGTERM does not end the daemon") from None
        self.process.stdout.close()
        return code

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        self.docker.close()
        if self.panel:
            self.panel.close()
        if self.store:
            self.store.close()

    # -- the API --------------------------------------------------------------

    def request(self, method, path, data=None, headers=None, limit=PATIENCE,
                head=lambda status: None):
        """(status, headers, bytes); Died without an answer, or with half of
        one, of which `head` has heard if its head has come."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=limit)
        try:
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            head(answer.status)
            body = answer.read()
        except (OSError, http.client.HTTPException, socket.timeout) as why:
            raise Died(f"{method} {path}: {why!r}") from why
        finally:
            connection.close()
        return (answer.status,
                {k.lower(): v for k, v in answer.getheaders()}, body)

    def ask(self, method, path, body=None, headers=None, limit=PATIENCE,
            raw=False):
        """(status, headers, parsed body, or raw); Died without an answer."""
        status, headers, data = self.request(
            method, path, None if body is None else json.dumps(body),
            {"Authorization": f"Bearer {TOKEN}",
             "Content-Type": "application/json", **(headers or {})}, limit)
        if raw:
            return status, headers, data
        return (status, headers,
                json.loads(data) if data[:1] in (b"{", b"[") else None)
