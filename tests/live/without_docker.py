"""What a node and its servers go through while their dockerd hangs, or is ended
and started again. A part of hardships.py."""

import os
import signal
import subprocess
import time

from node import Broken, check, say, wait_in

# Seconds: a look at a container has 5 for its answer.
SILENCE = 30


class WithoutDocker:
    """A part of Hardships."""

    def outlive_a_hang(self, client, other):
        dockerd = os.environ.get("ALULA_DOCKERD_PID")
        if not dockerd:
            say("--   this dockerd is not ours to stop")
            return
        for job in self.state()["jobs"] + other.state()["jobs"]:
            self.node.end_of({"location": "/api/jobs/" + job["id"]})
        os.kill(int(dockerd), signal.SIGSTOP)
        try:
            for path in ("/api/servers", "/healthz", "/readyz", other.backups):
                began = time.monotonic()
                self.node.expect(200, "GET", path)
                check(time.monotonic() - began < 2,
                      f"a dockerd that hangs does not keep {path} waiting")
            began = time.monotonic()
            _, shown = self.node.expect(200, "GET", self.base)
            check(time.monotonic() - began < 12 and not shown["state_known"],
                  "the node says soon that it does not know")
            check(shown["state"] == "running", "and shows what it knew last")
            other.be_backed_up()
            self.be_shown_as_unresponsive()
        finally:
            os.kill(int(dockerd), signal.SIGCONT)
        self.until_docker_is_believed(client)
        self.answers(client, "the console has lived on")

    def be_shown_as_unresponsive(self):
        """In the list of servers, which asks no Docker."""
        def silence():
            _, servers = self.node.expect(200, "GET", "/api/servers")
            [shown] = [one for one in servers
                       if one["configuration"]["uuid"] == self.uuid]
            return shown["unresponsive"]

        # The log has a line of every call that nobody answers.
        if not (said := wait_in(self.node.base, silence, SILENCE)):
            raise Broken("nobody says that a container is unresponsive")
        check(said["since"] and said["why"],
              f"the server is shown as unresponsive: {said['why']}")

    def until_docker_is_believed(self, client):
        """Every line of statistics is an occasion to look."""
        client.forget()
        end = time.monotonic() + 60
        while not self.state()["state_known"]:
            if time.monotonic() > end:
                raise Broken("the node never finds its dockerd again")
            client.hear("stats", "dockerd answers", quietly=True)
        say("ok   a dockerd that answers again is believed")
        check(self.state()["unresponsive"] is None,
              "and the server is not shown as unresponsive any more")

    def lose_dockerd(self, client, other):
        """It is stopped, and its containers with it: as after an upgrade of
        Docker. What ran is wanted up, so it runs again when dockerd is back."""
        stop, start = (os.environ.get(name) for name in
                       ("ALULA_DOCKERD_STOP", "ALULA_DOCKERD_START"))
        if not stop or not start:
            say("--   this dockerd is not ours to end")
            return
        gone = self.neighbour()
        subprocess.run(stop, shell=True, check=True)
        began = time.monotonic()
        self.node.expect(200, "GET", "/api/servers")
        self.node.expect(200, "GET", "/readyz")
        _, shown = self.node.expect(200, "GET", self.base)
        check(time.monotonic() - began < 12 and not shown["state_known"],
              "without a dockerd the node answers, and says what it lacks")
        headers, _ = self.node.expect(202, "POST", f"{self.base}/power",
                                      {"action": "restart"})

        def waits_for_docker():
            _, jobs = self.node.expect(200, "GET", f"{self.base}/jobs")
            return next((job for job in jobs["items"]
                         if job["reason"] == "DockerUnavailable"), None)

        # Its own, or a start after the crash that stands in front of it.
        job = self.node.until(waits_for_docker, "no job waits for dockerd")
        check(job["waiting_since"] and "Docker" in job["advice"],
              "a job says that it waits for dockerd, since when, what to do")
        deletion = gone.be_deleted_without_dockerd()
        other.work_without_dockerd()
        _, job = self.node.expect(200, "GET", deletion["location"])
        check(not job["done"], "and the deletion has waited all the while")
        subprocess.run(start, shell=True, check=True)
        check(self.node.end_of(headers)["state"] == "succeeded",
              "it goes on by itself when dockerd is back")
        gone.be_free_again(deletion)
        client.hear("status", "the server is up again", "running")
        self.until_docker_is_believed(client)
        self.answers(client, "its console is heard, after dockerd was away")

    def be_deleted_without_dockerd(self):
        headers, _ = self.node.expect(202, "DELETE", self.base)

        def waits_for_docker():
            _, job = self.node.expect(200, "GET", headers["location"])
            return job["reason"] == "DockerUnavailable" and job

        job = self.node.until(waits_for_docker, "no deletion waits for dockerd")
        check(job["kind"] == "server.delete" and not job["done"],
              "a DELETE waits for dockerd and says so")
        return headers

    def work_without_dockerd(self):
        """Whatever needs no container, while another server's job waits."""
        self.be_backed_up()
        _, shown = self.node.expect(200, "GET", self.base)
        check(shown["install"]["state"] == "done", "it is shown")
        _, jobs = self.node.expect(200, "GET", f"{self.base}/jobs")
        check(all(job["done"] for job in jobs["items"]),
              "and none of its jobs waits for anything")

    def be_free_again(self, deletion):
        check(self.node.end_of(deletion)["state"] == "succeeded",
              "the deletion ends by itself when dockerd is back")
        self.node.expect(404, "DELETE", self.base)
        check(not (self.node.volumes / self.uuid).exists(),
              "a second DELETE is 404, and no files are left")
        self.create()
        self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/install", 2,
            "its uuid was free for a new server, which is installed")
        self.leave()
