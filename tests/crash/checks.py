"""What must be true of a disk and of a node, whatever happened to them. Each
function raises AssertionError with a sentence."""

import os
import shutil
import sqlite3
import tempfile

from workload import ENDED


def ledger_file(node):
    if not os.path.isdir(node.ledger):
        return None
    names = [name for name in os.listdir(node.ledger)
             if os.path.isfile(os.path.join(node.ledger, name))]
    for name in names:
        with open(os.path.join(node.ledger, name), "rb") as file:
            if file.read(15) == b"SQLite format 3" and "before" not in name:
                return os.path.join(node.ledger, name)
    return None


class Ledger:
    """A copy of the database, read as the next boot would read it."""

    def __init__(self, node):
        self.directory = tempfile.mkdtemp(dir=node.base)
        path = ledger_file(node)
        self.db = None
        if path:
            for suffix in ("", "-wal", "-journal"):
                if os.path.exists(path + suffix):
                    shutil.copy(path + suffix,
                                os.path.join(self.directory, "db" + suffix))
            self.db = sqlite3.connect(os.path.join(self.directory, "db"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.db:
            self.db.close()
        shutil.rmtree(self.directory)

    def rows(self, query):
        return self.db.execute(query).fetchall()


def honest_disk(node, told):
    """Before anything recovers: what clients were told is on the disk."""
    with Ledger(node) as ledger:
        if ledger.db is None:
            assert not told.jobs, "jobs were accepted, and there is no ledger"
            return
        check = ledger.rows("PRAGMA integrity_check")
        assert check == [("ok",)], f"integrity_check: {check}"
        known = {}
        if ledger.rows("SELECT 1 FROM sqlite_master WHERE name = 'jobs'"):
            known = {job: (state, version) for job, state, version
                     in ledger.rows("SELECT id, state, version FROM jobs")}
            told.running.update(ledger.rows(
                "SELECT job_row, boot FROM jobs WHERE boot IS NOT NULL"))
        for job, seen in told.jobs.items():
            assert job in known, f"accepted job {job} is not on the disk"
            state, version = known[job]
            assert version >= seen["version"], \
                f"job {job} was seen at version {seen['version']}, the disk " \
                f"has {version}"
            if seen["done"]:
                assert state == seen["state"], \
                    f"job {job} was told {seen['state']}, the disk says {state}"
    for server in told.deleted:
        if server in told.alive or is_asked_for_again(told, server):
            continue
        assert not os.path.lexists(os.path.join(node.volumes, server)), \
            f"{server} was told deleted, its volume is in its place"
        assert server not in node.docker.names(), \
            f"{server} was told deleted, its container is there"
    living_volumes(node, told)


def is_asked_for_again(told, server):
    """An answer that was lost may have brought it back already."""
    return server in told.taken_back or server in told.asked_again


def living_volumes(node, told):
    for server, files in told.alive.items():
        volume = os.path.join(node.volumes, server)
        assert os.path.isdir(volume), f"living server {server} has no volume"
        for name, text in files.items():
            path = os.path.join(volume, name)
            assert os.path.exists(path), f"{path} is lost"
            with open(path) as file:
                assert file.read() == text, f"{path} has changed"


def ended_node(node, told):
    """All jobs have ended and the daemon has stopped."""
    expected = set(told.alive)
    with Ledger(node) as ledger:
        check = ledger.rows("PRAGMA integrity_check")
        assert check == [("ok",)], f"integrity_check: {check}"
        assert not ledger.rows("PRAGMA foreign_key_check"), "foreign keys"
        for query in ("locks", "trash"):
            left = ledger.rows(f"SELECT * FROM {query}")
            assert not left, f"left in the ledger: {left} ({query})"
        open_jobs = ledger.rows(
            f"SELECT id, kind, state FROM jobs WHERE state NOT IN {ENDED}")
        assert not open_jobs, f"jobs that have not ended: {open_jobs}"
        servers = {uuid for (uuid,) in ledger.rows(
            "SELECT uuid FROM servers WHERE state <> 'deleted'")}
        assert servers == expected, \
            f"servers in the ledger: {servers}, told: {expected}"
        events_once(ledger)
        taken_over(ledger, told.running)
    left = os.listdir(node.trash) if os.path.isdir(node.trash) else []
    assert not left, f"left in the trash: {left}"
    volumes = set(os.listdir(node.volumes))
    assert volumes == expected, f"volumes: {volumes}, servers: {expected}"
    living_volumes(node, told)
    containers = set(node.docker.names())
    # An undelete brings files and settings back; the next start makes a
    # container.
    assert containers <= expected, f"containers of no server: {containers}"


def events_once(ledger):
    """Per job: versions only grow, each fact once, one beginning, one end."""
    versions, facts = {}, set()
    begun, ended = {}, {}
    for job, kind, version, data in ledger.rows(
            "SELECT job_row, type, job_version, data FROM events ORDER BY seq"):
        if job is None:
            continue
        assert version >= versions.get(job, 0), \
            f"event {kind} of job {job} goes back to version {version}"
        versions[job] = version
        assert (job, version, kind, data) not in facts, \
            f"event {kind} of job {job} version {version} stands twice"
        facts.add((job, version, kind, data))
        if kind == "job.accepted":
            begun[job] = begun.get(job, 0) + 1
        if kind.removeprefix("job.") in ENDED:
            ended[job] = ended.get(job, 0) + 1
    for job, state, version in ledger.rows(
            "SELECT job_row, state, version FROM jobs "
            f"WHERE state IN {ENDED}"):
        assert begun.get(job) == 1, f"job {job} began {begun.get(job)} times"
        assert ended.get(job) == 1, f"job {job} ended {ended.get(job)} times"
        assert versions[job] == version, \
            f"job {job} has version {version}, its last event {versions[job]}"


def taken_over(ledger, running):
    """A job that ran for a boot that died was fenced by the next one: adopted,
    or parked when it had died too often."""
    adopted = dict(ledger.rows(
        "SELECT job_row, count(*) FROM events "
        "WHERE type IN ('job.adopted', 'job.parked') GROUP BY job_row"))
    for job in {job for job, _ in running}:
        boots = sorted(boot for each, boot in running if each == job)
        assert adopted.get(job, 0) >= len(boots), \
            f"job {job} ran for the boots {boots}, which died, and was " \
            f"adopted {adopted.get(job, 0)} times"
