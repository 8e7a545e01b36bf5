"""As much of systemd as a package and its unit use, for a place where the real
one cannot run: it reads the unit that was installed, starts what it says in the
installed root, waits for READY=1, and answers the `systemctl` of the
maintainer scripts.

Of what confines the service only the capabilities and NoNewPrivileges are
applied here; the rest is looked at by `systemd-analyze` in package_test.py.
"""

import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import threading
import time

PATIENCE = 120  # seconds, for anything

# Asks this process, from within the root.
SYSTEMCTL = """\
#!/usr/bin/python3
import json, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect("/run/systemd/test.sock")
asked.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
answer = json.loads(asked.makefile().readline())
sys.stdout.write(answer["text"])
sys.exit(answer["code"])
"""


def read_unit(file):
    """All values of each directive, by `Section.Name`."""
    out, section = {}, ""
    for line in file.read_text().splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and line[0] not in "#;":
            name, value = line.split("=", 1)
            out.setdefault(f"{section}.{name}", []).append(value)
    return out


class Systemd:
    def __init__(self, root, unit):
        self.root, self.unit = pathlib.Path(root), unit
        self.process, self.enabled = None, False
        self.notified = []
        (self.root / "run/systemd/system").mkdir(parents=True)
        systemctl = self.root / "usr/bin/systemctl"
        systemctl.unlink(missing_ok=True)
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(self.root / "run/systemd/test.sock"))
        self.door.listen()
        self.ears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ears.bind(str(self.root / "run/systemd/notify"))
        self.ears.settimeout(PATIENCE)
        self.log = open(self.root / "run/alula.log", "ab")
        self.answering = threading.Thread(target=self.answer, daemon=True)
        self.answering.start()

    def run(self, *words):
        """In the installed root."""
        done = subprocess.run(["chroot", self.root, *map(str, words)], text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * PATIENCE,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def said(self):
        return (self.root / "run/alula.log").read_text(errors="replace")

    # -- systemctl ----------------------------------------------------------------

    def answer(self):
        while True:
            try:
                who, _ = self.door.accept()
            except OSError:
                return
            with who:
                words = json.loads(who.makefile().readline())
                try:
                    code, text = self.obey(words), ""
                except Exception as why:  # the script has to hear of it
                    code, text = 1, f"{why}\n"
                who.sendall(json.dumps({"code": code, "text": text}).encode()
                            + b"\n")

    def obey(self, words):
        verb = next(word for word in words if not word.startswith("-"))
        if verb == "daemon-reload":
            return 0
        if verb in ("enable", "disable"):
            self.enabled = verb == "enable"
            return 0
        if verb == "start":
            return self.start()
        if verb == "stop":
            return self.stop()
        if verb == "is-active":
            return 0 if self.is_active() else 3
        if verb in ("restart", "try-restart"):
            if verb == "try-restart" and not self.is_active():
                return 0
            self.stop()
            return self.start()
        raise ValueError(f"systemctl {words} is not known here")

    # -- the service --------------------------------------------------------------

    def read(self):
        return read_unit(self.root / "lib/systemd/system" / self.unit)

    def is_active(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        return "READY=1" in self.notified

    def main_process(self):
        return self.process.pid

    def environment(self, unit):
        out = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
               "NOTIFY_SOCKET": "/run/systemd/notify"}
        seconds = int(unit["Service.WatchdogSec"][0])
        out["WATCHDOG_USEC"] = str(seconds * 1_000_000)
        for name in unit.get("Service.EnvironmentFile", []):
            file = self.root / name.lstrip("-/")
            if not file.exists() and name.startswith("-"):
                continue
            for word in shlex.split(file.read_text(), comments=True):
                key, value = word.split("=", 1)
                out[key] = value
        return out

    def words(self, unit, environment):
        """ExecStart as systemd splits it: $WORD alone is several words."""
        out = []
        for word in unit["Service.ExecStart"][0].split():
            if word.startswith("$"):
                out += shlex.split(environment.get(word[1:], ""))
            else:
                out.append(word)
        return out

    def confine(self, unit):
        """A root with no more than the unit leaves it."""
        kept = "".join(f",+{name.removeprefix('CAP_').lower()}" for line in
                       unit["Service.CapabilityBoundingSet"]
                       for name in line.split())
        return ["setpriv", f"--bounding-set=-all{kept}", "--inh-caps=-all",
                *(["--no-new-privs"] if unit["Service.NoNewPrivileges"] == ["yes"] else [])]

    def start(self):
        if self.is_active():
            return 0
        unit = self.read()
        assert unit["Service.Type"] == ["notify"], unit
        environment = self.environment(unit)
        self.process = subprocess.Popen(
            ["chroot", self.root, *self.confine(unit),
             *self.words(unit, environment)],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, start_new_session=True)
        end = time.monotonic() + PATIENCE
        self.ears.settimeout(0.2)
        while self.is_active() and time.monotonic() < end:
            try:
                self.notified.append(self.ears.recv(1000).decode())
            except TimeoutError:
                continue
            if "READY=1" in self.notified[-1]:
                return 0
        return 1

    def stop(self):
        if not self.is_active():
            return 0
        self.process.send_signal(signal.SIGTERM)
        limit = int(self.read()["Service.TimeoutStopSec"][0])
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 1
        return 0

    def close(self):
        if self.is_active():
            self.process.kill()
            self.process.wait()
        self.door.shutdown(socket.SHUT_RDWR)  # or accept() would hold it open
        self.answering.join()
        self.door.close()
        self.ears.close()
        self.log.close()


def enter_a_world_of_its_own():
    """Mounts and network of this process alone, all gone with it. False, with
    the reason, where that is not allowed."""
    if os.environ.get("ALULA_OWN_WORLD"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return None
    if os.geteuid() != 0:
        return "this is not root"
    words = ["unshare", "--mount", "--net", "--propagation", "private"]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        return tried.stderr.strip()
    return words


def lay_over(base):
    """This machine's root with a layer on top that takes all changes."""
    base = pathlib.Path(base)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g", "layer", base],
                   check=True)
    upper, work, root = base / "upper", base / "work", base / "root"
    for each in (upper, work, root):
        each.mkdir()
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir=/,upperdir={upper},workdir={work}", root],
                   check=True)
    subprocess.run(["mount", "--bind", "/dev", root / "dev"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    for each in ("run", "tmp"):
        subprocess.run(["mount", "-t", "tmpfs", each, root / each], check=True)
    return root
