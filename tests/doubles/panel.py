#!/usr/bin/python3
"""A Panel for tests and for the demo: the remote API of wings-protocol 3, with
its shapes, validation rules, status codes and bad habits.

    panel.py [--port N] [--token-id ID] [--token SECRET] [--node UUID]

Prints "listening PORT" when it is ready. Standard library only; everything is
in memory. Its rules are in panel_rules.py, what it has on record and what a
test does with it in panel_setup.py, the remote API in panel_remote.py.

What a test does with it lies below /_control (no authentication):

    GET  /_control/state              servers, backups, installs, activity
    GET  /_control/calls?after=N      the log of calls, each with a number
    POST /_control/servers            {"uuid", "settings"?, "process_configuration"?,
                                       "status"?, "node"?, "install"?}
    POST /_control/servers/remove     {"uuid"}
    POST /_control/backups            {"uuid", "server", "disk"?, "successful"?}
    POST /_control/nodes              {"uuid", "token_id", "token", "url"}: one more
                                       node; the first is that of the options,
                                       and may be given a url in the same way
    POST /_control/transfers          {"server", "to", "settings"?, "send"?}: as
                                       an administrator does, see below
    POST /_control/habits             any of the habits below, the rest stays
    POST /_control/reset              empties everything

Habits:
    down             true: connections are closed without an answer
    fail             [statuses] for the next calls, one each
    fail_all         status of every call, or null
    hide             [paths] that answer 404 until they are taken out
    hide_times       {path: n}: 404 the next n times
    drop_answers     n: the next n calls are carried out and not answered
    garbage          true: 200 with HTML
    slow_body        true: the answer trickles
    second_success   400 (as the real one), or another status
    default_disk     "wings" or "s3"
    part_size, s3_url
    s3               {endpoint, region, bucket, key, secret, seconds?}: a real
                     store (panel_s3.py); default_disk has to be "s3"
    fresh_parts      so many URLs of the next plan are good, the others have
                     expired by then
    container_status true: has the call for states of containers, as not every
                     Panel has
    tidy             true: aborts the upload it would forget, as no stock Panel
                     does

With a store, POST /_control/download {"uuid", "seconds"?} answers the URL that
a restore is asked with, and GET /_control/uploads the keys of open uploads.

A transfer (wings-protocol 10.6) is opened with a token for the node `to`, and
the node that has the server is asked to send it; what that refuses takes the
transfer back. `send` false leaves that to the test. The answer is {"status",
"body", "url", "token"}: of the source, of the target's route, and the token.
When it has ended well the server is on the other node, with the new
`settings`, and the old node is asked to delete it; what that answered stands
in the server's "released".
"""

import argparse
import json
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from panel_remote import Panel
from panel_rules import Answer, cleaned, not_found, problem
from panel_setup import signed_token

__all__ = ["Answer", "Handler", "Panel", "Server", "signed_token"]

IDLE_CLOSE = 60
TRICKLE = 0.01  # seconds between pieces of a slow body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_CLOSE

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def serve(self):
        panel = self.server.panel
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if url.path.startswith("/_control/"):
            return self.answer_control(panel, url, query, raw)
        return self.answer_remote(panel, url, query, raw)

    def answer_control(self, panel, url, query, raw):
        try:
            body = json.loads(raw) if raw else {}
            said = panel.control(self.command, url.path[len("/_control"):],
                                 query, body)
            self.send(200, said)
        except Answer as other:
            self.send(other.status, other.body)
        except (KeyError, ValueError, TypeError) as wrong:
            self.send(400, {"error": repr(wrong)})

    def answer_remote(self, panel, url, query, raw):
        if panel.habits["down"]:
            self.close_connection = True
            return
        status, said, body = 500, None, None
        try:
            status, said, body = self.judge(panel, url, query, raw)
        except Answer as other:
            status, said = other.status, other.body
            body = self.body_of(raw)
        panel.note(self.command, url.path, status, body)
        with panel.lock:
            dropped = panel.habits["drop_answers"] > 0
            if dropped:
                panel.habits["drop_answers"] -= 1
        if dropped:
            self.close_connection = True
            return
        self.send(status, said, slow=panel.habits["slow_body"])

    @staticmethod
    def body_of(raw):
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            return raw.decode("utf-8", "replace")

    def judge(self, panel, url, query, raw):
        prefix = "/api/remote"
        if url.path.startswith("/api/application/nodes/"):
            return self.application(panel, url) + (None,)
        if not url.path.startswith(prefix + "/"):
            raise Answer(404, "<html>404</html>")
        caller = panel.authenticate(self.headers.get("Authorization"))
        path = url.path[len(prefix):]
        failure = panel.bad_habit(path)
        body = self.body_of(raw)
        if failure:
            return failure, {"errors": [{
                "code": "HttpException", "status": str(failure),
                "detail": "An unexpected error was encountered."}]}, body
        if panel.habits["garbage"]:
            return 200, "<html>under construction</html>", body
        given = cleaned(body) if isinstance(body, dict) else {}
        status, said = panel.remote(caller, self.command, path, query,
                                    given)
        return status, said, body

    def application(self, panel, url):
        """What `configure` asks (wings-protocol 10.7): with an API key."""
        match = re.fullmatch(r"/api/application/nodes/(\d+)/configuration",
                             url.path)
        if self.headers.get("Authorization") != (
                "Bearer " + panel.options.api_key):
            raise problem(403, "AccessDeniedHttpException",
                          "This action is unauthorized.")
        if not match or int(match.group(1)) != 1:
            raise not_found()
        host = self.headers.get("Host", "127.0.0.1")
        return 200, {
            "debug": False, "uuid": panel.options.node,
            "token_id": panel.options.token_id, "token": panel.options.token,
            "api": {"host": "0.0.0.0", "port": 8080,
                    "ssl": {"enabled": False,
                            "cert": "/etc/letsencrypt/live/n/fullchain.pem",
                            "key": "/etc/letsencrypt/live/n/privkey.pem"},
                    "upload_limit": 100},
            "system": {"data": "/var/lib/pterodactyl/volumes",
                       "sftp": {"bind_port": 2022}},
            "allowed_mounts": [], "remote": "http://" + host}

    def send(self, status, body, slow=False):
        text = b""
        kind = "application/json"
        if isinstance(body, str):
            text, kind = body.encode(), "text/html"
        elif body is not None:
            text = json.dumps(body).encode()
        try:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", "Bearer")
            if status != 204:
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            for i in range(0, len(text), 16 if slow else max(1, len(text))):
                self.wfile.write(text[i:i + (16 if slow else len(text))])
                if not slow:
                    continue
                self.wfile.flush()
                if self.server.is_over.wait(TRICKLE):
                    self.close_connection = True
                    return
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, *args, **more):
        self.is_over = threading.Event()  # ends what trickles
        super().__init__(*args, **more)

    def server_close(self):
        self.is_over.set()
        super().server_close()

    def handle_error(self, request, client_address):
        # A node that is killed resets its connections.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    parse = argparse.ArgumentParser(description="A Panel for tests.")
    parse.add_argument("--host", default="127.0.0.1")
    parse.add_argument("--port", type=int, default=0)
    parse.add_argument("--token-id", default="AbCdEfGhIjKlMnOp")
    parse.add_argument("--token", default="t" * 64)
    parse.add_argument("--api-key", default="ptla_test")
    parse.add_argument("--node", default="0b7e2b7c-7b57-4f1c-8c2c-2b6c5a1d9e10")
    options = parse.parse_args()
    server = Server((options.host, options.port), Handler)
    server.panel = Panel(options)
    print("listening", server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
