"""What a node goes through while a server runs on it: it is killed, its Panel
is away, its container is removed, its dockerd hangs or is restarted while one
server is deleted and another backed up, an installation fails, is cancelled, or
its server is deleted, the server is suspended while it is off, and one is created
while it starts. A story like those of panel_story.py, with the tiny server."""

import contextlib
import json
import subprocess
import time
import uuid as uuids

from node import Client, check, containers, say
from without_docker import WithoutDocker

ENDLESS = "echo begun; sleep 3600"  # of an installer


class Hardships(WithoutDocker):
    """A part of a Story."""

    def tell_hardships(self):
        client = self.create_and_come()
        self.install(client)
        self.start(client)
        client = self.outlive_a_kill(client)
        client = self.do_without_the_panel(client)
        client = self.end_unheard(client)
        self.lose_the_container(client)
        other = self.neighbour()
        self.outlive_a_hang(client, other)
        self.lose_dockerd(client, other)
        other.leave()
        self.fail_to_be_reinstalled(client)
        self.call_a_reinstallation_off(client)
        self.another().be_deleted_while_it_is_installed()
        self.be_suspended_meanwhile()
        self.be_created_while_the_node_starts()
        self.node.expect(204, "DELETE", self.base)
        say("ok   and in the end it is deleted")

    def come(self):
        return Client(self.node, self.uuid, ("*", "admin.websocket.install"))

    def answers(self, client, what):
        client.send("send command", self.game.command)
        client.hear("console output", what, self.game.answer)

    def outlive_a_kill(self, client):
        self.node.kill()
        client.hear_end("the node was killed")
        self.node.start()
        again = self.come()
        again.hear("status", "the server has run on", "running")
        self.answers(again, "its console is heard again")
        return again

    def do_without_the_panel(self, client):
        self.panel.control("POST", "/habits", {"down": True})
        client.send("set state", "restart")
        client.hear("status", "it stops without a Panel", "offline")
        began = time.monotonic()
        client.hear("console output", "it is said that the Panel is away",
                    "The Panel does not answer")
        # A call that may take its time asks for 30 s and longer.
        check(time.monotonic() - began < 25, "the Panel is not asked for long")
        client.hear("status", "it starts without a Panel", "running")
        self.node.kill()
        client.hear_end("the node was killed without a Panel")
        began = time.monotonic()
        self.node.start()
        check(time.monotonic() - began < 25,
              "a node is ready without waiting for its Panel")
        client = self.come()
        client.hear("status", "what ran on is known", "running")
        self.answers(client, "and has the console of what runs on")
        self.panel.control("POST", "/habits", {"down": False})
        self.node.until_all_is_told()
        return client

    def end_unheard(self, client):
        """A reinstallation and a backup end while the Panel is away, and alula
        is killed twice: the Panel hears of each once."""
        backup = str(uuids.uuid4())
        self.panel.control("POST", "/backups",
                           {"uuid": backup, "server": self.uuid})
        script = self.game.install
        # It must be at work still when alula is killed, whom nobody can tell.
        self.game.install = f"echo begun; sleep 5; {script}"
        self.tell_panel()
        headers, _ = self.node.expect(202, "POST", f"{self.base}/reinstall")
        client.hear("install output", "the installer has begun", "begun")
        self.panel.control("POST", "/habits", {"down": True})
        self.node.kill()
        self.node.start()
        check(self.node.end_of(headers)["state"] == "succeeded",
              "a reinstallation ends over kill -9, without a Panel")
        client = self.come()
        client.send("set state", "start")
        client.hear("status", "it is started meanwhile", "running")
        client.send("set state", "kill")
        client.hear("status", "and killed", "offline")
        headers, _ = self.node.expect(202, "POST", f"{self.base}/backup",
                                      {"adapter": "wings", "uuid": backup})
        check(self.node.end_of(headers)["state"] == "succeeded",
              "a backup ends without a Panel")
        self.node.kill()
        self.node.start()
        told = f"/servers/{self.uuid}/install", f"/backups/{backup}"
        before = len(self.panel.calls("POST", told[0]))
        known = len(self.panel.calls("POST", "/activity"))
        self.panel.control("POST", "/habits", {"down": False})
        self.node.until_all_is_told()
        calls = [self.panel.calls("POST", told[0])[before:],
                 self.panel.calls("POST", told[1])]
        check([len(each) for each in calls] == [1, 1],
              "the Panel hears of each, once")
        check(calls[0][0]["body"] == {"successful": True, "reinstall": True}
              and calls[1][0]["body"]["successful"], "and that both went well")
        done = [row["event"]
                for call in self.panel.calls("POST", "/activity")[known:]
                for row in call["body"]["data"] if row["server"] == self.uuid]
        check(done == ["server:power.start", "server:power.kill"],
              "and what was done meanwhile, in its order")
        self.game.install = script
        self.tell_panel()
        client = self.come()
        client.send("set state", "start")
        client.hear("status", "it may be started again", "running")
        return client

    def lose_the_container(self, client):
        """Somebody removes it by hand: as good as a crash."""
        subprocess.run(["docker", "rm", "-f", self.uuid], check=True,
                       capture_output=True)
        client.hear("status", "a container that is gone is off", "offline")
        client.hear("console output", "it counts as a crash", "crashed state")
        client.hear("status", "it is started again", "running")
        self.answers(client, "the new one listens")

    def another(self):
        """A server of this node that is yet to be made."""
        return type(self)(self.game, self.node, self.panel)

    def neighbour(self):
        """Another server of this node, installed and off."""
        other = self.another()
        other.create()
        other.install()
        return other

    @property
    def backups(self):
        return f"{self.base}/backup"

    def be_backed_up(self):
        """Which needs no Docker, of a server that is off."""
        backup = str(uuids.uuid4())
        self.panel.control("POST", "/backups",
                           {"uuid": backup, "server": self.uuid})
        headers, _ = self.node.expect(202, "POST", self.backups,
                                      {"adapter": "wings", "uuid": backup})
        check(self.node.end_of(headers)["state"] == "succeeded",
              "another server is backed up meanwhile")
        _, backups = self.node.expect(200, "GET", self.backups)
        check(backup in json.dumps(backups), "its backup is listed")

    def leave(self):
        """Deleted, and off the Panel's list, of which a boot registers all."""
        status, headers, _ = self.node.ask("DELETE", self.base)
        check(status in (202, 204)
              and self.node.end_of(headers)["state"] == "succeeded",
              "a server leaves")
        self.panel.control("POST", "/servers/remove", {"uuid": self.uuid})

    @contextlib.contextmanager
    def install_script(self, script):
        """The Panel has it for the server meanwhile."""
        was, self.game.install = self.game.install, script
        self.tell_panel()
        yield
        self.game.install = was
        self.tell_panel()

    def fail_to_be_reinstalled(self, client):
        """Its script fails, which the Panel hears; the server is as usable as
        it was."""
        before = len(self.panel.calls("POST", f"/servers/{self.uuid}/install"))
        with self.install_script("echo broken; exit 7"):
            headers, _ = self.node.expect(202, "POST",
                                          f"{self.base}/reinstall")
            client.hear("install output", "the script is run", "broken")
            client.hear("install completed", "one that fails ends, too")
            job = self.node.end_of(headers)
        check(job["state"] == "failed"
              and job["error"]["code"] == "install-failed"
              and "exit code 7" in json.dumps(job["error"]),
              "the job has failed, and says with which code the script ended")
        _, log = self.node.expect(200, "GET", f"{self.base}/install-logs")
        check(any("broken" in line for line in log["data"]),
              "its log is served")
        self.be_startable_all_the_same(client, before)

    def call_a_reinstallation_off(self, client):
        """It is cancelled in the middle, which is as good as a failure."""
        before = len(self.panel.calls("POST", f"/servers/{self.uuid}/install"))
        with self.install_script(ENDLESS):
            headers, _ = self.node.expect(202, "POST",
                                          f"{self.base}/reinstall")
            client.hear("install output", "the installer has begun", "begun")
            check(f"{self.uuid}_installer" in containers(),
                  "its container runs")
            self.node.expect(202, "POST", headers["location"] + "/cancel")
            client.hear("install completed", "one that is cancelled ends, too")
            check(self.node.end_of(headers)["state"] == "cancelled",
                  "a reinstallation is cancelled in the middle")
        self.be_startable_all_the_same(client, before)

    def be_startable_all_the_same(self, client, before):
        """`before`: of how many installations the Panel had heard."""
        told = self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/install", before + 1,
            "the reinstallation has ended")
        check([call["body"] for call in told[before:]]
              == [{"successful": False, "reinstall": True}],
              "and that it did not go well")
        check(self.panel.state()["servers"][self.uuid]["status"]
              == "reinstall_failed", "which is what the Panel shows")
        check(f"{self.uuid}_installer" not in containers(),
              "no container of an installer is left")
        client.send("set state", "start")
        client.hear("status", "the server may be started all the same",
                    "running")
        self.answers(client, "and is as usable as before")

    def be_deleted_while_it_is_installed(self):
        """A new server, whose first installation would never end."""
        with self.install_script(ENDLESS):
            client = self.create_and_come()
            client.hear("install output", "the installer has begun", "begun")
        _, jobs = self.node.expect(
            200, "GET", f"{self.base}/jobs?kind=server.install")
        [installation] = jobs["items"]
        check(f"{self.uuid}_installer" in containers(), "its container runs")
        headers, _ = self.node.expect(204, "DELETE", self.base)
        client.hear("deleted", "the server is deleted meanwhile", "null")
        client.hear_end("the server is deleted")
        check(self.node.end_of(headers)["state"] == "succeeded",
              "a server is deleted in the middle of its installation")
        _, job = self.node.expect(
            200, "GET", "/api/jobs/" + installation["id"])
        check(job["state"] == "cancelled", "which is called off")
        check(not [name for name in containers() if self.uuid in name],
              "no container is left, not of its installer either")
        check(not (self.node.volumes / self.uuid).exists(),
              "and no files")
        # The Panel would be asked for days about what it does not have.
        self.node.until_all_is_told()
        self.panel.control("POST", "/servers/remove", {"uuid": self.uuid})

    def be_created_while_the_node_starts(self):
        """The Panel commits a server, the boot finds it on its list, and only
        then the Panel asks for it."""
        was, self.uuid = self.uuid, str(uuids.uuid4())
        self.base = f"/api/servers/{self.uuid}"
        self.settings.update(uuid=self.uuid, suspended=False)
        self.node.kill()
        self.tell_panel()
        self.node.start()
        self.node.until(
            lambda: self.node.ask("GET", self.base)[0] == 200,
            "the boot does not register what is on the Panel's list")
        headers, _ = self.node.expect(
            202, "POST", "/api/servers",
            {"uuid": self.uuid, "start_on_completion": True})
        check(self.node.end_of(headers)["state"] == "succeeded",
              "a server the boot has registered already is installed")
        told = self.panel.wait_for_calls(
            "POST", f"/servers/{self.uuid}/install", 1, "it is installed")
        check(told[0]["body"] == {"successful": True, "reinstall": False},
              "the Panel hears of it as of any other")
        self.come().hear("status", "it is started when it is installed",
                         "running")
        self.node.expect(204, "DELETE", self.base)
        self.uuid, self.base = was, f"/api/servers/{was}"

    def be_suspended_meanwhile(self):
        self.node.kill()
        self.tell_panel(suspended=True)
        self.node.start()

        def is_stopped():
            shown = self.state()
            return shown["is_suspended"] and shown["state"] == "offline" \
                and not shown["jobs"] and shown

        shown = self.node.until(
            is_stopped, "who was suspended while the node was off runs on")
        check(shown["wanted_power"] == "down",
              "who was suspended while the node was off is stopped")
