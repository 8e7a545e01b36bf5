"""A real alula between a Panel and a real object store: the processes, the
rough way between them, and what must be true when an upload has ended.

Nothing here asks again and again: the Panel's calls, the node's events and the
files' news say when to look."""

import hashlib
import io
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback
import urllib.parse
import urllib.request
import uuid as uuids

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "app"),
                str(HERE.parent / "doubles")]
import panel_s3  # noqa: E402
from panel_process import FIRST, PATIENCE, Panel  # noqa: E402
from rough_way import RoughWay  # noqa: E402
from running_node import RunningNode  # noqa: E402
from secrecy import keep_secrets  # noqa: E402
from telling import Broken, check, say  # noqa: E402

PART = 5 << 20  # S3's least


def why_not():
    """Why there is no store to tell of; else nothing."""
    if why := os.environ.get("ALULA_NO_S3"):
        return why
    return "" if "ALULA_S3_ENDPOINT" in os.environ else "run in scripts/with-s3"


def make_world(into):
    """A small game's: a database, region files that do not compress, text, a
    link, an empty directory. Three parts and a bit of them."""
    noise = random.Random(5)
    (into / "world/region").mkdir(parents=True)
    (into / "world/empty").mkdir()
    for i in range(4):
        (into / f"world/region/r.{i}.0.mca").write_bytes(noise.randbytes(4 << 20))
    (into / "server.properties").write_text("motd=a world\n" * 50)
    (into / "latest").symlink_to("world/region/r.0.0.mca")
    (into / "run.sh").write_text("#!/bin/sh\nexec true\n")
    (into / "run.sh").chmod(0o755)


def tree(of):
    """What a player would miss."""
    out = {}
    for path in sorted(of.rglob("*")):
        name = str(path.relative_to(of))
        if path.is_symlink():
            out[name] = ("link", os.readlink(path))
        elif path.is_dir():
            out[name] = ("directory", path.stat().st_mode & 0o777)
        else:
            out[name] = (hashlib.sha256(path.read_bytes()).hexdigest(),
                         path.stat().st_mode & 0o777)
    return out


def in_archive(data):
    """The same of a tar.gz, by another program than ours."""
    out = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        for one in tar:
            name = one.name.removeprefix("./").rstrip("/")
            if one.issym():
                out[name] = ("link", one.linkname)
            elif one.isfile():
                out[name] = (hashlib.sha256(tar.extractfile(one).read())
                             .hexdigest(), one.mode & 0o777)
    return out


