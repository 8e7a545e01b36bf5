#!/usr/bin/python3
"""A backup of 1 GiB that cannot be compressed, and a restore of it, cost a real
node at most 64 MiB of memory each: what is in flight is bounded, whatever there
is to pack.

    backup_memory_test.py ALULA [GIB]

The node needs three times as much disk. Where there is less the tree is as large
as a quarter of what is free, and `skipped: only N MiB` says so. Prints
`N passed, N failed`.
"""

import hashlib
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/app"))
from running_node import RunningNode  # noqa: E402
from upload_memory_test import MIB, MOST, forget_peak, peak  # noqa: E402

FILE = 64 * MIB


def fill(volume, size):
    """Files that nothing makes smaller; the sum of each."""
    block, sums = os.urandom(MIB), {}
    for number in range(max(1, size // FILE)):
        seen = hashlib.sha256()
        with open(volume / f"region.{number}.mca", "wb") as file:
            for at in range(min(size, FILE) // MIB):
                # Far enough from its like for any window of deflate.
                data = f"{number} {at}".encode() + block
                file.write(data)
                seen.update(data)
        sums[f"region.{number}.mca"] = seen.hexdigest()
    return sums


def sums_of(volume):
    found = {}
    for path in volume.glob("region.*.mca"):
        with open(path, "rb") as file:
            found[path.name] = hashlib.file_digest(
                file, "sha256").hexdigest()
    return found


def cost_of(node, begin):
    """The job that `begin` asks for, ended, and what it took of memory."""
    forget_peak(node.process)
    before = peak(node.process)
    status, headers, text = begin()
    if status not in (202, 204):
        raise RuntimeError(f"{status} {text}")
    job = node.end_of(headers["Location"])
    return job, peak(node.process) - before


def main():
    wanted = int(float(sys.argv[2] if len(sys.argv) > 2 else 1) * 1024 * MIB)
    failed = []
    node = RunningNode(sys.argv[1])
    try:
        node.start()
        size = min(wanted, shutil.disk_usage(node.base).free // 4)
        server = node.make_server("large")
        volume = node.base / "volumes" / server
        sums = fill(volume, size)
        if size < wanted:
            print(f"skipped: only {size // MIB} MiB of {wanted // MIB} were packed,"
                  " the disk has no room for more")
        backup = "11111111-1111-4111-8111-111111111111"
        place = f"/api/servers/{server}/backup"
        job, cost = cost_of(node, lambda: node.ask("POST", place, {
            "adapter": "wings", "uuid": backup, "ignore": ""}))
        print(f"{size // MIB} MiB packed: {job['state']}, "
              f"{cost / MIB:.1f} MiB of memory")
        if job["state"] != "succeeded":
            failed.append(f"backup: {job}")
        if cost > MOST:
            failed.append(f"a backup costs {cost / MIB:.1f} MiB")
        for name in sums:
            (volume / name).unlink()
        job, cost = cost_of(node, lambda: node.ask(
            "POST", f"{place}/{backup}/restore",
            {"adapter": "wings", "truncate_directory": True}))
        print(f"and unpacked: {job['state']}, {cost / MIB:.1f} MiB of memory")
        if job["state"] != "succeeded" or sums_of(volume) != sums:
            failed.append(f"restore: {job}")
        if cost > MOST:
            failed.append(f"a restore costs {cost / MIB:.1f} MiB")
    finally:
        node.close()
    for one in failed:
        print("FAILED", one)
    print(f"{4 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
