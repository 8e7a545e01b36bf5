#!/usr/bin/python3
"""Backups of a real alula on their way to a real object store, and what can
happen to them there.

  scripts/with-s3 [radosgw|swift|both] tests/live/far_story.py \\
      --binary build/dev/alula [--short | --tale NAME...]

Without either all tales; --short is what CI has the time for: both ways to the
Panel's store and to one's own, each of them killed once. Every tale ends with an
upload that arrived, or with an error that says why, and with a store that has no
open upload. Skipped (77) where there is no store. A real game's world goes the
same way in world_story.py.
"""

import argparse
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from far_node import (PART, Stage, in_archive, tree, why_not)  # noqa: E402
from file_news import wait_in  # noqa: E402
from telling import check, say  # noqa: E402

STREAMED = "    s3_stream: true\n"
EACH_WAY = ("", STREAMED)
ADAPTERS = ("s3", "store")
FULL = ((507, "StorageFull"), (403, "QuotaExceeded"))


class Teller(Stage):
    def begin(self, keys=""):
        super().begin(keys)
        self.node.make_world()

    def arrived(self, uuid):
        data = super().arrived(uuid)
        check(in_archive(data) == {k: v for k, v in self.node.world.items()
                                   if v[0] != "directory"},
              "every file of the world is in it")
        return data

    def settles(self, adapter, uuid):
        if adapter == "s3":
            self.arrived(uuid)
            return
        self.nothing_is_open()
        self.node.lies_in(uuid, ["offsite"])
        data, _ = self.bucket.call("GET", self.own_key(uuid))
        check(hashlib.sha1(data).hexdigest()
              == self.node.backup(uuid)["checksum"].removeprefix("sha1:"),
              "what lies in the store is what was written")

    # -- there and back -------------------------------------------------------

    def tale_world(self, keys=""):
        """A backup there and back, beside a local one."""
        self.begin(keys)
        node = self.node
        self.panel.control("POST", "/habits", {"default_disk": "wings"})
        here, job = node.begin("wings")
        node.ends_well(job, "a local backup is made")
        node.is_told(here)
        self.panel_signs()
        uuid, job = node.begin("s3")
        node.ends_well(job, "a backup goes to the Panel's store")
        data = self.arrived(uuid)
        [local] = (node.base / "backups").rglob(f"*{here}.tar.gz")
        check(in_archive(local.read_bytes()) == in_archive(data),
              "it has what the local one has")
        self.is_downloaded(uuid, data)
        # Everything else, then everything back.
        for path in node.volume.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.write_text("trampled")
        (node.volume / "new").write_text("new")
        self.restores(uuid)
        check(tree(node.volume) == node.world, "the world is what it was")

    def tale_stream(self):
        """A backup there and back, without a local archive."""
        self.tale_world(STREAMED)

    def tale_copies(self):
        """Everything has a copy in a store of the node's own, is read there,
        and comes from there when nothing else is left."""
        self.begin("    copy_to: offsite\n" + STREAMED)
        node = self.node
        self.panel.control("POST", "/habits", {"default_disk": "wings"})
        here, job = node.begin("wings")
        node.ends_well(job, "a local backup is made")
        node.lies_in(here, ["local", "offsite"])
        self.panel_signs()
        uuid, job = node.begin("s3")
        node.ends_well(job, "a backup goes to the Panel's store")
        self.arrived(uuid)
        node.lies_in(uuid, ["offsite", "panel"])
        base = f"/api/servers/{node.server}/backup/"
        for one in (here, uuid):
            node.ends_well(node.asked("POST", f"{base}{one}/verify",
                                      {"place": "offsite"}),
                           "its copy is read in the store")
        node.ends_well(node.asked("DELETE", f"{base}{here}/places/local"),
                       "the local archive is dropped")
        (node.volume / "server.properties").write_text("trampled")
        node.ends_well(node.asked("POST", f"{base}{here}/restore",
                                  {"adapter": "wings",
                                   "truncate_directory": True}),
                       "it is restored from the store")
        check(tree(node.volume) == node.world, "the world is what it was")
        self.bucket.call("PUT", self.own_key(uuid), body=b"something else")
        seen = node.end_of(node.asked("POST", f"{base}{uuid}/verify"))
        check(seen["state"] == "failed"
              and seen["error"]["code"] == "backup-damaged",
              "a copy that is another one by now is noticed")

    # -- bad stores and bad networks ------------------------------------------

    def tale_hang(self):
        """A process of the store stops in the middle of parts, what keeps the
        objects or what answers for it, and goes on after the stall limit."""
        for adapter in ADAPTERS:
            for pid in self.store_pids:
                self.hangs(adapter, pid)

    def hangs(self, adapter, pid):
        self.begin()
        say(f"{pathlib.Path(f'/proc/{pid}/comm').read_text().strip()} "
            f"is to hang ({adapter})")
        self.way.hold_parts(but=1)
        uuid, job = self.node.begin(adapter)
        check(self.way.wait_for_parts(1), "a part is through")
        check(self.way.wait_for_held("held", 2), "two are in their middle")
        os.kill(pid, signal.SIGSTOP)
        try:
            self.way.let()
            check(wait_in(self.node.base, lambda: "part-retried"
                          in self.node.last_words(), 60),
                  "the node notices that nothing moves")
            seen = self.node.until("the job says why it waits", lambda:
                                   self.sends_again(job))
            check(not seen["done"], f"and does not give up: {seen['message']}")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.node.ends_well(job, f"the upload ({adapter}) arrives")
        check(sorted(set(self.way.parts)) == [1, 2, 3, 4], "no part is lost")
        self.settles(adapter, uuid)
        self.end()

    def sends_again(self, job):
        seen = self.node.get(f"/api/jobs/{job}")
        return seen if " again, try " in (seen["message"] or "") else None

    def tale_cut(self):
        """Connections end in parts, at their beginning, middle and end."""
        self.begin()
        for adapter in ADAPTERS:
            self.way.forgive()
            self.way.cuts = [0, 1, PART // 2, PART - 1]
            uuid, job = self.node.begin(adapter)
            self.node.ends_well(job, f"cut four times, it arrives ({adapter})")
            check(self.way.done["cut"] == 4, "all four cuts were made")
            self.settles(adapter, uuid)

    def tale_expired(self):
        """The URLs run out between two parts; a stream is then made on the
        disk first. That no upload is open afterwards is the Panel's doing: this
        one aborts what it began before (`tidy`), a stock one leaves it to a
        lifecycle rule of its bucket."""
        for keys in EACH_WAY:
            self.begin("    s3_parallel: 1\n" + keys)
            self.panel_signs(fresh_parts=1)
            uuid, job = self.node.begin("s3")
            self.node.ends_well(job, "with new URLs it arrives"
                                + (", streamed" if keys else ""))
            check(self.panel.plans(uuid) == 2, "they were asked for once more")
            check(self.way.parts[:2] == [1, 1],
                  "one part had come before, and they began anew")
            self.arrived(uuid)
            self.end()

    def tale_etag(self):
        """What the store says it has is not what was sent."""
        self.begin()
        for adapter in ADAPTERS:
            self.way.forgive()
            self.way.lies = 2
            uuid, job = self.node.begin(adapter)
            self.node.ends_well(job, f"what was not believed is sent again "
                                f"({adapter})")
            check(self.way.done["lied"] == 2, "both lies were told")
            self.settles(adapter, uuid)

    def quota(self, is_on):
        """Whether the store is full itself; else what a full one answers."""
        if self.kind != "radosgw":
            self.way.refusals = [(403, "QuotaExceeded")] * 99 if is_on else []
            return
        for words in (["set", "--max-size=1M"],
                      ["enable" if is_on else "disable"]):
            subprocess.run(["radosgw-admin", "-n", "client.admin", "quota",
                            words[0], "--quota-scope=user", "--uid=alula",
                            *words[1:]], check=True, capture_output=True)

    def tale_quota(self):
        """The store is full."""
        self.begin()
        for adapter in ADAPTERS:
            self.quota(True)
            try:
                self.is_full("QuotaExceeded", adapter)
            finally:
                self.quota(False)

    def tale_full(self):
        """The store becomes full when parts are through: 507, as some say, and
        403, as others do."""
        for keys in EACH_WAY:
            self.begin(keys)
            for words in FULL:
                for adapter in ADAPTERS:
                    self.fills(words, adapter)
            self.end()

    def tale_full_once(self):
        """Each way meets each word of a store that becomes full, and each
        adapter one of them."""
        for keys, said in zip(EACH_WAY, (FULL, FULL[::-1])):
            self.begin(keys)
            for words, adapter in zip(said, ADAPTERS):
                self.fills(words, adapter)
            self.end()

    def fills(self, words, adapter):
        self.way.forgive()
        self.way.refuse_after(2, [words] * 99)
        before = len(self.way.parts)
        self.is_full(words[1], adapter)
        check(len(self.way.parts) - before == 2, "two parts had come before")

    def is_full(self, code, adapter):
        uuid, job = self.node.begin(adapter)
        seen = self.node.end_of(job)
        check(seen["state"] == "failed" and code in json.dumps(seen["error"]),
              f"a full store ends it, in its words ({adapter})")
        if adapter == "s3":
            self.node.is_told(uuid)
            check(not self.panel.backup(uuid)["is_successful"]
                  and self.panel.plans(uuid) == 1,
                  "the Panel hears of it and was asked for URLs once")
        self.nothing_is_open()
        self.node.leaves_no_file(uuid)

    # -- kill -9 --------------------------------------------------------------

    def tale_kill_once(self):
        """kill -9 at one part and at the completion, and the next start goes
        on."""
        self.tale_kill((2,), ("after",))

    def tale_kill(self, parts=(0, 1, 2, 3, 4), moments=("before", "after")):
        """kill -9 at every part, behind the last one, and while the upload is
        put together: before the store hears of that, and behind it."""
        for keys in EACH_WAY:
            self.begin(keys)
            for adapter in ADAPTERS:
                for part in parts:
                    self.kill_at(part, adapter, bool(keys))
                for moment in moments:
                    self.kill_at_completion(moment, adapter, bool(keys))
            self.end()

    def kill_at(self, part, adapter, is_streamed):
        """When so many are through, and the others on their way at most."""
        self.way.forgive()
        before = len(self.way.parts)
        self.way.hold_parts(but=part)
        # Behind the last part there is nothing to wait for but this.
        self.way.hold_completion("before")
        uuid, job = self.node.begin(adapter)
        check(self.way.wait_for_parts(before + part),
              f"{part} of 4 parts through")
        # As many as are left, three at most (system.backups.s3_parallel).
        under_way = min(3, 4 - part)
        check(self.way.wait_for_held("held", under_way) if under_way
              else self.way.wait_for_held("completion"),
              "what comes next is on its way")
        self.goes_on(uuid, job, adapter, is_streamed, f"killed at part {part}",
                     is_cut=part < 4)
        sent = len(self.way.parts) - before
        # What was under way has not come to the store. Whoever of the three was
        # not held had a part through, and may not have had it on record; behind
        # the last one all are.
        unsure = 3 - under_way if part < 4 else 0
        check(is_streamed or sent <= 4 + unsure,
              f"{sent} parts were sent for 4")

    def kill_at_completion(self, moment, adapter, is_streamed):
        self.way.forgive()
        self.way.hold_completion(moment)
        before = len(self.way.parts)
        uuid, job = self.node.begin(adapter)
        check(self.way.wait_for_held("completion"),
              f"the upload is being put together: {moment} the store does it")
        self.goes_on(uuid, job, adapter, is_streamed,
                     f"killed {moment} the completion")
        sent = len(self.way.parts) - before
        check(is_streamed or sent == 4, "no part was sent again"
              if sent == 4 else f"{sent} parts were sent for 4")

    def goes_on(self, uuid, job, adapter, is_streamed, what, is_cut=False):
        """A Panel that puts it together does so whether or not the node lives;
        what the node itself has begun ends with it."""
        self.node.kill()
        self.way.let(cut=is_cut or adapter == "store")
        self.node.start()
        self.node.ends_well(job, f"{what}, it arrives ({adapter}"
                            f"{', streamed' if is_streamed else ''})")
        if adapter == "s3":
            check(self.panel.plans(uuid) == 1, "URLs were asked for once")
        self.settles(adapter, uuid)


TALES = ("world", "stream", "copies", "cut", "etag", "expired", "quota", "full",
         "hang", "kill")
# Without what another one tells nearly as well, and what the store has no part in.
SHORT = ("stream", "copies", "cut", "etag", "expired", "quota", "full_once",
         "hang", "kill_once")


def main():
    parse = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parse.add_argument("--binary", required=True)
    parse.add_argument("--tale", action="append",
                       choices=sorted({*TALES, *SHORT}))
    parse.add_argument("--short", action="store_true",
                       help=", ".join(SHORT))
    options = parse.parse_args()
    if why := why_not():
        print(f"skipped: {why}")
        return 77
    teller = Teller(options.binary)
    told = [teller.tell(name) for name in options.tale
            or (SHORT if options.short else TALES)]
    say(f"{sum(told)} of {len(told)} tales ended well")
    return 0 if all(told) else 1


if __name__ == "__main__":
    sys.exit(main())
