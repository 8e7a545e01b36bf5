"""What clients do with a server's life while the node crashes; a part of
Client. And what must be so in the end."""

import os
import time

import checks
from dockerd import INSTALLER, installer_says
from node import PATIENCE


class LifeMoves:
    def install(self, server, key, word="install"):
        """The script has run, its log is kept, nothing of it is left."""
        if server in self.told.refused:
            return True
        seen = self.job_of(key, f"server.{word}", "POST",
                           f"/api/servers/{server}/{word}", {})
        if seen is None or seen["state"] == "failed":
            return self.again(seen) if seen else False
        assert seen["state"] == "succeeded", \
            f"the {word} of {server} was to succeed, and is {seen['state']}: " \
            f"{seen}"
        if word == "reinstall":  # an install has no step that stops the game
            self.told.wanted[server] = False
            run = self.node.docker.newest_install(server)
            assert (server, run) not in self.node.docker.beside, \
                f"{server} ran beside installer {run} of its {word}"
        if not self.log_is_kept(server, word, seen):
            return False
        self.told.installed.add(server)
        return True

    def log_is_kept(self, server, word, job, code=0):
        """All that the newest run of the script has said, or the word that it
        is lost. False: ask again. `code`: what it ended with, None: it was
        ended."""
        status, _, log = self.node.ask(
            "GET", f"/api/servers/{server}/install-logs")
        if status in (429, 500, 503):
            return self.try_again(status, log)
        assert status == 200, \
            f"the log of the {word} of {server} was to be read: {status} {log}"
        if "log_lost" in (job["result"] or {}) \
                or "its log could not be kept" in str(job.get("error")):
            self.told.logs.pop(server, None)  # neither this one nor another
            return True
        run = self.node.docker.newest_install(server)
        said = installer_says(run, code)[:1 if code is None else 2]
        missing = [line for line in said if line not in log["data"]]
        assert not missing, \
            f"the {word} of {server} has ended, so its log was to hold all " \
            f"that was said; {missing} is missing in {log['data']}"
        self.told.logs[server] = run
        return True

    def power(self, server, action, key):
        """The process is as it was wished."""
        if server in self.told.refused:
            return True
        seen = self.job_of(key, "server.power", "POST",
                           f"/api/servers/{server}/power", {"action": action})
        if seen is None or seen["state"] == "failed":
            return self.again(seen) if seen else False
        assert seen["state"] == "succeeded", seen
        up = action in ("start", "restart")
        self.told.wanted[server] = up
        assert self.node.docker.is_running(server) == up, \
            f"{action} of {server} succeeded, and it " \
            f"{'does not run' if up else 'runs'}"
        self.shows_state(server, "running" if up else "offline")
        return True

    def shows_state(self, server, wanted):
        """A game that has started says "ready" by itself, soon."""
        end = time.monotonic() + PATIENCE
        while True:
            status, _, seen = self.node.ask("GET", f"/api/servers/{server}")
            assert status == 200, f"server {server}: {status} {seen}"
            if seen["state"] == wanted:
                return
            assert time.monotonic() < end, \
                f"{server} is {seen['state']}, not {wanted}"
            self.node.rest()

    def crash_game(self, server):
        """A game that crashes once is up again, whoever saw it."""
        if server in self.told.refused:
            return True
        if server not in self.told.crashed:
            self.told.crashed.add(server)
            self.node.docker.crash(server)
        end = time.monotonic() + 2 * PATIENCE
        while not self.node.docker.is_running(server):
            assert time.monotonic() < end, f"{server} crashed and stays down"
            self.node.rest(0.02)
        return True


def lives_as_wanted(node, told):
    """At the very end: the last wish holds, and installers are gone."""
    left = [name for name in node.docker.names() if name.endswith(INSTALLER)]
    assert not left, f"installers that were left: {left}"
    scripts = os.path.join(node.root, "tmp")
    left = checks.names_in(scripts)
    assert not left, f"install scripts that were left: {left}"
    with checks.Ledger(node) as ledger:
        rows = {uuid: (up, install) for uuid, up, install in ledger.rows(
            "SELECT uuid, wanted_up, install FROM servers"
            " WHERE state <> 'deleted'")}
    for server, up in told.wanted.items():
        assert bool(rows[server][0]) == up, \
            f"{server} was last wished {'up' if up else 'down'}: {rows}"
        assert node.docker.is_running(server) == up, \
            f"{server} is wanted {'up' if up else 'down'} and is not"
    for server in told.installed:
        assert rows[server][1] == "done", f"{server} is installed: {rows}"
