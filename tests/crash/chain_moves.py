"""What a Panel asks for when a user makes a server, and installations that do
not go well, while the node crashes; a part of Client. And what must be so in
the end."""

import os
import time

import checks
from dockerd import INSTALLER, installer_leaves
from node import PATIENCE

INSTALLS = ("server.install", "server.reinstall")
LEFT = PATIENCE / 3  # seconds in which nothing is under way for a server


class ChainMoves:
    def order(self, server, start=True, key=None):
        """As a Panel asks, by the uuid alone; what comes after that is the
        node's to do. Stock Panels send no key."""
        is_repeat = server in self.told.ordered
        self.told.ordered[server] = (start, key)
        if key:
            key = f"{key}-{self.told.tries.get(server, 0)}"
        status, headers, answer = self.node.ask(
            "POST", "/api/servers",
            {"uuid": server, "start_on_completion": start},
            {"Idempotency-Key": f'"{key}"'} if key else {})
        if status == 409 and is_repeat and not key:
            assert answer["code"] == "server-exists", answer
            return True
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 202, f"order of {server}: {status} {answer}"
        job = self.accepted(headers, "server.create")
        if key:
            self.same_job_for(key, job)
        return True

    def ask_for_installation(self, server, key, word="install", start=False):
        """202, and the same job however often it is asked for."""
        status, headers, answer = self.node.ask(
            "POST", f"/api/servers/{server}/{word}",
            {"start_on_completion": True} if start else {},
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 202, f"{word} of {server}: {status} {answer}"
        self.same_job_for(key, self.accepted(headers, f"server.{word}"))
        return True

    def script_ends(self, server, code):
        """From now on; None: it does not."""
        self.node.docker.ends_with[server + INSTALLER] = code
        return True

    # -- until it is as it should be ------------------------------------------

    def jobs_about(self, server):
        """The newest first."""
        return self.jobs_of(f"server={server}&limit=50")

    def settle(self, server, is_so, meanwhile=lambda job: None):
        """Waits until nothing of the server is under way and it is so. What has
        failed over a disk is asked for again. True for those who end with it."""
        since = time.monotonic()
        end = since + 4 * PATIENCE
        while True:
            jobs, now = self.jobs_about(server), time.monotonic()
            assert now < end, f"{server} does not come to rest: {jobs[:2]}"
            live = [job["id"] for job in jobs if not job["done"]]
            if live:
                since = now
                first = self.look(live[-1])
                meanwhile(first)
                if first["state"] == "parked":
                    self.node.ask("POST", f"/api/jobs/{live[-1]}/retry", {})
            elif is_so(jobs):
                return True
            elif jobs and jobs[0]["state"] == "failed" \
                    and self.is_of_a_disk(jobs[0]["error"]):
                self.ask_again(server, jobs[0])
            assert now < since + LEFT, \
                f"nothing is under way for {server}, which is " \
                f"{self.shown(server)}, after " \
                f"{[(job['kind'], job['state'], job['error']) for job in jobs]}"
            self.node.rest()

    def ask_again(self, server, job):
        """As a user does who is shown that it has failed, or his Panel."""
        if job["kind"] == "server.create":
            self.is_told(server, False)
            self.told.tries[server] = self.told.tries.get(server, 0) + 1
            self.order(server, *self.told.ordered[server])
        else:
            self.node.ask("POST", f"/api/jobs/{job['id']}/retry", {},
                          {"Idempotency-Key": f'"again-{job["id"]}"'})

    def shown(self, server):
        """(install state, wanted power), or what is none."""
        status, _, seen = self.node.ask("GET", f"/api/servers/{server}")
        assert status in (200, 404), f"server {server}: {status} {seen}"
        return (seen["install"]["state"], seen["wanted_power"]) \
            if status == 200 else (None, None)

    # -- how it ends ----------------------------------------------------------

    def is_through(self, server, up=True):
        """Made, installed and, if that was asked for, started: by the node, and
        nobody had to ask for more."""
        wanted = ("done", "up" if up else "down")
        self.settle(server, lambda _: self.shown(server) == wanted
                    and self.node.docker.is_running(server) == up)
        self.nothing_left_of_installer(server)
        last = self.last_installation(server)
        if not self.log_is_kept(server, last["kind"], last):
            return False
        self.told.alive[server] = installer_leaves(
            self.node.docker.newest_install(server))
        self.told.installed.add(server)
        self.told.wanted[server] = up
        self.shows_state(server, "running" if up else "offline")
        return True

    def is_given_up(self, server, code):
        """The script has ended so, which is its last word: nothing is left of
        it but its log, and a server that was to be started stays down."""
        def is_so(jobs):
            last = newest_installation(jobs)
            assert not last or last["state"] != "succeeded", \
                f"the script ended with {code}, and the installation is {last}"
            return last and f"exit code {code}" in str(last["error"]) \
                and self.is_down(server)
        self.settle(server, is_so)
        return self.ended_badly(server, code)

    def cancel_installation(self, server):
        """While its script runs, which would never end by itself."""
        sent, accepted = self.told.to_cancel, self.told.cancelled

        def meanwhile(job):
            if job["kind"] not in INSTALLS or job["id"] in accepted \
                    or not self.node.docker.is_running(server + INSTALLER):
                return
            sent.add(job["id"])
            status, _, answer = self.node.ask(
                "POST", f"/api/jobs/{job['id']}/cancel", {})
            assert status in (200, 202, 500, 503, 507), \
                f"cancel of an installation: {status} {answer}"
            if answer.get("cancel_requested_at"):
                accepted.add(job["id"])

        def is_so(jobs):
            last = newest_installation(jobs)
            assert not last or last["id"] not in accepted \
                or last["state"] == "cancelled", \
                f"a cancel was accepted, and the job is {last}"
            return last and last["id"] in sent \
                and last["state"] == "cancelled" and self.is_down(server)
        self.settle(server, is_so, meanwhile)
        return self.ended_badly(server, None)

    def is_down(self, server):
        install, wanted = self.shown(server)
        assert install == "failed", \
            f"the installation of {server} did not go well, and is {install}"
        assert not self.node.docker.is_running(server), \
            f"{server} was never installed, and it runs"
        return wanted == "down"

    def ended_badly(self, server, code):
        self.nothing_left_of_installer(server)
        last = self.last_installation(server)
        if not self.log_is_kept(server, last["kind"], last, code):
            return False
        self.told.alive[server] = {}
        self.told.wanted[server] = False
        return True

    def last_installation(self, server):
        last = newest_installation(self.jobs_about(server))
        assert last, \
            f"the installation of {server} has ended, and no job of it is listed"
        return last

    def nothing_left_of_installer(self, server):
        """When its job has ended, and not a while later."""
        assert server + INSTALLER not in self.node.docker.names(), \
            f"the installation of {server} has ended, its container is there"
        left = checks.names_in(os.path.join(self.node.root, "tmp"))
        assert server not in left, \
            f"the installation of {server} has ended, its script is there"

    def is_told(self, server, successful):
        """The Panel has heard how the last one went, and shows it."""
        self.panel_is_told()
        heard = [good for _, good in self.node.panel.installs_of(server)]
        assert heard and heard[-1] == successful, \
            f"of {server} the Panel was told {heard}, and not {successful}"
        with self.node.panel.data.lock:
            shown = self.node.panel.data.servers[server]["status"]
        assert (shown is None) == successful, \
            f"the Panel shows {server} as {shown} after {heard}"
        return True


def newest_installation(jobs):
    return next((job for job in jobs if job["kind"] in INSTALLS), None)


def installed_as_told(node, told):
    """At the very end: the ledger says what the Panel was told last, when
    nothing was left of the installer; and no job has run its script twice."""
    with checks.Ledger(node) as ledger:
        states = dict(ledger.rows("SELECT uuid, install FROM servers"
                                  " WHERE state <> 'deleted'"))
        jobs = [server for (server,) in ledger.rows(
            f"SELECT server FROM jobs WHERE kind IN {INSTALLS}")]
        words = [(server, at / 1000, '"successful":true' in body)
                 for server, at, body in ledger.rows(
                     "SELECT server, created_at, body FROM outbox"
                     " WHERE path LIKE '/servers/%/install' ORDER BY report")]
    for server, state in states.items():
        assert state in ("none", "done", "failed"), \
            f"{server} is left as {state}, and nothing is under way"
        heard = node.panel.installs_of(server)
        assert not heard or heard[-1][1] == (state == "done"), \
            f"{server} is {state}, and the Panel was told {heard}"
        runs = node.docker.starts_of(server + INSTALLER)
        assert len(runs) <= jobs.count(server), \
            f"{jobs.count(server)} jobs ran {len(runs)} installers of {server}"
        for written in (at for row, at, _ in words if row == server):
            told_at = min((at for at, _ in heard if at >= written), default=0)
            assert told_at, \
                f"the Panel was never told what was written of {server}: {heard}"
            for begun, number in runs:
                assert begun >= written \
                    or node.docker.gone.get(number, told_at) < told_at, \
                    f"the Panel was told of the end of installer {number} of " \
                    f"{server} while it was there"
    for server, (start, _) in told.ordered.items():
        done = min((at for row, at, good in words if row == server and good),
                   default=0)
        assert done, f"{server} was ordered, and never told installed: {words}"
        installed_once_then_started(node, server, start, done)


def installed_once_then_started(node, server, start, done):
    """What was ordered, and was not installed by anybody since `done`."""
    runs = [at for at, _ in node.docker.starts_of(server + INSTALLER)]
    assert all(at < done for at in runs), \
        f"{server} was told installed at {done}, and its installers ran at {runs}"
    starts = [at for at, _ in node.docker.starts_of(server)]
    assert bool(starts) == start, f"{server} was started at {starts}"
    assert all(at >= done for at in starts), \
        f"{server} was told installed at {done}, and was started at {starts}"
    assert server not in (name for name, _ in node.docker.beside), \
        f"{server} ran beside its installer"
