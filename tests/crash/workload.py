"""What clients do to the node while it crashes, and what they were told.

A workload is a list of moves. A move that got no answer is made again after
the restart, as a Panel would: every move may be repeated."""

import collections
import os
import time

import backup_workloads
import checks
import far_workloads
import panel_workloads
import pool_moves
import settle_moves
import system_moves
import transfer_moves
from backup_moves import BackupMoves
from checks import ENDED
from life_moves import LifeMoves
from far_moves import FarMoves
from node import PATIENCE
from panel_moves import PanelMoves
from pool_moves import PoolMoves
from settle_moves import SettleMoves
from system_moves import SystemMoves
from transfer_moves import TransferMoves
from servers import A, B, C, D, E, F, files_of


class Told:
    """Everything a client has heard, which must stay true for ever."""

    def __init__(self):
        self.jobs = {}      # id → newest view, with its version
        self.keys = {}      # idempotency key → job id
        self.alive = {}     # server → {file name: text}, created and wanted
        self.deleted = {}   # server → job: answered 204, or seen forgotten
        self.running = set()  # (row of a job, boot it ran for) at each death
        self.taken_back = {}  # server → the delete that was undone
        self.asked_again = set()  # deleted servers a create was sent for
        self.refused = set()  # servers whose create ended failed or cancelled
        self.unsure = set()   # servers with a delete that was asked for
        self.either = {}      # server → the two trees it may have, is_merge
        self.tries = {}       # idempotency key → requests that failed
        self.failed = {}      # idempotency key → the last job that failed
        self.backups = set()  # told ready and wanted
        self.moving = set()   # backups that are being made or deleted
        self.gone = set()     # backups that were told removed
        self.damaged = set()  # backups with other bytes than were written
        self.foreign = set()  # archives that another program wrote
        self.indexed = set()  # of those, told browsable
        self.pauses = {}      # pool → since when, as it was answered
        self.policies = {}    # server → its own rotation, told set
        self.wanted = {}      # server → whether it was last wished up
        self.installed = set()  # told so
        self.logs = {}        # server → the run its install log was shown of
        self.crashed = set()  # whose process has ended by itself, once
        self.far = {}         # backup → its key: told ready, elsewhere
        self.only_far = set()  # of those, told to be here no more
        self.links = {}       # idempotency key → the link it asked with
        self.appliance = ""   # the credentials of one
        self.sent = {}        # backup of a system → its payload: told stored
        self.unsent = set()   # backups of systems that were told deleted
        self.unsure_sent = []  # of those, asked to go, without an answer
        self.destroyed = False  # its system, asked for
        # backup → {store of the node's own: its key there}
        self.copies = collections.defaultdict(dict)


