"""What clients do to the node while it crashes, and what they were told.

A workload is a list of moves. A move that got no answer is made again after
the restart, as a Panel would: every move may be repeated."""

import collections
import time

import backup_workloads
import checks
import far_workloads
import panel_workloads
import pool_moves
import server_moves
import settle_moves
import system_moves
import transfer_moves
from backup_moves import BackupMoves
from chain_moves import ChainMoves
from checks import ENDED
from download_moves import DownloadMoves
from life_moves import LifeMoves
from far_moves import FarMoves
from node import PATIENCE
from panel_moves import PanelMoves
from points import DISK_FAULTS
from pool_moves import PoolMoves
from server_moves import ServerMoves
from settle_moves import SettleMoves
from system_moves import SystemMoves
from transfer_moves import TransferMoves


class Told:
    """Everything a client has heard, which must stay true for ever."""

    def __init__(self):
        self.disk_fails = False  # in this run, so that the node may say so
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
        self.ordered = {}     # server → (to be started?, key): by its Panel
        self.to_cancel = set()  # installations that were asked to be cancelled
        self.cancelled = set()  # of those, told that they will be
        self.crashed = set()  # whose process has ended by itself, once
        self.far = {}         # backup → its key: told ready, elsewhere
        self.only_far = set()  # of those, told to be here no more
        self.links = {}       # idempotency key → the link it asked with
        self.followed = {}    # one-time link → told used up
        self.appliance = ""   # the credentials of one
        self.sent = {}        # backup of a system → its payload: told stored
        self.unsent = set()   # backups of systems that were told deleted
        self.unsure_sent = []  # of those, asked to go, without an answer
        self.destroyed = False  # its system, asked for
        # backup → {store of the node's own: its key there}
        self.copies = collections.defaultdict(dict)


class Client(BackupMoves, ChainMoves, DownloadMoves, FarMoves, LifeMoves,
             PanelMoves, PoolMoves, ServerMoves, SettleMoves, SystemMoves,
             TransferMoves):
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

    def is_of_a_disk(self, error):
        """Whether it says that a disk has failed. Then one has: processes that
        die, and power that is cut, make nobody say so."""
        is_so = (error or {}).get("code") in DISK_FAULTS
        assert self.told.disk_fails or not is_so, \
            f"no disk has failed, and the node says {error}"
        return is_so

    # -- moves ----------------------------------------------------------------

    def try_again(self, status, answer):
        assert (answer or {}).get("code"), \
            f"refused with {status}, and no code: {answer}"
        self.is_of_a_disk(answer)
        self.refusal = answer
        self.node.rest(0.1)
        return False


Workload = collections.namedtuple(
    # `stores`: how many of the node's own. `backups`: lines of the
    # configuration, below system.backups.
    "Workload", "moves undelete_hours undo_hours has_panel room stores backups",
    defaults=(0, 0, False, 0, 0, ""))

WORKLOADS = {
    "deletes": Workload(server_moves.deletes),
    "undeletes": Workload(server_moves.undeletes, undelete_hours=1),
    "abandons": Workload(server_moves.abandons),
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
    "chains": Workload(panel_workloads.chains, has_panel=True),
    "breakdowns": Workload(panel_workloads.breakdowns, has_panel=True),
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
