"""What clients do with backups on other machines while the node crashes, and
what must be true of those machines; a part of Client."""

import time

import checks
from node import PATIENCE


class FarMoves:
    def panel_has_a_store(self, part_size):
        # Tidy, as no stock Panel: see far_node.py of the live tests.
        return self.panel_is(default_disk="s3", part_size=part_size, tidy=True,
                             s3={**self.node.store.given,
                                 "prefix": f"{self.node.store.prefix}/p/"})

    def panel_key(self, server, backup):
        return f"{self.node.store.prefix}/p/{server}/{backup}.tar.gz"

    def own_key(self, server, backup, store="offsite"):
        prefix = self.node.store.prefixes[store]
        return f"{prefix}/{server}/{backup}.tar.gz"

    def send_backup(self, server, backup, key, body):
        """202, then ready somewhere else; one that failed over a fault is asked
        for anew, of a Panel that has heard of the failure."""
        if server in self.told.refused or backup in self.told.far:
            return True
        seen = self.ask_for_backup(server, backup, body, key)
        if seen is None:
            return False
        if seen["state"] == "there":
            there = self.backup(server, backup)
            if not there or there["state"] != "ready":
                return self.try_again(409, seen["answer"])
            return self.is_far(server, backup, body)
        if seen["state"] == "failed":
            # A Panel takes no second try of a backup: it makes a new row.
            if not self.panel_is_told():
                return False
            self.panel_knows(server, (backup,))
            del self.told.keys[key]
            return self.again(seen)
        assert seen["state"] == "succeeded", seen
        return self.is_far(server, backup, body)

    def is_far(self, server, backup, body):
        self.told.moving.discard(backup)
        self.told.far[backup] = (
            self.panel_key(server, backup) if body["adapter"] == "s3"
            else self.own_key(server, backup))
        return True

    def only_far(self, server, backup):
        """The local archive goes by itself."""
        end = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < end:
            self.end_everything()
            seen = self.backup(server, backup)
            if seen and "local" not in [p["place"] for p in seen["places"]]:
                assert not checks.archive_of(self.node, backup), \
                    f"{backup} is shown as far, and its file is here"
                assert checks.is_whole(self.node, self.told.far[backup]), \
                    f"{backup} is nowhere"
                self.told.only_far.add(backup)
                return True
            self.node.rest(0.1)
        raise AssertionError(f"the scratch stays: {self.backup(server, backup)}")

    def restore_by_link(self, server, backup, before, after, key):
        # One request, however often it is made: with one link.
        link = self.told.links.setdefault(
            key, self.node.store.bucket.presign("GET", self.told.far[backup]))
        return self.change_trees(
            server, before, after, key, "backup.restore",
            f"/api/servers/{server}/backup/{backup}/restore",
            {"adapter": "s3", "truncate_directory": True,
             "download_url": link}, is_merge=False)

    def copy(self, server, backup, to, key):
        if server in self.told.refused:
            return True
        seen = self.job_of(key, "backup.copy", "POST",
                           f"/api/servers/{server}/backup/{backup}/copy",
                           {"to": to})
        if seen is None or seen["state"] == "failed":
            return self.again(seen) if seen else False
        assert seen["state"] == "succeeded", seen
        if to == "local":
            self.told.only_far.discard(backup)
            self.told.far.pop(backup, None)
            self.is_there(backup)
        else:
            self.is_copied(server, backup, to)
        return True

    def is_copied(self, server, backup, to):
        """What the node says of its places is so."""
        key = self.own_key(server, backup, to)
        places = self.places_of(server, backup)
        assert to in places, f"{backup} was copied to {to}, shown in {places}"
        assert checks.is_whole(self.node, key), f"{key} is shown, and not there"
        self.told.copies[backup][to] = key

    def places_of(self, server, backup):
        seen = self.backup(server, backup)
        return [p["place"] for p in seen["places"]] if seen else []

    def is_spread(self, server, backup, to, key):
        """The node copies by itself what it has made. A copy that has failed
        over a fault it makes after the next start; an operator asks for it."""
        if server in self.told.refused or to in self.told.copies[backup]:
            return True
        end = time.monotonic() + PATIENCE / 9
        while time.monotonic() < end:
            self.end_everything()
            if to in self.places_of(server, backup):
                self.is_copied(server, backup, to)
                return True
            self.node.rest(0.1)
        return self.copy(server, backup, to, key)

    def drop_local(self, server, backup):
        if server in self.told.refused or backup in self.told.only_far:
            return True
        self.told.backups.discard(backup)
        self.told.moving.add(backup)
        status, headers, answer = self.node.ask(
            "DELETE", f"/api/servers/{server}/backup/{backup}/places/local")
        if status in (409, 500, 503, 507):
            return self.try_again(status, answer)
        assert status in (202, 204), f"drop: {status} {answer}"
        if status == 202:
            self.end_everything()
            seen = self.shown_backup(server, backup)
            if "local" in [p["place"] for p in seen["places"]]:
                return self.try_again(500, {"code": "still-here"})
        assert self.told.copies[backup], f"{backup} was copied nowhere"
        self.told.moving.discard(backup)
        self.told.only_far.add(backup)
        self.told.far[backup] = next(iter(self.told.copies[backup].values()))
        return True

    def forget_far(self, server, backup):
        """Deleted here, and in every store of ours."""
        self.told.copies.pop(backup, None)
        keys = [self.own_key(server, backup, store)
                for store in self.node.store.prefixes]
        self.told.far.pop(backup, None)
        self.told.only_far.discard(backup)
        if not self.delete_backup(server, backup):
            return False
        self.end_everything()
        end = time.monotonic() + 3 * PATIENCE
        while any(checks.is_whole(self.node, key) for key in keys):
            assert time.monotonic() < end, f"{keys} stay in the store"
            self.end_everything()
            self.node.rest(0.1)
        return True

    def scan(self, store, key):
        """Everything that lies there is on record, or was deleted."""
        seen = self.job_of(key, "store.scan", "POST",
                           f"/api/stores/{store}/scan")
        if seen is None or seen["state"] == "failed":
            return self.again(seen) if seen else False
        assert seen["state"] == "succeeded", seen
        assert seen["result"]["found"] == 0, seen
        return True

    def bucket_is_tidy(self):
        """No upload is open."""
        end = time.monotonic() + 3 * PATIENCE
        while True:
            self.end_everything()
            left = self.node.store.open_uploads()
            if not left:
                return True
            assert time.monotonic() < end, f"open uploads: {left}"
            self.node.rest(0.1)

