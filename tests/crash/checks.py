"""What must be true of a disk and of a node, whatever happened to them. Each
function raises AssertionError with a sentence."""

import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
import zlib

ENDED = ("succeeded", "failed", "cancelled")


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
            cancelled = {job for (job,) in ledger.rows(
                "SELECT id FROM jobs WHERE cancel_requested_at IS NOT NULL")}
            assert told.cancelled <= cancelled, \
                f"cancels that were accepted, and forgotten: " \
                f"{told.cancelled - cancelled}"
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
        own_policies(ledger, told)
        told_words(node, ledger)
    for server in told.deleted:
        if server in told.alive or is_asked_for_again(told, server):
            continue
        assert not os.path.lexists(os.path.join(node.volumes, server)), \
            f"{server} was told deleted, its volume is in its place"
        assert server not in node.docker.names(), \
            f"{server} was told deleted, its container is there"
    living_volumes(node, told)
    install_logs(node, told)
    changing_volumes(node, told)
    backup_files(node, told)
    far_files(node, told)
    files_of_systems(node, told)


def told_words(node, ledger):
    """What the Panel was told is on the disk, and with it what it tells of."""
    heard = node.panel.accepted() if node.panel else []
    if not heard:
        return
    written = [(path, json.loads(body)) for path, body
               in ledger.rows("SELECT path, body FROM outbox")]
    forgotten = [word for word in heard if word not in written]
    assert not forgotten, f"the Panel was told, and the disk has not: {forgotten}"


def install_logs(node, told):
    """The log that was shown is on the disk, or one of a later run."""
    for server, run in told.logs.items():
        path = os.path.join(node.root, "log", "install", f"{server}.log")
        assert os.path.exists(path), \
            f"{server} was told installed, and its log is lost"
        with open(path) as file:
            found = re.findall(r"^installing, run (\d+)$", file.read(), re.M)
        assert found and int(found[-1]) >= run, \
            f"the log of {server} was shown of run {run}, and is of {found}"


def own_policies(ledger, told):
    for server, policy in told.policies.items():
        found = ledger.rows("SELECT rotation FROM servers "
                            f"WHERE uuid = '{server}' AND state <> 'deleted'")
        assert [json.loads(text or "null") for (text,) in found] == [policy], \
            f"rotation of {server}: {found}, told: {policy}"


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


def files_below(place):
    found = {}
    for directory, _, names in os.walk(place):
        for name in names:
            path = os.path.join(directory, name)
            with open(path) as file:
                found[os.path.relpath(path, place)] = file.read()
    return found


def files_in(node, server):
    return files_below(os.path.join(node.volumes, server))


def has_files(node, server, files):
    """Whether the volume holds these files and no others."""
    return files_in(node, server) == files


def changing_volumes(node, told):
    """In the middle of a restore: the files as they were are in their place,
    or kept in the trash; a whole tree is one of the two."""
    kept = {}
    for entry in names_in(node.trash):
        for name, text in files_below(os.path.join(node.trash, entry)).items():
            kept.setdefault(name, set()).add(text)
    for server, (before, after, is_merge) in told.either.items():
        found = files_in(node, server)
        if not is_merge and os.path.isdir(os.path.join(node.volumes, server)):
            assert found in (before, after), \
                f"a restore left half a tree of {server}: {found}"
        for name, text in before.items():
            assert found.get(name) == text or text in kept.get(name, ()) \
                or found == after, \
                f"{name} of {server} is neither there nor in the trash"


def archive_of(node, backup):
    """Under the name that alula gives it, or that of another program."""
    for name in (f"backup-{backup}.tar.gz", f"{backup}.tar.gz"):
        path = os.path.join(node.backups, name)
        if os.path.exists(path):
            return path
    return None


def archive_there(node, backup):
    """That of a backup which was told ready."""
    path = archive_of(node, backup)
    assert path, f"backup {backup} was told ready; no file"
    return path


def backup_files(node, told):
    """What was told ready is whole, what was told gone is gone."""
    for backup in told.backups:
        path = archive_there(node, backup)
        if backup not in told.damaged:
            check_archive(path)
    for backup in told.gone:
        assert not archive_of(node, backup), \
            f"backup {backup} was told removed, and is there"


def is_whole(node, key):
    """Whether the store has that object, and it is an archive."""
    data = node.store.read(key)
    if data is None:
        return False
    with tempfile.NamedTemporaryFile(dir=node.base) as file:
        file.write(data)
        file.flush()
        check_archive(file.name)
    return True


def far_files(node, told):
    """What was told ready is in its store, or still here."""
    for backup, key in told.far.items():
        path = archive_of(node, backup)
        assert path or is_whole(node, key), \
            f"backup {backup} was told ready, and is nowhere"
        if path:
            check_archive(path)
    for copies in told.copies.values():
        for key in copies.values():
            assert is_whole(node, key), f"the copy {key} is lost"


