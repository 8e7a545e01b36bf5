"""Another Wings-compatible daemon on this machine, as bench/backup measures it."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

from runs import run, settle, size_of


def is_open_for_writing(path):
    there = os.stat(path)
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.path.samestat(fd.stat(), there):
                info = (fd.parent.parent / "fdinfo" / fd.name).read_text()
                flags = int(info.split("flags:")[1].split()[0], 8)
                if flags & os.O_ACCMODE != os.O_RDONLY:
                    return True
        except (OSError, IndexError):
            pass  # gone meanwhile
    return False


def ask_daemon(given, path, body):
    urllib.request.urlopen(urllib.request.Request(
        f"{given.daemon.rstrip('/')}/api/servers/{given.daemon_server}/{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {given.daemon_token}",
         "Content-Type": "application/json"}),
        timeout=given.daemon_limit).close()


def until(given, what, is_so):
    """Looks half of the time at most: the daemon is what is measured."""
    begin = looked = time.monotonic()
    while not is_so():
        now = time.monotonic()
        if now - begin > given.daemon_limit:
            sys.exit(f"bench/backup: {what} in {given.daemon_limit} s")
        time.sleep(max(0.02, now - looked))
        looked = time.monotonic()


def empty(volume):
    for each in volume.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def daemon_backup(given, tree):
    """As measure(), of another daemon, which tells nothing but the time; and
    the backup's name and archive."""
    empty(Path(given.daemon_volume))
    subprocess.run(["cp", "-a", f"{tree}/.", given.daemon_volume], check=True)
    settle()
    name = str(uuid.uuid4())

    def found():
        return [path for path in Path(given.daemon_backups).glob(f"*{name}*")
                if path.name.endswith(".tar.gz")
                and path.stat().st_size > 0 and not is_open_for_writing(path)]

    begin = time.monotonic()
    ask_daemon(given, "backup", {"adapter": "wings", "uuid": name,
                                 "ignore": ""})
    until(given, "the daemon made no archive", found)
    return run(time.monotonic() - begin), name, found()[0]


def daemon_restore(given, tree, name):
    """As measure(), of another daemon, into an empty volume."""
    volume, wanted = Path(given.daemon_volume), size_of(tree)
    empty(volume)
    settle()

    def is_there():
        try:
            return size_of(volume) == wanted
        except OSError:  # moved meanwhile
            return False

    begin = time.monotonic()
    ask_daemon(given, f"backup/{name}/restore",
               {"adapter": "wings", "truncate_directory": True})
    until(given, "the daemon restored nothing", is_there)
    wall = time.monotonic() - begin
    subprocess.run(["diff", "-rq", str(tree), str(volume)], check=True)
    return run(wall)