class Client(BackupMoves, FarMoves, LifeMoves, PanelMoves, PoolMoves,
             SettleMoves, SystemMoves, TransferMoves):
    def __init__(self, node, told):
        self.node, self.told = node, told
        self.etags = {}
        self.refusal = None

    # -- what answers must be like --------------------------------------------

    def heard(self, job, version):
        """Holds a view of a job against what was heard before."""
        before = self.told.jobs.get(job["id"])
        assert job["done"] == (job["state"] in ENDED), job
        if before:
            assert version >= before["version"], \
                f"version of {job['id']} went back: {before['version']} → " \
                f"{version}"
            if before["done"]:
                assert before["state"] == job["state"], \
                    f"{job['id']} was {before['state']}, is {job['state']}"
        self.told.jobs[job["id"]] = {**job, "version": version}
        return job

    def accepted(self, headers, kind):
        job = headers["location"].rsplit("/", 1)[1]
        self.told.jobs.setdefault(
            job, {"id": job, "kind": kind, "done": False, "state": "queued",
                  "version": 0})
        return job

    def same_job_for(self, key, job):
        assert self.told.keys.setdefault(key, job) == job, \
            f"key {key} made {self.told.keys[key]} and {job}"

    def look(self, job):
        status, headers, body = self.node.ask("GET", f"/api/jobs/{job}")
        assert status == 200, f"accepted job {job}: {status} {body}"
        self.etags[job] = headers["etag"]
        version = int(headers["etag"].strip('"').split(".")[0])
        return self.heard(body, version)

    def wait_for(self, job, until):
        """Long polls until the job is as it should be."""
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            seen = self.look(job)
            if until(seen):
                return seen
            self.node.ask("GET", f"/api/jobs/{job}?wait=5",
                          headers={"If-None-Match": self.etags[job]})
        raise AssertionError(f"job {job} does not end: {self.look(job)}")

    def is_over(self, job):
        return job["done"] or job["state"] == "parked"

    def end_everything(self):
        """Every job ends; a parked one is offered another go."""
        end = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < end:
            status, _, page = self.node.ask("GET", "/api/jobs?done=false")
            assert status == 200, f"list: {status} {page}"
            left = page["items"]
            if not left:
                return True
            job = left[0]["id"]
            if left[0]["state"] == "parked":
                self.node.ask("POST", f"/api/jobs/{job}/retry", {})
            self.look(job)
            self.node.ask("GET", f"/api/jobs/{job}?wait=2",
                          headers={"If-None-Match": self.etags[job]})
        raise AssertionError(f"jobs that do not end: {left}")

    def see_the_scan(self):
        """Each life looks through its directories by itself; one that is
        stopped sooner leaves that job in its line, for the next. Behind it
        is what clears up after uploads, if there is anything."""
        end = time.monotonic() + 5  # it may have been refused over a fault
        while time.monotonic() < end:
            scans = self.jobs_of("kind=backup.scan&limit=5")
            if any(job["done"] and job["finished_at"] >= self.node.started_at
                   for job in scans) \
                    and not self.jobs_of("kind=system.backup.sweep&done=false"):
                return
            self.node.rest(0.02)

    def jobs_of(self, query):
        status, _, page = self.node.ask("GET", f"/api/jobs?{query}")
        assert status == 200, f"list: {status} {page}"
        return page["items"]

    def rest_until_quiet(self):
        """What the node does by itself after a restore is done, too."""
        end = time.monotonic() + 3 * PATIENCE
        while checks.names_in(self.node.trash):
            assert time.monotonic() < end, \
                f"left in the trash: {checks.names_in(self.node.trash)}"
            self.end_everything()
            self.node.rest(0.05)
        return True

    # -- moves ----------------------------------------------------------------

    def body_of(self, server):
        return {"uuid": server, "start_on_completion": False,
                "settings": {"uuid": server, "meta": {"name": server[:8]},
                             "suspended": False, "invocation": "java",
                             "container": {"image": "alula/test"}},
                "process_configuration": {"startup": {"done": ["ready"]},
                                          "stop": {"type": "stop"},
                                          "configs": []}}

    def create(self, server, key, **settings):
        """202, and the same job however often it is asked for."""
        body = self.body_of(server)
        body["settings"] |= settings
        if server in self.told.deleted:
            self.told.asked_again.add(server)
        status, headers, answer = self.node.ask(
            "POST", "/api/servers", body, {"Idempotency-Key": f'"{key}"'})
        assert status in (202, 500, 503, 507), f"create: {status} {answer}"
        if status != 202:
            return self.try_again(status, answer)
        self.same_job_for(key, self.accepted(headers, "server.create"))
        return True

    def try_again(self, status, answer):
        assert (answer or {}).get("code"), (status, answer)
        self.refusal = answer
        self.node.rest(0.1)
        return False

    def settle_create(self, server, key, files):
        """The create has ended, and says what became of the container; then
        the server gets files, and runs."""
        seen = self.wait_for(self.told.keys[key], self.is_over)
        if seen["state"] in ("failed", "cancelled"):
            self.told.refused.add(server)
            return True
        assert seen["state"] == "succeeded", seen
        status, _, answer = self.node.ask("GET", f"/api/servers/{server}")
        assert status == 200, f"server {server}: {status} {answer}"
        volume = os.path.join(self.node.volumes, server)
        assert os.path.isdir(volume), f"{server} is created, without a volume"
        made = seen["result"]["container"] in ("made", "found")
        assert not made or server in self.node.docker.names(), \
            f"{seen['result']} of {server}: {self.node.docker.names()}"
        for name, text in files.items():
            path = os.path.join(volume, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        self.node.docker.run_container(server)
        self.told.deleted.pop(server, None)
        self.told.alive[server] = files
        return True

    def delete(self, server, key=None, query=""):
        if server in self.told.refused:
            return True
        is_repeat = server in self.told.unsure
        self.told.unsure.add(server)
        self.told.alive.pop(server, None)
        status, headers, answer = self.node.ask(
            "DELETE", f"/api/servers/{server}{query}",
            headers={"Idempotency-Key": f'"{key}"'} if key else {})
        if status == 404:
            assert is_repeat, f"{server} was never deleted, but is gone"
            self.told.deleted.setdefault(server, self.find_in_trash(server))
            return True
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status in (202, 204), f"delete: {status} {answer}"
        job = self.accepted(headers, "server.delete")
        if key:
            self.same_job_for(key, job)
        if status == 202:
            seen = self.wait_for(job, self.is_forgotten)
            assert self.is_forgotten(seen), seen
        self.told.deleted[server] = job
        return True

    def find_in_trash(self, server):
        """The job that deleted it, when the answer that named it was lost."""
        status, _, page = self.node.ask("GET", "/api/trash")
        assert status == 200, f"trash: {status} {page}"
        jobs = [entry["job"] for entry in page["items"]
                if entry["server"] == server]
        return jobs[0] if jobs else None

    def is_forgotten(self, job):
        steps = {step["name"]: step["state"] for step in job["steps"]}
        return steps["forget_server"] == "done"

    def cancel(self, key):
        job = self.told.keys[key]
        status, _, answer = self.node.ask("POST", f"/api/jobs/{job}/cancel", {})
        assert status in (200, 202, 409), f"cancel: {status} {answer}"
        return True

    def cancel_too_late(self, key):
        """A delete is past its pivot from the accept on."""
        job = self.told.keys.get(key)
        if job is None:
            return True
        status, _, answer = self.node.ask("POST", f"/api/jobs/{job}/cancel", {})
        assert status == 409, f"cancel of a delete: {status} {answer}"
        return True

    def reuse_key(self, key, server):
        """The key of one request for another one is refused."""
        if key not in self.told.keys:
            return True
        status, _, answer = self.node.ask(
            "DELETE", f"/api/servers/{server}",
            headers={"Idempotency-Key": f'"{key}"'})
        assert status in (404, 409, 422, 500, 503), \
            f"reused key: {status} {answer}"
        return True

    def undelete(self, server, key, files):
        """Brings back what `delete` took, files and all."""
        if server in self.told.refused:
            return True
        job = self.told.taken_back.setdefault(
            server, self.told.deleted.get(server))
        assert job, f"{server} was deleted and is not in the trash"
        status, headers, answer = self.node.ask(
            "POST", f"/api/trash/{job}/restore", {},
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status in (200, 202), f"undelete: {status} {answer}"
        undelete = self.accepted(headers, "server.undelete")
        self.same_job_for(key, undelete)
        if not self.is_refused_a_uuid(server, f"{key}-against"):
            return False
        self.told.deleted.pop(server, None)
        seen = self.wait_for(undelete, self.is_over)
        assert seen["state"] == "succeeded", seen
        self.told.unsure.discard(server)
        self.told.alive[server] = files
        return True


    def is_refused_a_uuid(self, server, key):
        """No new server gets the uuid of one that is being brought back, nor
        of one that is back."""
        status, _, answer = self.node.ask(
            "POST", "/api/servers", self.body_of(server),
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 409, f"create against undelete: {status} {answer}"
        assert answer["code"] == "server-exists", answer
        return True

    def abandon_delete(self, server, key):
        """A delete that an operator gives up, because a link stands in the
        volume's place, keeps nobody from deleting the server again."""
        if server in self.told.refused or server in self.told.deleted:
            return True
        volume = os.path.join(self.node.volumes, server)
        aside = os.path.join(self.node.base, server)
        if key not in self.told.keys and not os.path.lexists(aside):
            os.rename(volume, aside)
            os.symlink(aside, volume)
        self.told.unsure.add(server)
        self.told.alive.pop(server, None)
        if key not in self.told.keys:
            status, headers, answer = self.node.ask(
                "DELETE", f"/api/servers/{server}",
                headers={"Idempotency-Key": f'"{key}"'})
            if status in (202, 204, 500) and "location" in headers:
                self.same_job_for(key, self.accepted(headers, "server.delete"))
            else:
                return self.try_again(status, answer)
        job = self.told.keys[key]
        seen = self.wait_for(job, self.is_over)
        assert seen["state"] in ("parked", "failed"), seen
        if seen["state"] == "parked":
            status, _, answer = self.node.ask(
                "POST", f"/api/jobs/{job}/abandon", {"reason": "test"})
            if status in (500, 503, 507):
                return self.try_again(status, answer)
            assert status in (200, 202, 409), f"abandon: {status} {answer}"
            seen = self.wait_for(job, self.is_over)
            assert seen["state"] == "failed", seen
        if os.path.islink(volume):
            os.unlink(volume)
            os.rename(aside, volume)
        return True


    def retry_delete(self, server, given_up, key):
        """The delete that was given up is tried again, and goes through."""
        if server in self.told.refused or server in self.told.deleted:
            return True
        status, headers, answer = self.node.ask(
            "POST", f"/api/jobs/{self.told.keys[given_up]}/retry", {},
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 202, f"retry of a delete: {status} {answer}"
        job = self.accepted(headers, "server.delete")
        self.same_job_for(key, job)
        seen = self.wait_for(job, self.is_forgotten)
        assert self.is_forgotten(seen), seen
        self.told.deleted[server] = job
        return True


def deletes(c):
    """Creates, deletes, cancels and a uuid that is used again."""
    return [
        lambda: c.create(A, "create-a"),
        lambda: c.create(A, "create-a"),
        lambda: c.create(B, "create-b"),
        lambda: c.create(C, "create-c"),
        lambda: c.settle_create(A, "create-a", files_of("first")),
        lambda: c.settle_create(B, "create-b", files_of("b")),
        lambda: c.settle_create(C, "create-c", files_of("c")),
        lambda: c.create(D, "create-d"),
        lambda: c.cancel("create-d"),
        lambda: c.delete(A),
        lambda: c.delete(B, "delete-b"),
        lambda: c.delete(B, "delete-b"),
        lambda: c.cancel_too_late("delete-b"),
        lambda: c.reuse_key("create-a", C),
        lambda: c.settle_create(D, "create-d", files_of("d")),
        lambda: c.create(A, "create-a-again"),
        lambda: c.settle_create(A, "create-a-again", files_of("second")),
        lambda: c.delete(D),
    ]


def undeletes(c):
    """Deletes that are taken back, files and all."""
    return [
        lambda: c.create(E, "create-e"),
        lambda: c.create(F, "create-f"),
        lambda: c.settle_create(E, "create-e", files_of("e")),
        lambda: c.settle_create(F, "create-f", files_of("f")),
        lambda: c.delete(E, "delete-e"),
        lambda: c.delete(F, "delete-f"),
        lambda: c.undelete(F, "undelete-f", files_of("f")),
        lambda: c.undelete(E, "undelete-e", files_of("e")),
    ]


def abandons(c):
    """Deletes that are given up; the next one, and a retry, are not."""
    return [
        lambda: c.create(B, "create-b"),
        lambda: c.settle_create(B, "create-b", files_of("b")),
        lambda: c.abandon_delete(B, "abandon-b"),
        lambda: c.delete(B, "delete-b"),
        lambda: c.create(C, "create-c"),
        lambda: c.settle_create(C, "create-c", files_of("c")),
        lambda: c.abandon_delete(C, "abandon-c"),
        lambda: c.retry_delete(C, "abandon-c", "retry-c"),
    ]


Workload = collections.namedtuple(
    # `stores`: how many of the node's own. `backups`: lines of the
    # configuration, below system.backups.
    "Workload", "moves undelete_hours undo_hours has_panel room stores backups",
    defaults=(0, 0, False, 0, 0, ""))

WORKLOADS = {
    "deletes": Workload(deletes),
    "undeletes": Workload(undeletes, undelete_hours=1),
    "abandons": Workload(abandons),
    "backups": Workload(backup_workloads.backups),
    "undos": Workload(backup_workloads.undos, undo_hours=1),
    "merges": Workload(backup_workloads.merges, undo_hours=1),
    "rooms": Workload(backup_workloads.rooms, undo_hours=1,
                      room=backup_workloads.SMALL_ROOM),
    "settles": Workload(settle_moves.settles),
    "rotations": Workload(backup_workloads.rotations),
    "foreigners": Workload(backup_workloads.foreigners),
    "reports": Workload(panel_workloads.reports, has_panel=True),
    "pauses": Workload(pool_moves.pauses),
    "installs": Workload(panel_workloads.installs, has_panel=True),
    "powers": Workload(panel_workloads.powers, has_panel=True),
    "transfers": Workload(transfer_moves.transfers, has_panel=True),
    "receives": Workload(transfer_moves.receives, has_panel=True),
    "uploads": Workload(far_workloads.uploads, has_panel=True, stores=1),
    "systems": Workload(system_moves.systems),
    "copies": Workload(far_workloads.copies, has_panel=True, stores=1),
    "streams": Workload(far_workloads.streams, has_panel=True, stores=1,
                        backups="    s3_stream: true\n"
                                "    compression_level: none\n"),
    "spreads": Workload(far_workloads.spreads, stores=2,
                        backups="    copy_to: offsite\n"),
    "parts": Workload(far_workloads.parts, has_panel=True, stores=2,
                      backups="    compression_level: none\n"),
}
