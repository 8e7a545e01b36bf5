#!/usr/bin/python3
"""The backups of an appliance on a real node, as a client of it sees them
(docs/systems.md): sent, listed, read in pieces, deleted, and held to its limits.

    systems_test.py ALULA [TEST…]
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
import uuid as uuids

from running_node import ROOT, RunningNode, run_tests

sys.path.insert(0, str(ROOT / "tests/doubles"))
from file_news import wait_in  # noqa: E402

BINARY = ""
MIB = 1 << 20
LIMITS = """systems:
  upload_limit: 5
  size_per_system: 3
  size_per_organization: 6
  backups_per_system: 3
  uploads_per_minute: 0
  uploads_per_hour: 0
"""
SECRET = "what-the-issuer-and-this-node-know"
ISSUER = f"""  jwt:
    issuer: https://id.example.org
    audience: alula
    secret: {SECRET}
"""


def make_jwt(secret=SECRET, expires_in=300, **claims):
    """A JSON Web Token, signed by HS256 as an issuer does."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    content = b".".join(part(json.dumps(one).encode()) for one in (
        {"typ": "JWT", "alg": "HS256"},
        {"iss": "https://id.example.org", "aud": "alula", "sub": "anna", "exp": int(time.time()) + expires_in, **claims}))
    return (content + b"." + part(hmac.digest(secret.encode(), content, "sha256"))).decode()


