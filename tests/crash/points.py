"""Where the daemon can be made to fail and how, and which of these ways a
campaign takes. The ways themselves: crash.py."""

import collections
import dataclasses
import errno
import re

FAILING = {"eio": (errno.EIO, 1), "enospc": (errno.ENOSPC, 1),
           "eio40": (errno.EIO, 40), "enospc40": (errno.ENOSPC, 40)}
MODES = ("kill", "cut", *FAILING)
# What the node may say over such a disk, and over no other.
DISK_FAULTS = ("io-error", "no-room", "insufficient-storage",
               "journal-unavailable")


@dataclasses.dataclass(frozen=True)
class Scenario:
    workload: str
    mode: str
    point: int          # 0: nothing fails
    seed: int = 0       # of the cut; 0 loses all that may be lost
    again: tuple = ()   # points of the lives after, killed while they recover

    def __str__(self):
        words = f"--workload {self.workload} --mode {self.mode} " \
                f"--point {self.point} --seed {self.seed}"
        return words + "".join(f" --again {n}" for n in self.again)

    def faults(self):
        """The environment of one life after the other."""
        if self.point and self.mode in FAILING:
            number, times = FAILING[self.mode]
            yield {"fail_at": self.point, "fail_errno": number,
                   "fail_times": times}
        elif self.point:
            yield {"kill_at": self.point}
        for point in self.again:
            yield {"kill_at": point}
        while True:
            yield {}


def kind_of(point):
    """The same for calls that mean the same: ids and numbers taken out."""
    call, path = point
    path = re.sub(r"^.*/alula-crash-[^/]*/node", "", path)
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", path)
    return call + " " + re.sub(r"[0-9]+", "<n>", path)


def grouped(points):
    groups = collections.defaultdict(list)
    for number, point in enumerate(points, start=1):
        groups[kind_of(point)].append(number)
    return groups


def random_scenario(rng, workload, point, mode):
    again = ()
    # Not twice: three crashes in one step park its job, as they should.
    if mode in ("kill", "cut") and rng.random() < 0.3:
        again = (rng.randint(1, 60),)
    seed = rng.choice((0, rng.randint(1, 1_000_000))) if mode == "cut" else 0
    return Scenario(workload, mode, point, seed, again)


def in_turn(ways):
    """One of each workload after the other: a slice that gets through a part
    has done as much of each. The slow ways of failing, which back off and try
    again, come last."""
    before = collections.Counter()
    ranked = []
    for mode, workload, numbers in ways:
        ranked.append((mode.endswith("40"), before[workload, mode],
                       len(ranked), (mode, workload, numbers)))
        before[workload, mode] += 1
    return [way for *_, way in sorted(ranked)]


def ways_of(points, rng, modes):
    """The first ways to fail: every kind of point in every mode, in one of the
    workloads that have it; and those in the others, in any order, so that no
    workload comes short over a few slices."""
    places = collections.defaultdict(list)
    for workload, found in points.items():
        for kind, numbers in grouped(found).items():
            places[kind].append((workload, numbers))
    first, others = [], []
    for found in places.values():
        for mode in modes:
            chosen = rng.choice(found)
            first.append((mode, *chosen))
            others += [(mode, *place) for place in found if place is not chosen]
    rng.shuffle(first)
    rng.shuffle(others)
    first = in_turn(first)
    print(f"{len(places)} kinds of points: {len(first)} ways to fail, "
          f"{len(first) + len(others)} with those of each workload", flush=True)
    return first, others


def slice_of(ways, points, rng, modes):
    """These, then random ones without end."""
    for mode, workload, numbers in ways:
        yield random_scenario(rng, workload, rng.choice(numbers), mode)
    while True:
        workload = rng.choice(list(points))
        yield random_scenario(rng, workload,
                              rng.randint(1, len(points[workload])),
                              rng.choice(modes))


def ends_of_rows(found):
    """Of writes to one file in a row the first and the last, and all else:
    between them a file only has more of the same, a database's log too, which
    counts as far as its last whole commit. A database itself (.db) has all its
    writes: a checkpoint is one row of them, and each replaces another page."""
    for number, point in enumerate(found, start=1):
        call, path = point
        beside = (found[number - 2] if number > 1 else None,
                  found[number] if number < len(found) else None)
        if call != "write" or path.endswith(".db") \
                or any(each != point for each in beside):
            yield number


def all_of(points, rng, modes, first=1, ends=False):
    for workload, found in points.items():
        for point in ends_of_rows(found) if ends \
                else range(1, len(found) + 1):
            if point < first:
                continue
            for mode in modes:
                yield Scenario(workload, mode, point)
            if "cut" in modes:
                yield Scenario(workload, "cut", point,
                               rng.randint(1, 1_000_000),
                               (rng.randint(1, 60),))
