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
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/app"))
from node_memory import MIB, Told, cost_of  # noqa: E402
from running_node import RunningNode  # noqa: E402

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


def end_of(node, path, body):
    """The job that is asked for, when it has ended."""
    status, headers, text = node.ask("POST", path, body)
    if status not in (202, 204):
        raise RuntimeError(f"{status} {text}")
    return node.end_of(headers["Location"])


def main():
    told = Told(4)
    node = RunningNode(sys.argv[1])
    try:
        node.start()
        size = told.size_for(sys.argv[2:], 1, node.base)
        server = node.make_server("large")
        volume = node.base / "volumes" / server
        sums = fill(volume, size)
        backup = "11111111-1111-4111-8111-111111111111"
        place = f"/api/servers/{server}/backup"
        job, cost = cost_of(node.process, lambda: end_of(node, place, {
            "adapter": "wings", "uuid": backup, "ignore": ""}))
        print(f"{size // MIB} MiB packed: {job['state']}, "
              f"{cost / MIB:.1f} MiB of memory")
        told.check(job["state"] == "succeeded", f"backup: {job}")
        told.is_cheap(cost, "a backup")
        for name in sums:
            (volume / name).unlink()
        job, cost = cost_of(node.process, lambda: end_of(
            node, f"{place}/{backup}/restore",
            {"adapter": "wings", "truncate_directory": True}))
        print(f"and unpacked: {job['state']}, {cost / MIB:.1f} MiB of memory")
        told.check(job["state"] == "succeeded" and sums_of(volume) == sums,
                   f"restore: {job}")
        told.is_cheap(cost, "a restore")
    finally:
        node.close()
    return told.end()


if __name__ == "__main__":
    sys.exit(main())
