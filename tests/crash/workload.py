"""What clients do to the node while it crashes, and what they were told.

A workload is a list of moves. A move that got no answer is made again after
the restart, as a Panel would: every move may be repeated."""

import os
import time

from node import PATIENCE

A, B, C, D, E, F = (f"{letter * 8}-0000-4000-8000-000000000001"
                    for letter in "abcdef")
ENDED = ("succeeded", "failed", "cancelled")


class Told:
    """Everything a client has heard, which must stay true for ever."""

    def __init__(self):
        self.jobs = {}      # id → newest view, with its version
        self.keys = {}      # idempotency key → job id
        self.alive = {}     # server → {file name: text}, created and wanted
        self.deleted = {}   # server → job: answered 204, or seen forgotten
        self.running = set()  # (row of a job, boot it ran for) at each death
        self.taken_back = {}  # server → the delete that was undone
        self.asked_again = set()  # deleted servers a create was sent for
        self.refused = set()  # servers whose create ended failed or cancelled
        self.unsure = set()   # servers with a delete that was asked for


class Client:
    def __init__(self, node, told):
        self.node, self.told = node, told
        self.etags = {}
        self.refusal = None

    # -- what answers must be like --------------------------------------------

    def heard(self, job, version):
        """Holds a view of a job against what was heard before."""
        before = self.told.jobs.get(job["id"])
        assert job["done"] == (job["state"] in ENDED), job
        if before:
            assert version >= before["version"], \
                f"version of {job['id']} went back: {before['version']} → " \
                f"{version}"
            if before["done"]:
                assert before["state"] == job["state"], \
                    f"{job['id']} was {before['state']}, is {job['state']}"
        self.told.jobs[job["id"]] = {**job, "version": version}
        return job

    def accepted(self, headers, kind):
        job = headers["location"].rsplit("/", 1)[1]
        self.told.jobs.setdefault(
            job, {"id": job, "kind": kind, "done": False, "state": "queued",
                  "version": 0})
        return job

    def same_job_for(self, key, job):
        assert self.told.keys.setdefault(key, job) == job, \
            f"key {key} made {self.told.keys[key]} and {job}"

    def look(self, job):
        status, headers, body = self.node.ask("GET", f"/api/jobs/{job}")
        assert status == 200, f"accepted job {job}: {status} {body}"
        self.etags[job] = headers["etag"]
        version = int(headers["etag"].strip('"').split(".")[0])
        return self.heard(body, version)

    def wait_for(self, job, until):
        """Long polls until the job is as it should be."""
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            seen = self.look(job)
            if until(seen):
                return seen
            self.node.ask("GET", f"/api/jobs/{job}?wait=5",
                          headers={"If-None-Match": self.etags[job]})
        raise AssertionError(f"job {job} does not end: {self.look(job)}")

    def is_over(self, job):
        return job["done"] or job["state"] == "parked"

    def end_everything(self):
        """Every job ends; a parked one is offered another go."""
        end = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < end:
            status, _, page = self.node.ask("GET", "/api/jobs?done=false")
            assert status == 200, f"list: {status} {page}"
            left = page["items"]
            if not left:
                return True
            job = left[0]["id"]
            if left[0]["state"] == "parked":
                self.node.ask("POST", f"/api/jobs/{job}/retry", {})
            self.look(job)
            self.node.ask("GET", f"/api/jobs/{job}?wait=2",
                          headers={"If-None-Match": self.etags[job]})
        raise AssertionError(f"jobs that do not end: {left}")

    # -- moves ----------------------------------------------------------------

    def create(self, server, key):
        """202, and the same job however often it is asked for."""
        body = {"uuid": server, "start_on_completion": False,
                "settings": {"uuid": server, "meta": {"name": server[:8]},
                             "suspended": False, "invocation": "java"},
                "process_configuration": {"startup": {"done": ["Done"]},
                                          "stop": {"type": "stop"},
                                          "configs": []}}
        if server in self.told.deleted:
            self.told.asked_again.add(server)
        status, headers, answer = self.node.ask(
            "POST", "/api/servers", body, {"Idempotency-Key": f'"{key}"'})
        assert status in (202, 500, 503, 507), f"create: {status} {answer}"
        if status != 202:
            return self.try_again(status, answer)
        self.same_job_for(key, self.accepted(headers, "server.create"))
        return True

    def try_again(self, status, answer):
        assert (answer or {}).get("code"), (status, answer)
        self.refusal = answer
        self.node.rest(0.1)
        return False

    def settle_create(self, server, key, files):
        """The create has ended; then the server gets files and a container."""
        seen = self.wait_for(self.told.keys[key], self.is_over)
        if seen["state"] in ("failed", "cancelled"):
            self.told.refused.add(server)
            return True
        assert seen["state"] == "succeeded", seen
        status, _, answer = self.node.ask("GET", f"/api/servers/{server}")
        assert status == 200, f"server {server}: {status} {answer}"
        volume = os.path.join(self.node.volumes, server)
        assert os.path.isdir(volume), f"{server} is created, without a volume"
        for name, text in files.items():
            path = os.path.join(volume, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        if server not in self.node.docker.names():
            self.node.docker.run_container(server)
        self.told.deleted.pop(server, None)
        self.told.alive[server] = files
        return True

    def delete(self, server, key=None):
        if server in self.told.refused:
            return True
        is_repeat = server in self.told.unsure
        self.told.unsure.add(server)
        self.told.alive.pop(server, None)
        status, headers, answer = self.node.ask(
            "DELETE", f"/api/servers/{server}",
            headers={"Idempotency-Key": f'"{key}"'} if key else {})
        if status == 404:
            assert is_repeat, f"{server} was never deleted, but is gone"
            self.told.deleted.setdefault(server, self.find_in_trash(server))
            return True
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status in (202, 204), f"delete: {status} {answer}"
        job = self.accepted(headers, "server.delete")
        if key:
            self.same_job_for(key, job)
        if status == 202:
            seen = self.wait_for(job, self.is_forgotten)
            assert self.is_forgotten(seen), seen
        self.told.deleted[server] = job
        return True

    def find_in_trash(self, server):
        """The job that deleted it, when the answer that named it was lost."""
        status, _, page = self.node.ask("GET", "/api/trash")
        assert status == 200, f"trash: {status} {page}"
        jobs = [entry["job"] for entry in page["items"]
                if entry["server"] == server]
        return jobs[0] if jobs else None

    def is_forgotten(self, job):
        steps = {step["name"]: step["state"] for step in job["steps"]}
        return steps["forget_server"] == "done"

    def cancel(self, key):
        job = self.told.keys[key]
        status, _, answer = self.node.ask("POST", f"/api/jobs/{job}/cancel", {})
        assert status in (200, 202, 409), f"cancel: {status} {answer}"
        return True

    def cancel_too_late(self, key):
        """A delete is past its pivot from the accept on."""
        job = self.told.keys.get(key)
        if job is None:
            return True
        status, _, answer = self.node.ask("POST", f"/api/jobs/{job}/cancel", {})
        assert status == 409, f"cancel of a delete: {status} {answer}"
        return True

    def reuse_key(self, key, server):
        """The key of one request for another one is refused."""
        if key not in self.told.keys:
            return True
        status, _, answer = self.node.ask(
            "DELETE", f"/api/servers/{server}",
            headers={"Idempotency-Key": f'"{key}"'})
        assert status in (404, 409, 422, 500, 503), \
            f"reused key: {status} {answer}"
        return True

    def undelete(self, server, key, files):
        """Brings back what `delete` took, files and all."""
        if server in self.told.refused:
            return True
        job = self.told.taken_back.setdefault(
            server, self.told.deleted.get(server))
        assert job, f"{server} was deleted and is not in the trash"
        status, headers, answer = self.node.ask(
            "POST", f"/api/trash/{job}/restore", {},
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status in (200, 202), f"undelete: {status} {answer}"
        undelete = self.accepted(headers, "server.undelete")
        self.same_job_for(key, undelete)
        self.told.deleted.pop(server, None)
        seen = self.wait_for(undelete, self.is_over)
        assert seen["state"] == "succeeded", seen
        self.told.unsure.discard(server)
        self.told.alive[server] = files
        return True


def files_of(name, count=6):
    return {f"{'world/region/' if i % 2 else ''}{name}-{i}": f"{name} {i}\n"
            for i in range(count)}


def deletes(c):
    """Creates, deletes, cancels and a uuid that is used again."""
    return [
        lambda: c.create(A, "create-a"),
        lambda: c.create(A, "create-a"),
        lambda: c.create(B, "create-b"),
        lambda: c.create(C, "create-c"),
        lambda: c.settle_create(A, "create-a", files_of("first")),
        lambda: c.settle_create(B, "create-b", files_of("b")),
        lambda: c.settle_create(C, "create-c", files_of("c")),
        lambda: c.create(D, "create-d"),
        lambda: c.cancel("create-d"),
        lambda: c.delete(A),
        lambda: c.delete(B, "delete-b"),
        lambda: c.delete(B, "delete-b"),
        lambda: c.cancel_too_late("delete-b"),
        lambda: c.reuse_key("create-a", C),
        lambda: c.settle_create(D, "create-d", files_of("d")),
        lambda: c.create(A, "create-a-again"),
        lambda: c.settle_create(A, "create-a-again", files_of("second")),
        lambda: c.delete(D),
    ]


def undeletes(c):
    """Deletes that are taken back, files and all."""
    return [
        lambda: c.create(E, "create-e"),
        lambda: c.create(F, "create-f"),
        lambda: c.settle_create(E, "create-e", files_of("e")),
        lambda: c.settle_create(F, "create-f", files_of("f")),
        lambda: c.delete(E, "delete-e"),
        lambda: c.delete(F, "delete-f"),
        lambda: c.undelete(F, "undelete-f", files_of("f")),
        lambda: c.undelete(E, "undelete-e", files_of("e")),
    ]


WORKLOADS = {"deletes": (deletes, 0), "undeletes": (undeletes, 1)}
