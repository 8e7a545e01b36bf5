"""Restores that an operator gives up in their swap while the node crashes: no
file of the server is lost; a part of Client. And the workload of it."""

import os
import shutil
import time

import checks
from backup_workloads import FIRST, SECOND, served
from node import PATIENCE
from servers import A, B, files_of

OBSTACLE = "in the way"


class SettleMoves:
    def hold_restore(self, server, backup, before, key):
        """Accepted and held up; then its place in the trash is taken, so that
        its swap fails until it is parked."""
        if server in self.told.refused:
            return True
        self.told.alive.pop(server, None)
        # Nothing of the backup comes into its place.
        self.told.either[server] = (before, before, True)
        if key not in self.told.keys:
            tries = self.told.tries.get(key, 0)
            status, headers, answer = self.node.ask(
                "POST", f"/api/servers/{server}/backup/{backup}/restore",
                {"adapter": "wings", "truncate_directory": True},
                {"Idempotency-Key": f'"{key}-{tries}"',
                 "Prefer": "respond-async"})
            if "location" not in headers:
                assert status in (409, 500, 503, 507), \
                    f"restore: {status} {answer}"
                return self.try_again(status, answer)
            self.told.keys[key] = self.accepted(headers, "backup.restore")
        job = self.told.keys[key]
        seen = self.wait_for(job, lambda seen: self.is_over(seen)
                             or seen["reason"] == "PoolPaused")
        if seen["state"] == "failed":
            return self.give_way(key, seen)
        if not seen["done"]:
            place = os.path.join(self.node.trash, job)
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, OBSTACLE), "w") as file:
                file.write("not of any server\n")
        return True

    def remove_obstacle(self, job):
        place = os.path.join(self.node.trash, job)
        is_there = os.path.exists(os.path.join(place, OBSTACLE))
        if is_there:  # the node may be at it too
            shutil.rmtree(place, ignore_errors=True)
        return is_there

    def give_way(self, key, seen):
        """One that failed over a fault, rolled back, is asked for anew."""
        self.remove_obstacle(self.told.keys.pop(key))
        self.told.tries[key] = self.told.tries.get(key, 0) + 1
        return self.again(seen)

    def give_up_restore(self, server, backup, before, key, is_torn=False):
        """Abandoned once it is parked. Torn: as if it had died, again and again,
        between its two renames, with the server's files in the trash."""
        if server in self.told.refused:
            return True
        if key not in self.told.keys and not (
                self.pause("restore", "to be in the way")
                and self.hold_restore(server, backup, before, key)):
            return False
        if not self.resume("restore"):
            return False
        job = self.told.keys[key]
        seen = self.wait_for(job, self.is_over)
        if seen["state"] == "parked":
            swap = next(s for s in seen["steps"] if s["name"] == "swap")
            if is_torn and swap["state"] != "pending" \
                    and self.remove_obstacle(job):
                os.rename(os.path.join(self.node.volumes, server),
                          os.path.join(self.node.trash, job))
            status, _, answer = self.node.ask(
                "POST", f"/api/jobs/{job}/abandon", {"reason": "test"})
            if status in (500, 503, 507):
                return self.try_again(status, answer)
            assert status in (200, 202, 409), f"abandon: {status} {answer}"
            seen = self.wait_for(job, self.is_over)
        assert seen["state"] == "failed", seen
        if seen["error"]["code"] != "abandoned":
            return self.give_way(key, seen)
        return True

    def is_settled(self, server, before):
        """The node puts in order by itself what was given up."""
        if server in self.told.refused:
            return True
        end = time.monotonic() + 3 * PATIENCE
        while not checks.has_files(self.node, server, before):
            assert time.monotonic() < end, \
                f"a restore was given up, and {server} has " \
                f"{checks.files_in(self.node, server)}"
            self.end_everything()
            self.node.rest(0.05)
        self.told.either.pop(server, None)
        self.told.alive[server] = before
        return True

    def delete_given_up(self, server, backups, key):
        """Nothing that the restore has left outlives the server."""
        self.told.either.pop(server, None)
        return self.delete_with_backups(server, backups, key)


def settles(c):
    """Restores that are given up: the files come back, or go with their
    server."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.create(B, "create-b"),
        lambda: c.settle_create(B, "create-b", old),
        lambda: c.back_up(A, FIRST, "back-up-a"),
        lambda: c.back_up(B, SECOND, "back-up-b"),
        lambda: c.change_files(A, new),
        lambda: c.pause("restore", "to be in the way"),
        lambda: c.hold_restore(A, FIRST, new, "restore-a"),
        lambda: c.hold_restore(B, SECOND, old, "restore-b"),
        lambda: c.give_up_restore(A, FIRST, new, "restore-a", is_torn=True),
        lambda: c.give_up_restore(B, SECOND, old, "restore-b"),
        lambda: c.delete_given_up(B, {SECOND}, "delete-b"),
        lambda: c.is_settled(A, new),
        lambda: c.restore(A, FIRST, new, old, "restore-again"),
        lambda: c.rest_until_quiet(),
    ]
