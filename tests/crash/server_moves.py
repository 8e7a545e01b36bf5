"""Servers that are made, deleted, brought back and given up: a part of Client.
And the workloads of it."""

import os

from servers import A, B, C, D, E, F, files_of


class ServerMoves:
    def body_of(self, server):
        return {"uuid": server, "start_on_completion": False,
                "settings": {"uuid": server, "meta": {"name": server[:8]},
                             "suspended": False, "invocation": "java",
                             "container": {"image": "alula/test"}},
                "process_configuration": {"startup": {"done": ["ready"]},
                                          "stop": {"type": "stop"},
                                          "configs": []}}

    def create(self, server, key, **settings):
        """202, and the same job however often it is asked for."""
        body = self.body_of(server)
        body["settings"] |= settings
        if server in self.told.deleted:
            self.told.asked_again.add(server)
        status, headers, answer = self.node.ask(
            "POST", "/api/servers", body, {"Idempotency-Key": f'"{key}"'})
        assert status in (202, 500, 503, 507), f"create: {status} {answer}"
        if status != 202:
            return self.try_again(status, answer)
        self.same_job_for(key, self.accepted(headers, "server.create"))
        return True

    def settle_create(self, server, key, files):
        """The create has ended, and says what became of the container; then
        the server gets files, and runs."""
        seen = self.wait_for(self.told.keys[key], self.is_over)
        if seen["state"] in ("failed", "cancelled"):
            self.told.refused.add(server)
            return True
        assert seen["state"] == "succeeded", seen
        status, _, answer = self.node.ask("GET", f"/api/servers/{server}")
        assert status == 200, f"server {server}: {status} {answer}"
        volume = os.path.join(self.node.volumes, server)
        assert os.path.isdir(volume), f"{server} is created, without a volume"
        made = seen["result"]["container"] in ("made", "found")
        assert not made or server in self.node.docker.names(), \
            f"{seen['result']} of {server}: {self.node.docker.names()}"
        for name, text in files.items():
            path = os.path.join(volume, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        self.node.docker.run_container(server)
        self.told.deleted.pop(server, None)
        self.told.alive[server] = files
        return True

    def delete(self, server, key=None, query=""):
        if server in self.told.refused:
            return True
        is_repeat = server in self.told.unsure
        self.told.unsure.add(server)
        self.told.alive.pop(server, None)
        status, headers, answer = self.node.ask(
            "DELETE", f"/api/servers/{server}{query}",
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
        if not self.is_refused_a_uuid(server, f"{key}-against"):
            return False
        self.told.deleted.pop(server, None)
        seen = self.wait_for(undelete, self.is_over)
        assert seen["state"] == "succeeded", seen
        self.told.unsure.discard(server)
        self.told.alive[server] = files
        return True

    def is_refused_a_uuid(self, server, key):
        """No new server gets the uuid of one that is being brought back, nor
        of one that is back."""
        status, _, answer = self.node.ask(
            "POST", "/api/servers", self.body_of(server),
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 409, f"create against undelete: {status} {answer}"
        assert answer["code"] == "server-exists", answer
        return True

    def abandon_delete(self, server, key):
        """A delete that an operator gives up, because a link stands in the
        volume's place, keeps nobody from deleting the server again."""
        if server in self.told.refused or server in self.told.deleted:
            return True
        volume = os.path.join(self.node.volumes, server)
        aside = os.path.join(self.node.base, server)
        if key not in self.told.keys and not os.path.lexists(aside):
            os.rename(volume, aside)
            os.symlink(aside, volume)
        self.told.unsure.add(server)
        self.told.alive.pop(server, None)
        if key not in self.told.keys:
            status, headers, answer = self.node.ask(
                "DELETE", f"/api/servers/{server}",
                headers={"Idempotency-Key": f'"{key}"'})
            if status in (202, 204, 500) and "location" in headers:
                self.same_job_for(key, self.accepted(headers, "server.delete"))
            else:
                return self.try_again(status, answer)
        job = self.told.keys[key]
        seen = self.wait_for(job, self.is_over)
        assert seen["state"] in ("parked", "failed"), seen
        if seen["state"] == "parked":
            status, _, answer = self.node.ask(
                "POST", f"/api/jobs/{job}/abandon", {"reason": "test"})
            if status in (500, 503, 507):
                return self.try_again(status, answer)
            assert status in (200, 202, 409), f"abandon: {status} {answer}"
            seen = self.wait_for(job, self.is_over)
            assert seen["state"] == "failed", seen
        if os.path.islink(volume):
            os.unlink(volume)
            os.rename(aside, volume)
        return True

    def retry_delete(self, server, given_up, key):
        """The delete that was given up is tried again, and goes through."""
        if server in self.told.refused or server in self.told.deleted:
            return True
        status, headers, answer = self.node.ask(
            "POST", f"/api/jobs/{self.told.keys[given_up]}/retry", {},
            {"Idempotency-Key": f'"{key}"'})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 202, f"retry of a delete: {status} {answer}"
        job = self.accepted(headers, "server.delete")
        self.same_job_for(key, job)
        seen = self.wait_for(job, self.is_forgotten)
        assert self.is_forgotten(seen), seen
        self.told.deleted[server] = job
        return True


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


def abandons(c):
    """Deletes that are given up; the next one, and a retry, are not."""
    return [
        lambda: c.create(B, "create-b"),
        lambda: c.settle_create(B, "create-b", files_of("b")),
        lambda: c.abandon_delete(B, "abandon-b"),
        lambda: c.delete(B, "delete-b"),
        lambda: c.create(C, "create-c"),
        lambda: c.settle_create(C, "create-c", files_of("c")),
        lambda: c.abandon_delete(C, "abandon-c"),
        lambda: c.retry_delete(C, "abandon-c", "retry-c"),
    ]
