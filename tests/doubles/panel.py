#!/usr/bin/python3
"""A Panel for tests and for the demo: the remote API of wings-protocol 3, with
its shapes, validation rules, status codes and bad habits.

    panel.py [--port N] [--token-id ID] [--token SECRET] [--node UUID]

Prints "listening PORT" when it is ready. Standard library only; everything is
in memory.

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
import base64
import hashlib
import hmac
import ipaddress
import json
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import panel_s3

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.I)
IDLE_CLOSE = 60


class Answer(Exception):
    """What a handler says instead of going on."""

    def __init__(self, status, body=None):
        super().__init__(status)
        self.status = status
        self.body = body


def problem(status, code, detail, meta=None):
    error = {"code": code, "status": str(status), "detail": detail}
    if meta:
        error["meta"] = meta
    return Answer(status, {"errors": [error]})


def not_found(what="The requested resource could not be found on the server."):
    return problem(404, "NotFoundHttpException", what)


def invalid(field, rule, detail):
    return problem(422, "ValidationException", detail,
                   {"source_field": field, "rule": rule})


def cleaned(value):
    """As the Panel's global middleware does: trimmed, empty becomes null."""
    if isinstance(value, str):
        value = value.strip()
        return value if value else None
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {key: cleaned(one) for key, one in value.items()}
    return value


def is_boolean(value):
    return value in (True, False, 0, 1, "0", "1") and value is not None


def is_numeric(value):
    if isinstance(value, bool):
        return False
    try:
        float(value)
        return True
    except (TypeError, ValueError):
        return False


