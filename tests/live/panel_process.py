"""The test Panel as a process of its own, for stories about real nodes: what it
is told to do, and what it has heard."""

import http.client
import json
import pathlib
import subprocess
import time

from telling import Broken, say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 120  # seconds, for anything
TOKEN, TOKEN_ID = "t" * 64, "AbCdEfGhIjKlMnOp"
# What a node is to its Panel.
FIRST = {"uuid": "0b7e2b7c-7b57-4f1c-8c2c-2b6c5a1d9e10", "token": TOKEN,
         "token_id": TOKEN_ID}


def ask_http(port, method, path, body=None, bearer=None, limit=PATIENCE):
    """(status, headers, decoded body or text)"""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    link.request(method, path, None if body is None else json.dumps(body),
                 headers)
    answer = link.getresponse()
    text = answer.read()
    link.close()
    try:
        said = json.loads(text) if text else None
    except ValueError:
        said = text.decode("utf-8", "replace")
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, said


class Panel:
    """tests/doubles/panel.py"""

    def __init__(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", str(ROOT / "tests/doubles/panel.py"),
             "--token", TOKEN, "--token-id", TOKEN_ID],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def control(self, method, path, body=None):
        status, _, said = ask_http(self.port, method, "/_control" + path, body)
        assert status == 200, (path, status, said)
        return said

    def put_server(self, uuid, settings, process, install=None):
        self.control("POST", "/servers", {
            "uuid": uuid, "settings": settings,
            "process_configuration": process,
            **({"install": install} if install else {})})

    def state(self):
        return self.control("GET", "/state")

    def backup(self, uuid):
        return self.state()["backups"][uuid]

    def heard(self):
        """Every call, in order, the refused ones too."""
        return self.control("GET", "/calls")["calls"]

    def calls(self, method, path):
        """The accepted calls of it, in order."""
        return [c for c in self.heard() if c["method"] == method
                and c["path"] == "/api/remote" + path and c["status"] < 300]

    def plans(self, uuid):
        """How often links of that backup were asked for."""
        return sum(c["method"] == "GET" and c["path"].endswith(
            f"/backups/{uuid}") for c in self.heard())

    def is_asked_for_servers(self):
        return any(c["method"] == "GET" and c["path"] == "/api/remote/servers"
                   for c in self.heard())

    def until(self, what, is_so):
        """Looks again at every call that it gets."""
        end, last = time.monotonic() + PATIENCE, -1
        while not (found := is_so()):
            if time.monotonic() > end:
                raise Broken(f"not in {PATIENCE} s: {what}")
            last = self.control("GET", f"/calls?after={last}&wait=10")["last"]
        return found

    def wait_for_calls(self, method, path, count, what):
        def enough():
            found = self.calls(method, path)
            return found if len(found) >= count else None

        found = self.until(f"the Panel hears that {what}", enough)
        say(f"ok   the Panel has heard that {what}")
        return found

    def close(self):
        self.process.terminate()
        self.process.wait()