def backup_directory(node, told):
    """Every backup is there, on record, and nothing else lies beside it."""
    backup_files(node, told)
    expected = set()
    for backup in told.backups:
        name = os.path.basename(archive_there(node, backup))
        expected.add(name)
        if backup not in told.foreign or backup in told.indexed:
            expected.add(f"{name}.manifest")
    # Of what lies elsewhere the list of files stays.
    expected |= {f"backup-{backup}.tar.gz.manifest" for backup in told.far}
    names = names_in(node.backups)
    assert names == expected, \
        f"in the backup directory: {names}, expected: {expected}"
    staged = names_in(node.staging)
    assert not staged, f"left in staging: {staged}"


def backup_rows(ledger, told):
    rows = ledger.rows("SELECT uuid, state, lost_at, damage FROM backups")
    found = {uuid for uuid, *_ in rows}
    wanted = told.backups | set(told.far)
    assert found == wanted, f"backups in the ledger: {rows}, told: {wanted}"
    for uuid, state, lost_at, damage in rows:
        assert state == "ready" and lost_at is None, \
            f"backup {uuid} is {state}, lost at {lost_at}"
        assert bool(damage) == (uuid in told.damaged), \
            f"backup {uuid} has the damage {damage}"


def places_on_record(node, ledger, told):
    """Each archive is where the ledger says, and the ledger says of each copy
    that was told where it is."""
    for (backup,) in ledger.rows("SELECT uuid FROM backups WHERE is_local = 1"):
        assert archive_of(node, backup), f"{backup} is on record, and not here"
    rows = ledger.rows("SELECT backup, place, key FROM backup_places")
    for backup, place, key in rows:
        whole = told.far.get(backup) if place == "panel" \
            else f"{node.store.prefixes[place]}/{key}"
        assert whole and is_whole(node, whole), \
            f"{backup} is on record in {place}, and {whole} is not there"
    known = {(backup, place) for backup, place, _ in rows}
    expected = {(backup, place) for backup, copies in told.copies.items()
                for place in copies}
    assert expected <= known, f"places in the ledger: {known}, told: {expected}"


def check_archive(path):
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.isfile():
                    archive.extractfile(member).read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as why:
        raise AssertionError(
            f"{path} was told ready, and cannot be read: {why!r}") from None


def ended_node(node, told):
    """All jobs have ended and the daemon has stopped."""
    expected = set(told.alive)
    with Ledger(node) as ledger:
        check = ledger.rows("PRAGMA integrity_check")
        assert check == [("ok",)], f"integrity_check: {check}"
        assert not ledger.rows("PRAGMA foreign_key_check"), "foreign keys"
        for query in ("locks", "trash", "replaced", "transfers", "remains"):
            left = ledger.rows(f"SELECT * FROM {query}")
            assert not left, f"left in the ledger: {left} ({query})"
        open_jobs = ledger.rows(
            f"SELECT id, kind, state FROM jobs WHERE state NOT IN {ENDED}")
        assert not open_jobs, f"jobs that have not ended: {open_jobs}"
        servers = {uuid for (uuid,) in ledger.rows(
            "SELECT uuid FROM servers WHERE state <> 'deleted'")}
        assert servers == expected, \
            f"servers in the ledger: {servers}, told: {expected}"
        backup_rows(ledger, told)
        places_on_record(node, ledger, told)
        own_policies(ledger, told)
        nothing_of_systems_left(node, ledger, told)
        events_once(ledger)
        taken_over(ledger, told.running)
    backup_directory(node, told)
    far_files(node, told)
    left = names_in(node.trash)
    assert not left, f"left in the trash: {left}"
    volumes = names_in(node.volumes)
    assert volumes == expected, f"volumes: {volumes}, servers: {expected}"
    living_volumes(node, told)
    install_logs(node, told)
    containers = set(node.docker.names())
    # An undelete brings files and settings back; the next start makes a
    # container.
    assert containers <= expected, f"containers of no server: {containers}"


def files_of_systems(node, told):
    """What was told stored is whole, what was told deleted is gone."""
    place = os.path.join(node.root, "systems")
    for backup, payload in told.sent.items():
        path = os.path.join(place, backup)
        assert os.path.exists(path), f"{backup} was told stored; no file"
        with open(path, "rb") as file:
            assert file.read() == payload, f"{path} has other bytes"
    for backup in told.unsent:
        assert not os.path.exists(os.path.join(place, backup)), \
            f"{backup} was told deleted, and is there"


def nothing_of_systems_left(node, ledger, told):
    """Every file has a row, and every row a file."""
    files_of_systems(node, told)
    rows = ledger.rows("SELECT id, state FROM system_backups")
    assert all(state == "stored" for _, state in rows), f"left: {rows}"
    names = names_in(os.path.join(node.root, "systems"))
    assert names == {backup for backup, _ in rows}, \
        f"files of systems: {names}, rows: {rows}"


def names_in(directory):
    """All but the mark that ties it to the ledger."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return {name for name in names if name != ".alula-store"}


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
