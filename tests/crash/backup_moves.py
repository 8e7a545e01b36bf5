"""What clients do with backups while the node crashes; a part of Client."""

import io
import json
import os
import shutil
import tarfile

import checks


class BackupMoves:
    """Moves may be repeated: each request has a key of its own, so that one
    whose answer was lost is not a second one."""

    def job_of(self, key, kind, method, path, body=None):
        """The job of this request when it has ended; None: ask again. One that
        failed is asked for under another key the next time."""
        asked = self.told.keys.get(key)
        if asked is None:
            tries = self.told.tries.get(key, 0)
            status, headers, answer = self.node.ask(
                method, path, body, {"Idempotency-Key": f'"{key}-{tries}"'})
            if "location" not in headers:
                assert status in (409, 500, 503, 507), \
                    f"{kind}: {status} {answer}"
                self.try_again(status, answer)
                return None
            assert status in (200, 202, 204, 500, 507), \
                f"{kind}: {status} {answer}"
            asked = self.accepted(headers, kind)
            self.told.keys[key] = asked
        seen = self.wait_for(asked, self.is_over)
        if seen["state"] == "parked":
            self.node.ask("POST", f"/api/jobs/{asked}/retry", {})
            self.try_again(500, {"code": "parked"})
            return None
        if seen["state"] == "failed":
            self.told.failed[key] = self.told.keys.pop(key)
            self.told.tries[key] = self.told.tries.get(key, 0) + 1
        return seen

    def again(self, seen):
        return self.try_again(500, seen["error"])

    def backup(self, server, backup):
        """The backup as the node shows it, or None."""
        status, _, seen = self.node.ask(
            "GET", f"/api/servers/{server}/backup/{backup}")
        assert status in (200, 404), f"backup {backup}: {status} {seen}"
        return seen if status == 200 else None

    def shown_backup(self, server, backup):
        """It has to be on record."""
        seen = self.backup(server, backup)
        assert seen, f"backup {backup} of {server} is shown no more"
        return seen

    # -- made and found -------------------------------------------------------

    def ask_for_backup(self, server, backup, body, key):
        """The job when it has ended. None: ask again. A backup that is there
        already, over an answer that was lost, has the state `there`."""
        self.told.moving.add(backup)
        asked = self.told.keys.get(key)
        if asked is None:
            status, headers, answer = self.node.ask(
                "POST", f"/api/servers/{server}/backup",
                {"uuid": backup, "ignore": "", **body})
            if status == 409:
                return {"state": "there", "answer": answer}
            if status != 202:
                assert status in (500, 503, 507), f"backup: {status} {answer}"
                self.try_again(status, answer)
                return None
            asked = self.accepted(headers, "backup.create")
            self.told.keys[key] = asked
        seen = self.wait_for(asked, self.is_over)
        if seen["state"] == "parked":
            self.node.ask("POST", f"/api/jobs/{asked}/retry", {})
            self.try_again(500, {"code": "parked"})
            return None
        return seen

    def back_up(self, server, backup, key):
        """202, then ready; one that failed over a fault is asked for anew."""
        if server in self.told.refused or backup in self.told.backups:
            return True
        seen = self.ask_for_backup(server, backup, {"adapter": "wings"}, key)
        if seen is None:
            return False
        if seen["state"] == "there":
            return self.found_ready(server, backup, seen["answer"])
        if seen["state"] == "failed":
            del self.told.keys[key]
            return self.again(seen)
        assert seen["state"] == "succeeded", seen
        self.is_there(backup)
        return True

    def is_there(self, backup):
        self.told.moving.discard(backup)
        self.told.backups.add(backup)

    def found_ready(self, server, backup, answer):
        assert answer["code"] == "backup-exists", answer
        seen = self.backup(server, backup)
        if seen is None or seen["state"] != "ready":
            return self.try_again(409, {"code": "not-ready"})
        self.is_there(backup)
        return True

    def put_foreign(self, backup, files):
        """An archive that another program wrote, in its own manner."""
        path = os.path.join(self.node.backups, f"{backup}.tar.gz")
        if os.path.exists(path):
            return True
        aside = os.path.join(self.node.base, backup)
        with tarfile.open(aside, "w:gz", format=tarfile.GNU_FORMAT) as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                member.mtime = 1_000_000_000  # older than any of ours
                archive.addfile(member, io.BytesIO(text.encode()))
        os.utime(aside, (1_000_000_000, 1_000_000_000))
        os.rename(aside, path)
        self.told.foreign.add(backup)
        self.is_there(backup)
        return True

    def index(self, server, backup, files, key):
        """From then on it can be looked into."""
        seen = self.job_of(key, "backup.index", "POST",
                           f"/api/servers/{server}/backup/{backup}/index", {})
        if seen is None or seen["state"] == "failed":
            return self.again(seen) if seen else False
        assert seen["state"] == "succeeded", seen
        name, text = next(iter(files.items()))
        status, _, found = self.node.ask(
            "GET", f"/api/servers/{server}/backup/{backup}/files/content"
                   f"?path={name}", raw=True)
        assert (status, found) == (200, text.encode()), \
            f"{name} of the indexed backup: {status} {found}"
        self.told.indexed.add(backup)
        return True

    # -- read -----------------------------------------------------------------

    def damage(self, backup):
        """A disk that forgets: bytes in the middle of the archive change."""
        self.told.damaged.add(backup)
        with open(checks.archive_there(self.node, backup), "r+b") as archive:
            middle = os.fstat(archive.fileno()).st_size // 2
            archive.seek(middle)
            old = archive.read(8)
            archive.seek(middle)
            archive.write(bytes(byte ^ 0x55 for byte in old))
        return True

    def verify(self, server, backup, key):
        """Good or damaged: the answer is on record before the job ends."""
        seen = self.job_of(key, "backup.verify", "POST",
                           f"/api/servers/{server}/backup/{backup}/verify", {})
        if seen is None:
            return False
        is_damaged = backup in self.told.damaged
        if seen["state"] == "failed" \
                and seen["error"]["code"] != "backup-damaged":
            return self.again(seen)
        assert seen["state"] == ("failed" if is_damaged else "succeeded"), seen
        shown = self.shown_backup(server, backup)
        assert shown["verified_at"] and bool(shown["damage"]) == is_damaged, \
            shown
        return True

    def pin(self, server, backup):
        status, _, answer = self.node.ask(
            "PUT", f"/api/servers/{server}/backup/{backup}/pin")
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 204, f"pin: {status} {answer}"
        return True

    def set_rotation(self, server, policy):
        """A policy of the server's own, from the answer on."""
        status, _, answer = self.node.ask(
            "PUT", f"/api/servers/{server}/backup/rotation", policy)
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 200, f"set a rotation: {status} {answer}"
        self.told.policies[server] = answer["policy"]
        return True

    # -- restored -------------------------------------------------------------

    def change_files(self, server, files):
        """The game goes on: other files, and none of the old ones."""
        if server in self.told.refused:
            return True
        volume = os.path.join(self.node.volumes, server)
        self.told.alive.pop(server, None)
        for name in os.listdir(volume):
            path = os.path.join(volume, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for name, text in files.items():
            path = os.path.join(volume, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        self.told.alive[server] = files
        return True

    def restore(self, server, backup, before, after, key, body=None):
        """The old files or the new ones, never neither; of a merge, the files
        that are in both."""
        body = {"truncate_directory": True} if body is None else body
        return self.change_trees(
            server, before, after, key, "backup.restore",
            f"/api/servers/{server}/backup/{backup}/restore",
            {"adapter": "wings", **body},
            is_merge=not body.get("truncate_directory", False))

    def undo(self, server, restore_key, before, after, key, is_merge=False):
        """Takes back a restore, or an undo."""
        return self.change_trees(
            server, before, after, key, "backup.undo_restore",
            f"/api/jobs/{self.told.keys[restore_key]}/undo", {}, is_merge)

    def change_trees(self, server, before, after, key, kind, path, body,
                     is_merge):
        if server in self.told.refused:
            return True
        self.told.alive.pop(server, None)
        self.told.either[server] = (before, after, is_merge)
        seen = self.job_of(key, kind, "POST", path, body)
        if seen is None:
            return False
        if seen["state"] == "failed":
            assert checks.has_files(self.node, server, before), \
                f"a {kind} failed, and the files are not as they were: " \
                + json.dumps(checks.files_in(self.node, server))
            return self.again(seen)
        assert seen["state"] == "succeeded", seen
        assert checks.has_files(self.node, server, after), \
            f"a {kind} is done, and the files are others: " \
            + json.dumps(checks.files_in(self.node, server))
        del self.told.either[server]
        self.told.alive[server] = after
        return True

    def made_room(self, restore_key, removed_key):
        """One restore has cost another one its undo, and says so."""
        removed = self.told.keys[removed_key]
        if restore_key not in self.told.failed:
            result = self.look(self.told.keys[restore_key])["result"]
            assert result.get("undo_removed_for_room") == [removed], result
        status, _, answer = self.node.ask(
            "POST", f"/api/jobs/{removed}/undo", {})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert (status, answer["code"]) == (409, "not-undoable"), \
            f"undo of a restore that had to make room: {status} {answer}"
        return True

    # -- removed --------------------------------------------------------------

    def is_gone(self, backup):
        self.told.moving.discard(backup)
        self.told.gone.add(backup)

    def delete_backup(self, server, backup):
        """Also one whose server is gone: then without a server."""
        if server in self.told.refused:
            return True
        self.told.backups.discard(backup)
        self.told.moving.add(backup)
        place = f"/api/servers/{server}/backup" if server else "/api/backups"
        status, headers, answer = self.node.ask("DELETE", f"{place}/{backup}")
        if status in (500, 503, 507, 409):
            return self.try_again(status, answer)
        assert status in (202, 204), f"delete of a backup: {status} {answer}"
        if status == 202:
            job = self.accepted(headers, "backup.delete")
            seen = self.wait_for(job, self.is_over)
            if seen["state"] == "parked":
                self.node.ask("POST", f"/api/jobs/{job}/retry", {})
                return self.try_again(500, {"code": "parked"})
        self.is_gone(backup)
        return True

    def rotate(self, server, expected, key):
        """By the server's policy: exactly what no rule keeps goes, in one
        decision."""
        self.told.backups -= expected
        self.told.moving |= expected
        seen = self.job_of(key, "backup.rotate", "POST",
                           f"/api/servers/{server}/backup/rotate", {})
        if seen is None:
            return False
        if seen["state"] == "failed":
            for backup in expected:
                assert self.shown_backup(server, backup)["state"] == "ready", \
                    f"a rotation failed, and took {backup}"
            return self.again(seen)
        assert seen["state"] == "succeeded", seen
        removed = {each["backup"] for each in seen["result"]["removed"]}
        assert removed == expected, f"rotated away: {seen['result']}"
        for backup in expected:
            self.is_gone(backup)
        return True

    def delete_with_backups(self, server, backups, key):
        """Server and backups go in one job."""
        self.told.backups -= backups
        self.told.moving |= backups
        if not self.delete(server, key, "?backups=delete"):
            return False
        job = self.told.keys.get(key)
        if job is None:  # the answer that named it was lost
            return True
        seen = self.wait_for(job, self.is_done_with_backups)
        if seen["state"] == "parked":
            self.node.ask("POST", f"/api/jobs/{job}/retry", {})
            return self.try_again(500, {"code": "parked"})
        for backup in backups:
            self.is_gone(backup)
        return True

    def is_done_with_backups(self, job):
        steps = {step["name"]: step["state"] for step in job["steps"]}
        return steps["remove_backups"] == "done" or self.is_over(job)

    def see_orphans(self, expected):
        """What a deleted server has left stays listed."""
        status, _, page = self.node.ask("GET", "/api/backups?orphaned=true")
        assert status == 200, f"orphans: {status} {page}"
        found = {item["uuid"] for item in page["items"]}
        assert found == expected, f"orphaned: {found}, expected: {expected}"
        return True
