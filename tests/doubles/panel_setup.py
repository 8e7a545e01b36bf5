"""What the Panel for tests has on record, and what a test does with it: see
panel.py. Standard library only."""

import base64
import hashlib
import hmac
import json
import threading
import time
import urllib.error
import urllib.request

import panel_s3
from panel_rules import Answer, not_found, problem


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


class Setup:
    """The Panel's database, what a test puts into it, and the habits that it
    is given."""

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
                "container_status": False,
            }

    def mine(self, uuid):
        """A server by its uuid or its first eight characters."""
        for known, server in self.servers.items():
            if known == uuid or known[:8] == uuid:
                return known, server
        raise not_found()

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
            "container": known.get("container"),
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