def signed_token(claims, key):
    """A compact JWS as the Panel makes them (wings-protocol 4.1)."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    def text(value):
        return part(json.dumps(value, separators=(",", ":")).encode())
    head = {"typ": "JWT", "alg": "HS256", "jti": claims["jti"],
            "sub": claims["sub"]}
    signed = text(head) + b"." + text(claims)
    mac = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + part(mac)).decode()


def call_node(method, url, token, body=None):
    """What a node answers, as {"status", "body"}; status 0: nothing."""
    request = urllib.request.Request(
        url, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + token,
                 "Content-Type": "application/json",
                 "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return {"status": answer.status,
                    "body": answer.read().decode("utf-8", "replace")}
    except urllib.error.HTTPError as refused:
        return {"status": refused.code,
                "body": refused.read().decode("utf-8", "replace")}
    except OSError as why:
        return {"status": 0, "body": str(why)}


class Panel:
    """The Panel's database and what its controllers do with it."""

    def __init__(self, options):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.options = options
        self.reset()

    def reset(self):
        with self.lock:
            self.servers = {}
            self.backups = {}
            self.nodes = {}
            self.add_node({"uuid": self.options.node,
                           "token_id": self.options.token_id,
                           "token": self.options.token})
            self.caller = self.options.node
            self.activity = []
            self.mails = []
            self.calls = getattr(self, "calls", [])[:0]
            self.number = 0
            self.habits = {
                "down": False, "fail": [], "fail_all": None,
                "hide": [], "hide_times": {}, "drop_answers": 0,
                "garbage": False, "slow_body": False, "second_success": 400,
                "default_disk": "wings",
                "part_size": 5368709120, "s3_url": "http://127.0.0.1:9/bucket",
                "s3": None, "tidy": False, "fresh_parts": None,
            }

    # -- what a test sets up --------------------------------------------------

    def add_server(self, given):
        uuid = given["uuid"]
        settings = {
            "uuid": uuid,
            "meta": {"name": "demo", "description": ""},
            "suspended": False,
            "environment": {
                "STARTUP": "./run", "P_SERVER_LOCATION": "home",
                "P_SERVER_UUID": uuid},
            "invocation": "./run",
            "skip_egg_scripts": False,
            "build": {"memory_limit": 256, "swap": 0, "io_weight": 500,
                      "cpu_limit": 0, "threads": None, "disk_space": 0,
                      "oom_disabled": True},
            "container": {"image": "alula/test", "oom_disabled": True,
                          "requires_rebuild": False},
            "allocations": {
                "force_outgoing_ip": False,
                "default": {"ip": "127.0.0.1", "port": 25565},
                "mappings": {"127.0.0.1": [25565]}},
            "mounts": [],
            "egg": {"id": "c0ffee00-1111-4222-8333-444455556666",
                    "file_denylist": []},
        }
        settings.update(given.get("settings", {}))
        process = {
            "startup": {"done": ["ready"], "user_interaction": [],
                        "strip_ansi": False},
            "stop": {"type": "command", "value": "stop"},
            "configs": [],
        }
        process.update(given.get("process_configuration", {}))
        known = self.servers.get(uuid, {})
        self.servers[uuid] = {
            "settings": settings, "process_configuration": process,
            "status": given.get("status", known.get("status")),
            "node": given.get("node", self.options.node),
            "install": given.get("install", known.get("install", {
                "container_image": "alula/installer", "entrypoint": "bash",
                "script": "#!/bin/bash\necho installed\n"})),
            "installed_at": known.get("installed_at"),
            "transfer": given.get("transfer", known.get("transfer")),
            "transfer_to": known.get("transfer_to"),
            "transfer_settings": known.get("transfer_settings", {}),
            "released": known.get("released"),
        }
        if self.servers[uuid]["status"] == "suspended":
            settings["suspended"] = True

    def add_node(self, given):
        self.nodes[given["uuid"]] = {
            "token_id": given["token_id"], "token": given["token"],
            "url": given.get("url", "")}

    def open_transfer(self, given):
        with self.lock:
            uuid, server = self.mine(given["server"])
            if server["transfer"] == "open":
                raise problem(409, "ConflictHttpException",
                              "Server is being transferred already.")
            source = self.nodes[server["node"]]
            target = self.nodes[given["to"]]
            server.update(transfer="open", transfer_to=given["to"],
                          transfer_settings=given.get("settings", {}),
                          released=None)
        now = int(time.time())
        token = signed_token(
            {"iss": "http://panel.test", "aud": [target["url"]],
             "jti": hashlib.sha256(uuid.encode()).hexdigest(), "iat": now,
             "nbf": now - 300, "exp": now + 900, "sub": uuid,
             "unique_id": hashlib.sha1(str(time.time_ns()).encode())
             .hexdigest()[:16]}, target["token"])
        url = target["url"] + "/api/transfers"
        told = {"status": None, "body": None}
        if given.get("send", True):
            told = call_node(
                "POST", f"{source['url']}/api/servers/{uuid}/transfer",
                source["token"],
                {"server_id": uuid, "url": url, "token": "Bearer " + token,
                 "server": {"uuid": uuid, "start_on_completion": False}})
            with self.lock:
                # Its own failure may have been quicker.
                if (not 200 <= told["status"] < 300
                        and server["transfer"] == "open"):
                    server["transfer"] = None
        return {**told, "url": url, "token": token}

    def release_source(self, uuid, node):
        """After a success; a failure is only noted."""
        source = self.nodes[node]
        told = call_node("DELETE", f"{source['url']}/api/servers/{uuid}",
                         source["token"]) if source["url"] else {}
        with self.lock:
            if uuid in self.servers:
                self.servers[uuid]["released"] = told

    def add_backup(self, given):
        self.backups[given["uuid"]] = {
            "server": given["server"],
            "disk": given.get("disk", self.habits["default_disk"]),
            "is_successful": given.get("successful", False),
            "is_locked": given.get("locked", False),
            "checksum": None, "bytes": 0, "upload_id": None,
            "completed_at": time.time() if given.get("successful") else None,
            "reports": [],
        }

    def control(self, method, path, query, body):
        # Not under the lock: nodes are called, which may call back.
        if (method, path) == ("POST", "/transfers"):
            return self.open_transfer(body)
        with self.lock:
            if (method, path) == ("GET", "/state"):
                return {"servers": self.servers, "backups": self.backups,
                        "activity": self.activity, "mails": self.mails,
                        "habits": self.habits}
            if (method, path) == ("GET", "/calls"):
                after = int(query.get("after", ["0"])[0])
                wait = float(query.get("wait", ["0"])[0])
                end = time.monotonic() + wait
                while self.number <= after:
                    left = end - time.monotonic()
                    if left <= 0 or not self.changed.wait(left):
                        break
                return {"calls": [c for c in self.calls if c["n"] > after],
                        "last": self.number}
            if (method, path) == ("POST", "/servers"):
                for one in body if isinstance(body, list) else [body]:
                    self.add_server(one)
                return {}
            if (method, path) == ("POST", "/servers/remove"):
                self.servers.pop(body["uuid"], None)
                for uuid in [u for u, b in self.backups.items()
                             if b["server"] == body["uuid"]]:
                    del self.backups[uuid]
                return {}
            if (method, path) == ("POST", "/nodes"):
                for one in body if isinstance(body, list) else [body]:
                    self.add_node(one)
                return {}
            if (method, path) == ("POST", "/backups"):
                for one in body if isinstance(body, list) else [body]:
                    self.add_backup(one)
                return {}
            if (method, path) == ("POST", "/download"):
                backup = self.backups[body["uuid"]]
                return {"url": self.bucket().presign(
                    "GET", f"{backup['server']}/{body['uuid']}.tar.gz",
                    seconds=body.get("seconds"))}
            if (method, path) == ("GET", "/uploads"):
                return {"keys": self.bucket().open_uploads()}
            if (method, path) == ("POST", "/habits"):
                unknown = set(body) - set(self.habits)
                if unknown:
                    raise Answer(400, {"unknown": sorted(unknown)})
                self.habits.update(body)
                return {}
            if (method, path) == ("POST", "/reset"):
                self.reset()
                return {}
        raise Answer(404, {"error": "no such control"})

    def bucket(self):
        return panel_s3.Bucket(self.habits["s3"])

    def note(self, method, path, status, body):
        with self.lock:
            self.number += 1
            self.calls.append({"n": self.number, "method": method,
                               "path": path, "status": status, "body": body,
                               "at": time.time()})
            del self.calls[:-100000]
            self.changed.notify_all()

    # -- habits ---------------------------------------------------------------

    def bad_habit(self, path):
        """The status of an answer that says nothing true, or None."""
        with self.lock:
            if self.habits["fail"]:
                return self.habits["fail"].pop(0)
            if self.habits["fail_all"]:
                return self.habits["fail_all"]
            if path in self.habits["hide"]:
                raise not_found()
            if self.habits["hide_times"].get(path, 0) > 0:
                self.habits["hide_times"][path] -= 1
                raise not_found()
        return None

    # -- the remote API -------------------------------------------------------

    def authenticate(self, header):
        """The uuid of the node that calls."""
        if not header or not header.startswith("Bearer "):
            raise problem(401, "HttpException",
                          "This endpoint must include an Authorization header.")
        parts = header[len("Bearer "):].split(".")
        if len(parts) != 2 or not all(parts):
            raise problem(400, "BadRequestHttpException",
                          "The Authorization header provided was not in a "
                          "valid format.")
        with self.lock:
            for uuid, node in self.nodes.items():
                if (hmac.compare_digest(parts[0], node["token_id"])
                        and hmac.compare_digest(parts[1], node["token"])):
                    return uuid
        raise problem(403, "AccessDeniedHttpException",
                      "You are not authorized to access this resource.")

    def remote(self, caller, method, path, query, body):
        """What is answered; what a handler gives as a third is done first,
        without the lock."""
        with self.lock:
            self.caller = caller
            for verb, pattern, handler in ROUTES:
                match = re.fullmatch(pattern, path)
                if match and verb == method:
                    said = handler(self, query, body, *match.groups())
                    break
            else:
                said = None
        if said:
            for then in said[2:]:
                then()
            return said[:2]
        with self.lock:
            if any(re.fullmatch(p, path) for _, p, _ in ROUTES):
                raise problem(405, "MethodNotAllowedHttpException",
                              "The method is not supported for this route.")
            raise not_found("The route could not be found.")

    def mine(self, uuid):
        """A server by its uuid or its first eight characters."""
        for known, server in self.servers.items():
            if known == uuid or known[:8] == uuid:
                return known, server
        raise not_found()

    def list_servers(self, query, _body):
        per_page = max(1, int(query.get("per_page", ["50"])[0]))
        page = max(1, int(query.get("page", ["1"])[0]))
        own = [(u, s) for u, s in self.servers.items()
               if s["node"] == self.caller]
        last = max(1, -(-len(own) // per_page))
        first = (page - 1) * per_page
        rows = own[first:first + per_page]
        base = "http://panel.test/api/remote/servers"

        def link(number):
            return f"{base}?page={number}" if 1 <= number <= last else None
        return 200, {
            "data": [{"uuid": u, "settings": s["settings"],
                      "process_configuration": s["process_configuration"]}
                     for u, s in rows],
            "links": {"first": link(1), "last": link(last),
                      "prev": link(page - 1), "next": link(page + 1)},
            "meta": {"current_page": page, "from": first + 1 if rows else None,
                     "last_page": last, "links": [], "path": base,
                     "per_page": per_page,
                     "to": first + len(rows) if rows else None,
                     "total": len(own)},
        }

    def show_server(self, _query, _body, uuid):
        _, server = self.mine(uuid)
        return 200, {"settings": server["settings"],
                     "process_configuration": server["process_configuration"]}

    def show_install(self, _query, _body, uuid):
        return 200, self.mine(uuid)[1]["install"]

    def end_install(self, _query, body, uuid):
        uuid, server = self.mine(uuid)
        good = required_boolean(body, "successful")
        again = body.get("reinstall")
        if again is not None and not is_boolean(again):
            raise invalid("reinstall", "boolean",
                          "The reinstall field must be true or false.")
        if server["status"] != "suspended":
            server["status"] = None if good else (
                "reinstall_failed" if again else "install_failed")
        server["installed_at"] = time.time()
        self.mails.append({"server": uuid, "successful": bool(good)})
        return 204, None

    def end_transfer(self, _query, _body, uuid, how):
        known, server = self.mine(uuid)
        if server["transfer"] != "open":
            raise problem(409, "ConflictHttpException",
                          "Server is not being transferred.")
        server["transfer"] = how
        if how != "success" or not server["transfer_to"]:
            return 204, None
        left, server["node"] = server["node"], server["transfer_to"]
        server["settings"].update(server["transfer_settings"])
        return 204, None, lambda: self.release_source(known, left)

    def reset_servers(self, _query, _body):
        for server in self.servers.values():
            if server["status"] in ("installing", "restoring_backup"):
                server["status"] = None
        return 204, None

    def own_backup(self, uuid):
        if uuid not in self.backups:
            raise not_found()
        backup = self.backups[uuid]
        server = self.servers.get(backup["server"])
        if not server:
            raise not_found()
        return backup, server

    def plan_upload(self, query, _body, uuid):
        size = query.get("size", ["0"])[0]
        if not is_numeric(size) or float(size) == 0:
            raise problem(400, "BadRequestHttpException",
                          'A non-empty "size" query parameter must be '
                          "provided.")
        backup, server = self.own_backup(uuid)
        if server["node"] != self.caller:
            raise problem(500, "Error", "Class not found.")
        if backup["completed_at"]:
            raise problem(409, "ConflictHttpException",
                          "This backup is already in a completed state.")
        if self.habits["default_disk"] != "s3":
            raise problem(400, "BadRequestHttpException",
                          "The configured backup adapter is not an S3 "
                          "compatible adapter.")
        part = self.habits["part_size"]
        count = -(-int(float(size)) // part)
        if self.habits["s3"]:
            bucket, key = self.bucket(), f"{backup['server']}/{uuid}.tar.gz"
            if self.habits["tidy"] and backup["upload_id"]:
                bucket.abort(key, backup["upload_id"])
            backup["upload_id"] = bucket.begin(key)
            fresh, self.habits["fresh_parts"] = \
                self.habits["fresh_parts"], None
            return 200, {"part_size": part, "parts": [
                bucket.presign("PUT", key, {
                    "partNumber": n + 1, "uploadId": backup["upload_id"]},
                    ago=0 if fresh is None or n < fresh else 2 * bucket.lasts)
                for n in range(count)]}
        backup["upload_id"] = f"upload-{time.time_ns()}"
        return 200, {"part_size": part, "parts": [
            f"{self.habits['s3_url']}/{backup['server']}/{uuid}.tar.gz"
            f"?partNumber={n + 1}&uploadId={backup['upload_id']}"
            for n in range(count)]}

    def end_backup(self, _query, body, uuid):
        good = required_boolean(body, "successful")
        check_backup_report(body, good)
        backup, server = self.own_backup(uuid)
        if server["node"] != self.caller:
            raise problem(403, "HttpForbiddenException",
                          "Requesting node does not have permission to access "
                          "this server.")
        backup["reports"].append(body)
        if backup["is_successful"]:
            status = self.habits["second_success"]
            raise problem(status, "BadRequestHttpException",
                          "Cannot update the status of a backup that is "
                          "already marked as completed.")
        s3 = self.habits["default_disk"] == "s3"
        if s3 and good and not backup["upload_id"]:
            raise problem(400, "BadRequestHttpException",
                          "Cannot complete backup request: no upload_id "
                          "present on model.")
        if s3 and self.habits["s3"] and backup["upload_id"]:
            self.end_upload(uuid, backup, body, good)
        backup["is_successful"] = bool(good)
        if not good:
            backup["is_locked"] = False
        backup["checksum"] = (f"{body['checksum_type']}:{body['checksum']}"
                              if good else None)
        backup["bytes"] = body.get("size") if good else 0
        backup["completed_at"] = time.time()
        return 204, None

    def end_upload(self, uuid, backup, body, good):
        """An error of the store rolls everything back."""
        bucket, key = self.bucket(), f"{backup['server']}/{uuid}.tar.gz"
        try:
            if not good:
                bucket.abort(key, backup["upload_id"])
                return
            bucket.complete(key, backup["upload_id"], body["parts"])
            if bucket.size(key) != int(body["size"]):
                raise panel_s3.Refused("the object has another size")
        except panel_s3.Refused as why:
            raise problem(500, "S3Exception", str(why)) from why

    def end_restore(self, _query, _body, uuid):
        _, server = self.own_backup(uuid)
        # Whatever it was: a suspension is lifted by it.
        server["status"] = None
        return 204, None

    def take_activity(self, _query, body):
        rows = body.get("data")
        if not isinstance(rows, list):
            raise invalid("data", "required", "The data field is required.")
        for i, row in enumerate(rows):
            if not isinstance(row, dict) or "metadata" not in row:
                raise invalid(f"data.{i}.metadata", "present",
                              "The metadata field must be present.")
            for field in ("server", "event", "timestamp"):
                if not isinstance(row.get(field), str):
                    raise invalid(f"data.{i}.{field}", "required",
                                  f"The {field} field is required.")
            for field in ("server", "user"):
                if row.get(field) and not UUID.match(str(row[field])):
                    raise invalid(f"data.{i}.{field}", "uuid",
                                  f"The {field} must be a valid UUID.")
            if not isinstance(row["metadata"], (dict, list, type(None))):
                raise invalid(f"data.{i}.metadata", "array",
                              "The metadata must be an array.")
            if row.get("ip") is not None and not is_address(row["ip"]):
                raise invalid(f"data.{i}.ip", "ip",
                              "The ip must be a valid IP address.")
        self.activity += [r for r in rows if r["event"].startswith("server:")]
        return 200, None


def is_address(value):
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return "%" not in value


def required_boolean(body, field):
    value = body.get(field)
    if value is None:
        raise invalid(field, "required", f"The {field} field is required.")
    if not is_boolean(value):
        raise invalid(field, "boolean",
                      f"The {field} field must be true or false.")
    return value not in (False, 0, "0")


def check_backup_report(body, good):
    for field in ("checksum", "checksum_type"):
        value = body.get(field)
        if value is None and good:
            raise invalid(field, "required_if",
                          f"The {field} field is required when successful is "
                          "true.")
        if value is not None and not isinstance(value, str):
            raise invalid(field, "string", f"The {field} must be a string.")
    size = body.get("size")
    if size is None and good:
        raise invalid("size", "required_if",
                      "The size field is required when successful is true.")
    if size is not None and not is_numeric(size):
        raise invalid("size", "numeric", "The size must be a number.")
    parts = body.get("parts")
    if parts is None:
        return
    if not isinstance(parts, list):
        raise invalid("parts", "array", "The parts must be an array.")
    for i, part in enumerate(parts):
        part = part if isinstance(part, dict) else {}
        if not isinstance(part.get("etag"), str):
            raise invalid(f"parts.{i}.etag", "required",
                          "The etag field is required.")
        if not is_numeric(part.get("part_number")):
            raise invalid(f"parts.{i}.part_number", "numeric",
                          "The part_number must be a number.")


ANY = r"([^/]+)"
ROUTES = [
    ("GET", r"/servers", Panel.list_servers),
    ("POST", r"/servers/reset", Panel.reset_servers),
    ("GET", rf"/servers/{ANY}", Panel.show_server),
    ("GET", rf"/servers/{ANY}/install", Panel.show_install),
    ("POST", rf"/servers/{ANY}/install", Panel.end_install),
    ("POST", rf"/servers/{ANY}/transfer/(success|failure)",
     Panel.end_transfer),
    ("GET", rf"/servers/{ANY}/transfer/(success|failure)", Panel.end_transfer),
    ("GET", rf"/backups/{ANY}", Panel.plan_upload),
    ("POST", rf"/backups/{ANY}", Panel.end_backup),
    ("POST", rf"/backups/{ANY}/restore", Panel.end_restore),
    ("POST", r"/activity", Panel.take_activity),
]


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
                if slow:
                    self.wfile.flush()
                    time.sleep(0.01)  # a trickle is made of time
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

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
