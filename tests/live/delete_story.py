#!/usr/bin/python3
"""A running server is deleted, and alula is killed while it does so.

    scripts/with-dockerd --own tests/live/delete_story.py --binary ALULA
        [--keep]

First one DELETE as its client, dockerd, the disk and the API see it; then others
with kill -9 at eleven moments, from the request to the removal of the files:
what is on record ends at the URL it had, and of what is not nobody was told.
Ends with code 77 where there is no dockerd.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from node import Broken, Client, check, say  # noqa: E402
from panel_process import PATIENCE  # noqa: E402
from panel_story import GAMES, Story, prepare  # noqa: E402
from scene import Scene, options_of, parser_of  # noqa: E402

GAME = GAMES["tiny"]
# Of milliseconds after the request was sent; at last, when it is answered.
ANSWERED = "answered"
MOMENTS = (0, 5, 20, 50, 100, 150, 200, 300, 450, 600, ANSWERED)
# Files of a server: some, and so many that their removal can be seen.
SOME, MANY, IN_A_FOLDER = 3_000, 20_000, 500
HOARD = "players"


def docker(*words):
    return subprocess.run(["docker", *words], text=True, capture_output=True)


class Doomed(Story):
    """A server that runs and has files, with a client."""

    def __init__(self, node, panel, files):
        super().__init__(GAME, node, panel)
        self.volume = node.volumes / self.uuid
        self.tell_panel()
        node.expect(202, "POST", "/api/servers", {
            "uuid": self.uuid, "start_on_completion": True})
        panel.wait_for_calls("POST", f"/servers/{self.uuid}/install", 1,
                             "a server is installed")
        node.until_there(self.uuid, GAME.files)
        self.client = Client(node, self.uuid)
        self.client.hear("status", "it runs", "running")
        self.fill(files)
        check(self.has_running_container(), f"in dockerd, with {files} files")

    def fill(self, files):
        for i in range(files):
            folder = self.volume / HOARD / f"{i // IN_A_FOLDER:02}"
            if i % IN_A_FOLDER == 0:
                folder.mkdir(parents=True)
            (folder / f"{i}.json").write_text(f'{{"player": {i}}}\n')

    def has_running_container(self):
        seen = docker("inspect", "-f", "{{.State.Running}}", self.uuid)
        return seen.returncode == 0 and seen.stdout.strip() == "true"

    def check_container_is_gone(self):
        seen = docker("inspect", self.uuid)
        said = seen.stderr.strip()
        check(seen.returncode != 0 and "no such" in said.lower(),
              f"docker inspect: {said}")
        seen = docker("ps", "-aq", "--filter",
                      f"label=alula.server={self.uuid}")
        check(seen.returncode == 0 and not seen.stdout.strip(),
              "dockerd has no other container of it")

    def check_nothing_is_left(self):
        kept = self.node.expect(200, "GET", "/api/trash")[1]["items"]
        names = [name for name in os.listdir(self.node.base / ".trash")
                 if name != ".alula-store"]
        check(not kept and not names,
              f"the trash is empty {[*kept, *names] or ''}".rstrip())
        check(not self.volume.exists(), "the place of its files is free")

    def check_dismissal(self):
        self.client.hear("deleted", "the server is deleted", "null")
        check(self.client.hear_end("the server is deleted")[0] == 1001,
              "with the code that pages know for that")

    def leave_the_panel(self):
        """As it forgets a server when it is told that it is deleted."""
        self.panel.control("POST", "/servers/remove", {"uuid": self.uuid})


class Deletion(threading.Thread):
    """A DELETE that is sent when this is made, and whose answer is read aside."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.status, self.url, self.lost = None, None, None
        self.link = http.client.HTTPConnection(
            "127.0.0.1", server.node.port, timeout=PATIENCE)
        self.link.request("DELETE", server.base, headers={
            "Authorization": f"Bearer {server.node.identity['token']}"})
        self.start()

    def run(self):
        try:
            answer = self.link.getresponse()
            self.url, self.status = answer.headers["Location"], answer.status
        except (OSError, http.client.HTTPException) as why:
            self.lost = why
        finally:
            self.link.close()

    def wait_for_answer(self):
        """Or for the end of the connection."""
        self.join(PATIENCE + 1)
        if self.is_alive():
            raise Broken("a DELETE has neither an answer nor an end")


def watch(node, panel):
    say("==   a DELETE, and what everybody sees of it")
    server = Doomed(node, panel, MANY)
    began = time.monotonic()
    status, headers, said = node.ask("DELETE", server.base)
    took = time.monotonic() - began
    is_free = not server.volume.exists()
    check(status == 204, f"it answers {status} after {took:.2f} s {said or ''}"
          .rstrip())
    check(is_free, "then the place of its files is free")
    node.expect(404, "DELETE", server.base)
    say("ok   a second DELETE is 404")
    server.check_container_is_gone()
    server.check_dismissal()
    server.leave_the_panel()
    job = node.end_of(headers)
    check(job["kind"] == "server.delete" and job["state"] == "succeeded",
          f"the job at the URL it answered with has {job['state']}")
    check(job["result"]["entries"] >= MANY,
          f"it has removed {job['result']['entries']} entries")
    server.check_nothing_is_left()