class Systems(unittest.TestCase):
    def setUp(self):
        self.node = RunningNode(BINARY, more=LIMITS, api=ISSUER)
        self.addCleanup(self.node.close)
        self.node.start()
        self.body = os.urandom(MIB)

    # -- whoever asks -------------------------------------------------------------

    def send(self, method, url, body=None, headers=None):
        """Status, headers and bytes."""
        request = urllib.request.Request(url, method=method, data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def admin(self, method, path, body=None, code=200, token=None):
        """`data` of the answer, whose envelope is looked at."""
        status, _, text = self.node.ask(method, path, body, token)
        return self.data_of(status, text, code)

    def data_of(self, status, text, code):
        said = json.loads(text)
        self.assertEqual((status, said["code"]), (code, code), text)
        self.assertEqual(set(said), {"code", "message", "data"})
        return said["data"]

    def make_system(self, name, organization="acme/north"):
        self.admin("PUT", f"/api/systems/{name}", {"organization": organization}, code=201)
        status, _, text = self.node.ask("POST", "/api/tokens", {"appliance": name})
        self.assertEqual(status, 201, text)
        pair = f"{name}:{json.loads(text)['secret']}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    def own(self, key, method, path="", body=None, code=200, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, _, text = self.send(method, f"{self.node.url}/api/systems/backups{path}", body, {**key, **named})
        return self.data_of(status, text, code)

    def upload(self, key, name, code=201, body=None):
        return self.own(key, "POST", body=body or self.body, code=code, X_Filename=name, Content_Type="application/gzip")

    # -- tests --------------------------------------------------------------------

    def test_what_is_sent_is_listed_and_read_in_pieces(self):
        key = self.make_system("edge-7")
        sent = self.upload(key, "../we ird/nightly.tar.gz")
        self.assertEqual(sent["sha256"], hashlib.sha256(self.body).hexdigest())
        self.assertEqual(sent["filename"], "nightly.tar.gz")
        self.assertTrue(sent["id"].endswith(".tar.gz"))
        self.assertEqual(self.own(key, "GET")["backups"], [sent])
        seen = self.admin("GET", "/api/systems/edge-7/backups")
        self.assertEqual((seen["backups"], seen["quota_used_bytes"], seen["slots_used"]), ([sent], MIB, 1))
        link = self.admin("GET", f"/api/systems/edge-7/backups/{sent['id']}/download")["download_url"]
        for url, who in [(link, {}), (f"{self.node.url}/api/systems/backups/{sent['id']}", key)]:
            self.assertEqual(self.send("GET", url, headers=who)[2], self.body)
            status, headers, piece = self.send("GET", url, headers={**who, "Range": "bytes=100-199"})
            self.assertEqual((status, piece), (206, self.body[100:200]))
            self.assertEqual(headers["Content-Range"], f"bytes 100-199/{MIB}")
            self.assertEqual(self.send("GET", url, headers={**who, "Range": "bytes=9999999-"})[0], 416)
        self.assertEqual(self.send("GET", link[:-1] + ("0" if link[-1] != "0" else "1"))[0], 403)

    def test_what_is_deleted_is_gone_and_so_is_its_file(self):
        key = self.make_system("edge-7")
        first, second = self.upload(key, "a.gpg"), self.upload(key, "b.gpg")
        self.own(key, "DELETE", f"/{first['id']}")
        self.own(key, "DELETE", f"/{first['id']}", code=404)
        gone = self.admin("DELETE", f"/api/systems/edge-7/backups/{second['id']}/download")
        self.assertEqual(gone, {"system_id": "edge-7", "backup_id": second["id"]})
        self.assertEqual(self.own(key, "GET")["backups"], [])
        third = self.upload(key, "c.gpg")
        self.assertEqual([file.name for file in (self.node.base / "systems").iterdir()], [third["id"]])
        self.admin("DELETE", "/api/systems/edge-7")
        self.assertEqual(list((self.node.base / "systems").iterdir()), [])
        self.admin("GET", "/api/systems/edge-7/backups", code=404)
        self.own(key, "GET", code=401)

    def test_limits_hold_and_the_newest_stays(self):
        key, other = self.make_system("edge-7"), self.make_system("edge-8")
        sent = [self.upload(key, f"{i}.bin")["id"] for i in range(4)]
        self.assertEqual([b["id"] for b in self.own(key, "GET")["backups"]], sent[:0:-1])
        self.assertEqual(self.upload(key, "big", code=413, body=bytes(4 * MIB)), {"max_bytes": 3 * MIB})
        self.own(key, "POST", body=b"", code=411)
        # 3 MiB of the organisation's 6 are taken.
        self.upload(other, "a.bin", body=bytes(2 * MIB))
        self.upload(other, "b.bin", code=413, body=bytes(2 * MIB))
        self.assertEqual(len(self.own(other, "GET")["backups"]), 1)

    def alula(self, *words, code=0, token=None):
        done = subprocess.run([BINARY, *words, "--config", str(self.node.config), "--yes"], text=True, capture_output=True,
                              env={**os.environ, **({"ALULA_TOKEN": token} if token else {})}, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_the_command_line_shows_fetches_and_deletes(self):
        self.assertIn("no systems", self.alula("systems"))
        self.assertIn('of "acme/north"', self.alula("systems", "set", "edge-9", "--organisation", "acme/north", "--name", "Edge 9"))
        self.assertIn("suspended", self.alula("systems", "set", "edge-9", "--suspend"))
        self.assertIn("Edge 9", self.alula("systems", "list"))
        self.assertIn("nothing: it is suspended", self.alula("systems", "show", "edge-9"))
        self.alula("systems", "set", "edge-9", "--resume")
        key = self.make_system("edge-7")
        sent = self.upload(key, "nightly.tar.gz")
        listed = json.loads(self.alula("systems", "--json"))
        self.assertEqual([(s["id"], s["backups"], s["bytes"]) for s in listed["systems"]], [("edge-7", 1, MIB), ("edge-9", 0, 0)])
        self.assertRegex(self.alula("systems"), r"edge-7 .*acme/north .*(now|ago) .*1 of 3 .*1.0 MiB of 3.0 MiB")
        self.assertIn("1 of 3", self.alula("systems", "show", "edge-7"))
        self.assertIn(sent["sha256"], self.alula("systems", "backups", "edge-7"))
        to = self.node.base / "fetched"
        self.alula("systems", "get", "edge-7", sent["id"], "-o", str(to))
        self.assertEqual(to.read_bytes(), self.body)
        self.assertIn("is deleted", self.alula("systems", "delete", "edge-7", sent["id"]))
        self.assertIn("backup not found", self.alula("systems", "delete", "edge-7", sent["id"], code=66))
        self.assertIn("no backups", self.alula("systems", "backups", "edge-7"))
        self.assertIn("are gone", self.alula("systems", "forget", "edge-7"))
        self.assertIn("system not found", self.alula("systems", "show", "edge-7", code=66))
        _, _, text = self.node.ask("POST", "/api/tokens", {"name": "Anna", "role": "viewer", "organisations": ["umbrella"]})
        anna = json.loads(text)["secret"]
        self.assertIn("no systems", self.alula("systems", token=anna))
        self.assertIn("access denied", self.alula("systems", "show", "edge-9", code=77, token=anna))
        self.assertIn("insufficient permissions", self.alula("systems", "forget", "edge-9", code=77, token=anna))

    def figures(self):
        _, _, text = self.node.ask("GET", "/metrics")
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[:1] != "#"}

    def test_figures_tell_who_is_full_and_who_sends_nothing(self):
        key, _ = self.make_system("edge-7"), self.make_system("edge-8", "umbrella")
        self.upload(key, "a.bin")
        self.upload(key, "b.bin")
        self.own(key, "POST", body=b"", code=411)
        self.upload(key, "big", code=413, body=bytes(4 * MIB))
        end = time.monotonic() + 30
        while self.figures()["alula_system_upload_bytes_total"] < 2 * MIB:
            self.assertLess(time.monotonic(), end)
        seen = self.figures()
        self.assertEqual(seen["alula_systems"], 2)
        self.assertEqual(seen["alula_system_backups"], 2)
        self.assertEqual(seen["alula_system_backups_bytes"], 2 * MIB)
        self.assertEqual(seen["alula_systems_without_backup"], 1)
        self.assertAlmostEqual(seen["alula_system_organization_fill_ratio_max"], 2 / 6)
        self.assertGreater(seen["alula_last_system_backup_age_seconds_max"], 0)
        self.assertIn('alula_last_system_backup_age_seconds{system="edge-7"}', seen)
        self.assertEqual(seen['alula_system_refusals_total{why="no_length"}'], 1)
        self.assertEqual(seen['alula_system_refusals_total{why="too_large"}'], 1)
        # Suspended, it is missed by nobody.
        self.admin("PUT", "/api/systems/edge-8", {"organization": "umbrella", "suspended": True})
        self.assertEqual(self.figures()["alula_systems_without_backup"], 0)

    def test_one_token_asks_as_often_as_it_may(self):
        _, _, text = self.node.ask("POST", "/api/tokens", {"name": "Anna", "role": "viewer"})
        anna = json.loads(text)["secret"]
        seen = [self.node.ask("GET", "/api/systems", token=anna)[0] for _ in range(60)]
        self.assertEqual(set(seen), {200, 429})
        self.assertEqual(seen[:20], [200] * 20)
        self.assertEqual({self.node.ask("GET", "/api/systems")[0] for _ in range(60)}, {200})

    def test_what_an_older_crash_has_left_goes_and_a_whole_backup_stays(self):
        key = self.make_system("edge-7")
        sent = self.upload(key, "a.bin")["id"]
        self.node.kill()
        place = self.node.base / "systems"
        (place / "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4e.gpg.part").write_bytes(b"half")
        (place / "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4f.gpg").write_bytes(b"of an older ledger")
        self.node.start()
        self.assertTrue(wait_in(place, lambda: not list(place.glob("*.part")), 30))
        self.assertEqual({file.name for file in place.iterdir()}, {sent, "0198b3c1-7a52-7c0e-9d44-0f6a1b2c3d4f.gpg"})
        log = self.node.base / "alula.log"
        self.assertTrue(wait_in(log.parent, lambda: "system-backups-unknown" in log.read_text(), 30))

    def test_nobody_reaches_what_is_anothers(self):
        key, other = self.make_system("edge-7"), self.make_system("edge-8", "umbrella")
        sent = self.upload(key, "a.bin")["id"]
        self.own(other, "DELETE", f"/{sent}", code=404)
        self.own({"Authorization": f"Bearer {self.node.token}"}, "GET", code=401)
        self.admin("DELETE", f"/api/systems/edge-8/backups/{sent}", code=404)
        status, _, text = self.node.ask("POST", "/api/tokens", {"name": "Anna", "role": "operator", "organisations": ["umbrella"]})
        self.assertEqual(status, 201, text)
        anna = json.loads(text)["secret"]
        self.assertEqual([s["id"] for s in self.admin("GET", "/api/systems", token=anna)["systems"]], ["edge-8"])
        self.admin("GET", "/api/systems/edge-7/backups", code=403, token=anna)
        self.admin("DELETE", f"/api/systems/edge-7/backups/{sent}", code=403, token=anna)
        self.admin("DELETE", "/api/systems/edge-8", code=403, token=anna)
        self.admin("PUT", "/api/systems/edge-8", {"organization": "umbrella", "suspended": True})
        self.own(other, "GET", code=401)
        self.assertEqual(len(self.own(key, "GET")["backups"]), 1)

    def test_tokens_of_an_issuer_are_believed_as_far_as_they_go(self):
        key = self.make_system("edge-7")
        self.make_system("edge-8", "umbrella")
        sent = self.upload(key, "a.bin")["id"]
        path = f"/api/systems/edge-7/backups/{sent}"
        viewer = make_jwt(role="viewer", organisations=["acme"])
        self.assertEqual([s["id"] for s in self.admin("GET", "/api/systems", token=viewer)["systems"]], ["edge-7"])
        self.admin("GET", "/api/systems/edge-7/backups", token=viewer)
        self.admin("GET", "/api/systems/edge-8/backups", code=403, token=viewer)
        self.admin("DELETE", path, code=403, token=viewer)
        # As it is without a role: what the user may, and what the organisation may.
        user = {"username": "anna", "organization_id": "acme", "user_permissions": ["read:systems"], "org_permissions": []}
        self.admin("DELETE", path, code=403, token=make_jwt(user=user))
        for refused in (make_jwt(role="admin", all=True, expires_in=-300), make_jwt("x" * 40, role="admin", all=True),
                        make_jwt(role="admin", all=True, aud="another"), make_jwt(role="admin", all=True, iss="https://another")):
            self.admin("GET", "/api/systems", code=401, token=refused)
            self.admin("DELETE", path, code=401, token=refused)
        self.assertEqual(len(self.own(key, "GET")["backups"]), 1)
        self.admin("DELETE", path, token=make_jwt(user={**user, "org_permissions": ["manage:systems"]}))
        self.assertEqual(self.own(key, "GET")["backups"], [])

    def test_a_restore_fetches_nothing_from_this_machine_in_whatever_notation(self):
        server = self.node.make_server("a", files=1)
        for host in ("2130706433", "127.1", "[::ffff:127.0.0.1]"):
            status, _, text = self.node.ask("POST", f"/api/servers/{server}/backup/{uuids.uuid4()}/restore", {
                "adapter": "s3", "truncate_directory": False, "download_url": f"http://{host}:{self.node.port}/x.tar.gz"})
            self.assertEqual((status, json.loads(text)["code"]), (400, "link-refused"), text)


if __name__ == "__main__":
    run_tests(sys.modules[__name__])
