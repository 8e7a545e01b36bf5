"""The remote API of a Panel, with its shapes, validation rules and status codes
(wings-protocol 3). Standard library only."""

import hmac
import re
import time

import panel_s3
from panel_rules import (UUID, check_backup_report, invalid, is_address,
                         is_boolean, is_numeric, not_found, problem,
                         required_boolean)
from panel_setup import Setup


class Panel(Setup):
    """The Panel's database and what its controllers do with it."""

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

    def note_container(self, _query, body, uuid):
        """Of some Panels only (habit `container_status`). The state is cached
        for an hour; a word that is none is `missing`."""
        if not self.habits["container_status"]:
            raise not_found("The route could not be found.")
        _, server = self.mine(uuid)
        if server["node"] != self.caller:
            raise problem(403, "HttpForbiddenException",
                          "Requesting node does not have permission to access "
                          "this server.")
        data = body.get("data")
        word = data.get("new_state") if isinstance(data, dict) else None
        server["container"] = word if word in STATES else "missing"
        return 200, []

    def reset_servers(self, _query, _body):
        for server in self.servers.values():
            if (server["node"] == self.caller and server["status"]
                    in ("installing", "restoring_backup")):
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


STATES = ("offline", "starting", "running", "stopping")
ANY = r"([^/]+)"
ROUTES = [
    ("GET", r"/servers", Panel.list_servers),
    ("POST", r"/servers/reset", Panel.reset_servers),
    ("GET", rf"/servers/{ANY}", Panel.show_server),
    ("GET", rf"/servers/{ANY}/install", Panel.show_install),
    ("POST", rf"/servers/{ANY}/install", Panel.end_install),
    ("POST", rf"/servers/{ANY}/container/status", Panel.note_container),
    ("POST", rf"/servers/{ANY}/transfer/(success|failure)",
     Panel.end_transfer),
    ("GET", rf"/servers/{ANY}/transfer/(success|failure)", Panel.end_transfer),
    ("GET", rf"/backups/{ANY}", Panel.plan_upload),
    ("POST", rf"/backups/{ANY}", Panel.end_backup),
    ("POST", rf"/backups/{ANY}/restore", Panel.end_restore),
    ("POST", r"/activity", Panel.take_activity),
]