class Kill:
    """kill -9 of alula at a moment of a DELETE, and the start behind it."""

    def __init__(self, node, panel, moment):
        self.node, self.panel, self.moment = node, panel, moment

    def tell(self):
        """Whether the deletion was on record."""
        say("==   kill -9 " + (
            "right behind the 204" if self.moment == ANSWERED else
            f"{self.moment} ms after the DELETE was sent"))
        self.server = Doomed(self.node, self.panel,
                             MANY if self.moment == ANSWERED else SOME)
        self.strike()
        # A Panel that had no answer has the server on its list still, and a
        # boot registers what is there: it is away until the end is seen.
        self.panel.control("POST", "/habits", {"down": True})
        self.node.start()
        jobs = self.node.expect(
            200, "GET", f"/api/jobs?server={self.server.uuid}"
            "&kind=server.delete")[1]["items"]
        if jobs:
            self.see_it_gone(jobs)
        else:
            self.see_it_untouched()
        self.server.leave_the_panel()
        self.return_of_the_panel()
        return bool(jobs)

    def strike(self):
        self.deletion = Deletion(self.server)
        if self.moment == ANSWERED:
            self.deletion.wait_for_answer()
        else:
            # Nothing is waited for: the moment is what is tried.
            time.sleep(self.moment / 1000)
        self.node.kill()
        self.deletion.wait_for_answer()
        told = self.deletion
        check(told.status in (None, 204), "the client has "
              + (f"no answer: {told.lost!r}" if told.status is None
                 else f"an answer: {told.status}, {told.url}"))
        if self.moment == ANSWERED:
            self.see_what_an_answer_means()

    def see_what_an_answer_means(self):
        """alula is dead: what is so now, was so when it answered."""
        check(self.deletion.status == 204 and not self.server.volume.exists(),
              "an answer means that the place of its files is free")
        self.server.check_container_is_gone()
        self.server.check_dismissal()
        trash = self.node.base / ".trash" / self.deletion.url.rsplit("/", 1)[1]
        left = sum(len(names) for _, _, names in os.walk(trash))
        check(left > 0, f"{left} files are left to be removed")

    def see_it_gone(self, jobs):
        url = f"/api/jobs/{jobs[0]['id']}"
        check(len(jobs) == 1 and self.deletion.url in (None, url),
              f"the deletion is on record, once: {url}")
        job = self.node.end_of({"location": url})
        check(job["state"] == "succeeded",
              f"there it has {job['state']}, over {job['crashes']} crashes of"
              " a step")
        self.node.expect(404, "GET", self.server.base)
        self.node.expect(404, "DELETE", self.server.base)
        say("ok   the server is 404")
        self.server.check_container_is_gone()
        self.server.check_nothing_is_left()

    def see_it_untouched(self):
        check(self.deletion.status is None,
              "no deletion is on record, and nobody was told of one")
        hoard = self.server.volume / HOARD
        files = sum(len(names) for _, _, names in os.walk(hoard))
        check(self.server.has_running_container() and files == SOME,
              "its container runs, and all its files are there")
        again = Client(self.node, self.server.uuid)
        again.hear("status", "it has run on", "running")
        # Asked again, as whoever has no answer does.
        headers, _ = self.node.expect(204, "DELETE", self.server.base)
        check(self.node.end_of(headers)["state"] == "succeeded",
              "a DELETE that is sent again deletes it")
        self.server.check_nothing_is_left()

    def return_of_the_panel(self):
        """The node has read its list, so no server to come is on that one."""
        before = len(self.panel.calls("GET", "/servers"))
        self.panel.control("POST", "/habits", {"down": False})
        self.panel.wait_for_calls("GET", "/servers", before + 1,
                                  "the node asks for its servers")


def end(node):
    node.process.terminate()
    code = node.process.wait(PATIENCE)
    check(code == 0, f"SIGTERM ends alula with {code}")


def tell(options):
    prepare(GAME)
    on_record = []
    with Scene("a DELETE", options) as scene:
        node = scene.start_node()
        watch(node, scene.panel)
        for moment in MOMENTS:
            if Kill(node, scene.panel, moment).tell():
                on_record.append(moment)
        end(node)
    say(json.dumps({"kills": len(MOMENTS), "on_record_after": on_record,
                    "failed": scene.failed}))
    return not scene.failed


def main():
    options = options_of(parser_of(__doc__))
    sys.exit(0 if tell(options) else 1)


if __name__ == "__main__":
    main()
