"""What a disk may hold after a power cut.

The shim (shim.c) has logged every change below the watched directory and every
fsync. A change is pending until what it changed was synced: bytes and modes of
a file by an fsync of the file, a name by an fsync of its directory, a rename by
an fsync of both directories. A cut drops pending changes in an order a
journaling file system may drop them: per file and per directory, from the
newest backwards, either all of them or a random number of them.

The log's lines (numbers are inodes unless said otherwise, names in hex):

  # n kind path                       the n-th point; other remarks
  C dir name inode                    a name was made
  U dir name inode grave              a name was removed; grave/<n> keeps it
  R dir name dir name inode grave     a rename; grave: what it replaced, or 0
  W inode offset size saved length    bytes replaced, or the size changed
  M inode mode uid gid                the mode or owner changed, from these
  S inode                             fsync
  B                                   syncfs
"""

import os
import random
import shutil
from dataclasses import dataclass, field


@dataclass
class Change:
    """A pending change. `unsynced` are the inodes whose fsync it waits for."""

    kind: str
    object: int
    unsynced: set
    words: tuple
    is_lost: bool = field(default=False)


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def read_log(path):
    with open(path, "rb") as log:
        for line in log:
            yield line.decode("utf-8", "replace").split()


def points(state):
    """[(kind, path)] of the last life in the log."""
    found = []
    for words in read_log(os.path.join(state, "log")):
        if len(words) >= 3 and words[0] == "#" and words[1].isdigit():
            if words[1] == "1":
                found = []
            found.append((words[2], " ".join(words[3:])))
    return found


def pending_changes(log):
    """The changes of the whole log that no fsync has covered, oldest first."""
    pending = []
    for words in read_log(log):
        kind = words[0]
        if kind == "C":
            directory, name, inode = int(words[1]), unhex(words[2]), int(words[3])
            pending.append(Change(kind, inode, {directory}, (directory, name)))
        elif kind == "U":
            directory, inode = int(words[1]), int(words[3])
            pending.append(Change(kind, inode, {directory},
                                  (directory, unhex(words[2]), int(words[4]))))
        elif kind == "R":
            source, target, inode = int(words[1]), int(words[3]), int(words[5])
            pending.append(Change(kind, inode, {source, target},
                                  (source, unhex(words[2]), target,
                                   unhex(words[4]), int(words[6]))))
        elif kind in "WM":
            inode = int(words[1])
            pending.append(Change(kind, inode, {inode}, tuple(words[2:])))
        elif kind == "B":
            pending = []
        elif kind == "S":
            pending = settle(pending, int(words[1]))
    return pending


def settle(pending, inode):
    """What is still pending after an fsync of this inode."""
    durable_names, left = set(), []
    for change in reversed(pending):
        change.unsynced.discard(inode)
        is_name = change.kind in "CUR"
        # A later durable change of the same name's object is on top of it.
        if not change.unsynced or (is_name and change.object in durable_names):
            if is_name:
                durable_names.add(change.object)
            continue
        left.append(change)
    left.reverse()
    # Nothing inside a directory that is durably gone can come back.
    gone = {c.object for c in pending if c.kind == "U" and not c.unsynced}
    return [c for c in left
            if not (c.kind in "CUR" and c.unsynced and c.unsynced <= gone)]


def place_of(change):
    """The directory that has the name, or had it, once the change is made."""
    return change.words[2 if change.kind == "R" else 0]


def choose_lost(pending, rng):
    """Marks, per file and per directory, the newest changes as lost, and what
    cannot stay without them."""
    by_inode = {}
    for change in pending:
        for inode in change.unsynced:
            by_inode.setdefault(inode, []).append(change)
    for inode in sorted(by_inode):
        changes = by_inode[inode]
        lost = len(changes)
        if rng is not None and rng.random() < 0.5:
            lost = rng.randint(0, lost)
        for change in changes[len(changes) - lost:]:
            change.is_lost = True
    cut, objects = set(), set()
    never_came, full_again = set(), set()  # (directory, inode); directories
    never_made = set()
    for change in pending:
        if change.kind not in "CUR":
            continue
        # A journal keeps neither the removal of a directory that is not empty,
        # nor what came into one that was never made.
        if change.unsynced & cut or change.object in objects \
                or (change.kind == "U" and change.object in full_again) \
                or place_of(change) in never_made:
            change.is_lost = True
        if change.is_lost:
            cut |= change.unsynced
            objects.add(change.object)
            left = change.words[0]
            if change.kind == "C":
                never_made.add(change.object)
            if change.kind != "C" and (left, change.object) not in never_came:
                full_again.add(left)
            if change.kind != "U":
                never_came.add((place_of(change), change.object))
    return [change for change in pending if change.is_lost]