class Node(RunningNode):
    """One that has the Panel, a rough way to the store, and that store as one
    of its own."""

    def __init__(self, binary, panel, way, given, keys="", docker=""):
        """`keys`: of system.backups. `docker`: the socket of a real one."""
        self.panel, self.way, self.given, self.keys = panel, way, given, keys
        self.user = "  user: {uid: 988, gid: 988}" if docker else ""
        super().__init__(binary, docker=not docker)
        self.socket = docker or self.socket
        self.token = FIRST["token"]
        self.write_config()

    def write_config(self):
        base, given = self.base, self.given
        self.config.write_text(f"""\
token: {FIRST['token']}
token_id: {FIRST['token_id']}
remote: {self.panel.url}
uuid: {FIRST['uuid']}
api: {{host: 127.0.0.1, port: {self.port}}}
system:
  root_directory: {base}
  data: {base}/volumes
  backup_directory: {base}/backups
  log_directory: {base}/logs
  tmp_directory: {base}/tmp
{self.user}
  backups:
    download_hosts: [127.0.0.1]
    s3_stall: 2
{self.keys}
stores:
  offsite:
    endpoint: {self.way.endpoint}
    region: {given['region']}
    bucket: {given['bucket']}
    prefix: {given['prefix']}own/
    access_key: "{given['key']}"
    secret_key: "{given['secret']}"
    part_size: 5
docker: {{socket: {self.socket}, network: {{network_mode: none}}}}
""")

    def asked(self, method, path, body=None):
        """The job that it has begun."""
        status, headers, text = self.ask(method, path, body)
        if status not in (202, 204):
            raise Broken(f"{method} {path}: {status} {text}")
        return headers["Location"].rsplit("/", 1)[-1]

    def make_server(self, settings, process):
        """As the Panel knows it."""
        uuid = settings["uuid"]
        self.server, self.volume = uuid, self.base / "volumes" / uuid
        known = {"settings": settings, "process_configuration": process}
        # Or the sync of the boot would find it there before it is asked for.
        self.panel.until("the node asks for its servers",
                         self.panel.is_asked_for_servers)
        self.panel.put_server(uuid, settings, process)
        self.end_of(self.asked("POST", "/api/servers", {
            "uuid": uuid, "start_on_completion": False, **known}))

    def make_world(self):
        uuid = str(uuids.uuid4())
        volume = self.base / "volumes" / uuid
        volume.mkdir(parents=True)
        make_world(volume)
        self.make_server({"uuid": uuid, "build": {
            "memory_limit": 256, "swap": 0, "io_weight": 500, "cpu_limit": 0,
            "threads": None, "disk_space": 0, "oom_disabled": True}}, {})
        self.world = tree(self.volume)

    def begin(self, adapter):
        """A new backup, as a Panel asks for it; its uuid and its job."""
        uuid = str(uuids.uuid4())
        if adapter != "store":
            self.panel.control("POST", "/backups", {
                "uuid": uuid, "server": self.server,
                "disk": "s3" if adapter == "s3" else "wings"})
        body = {"adapter": adapter, "uuid": uuid, "ignore": ""}
        if adapter == "store":
            body["store"] = "offsite"
        return uuid, self.asked("POST", f"/api/servers/{self.server}/backup",
                                body)

    def end_of(self, job):
        """A store that hangs costs a job half a minute, and as much again until
        it asks anew."""
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            seen = self.get(f"/api/jobs/{job}?wait=10s")
            if seen["done"]:
                return seen
        raise Broken(f"the job does not end: {seen}")

    def ends_well(self, job, what):
        seen = self.end_of(job)
        check(seen["state"] == "succeeded",
              f"{what}" if seen["state"] == "succeeded" else f"{what}: {seen}")
        return seen

    def until(self, what, is_so):
        """Looks again at every event of the node's."""
        end = time.monotonic() + PATIENCE
        request = urllib.request.Request(
            f"{self.url}/api/events",
            headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as events:
            while not (found := is_so()):
                # An empty line ends an event, and a sign of life.
                while (line := events.readline()) not in (b"\n", b"\r\n"):
                    if not line:
                        raise Broken(f"the events end before: {what}")
                if time.monotonic() > end:
                    raise Broken(f"not in {PATIENCE} s: {what}")
            return found

    def backup(self, uuid):
        return self.get(f"/api/servers/{self.server}/backup/{uuid}")

    def lies_in(self, uuid, places):
        self.until(f"{uuid} lies in {places}", lambda: sorted(
            p["place"] for p in self.backup(uuid)["places"]) == places)
        say(f"ok   it lies in {', '.join(places)}")

    def is_told(self, uuid):
        self.panel.until("the Panel hears of it", lambda:
                         self.panel.backup(uuid)["completed_at"])

    def archives(self, uuid):
        """The local ones, unfinished ones too."""
        return [p for p in (self.base / "backups").rglob(f"*{uuid}*")
                if p.name.endswith(".tar.gz") or ".part" in p.name]

    def leaves_no_file(self, uuid):
        self.until("the local archive goes", lambda: not self.archives(uuid))

    def keep_secrets(self):
        keep_secrets(self.get, [self.base / "alula.log", self.base / "logs"],
                     [("the node's token", self.token)])

    def last_words(self):
        return (self.base / "alula.log").read_text()[-4000:]


class Stage:
    """What tales are told on: a store, a Panel, a way and a node."""

    def __init__(self, binary, part=PART):
        self.binary, self.part = binary, part
        self.given = {
            "endpoint": os.environ["ALULA_S3_ENDPOINT"],
            "region": os.environ["ALULA_S3_REGION"],
            "bucket": os.environ["ALULA_S3_BUCKET"],
            "key": os.environ["ALULA_S3_KEY"],
            "secret": os.environ["ALULA_S3_SECRET"],
            "prefix": f"{uuids.uuid4()}/"}
        self.kind = os.environ["ALULA_S3_KIND"]
        # What keeps the objects, and what answers for it.
        self.store_pids = sorted({int(os.environ["ALULA_S3_PID"]),
                                  int(os.environ["ALULA_S3_DOOR_PID"])})
        self.bucket = panel_s3.Bucket({**self.given, "prefix": ""})
        self.node = self.panel = self.way = None

    def begin(self, keys="", docker=""):
        self.way = RoughWay(self.given["endpoint"])
        self.panel = Panel()
        self.panel_signs()
        self.node = Node(self.binary, self.panel, self.way, self.given, keys,
                         docker)
        self.node.start()

    def panel_signs(self, **habits):
        # Tidy: a stock Panel that is asked for new URLs forgets the upload it
        # began, which stays open until a lifecycle rule of its bucket ends it
        # (docs/operations.md). No node can: it has no key of that bucket.
        self.panel.control("POST", "/habits", {
            "default_disk": "s3", "part_size": self.part, "tidy": True,
            "s3": {**self.given, "prefix": self.given["prefix"] + "panel/",
                   "endpoint": self.way.endpoint}, **habits})

    def end(self):
        """A tale that has come so far has told no secret."""
        if self.node:
            self.node.keep_secrets()
        self.close()

    def close(self):
        for one in (self.node, self.way, self.panel):
            if one:
                one.close()
        self.node = self.panel = self.way = None

    def key(self, uuid):
        return f"{self.given['prefix']}panel/{self.node.server}/{uuid}.tar.gz"

    def own_key(self, uuid):
        return f"{self.given['prefix']}own/{self.node.server}/{uuid}.tar.gz"

    def nothing_is_open(self):
        self.node.until("no upload is open", lambda: not [
            k for k in self.bucket.open_uploads()
            if k.startswith(self.given["prefix"])])
        say("ok   no upload is open in the store")

    def arrived(self, uuid):
        """By the Panel's record, and by the object itself."""
        self.node.is_told(uuid)
        seen = self.panel.backup(uuid)
        check(seen["is_successful"], "the Panel has put it together")
        data, _ = self.bucket.call("GET", self.key(uuid))
        check("sha1:" + hashlib.sha1(data).hexdigest() == seen["checksum"]
              and len(data) == int(seen["bytes"]),
              "what lies in the store is what the Panel was told")
        self.nothing_is_open()
        self.node.leaves_no_file(uuid)
        return data

    def link(self, uuid):
        return self.panel.control("POST", "/download", {"uuid": uuid})["url"]

    def is_downloaded(self, uuid, data):
        """By clients that know nothing of us."""
        with tempfile.TemporaryDirectory() as place:
            file = pathlib.Path(place) / "archive"
            # In the URL, as a key of Swift's has a colon.
            keys = ":".join(urllib.parse.quote(self.given[name], safe="")
                            for name in ("key", "secret"))
            place = self.given["endpoint"].replace("://", f"://{keys}@")
            subprocess.run(
                ["curl", "-sf", "-o", str(file), "--aws-sigv4",
                 f"aws:amz:{self.given['region']}:s3",
                 "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                 f"{place}/{self.given['bucket']}/{self.key(uuid)}"],
                check=True, timeout=PATIENCE)
            check(file.read_bytes() == data, "curl downloads it with its keys")
        with urllib.request.urlopen(self.link(uuid), timeout=PATIENCE) as answer:
            check(answer.read() == data, "anybody downloads it by its URL")

    def restores(self, uuid):
        """From the URL that the Panel signs."""
        job = self.node.asked(
            "POST", f"/api/servers/{self.node.server}/backup/{uuid}/restore",
            {"adapter": "s3", "truncate_directory": True,
             "download_url": self.link(uuid)})
        self.node.ends_well(job, "a restore from its URL ends well")

    def tell(self, name):
        tale = getattr(self, "tale_" + name)
        say(f"---- {name}: {self.kind}: {' '.join(tale.__doc__.split())}")
        try:
            tale()
            self.end()
            return True
        except Exception as why:  # the next tale is worth telling all the same
            say(f"BROKEN {name}: {why!r}")
            traceback.print_exc()
            if self.node:
                print(self.node.last_words(), flush=True)
            return False
        finally:
            self.close()
