"""Pools that are paused while the node crashes: what was answered stands over
every restart, and nothing of the pool begins."""

from backup_workloads import FIRST, served
from servers import A, files_of


class PoolMoves:
    """A part of Client."""

    def pool(self, name):
        status, _, page = self.node.ask("GET", "/api/pools")
        assert status == 200, f"pools: {status} {page}"
        return next(one for one in page["items"] if one["name"] == name)

    def see_pauses(self):
        """Each life: a pause that was answered stands, as it was answered."""
        for name, since in self.told.pauses.items():
            seen = self.pool(name)
            assert seen["paused_at"] == since, \
                f"{name} was told paused since {since}: {seen}"

    def pause(self, name, reason):
        status, _, answer = self.node.ask(
            "POST", f"/api/pools/{name}/pause", {"reason": reason})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 200, f"pause: {status} {answer}"
        assert answer["pause_reason"] == reason, answer
        before = self.told.pauses.setdefault(name, answer["paused_at"])
        assert answer["paused_at"] == before, f"paused at {before}: {answer}"
        return True

    def resume(self, name):
        # Until there is an answer, it may be either.
        self.told.pauses.pop(name, None)
        status, _, answer = self.node.ask(
            "POST", f"/api/pools/{name}/resume", {})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 200, f"resume: {status} {answer}"
        assert self.pool(name)["paused_at"] is None
        return True

    def is_held_up(self, server, backup, key):
        """A backup is accepted, and waits for the pool."""
        if server in self.told.refused:
            return True
        self.told.moving.add(backup)
        tries = self.told.tries.get(key, 0)
        status, headers, answer = self.node.ask(
            "POST", f"/api/servers/{server}/backup",
            {"adapter": "wings", "uuid": backup, "ignore": ""},
            {"Idempotency-Key": f'"{key}-{tries}"'})
        if status != 202:
            assert status in (500, 503, 507), f"backup: {status} {answer}"
            return self.try_again(status, answer)
        job = self.accepted(headers, "backup.create")
        seen = self.wait_for(
            job, lambda seen: seen["done"] or seen["reason"] == "PoolPaused")
        if seen["state"] == "failed":  # over a fault, before it came so far
            self.told.tries[key] = tries + 1
            return self.again(seen)
        assert not seen["done"], seen
        assert "/api/pools/backup/resume" in seen["advice"], seen
        states = {step["name"]: step["state"] for step in seen["steps"]}
        assert states["archive"] == "pending", seen
        self.told.keys[key] = job
        return True


def pauses(c):
    """A backup that is held up, and made when the pool is resumed."""
    return [
        *served(c, files_of("old")),
        lambda: c.pause("backup", "a new disk"),
        lambda: c.is_held_up(A, FIRST, "back-up"),
        lambda: c.pause("backup", "a new disk"),
        lambda: c.is_held_up(A, FIRST, "back-up"),
        lambda: c.resume("backup"),
        lambda: c.back_up(A, FIRST, "back-up"),
        lambda: c.resume("backup"),
        lambda: c.rest_until_quiet(),
    ]
