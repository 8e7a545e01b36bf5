"""What it costs a running node of memory to do something large, for the tests
that promise a bound."""

import pathlib
import shutil

MIB = 1 << 20
MOST = 64 * MIB


def peak(process):
    """Bytes, the most it ever had (proc(5): VmHWM)."""
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM")


def cost_of(process, act):
    """What `act` gives back, and by how much the process has grown meanwhile."""
    # From now on the most is what it has (proc(5): clear_refs).
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    before = peak(process)
    given = act()
    return given, peak(process) - before


class Told:
    """What a script promises, and says at its end."""

    def __init__(self, promises):
        self.promises, self.failed = promises, []

    def check(self, is_so, what):
        if not is_so:
            self.failed.append(what)

    def is_cheap(self, cost, what):
        self.check(cost <= MOST, f"{what} costs {cost / MIB:.1f} MiB")

    def size_for(self, words, gigabytes, base):
        """Bytes: what the command line says, or what a quarter of the disk of
        `base` has room for."""
        wanted = int(float((words + [gigabytes])[0]) * 1024 * MIB)
        size = min(wanted, shutil.disk_usage(base).free // 4)
        if size < wanted:
            print(f"skipped: only {size // MIB} MiB of {wanted // MIB},"
                  " the disk has no room for more")
        return size

    def end(self):
        for one in self.failed:
            print("FAILED", one)
        print(f"{self.promises - len(self.failed)} passed, {len(self.failed)} failed")
        return 1 if self.failed else 0
