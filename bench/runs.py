"""Runs of a command as a whole, and a table of them, for bench/backup."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Optional


class run(NamedTuple):
    """What is not known is None."""
    wall: float
    cpu: Optional[float] = None
    peak: Optional[float] = None  # MiB
    said: str = ""


def size_of(tree):
    return sum(os.lstat(os.path.join(at, name)).st_size
               for at, _, names in os.walk(tree) for name in names)


def settle():
    """Everything on the disk and out of the page cache, where allowed."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        return True
    except OSError:
        return False


def measure(given, command):
    """A run of a command and its children, and the first line it prints."""
    words = ["sh", "-c", command] if isinstance(command, str) else command
    settle()
    done = subprocess.run([given.measured, *words], stdout=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"bench/backup: {command} failed")
    lines = done.stdout.splitlines()
    took = json.loads(lines[-1])
    return run(took["seconds"], took["cpu_seconds"], took["peak_kib"] / 1024,
               lines[0] if len(lines) > 1 else "")


class table:
    def __init__(self, title, bytes_read):
        self.bytes, self.seconds, self.archives = bytes_read, {}, {}
        self.missing = {}
        print(f"\n{title}, {bytes_read / 2**20:,.0f} MiB")
        print(f"  {'what':32} {'MiB/s':>8} {'s':>8} {'CPU s':>8} "
              f"{'archive':>8} {'peak MiB':>9}")

    def row(self, what, runs, archive=None):
        def median(of, digits, width):
            known = [value for value in of if value is not None]
            return (f"{statistics.median(known):{width}.{digits}f}"
                    if known else " " * width)

        self.seconds[what] = wall = statistics.median(r.wall for r in runs)
        ratio = f"{archive / self.bytes:.1%}" if archive else ""
        if archive:
            self.archives[what] = archive
        print(f"  {what:32} {self.bytes / 2**20 / wall:8.0f} {wall:8.2f} "
              f"{median((r.cpu for r in runs), 2, 8)} {ratio:>8} "
              f"{median((r.peak for r in runs), 1, 9)}", flush=True)

    def no_row(self, what, why):
        self.missing[what] = why
        print(f"  {what:32} {why}", flush=True)

    def ratios(self, ours, targets=None):
        """How many times as fast ours is; first what has a target."""
        targets = targets or {}
        for what, target in targets.items():
            if what in self.seconds:
                ratio = self.seconds[what] / self.seconds[ours]
                print(f"  {ours}: {ratio:.2f} x {what}, target {target:g}: "
                      f"{'met' if ratio >= target else 'MISSED'}")
            else:
                print(f"  {ours}: the target of {target:g} x {what} is not "
                      f"measured: {self.missing.get(what, 'no such row')}")
        rest = [what for what in self.seconds
                if not what.startswith("alula") and what not in targets]
        if rest:
            print(f"  {ours}: " + ", ".join(
                f"{self.seconds[what] / self.seconds[ours]:.2f} x {what}"
                for what in rest))

    def archive_ratio(self, ours, theirs, most):
        if ours in self.archives and theirs in self.archives:
            ratio = self.archives[ours] / self.archives[theirs]
            print(f"  {ours}: its archive is {ratio:.2f} x that of {theirs}, "
                  f"target at most {most}: "
                  f"{'met' if ratio <= most else 'MISSED'}")