class Disk:
    """Takes changes back. Everything is found by inode, through descriptors
    that were opened before the first name moves."""

    def __init__(self, watched, state, wanted):
        self.state = state
        self.grave = os.path.join(state, "grave")
        self.junk = os.path.join(state, "junk")
        os.makedirs(self.junk, exist_ok=True)
        self.junk_names = 0
        self.directories, self.files = {}, {}
        for root in (watched, self.grave):
            for path, _, names in os.walk(root):
                inode = os.stat(path).st_ino
                self.directories.setdefault(
                    inode, os.open(path, os.O_RDONLY | os.O_DIRECTORY))
                for name in names:
                    self.open_file(os.path.join(path, name), wanted)

    def open_file(self, path, wanted):
        inode = os.lstat(path).st_ino
        if inode in wanted and inode not in self.files \
                and not os.path.islink(path):
            self.files[inode] = os.open(path, os.O_RDWR)

    def close(self):
        for fd in (*self.directories.values(), *self.files.values()):
            os.close(fd)

    def junk_name(self):
        self.junk_names += 1
        return os.path.join(self.junk, str(self.junk_names))

    def inode_at(self, directory, name):
        fd = self.directories.get(directory)
        try:
            return os.stat(name, dir_fd=fd, follow_symlinks=False).st_ino \
                if fd is not None else None
        except FileNotFoundError:
            return None

    def take_back(self, change, saved):
        getattr(self, "take_back_" + change.kind)(change, saved)

    def take_back_C(self, change, _):
        directory, name = change.words
        if self.inode_at(directory, name) == change.object:
            os.rename(name, self.junk_name(),
                      src_dir_fd=self.directories[directory])

    def take_back_U(self, change, _):
        directory, name, grave = change.words
        kept = os.path.join(self.grave, str(grave))
        if directory in self.directories and os.path.lexists(kept) \
                and self.inode_at(directory, name) is None:
            os.rename(kept, name, dst_dir_fd=self.directories[directory])

    def take_back_R(self, change, _):
        source, old, target, new, grave = change.words
        if self.inode_at(target, new) != change.object \
                or self.inode_at(source, old) is not None \
                or source not in self.directories:
            return
        os.rename(new, old, src_dir_fd=self.directories[target],
                  dst_dir_fd=self.directories[source])
        kept = os.path.join(self.grave, str(grave))
        if grave and os.path.lexists(kept):
            os.rename(kept, new, dst_dir_fd=self.directories[target])

    def take_back_W(self, change, saved):
        fd = self.files.get(change.object)
        if fd is None:
            return
        offset, size, place, length = map(int, change.words)
        os.ftruncate(fd, size)
        os.pwrite(fd, os.pread(saved, length, place), offset)

    def take_back_M(self, change, _):
        fd = self.files.get(change.object, self.directories.get(change.object))
        if fd is None:
            return
        mode, uid, gid = change.words
        if os.geteuid() == 0:
            os.fchown(fd, int(uid), int(gid))
        os.fchmod(fd, int(mode, 8))


def cut_power(watched, state, seed=0):
    """Changes `watched` to what a disk may hold now; how many changes it lost.
    Seed 0 loses everything that may be lost. The process must be dead. What is
    left is durable: the log starts anew."""
    log = os.path.join(state, "log")
    lost = choose_lost(pending_changes(log),
                       random.Random(seed) if seed else None)
    disk = Disk(watched, state, {c.object for c in lost})
    saved = os.open(os.path.join(state, "saved"), os.O_RDONLY)
    try:
        for change in reversed(lost):
            disk.take_back(change, saved)
    finally:
        os.close(saved)
        disk.close()
    for path, _, names in os.walk(watched):
        for name in names:
            if name.endswith("-shm"):  # shared memory does not survive
                os.unlink(os.path.join(path, name))
    prepare_state(state)
    return len(lost)


def prepare_state(state):
    """An empty state, beside the watched directory and on its file system."""
    shutil.rmtree(state, ignore_errors=True)
    os.makedirs(os.path.join(state, "grave"))
    for name in ("log", "saved"):
        open(os.path.join(state, name), "wb").close()
