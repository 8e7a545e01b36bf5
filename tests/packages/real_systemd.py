"""The real systemd as the first process of a world of its own: its own
processes, mounts, names and control groups below one of this machine's, in the
root that systemd.lay_over() made. The network is the caller's.

It offers what the stand-in of systemd.py offers.
"""

import os
import pathlib
import select
import subprocess
import time
import uuid as uuids

PATIENCE = 90  # seconds, for anything
LOOK_AGAIN = 50  # milliseconds
PROGRAM = "/lib/systemd/systemd"
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_PAGER": "",
         "SYSTEMD_COLORS": "0"}

# Runs in the new mount namespace with the root as its argument.
ENTER = """\
set -eu
mount --make-rprivate /
cd "$1"
umount dev proc
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
for each in null zero full random urandom tty; do
  : >dev/$each
  mount --bind /dev/$each dev/$each
done
mkdir dev/pts dev/shm run/before
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
pivot_root . run/before
exec chroot . /usr/bin/env -i container=alula-test /bin/sh -c '
  umount -l /run/before
  rmdir /run/before
  exec "$0" --system --unit=basic.target' "$2"
"""


def groups():
    """Where control groups of version 2 are mounted; None: nowhere."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, about = (part.split() for part in line.split(" - "))
        if about[0] == "cgroup2" and fields[3] == "/" and os.access(fields[4], os.W_OK):
            return pathlib.Path(fields[4])
    return None


def why_not():
    """A reason why no systemd can be started here, or None."""
    if not os.access(PROGRAM, os.X_OK):
        return f"{PROGRAM} is not there"
    if not groups():
        return "no control groups of version 2 are mounted"
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount", "--uts", "--ipc", "--cgroup", "true"],
                           capture_output=True, text=True)
    return tried.stderr.strip() if tried.returncode else None


class RealSystemd:
    def __init__(self, root, unit):
        self.root, self.unit = pathlib.Path(root), unit
        self.leave_out_the_machine()
        self.group = groups() / f"alula-packages-{os.getpid()}"
        self.group.mkdir()
        self.log = open(self.root.parent / "systemd.log", "wb")
        # unshare is the parent of the first process there, and takes it along.
        self.outer = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup",
             "sh", "-c", ENTER, "sh", self.root, PROGRAM], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, preexec_fn=lambda: (self.group / "cgroup.procs").write_text(str(os.getpid())))
        # Of this very process, also when it is over and its number another's.
        self.world = os.pidfd_open(self.outer.pid)
        self.until("systemd is up", lambda: self.first() and self.tries("systemctl", "is-system-running")
                   in ("running", "degraded"))

    def leave_out_the_machine(self):
        """Nothing of this machine's own is started in there."""
        of_services = self.root / "etc/systemd/system"
        for link in of_services.glob("*.wants/*"):
            link.unlink()
        for name in ("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-control.socket",
                     "systemd-udevd-kernel.socket", "systemd-networkd.service", "systemd-networkd.socket",
                     "systemd-resolved.service", "systemd-timesyncd.service", "systemd-logind.service",
                     "systemd-firstboot.service", "docker.service", "docker.socket", "containerd.service",
                     "getty.target", "timers.target"):
            masked = of_services / name
            masked.unlink(missing_ok=True)
            masked.symlink_to("/dev/null")
        # Without one it would enable all there is, as at a first boot.
        (self.root / "etc/machine-id").write_text(uuids.uuid4().hex + "\n")

    def until(self, what, is_so):
        end = time.monotonic() + PATIENCE
        news = select.poll()
        news.register(self.world, select.POLLIN)
        while not is_so():
            # It has no bus that would tell it out here: asked again, unless the
            # world ends before.
            if time.monotonic() > end or news.poll(LOOK_AGAIN):
                raise AssertionError(f"{what}: not so\n{self.said()}")

    # -- from outside -------------------------------------------------------------

    def first(self):
        """The first process of the world, as this one sees it."""
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        if not children or "systemd" not in pathlib.Path(f"/proc/{children[0]}/comm").read_text():
            return None
        return children[0]

    def inside(self, words):
        return ["nsenter", "-t", self.first(), "-m", "-p", "-u", "-i", "-C", "-r", "-w", *map(str, words)]

    def run(self, *words):
        done = subprocess.run(self.inside(words), env=CLEAN, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}\n{self.said()}")
        return done.stdout

    def tries(self, *words):
        done = subprocess.run(self.inside(words), env=CLEAN, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=PATIENCE)
        return done.stdout.strip()

    def said(self):
        try:
            return self.tries("journalctl", "-u", self.unit, "--no-pager")
        except (OSError, TypeError):  # it is over
            return (self.root.parent / "systemd.log").read_text(errors="replace")

    # -- the service --------------------------------------------------------------

    def shown(self, name):
        return self.tries("systemctl", "show", "-P", name, self.unit)

    def is_active(self):
        return self.tries("systemctl", "is-active", self.unit) == "active"

    def is_ready(self):
        """A unit of Type=notify is active when it has said so, not before."""
        return self.shown("Type") == "notify" and self.is_active()

    @property
    def enabled(self):
        return self.tries("systemctl", "is-enabled", self.unit) == "enabled"

    def main_process(self):
        return int(self.shown("MainPID"))

    def start(self):
        self.tries("systemctl", "start", self.unit)
        return 0 if self.is_active() else 1

    def stop(self):
        self.run("systemctl", "stop", self.unit)
        return 0

    def close(self):
        self.outer.kill()
        self.outer.wait()
        os.close(self.world)
        self.log.close()
        with open(self.group / "cgroup.events", "rb", buffering=0) as events:
            news = select.poll()
            news.register(events, select.POLLPRI)
            while b"populated 1" in os.pread(events.fileno(), 4096, 0):
                if not news.poll(PATIENCE * 1000):
                    raise AssertionError("processes of the world are left")
        for directory, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(directory)
