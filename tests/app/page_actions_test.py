#!/usr/bin/python3
"""What is done with the status page in a browser: jobs, servers, backups and
queues.

    page_actions_test.py ALULA [TEST…]

With SCREENSHOTS=DIR it also leaves pictures there.
"""

import os
import pathlib
import sys

from page import Browsed, Keys
from running_node import Panel, RunningNode, run_tests, small_disk

BINARY = ""


class Actions(Browsed):
    def test_a_backup_is_seen_moving_and_can_be_cancelled(self):
        big = self.node.base / "volumes" / self.village / "world" / "big"
        big.write_bytes(os.urandom(1 << 20) * 300)
        self.open(f"servers/{self.village}")
        self.press("Back up")
        self.confirm("Make a backup")
        self.browser.get(f"{self.node.url}/#/jobs")
        bar = self.wait(lambda: [b for b in self.find("progress") if b.is_displayed() and b.get_attribute("value")])[0]
        first = float(bar.get_attribute("value"))
        self.wait(lambda: float(bar.get_attribute("value")) > first)
        self.wait_text("Backup of", "/s", "left")
        self.look("jobs")
        self.press("Cancel")
        self.confirm("Cancel the job")
        self.wait_text("Nothing is under way.", "cancelled")
        big.unlink()

    def test_a_stuck_job_says_why_since_when_and_what_to_do(self):
        big = self.node.base / "volumes" / self.village / "world" / "big"
        big.write_bytes(os.urandom(1 << 20) * 300)
        self.addCleanup(big.unlink)
        first, second = (self.node.begin_backup(self.village) for _ in range(2))
        self.open("jobs")
        self.wait_text(f"waits for the end of backup.create {first}", "Since", "What to do:", f"alula jobs show {first}")
        # And one that died in its step three times, which needs somebody.
        for _ in range(3):
            self.wait(lambda: any(s["name"] == "archive" and s["state"] == "started"
                                  for s in self.node.get(f"/api/jobs/{first}")["steps"]))
            self.node.kill()
            self.node.start()
        self.wait_text('alula died 3 times in step "archive"', "look at the log and the memory", "1 need you", "1 waiting", "Retry", "Abandon")
        self.look("stuck")
        self.assertNotIn("More jobs are under way", self.text())
        # It is older than all that is read of those under way, where only one is.
        short = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
            const real = window.fetch;
            window.fetch = (url, ...rest) => real(String(url).replace("done=false&limit=200", "done=false&limit=1"), ...rest);"""})
        self.browser.refresh()
        self.wait_text('alula died 3 times in step "archive"', "1 need you", "More jobs are under way")
        self.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", short)
        self.browser.refresh()
        self.wait_text("1 need you")
        self.browser.get(f"{self.node.url}/#/jobs/{first}")
        self.wait_text('alula died 3 times in step "archive"', "Since", "What to do:")
        for job, verb, body in ((first, "abandon", {"reason": "a test"}), (second, "cancel", None)):
            self.node.ask("POST", f"/api/jobs/{job}/{verb}", body)
            self.node.end_of(job)

    def test_what_is_locked_leads_to_the_job_that_has_it(self):
        self.node.make_backup(self.village)
        big = self.node.base / "volumes" / self.village / "world" / "big"
        big.write_bytes(os.urandom(1 << 20) * 300)
        self.addCleanup(big.unlink)
        job = self.node.begin_backup(self.village)
        self.addCleanup(self.node.end_of, job)
        self.addCleanup(self.node.ask, "POST", f"/api/jobs/{job}/cancel")
        self.wait(lambda: self.node.get(f"/api/jobs/{job}")["state"] == "running")
        self.open(f"servers/{self.village}")
        self.press("Restore")
        self.confirm("Restore")
        self.wait_text("What that job is at")
        self.press("What that job is at", "#notices")
        self.wait(lambda: self.browser.current_url.endswith(job))

    def test_docker_that_is_away_is_said(self):
        node = RunningNode(BINARY, docker=False).start()
        self.addCleanup(node.close)
        server = node.make_server("castle")
        node.ask("DELETE", f"/api/servers/{server}", headers={"Prefer": "respond-async"})
        self.browser.get(node.url + "/")
        self.wait(lambda: self.find("#token"))[0].send_keys(node.token, Keys.ENTER)
        self.wait_text("there is no Docker socket", "Since", "Start Docker")

    def test_a_disk_that_is_full_is_said(self):
        node = RunningNode(BINARY)
        self.addCleanup(node.close)
        disk = node.base / "backups"
        self.addCleanup(small_disk(disk))
        node.start()
        self.addCleanup(node.kill)
        server = node.make_server("castle")
        (node.base / "volumes" / server / "big").write_bytes(os.urandom(1 << 20) * 300)
        job = node.end_of(node.begin_backup(server))
        self.browser.get(node.url + "/")
        self.wait(lambda: self.find("#token"))[0].send_keys(node.token, Keys.ENTER)
        self.wait_text("MiB are needed on the backup disk")
        self.browser.get(f"{node.url}/#/jobs/{job['id']}")
        self.wait_text("Failed:", "MiB are needed on the backup disk", "What to do:", "Free space on the disk", "Ended")
        (disk / "filler").write_bytes(bytes(4 * 1024 * 1024 - 4096))
        self.browser.get(f"{node.url}/#/node")
        self.wait_text("that are kept for servers and ledger: backups are refused.")

    def test_disks_that_are_not_one_are_shown_apart(self):
        node = RunningNode(BINARY)
        self.addCleanup(node.close)
        disk = node.base / "backups"
        self.addCleanup(small_disk(disk))
        node.start()
        self.addCleanup(node.kill)
        self.assertEqual([disk["holds"] for disk in node.get("/api/backups/usage")["disks"]], [["backups"], ["volumes", "ledger"]])
        self.browser.get(node.url + "/#/node")
        self.wait(lambda: self.find("#token"))[0].send_keys(node.token, Keys.ENTER)
        self.wait_text("Disk of backups", "Disk of servers' files, ledger")

    def test_a_restore_asks_first_and_can_be_taken_back(self):
        motd = self.node.base / "volumes" / self.castle / "server.properties"
        motd.write_text("motd=changed\n")
        self.open(f"servers/{self.castle}")
        self.wait_text("Backups", "Browse")
        self.press("Restore")
        self.wait(lambda: self.find("dialog[open]"))
        self.look("question")
        self.press("Keep as it is", "dialog")
        self.assertEqual(motd.read_text(), "motd=changed\n")
        self.press("Restore")
        self.confirm("Restore")
        self.wait_text("Restore of", "done", "Can be undone until")
        restore = self.browser.current_url
        self.assertEqual(motd.read_text(), "motd=castle\n")
        self.look("job")
        self.press("Undo")
        self.confirm("Undo the restore")
        self.wait_text("Undo of a restore", "done")  # also a step's word
        self.wait(lambda: motd.exists() and motd.read_text() == "motd=changed\n")
        motd.write_text("motd=castle\n")
        # What was replaced is back in its place: there is nothing to take back.
        self.browser.get(restore)
        self.wait(lambda: "Restore of" in self.find("main h2")[0].text)
        self.wait(lambda: "Can be undone until" not in self.text())
        self.assertNotIn("Undo", [one.text for one in self.find("main button")])

    def test_escape_does_nothing(self):
        self.open(f"servers/{self.castle}")
        self.press("Delete")
        self.wait(lambda: self.find("dialog[open]"))
        self.type_key(Keys.ESCAPE)
        self.wait(lambda: not self.find("dialog[open]"))
        self.assertEqual(self.node.ask("GET", f"/api/servers/{self.castle}")[0], 200)

    def test_servers_show_state_and_last_good_backup(self):
        self.open("servers")
        self.wait_text("castle", "village", "offline", "in all")
        self.look("servers")
        self.find("#find")[0].send_keys("vill")
        self.wait(lambda: "castle" not in self.text())

    def test_a_backup_is_browsed_and_a_file_fetched(self):
        self.open("backups")
        self.wait_text("Browse", "Verify", "files")
        self.look("backups")
        self.browser.get(f"{self.node.url}/#/backups/{self.castle}/{self.backup}")
        self.press("world/")
        self.wait_text("region.1.dat")
        self.look("browse")
        self.press("/")
        self.wait_text("server.properties")
        self.find("[aria-label='Download server.properties']")[0].click()
        file = pathlib.Path(self.downloads) / "server.properties"
        self.wait(file.exists)
        self.wait(lambda: file.read_text() == "motd=castle\n")

    def test_an_archive_is_downloaded_by_a_link_of_its_own(self):
        self.open(f"servers/{self.castle}")
        self.wait_text("Download")
        self.look("server")
        self.press("Download")
        kept = pathlib.Path(self.downloads)
        self.wait(lambda: [f for f in kept.glob("*.tar.gz") if f.read_bytes()[:2] == b"\x1f\x8b"])

    def test_the_node_shows_queues_disk_trash_and_a_chart(self):
        self.open("node")
        self.wait_text("backup", "Disk of backups, servers' files, ledger", "Promised", "Trash", "The Panel knows everything", "Throughput of backups", "Docker")
        self.assertTrue(self.find("svg.chart rect"))
        self.look("node")

    def test_a_paused_queue_says_since_when_and_why(self):
        self.node.ask("POST", "/api/pools/verify/pause", {"reason": "a disk is changed"})
        self.addCleanup(self.node.ask, "POST", "/api/pools/verify/resume")
        self.open("node")
        self.wait_text("paused", "since just now by the node's token: a disk is changed")

    def pool(self, name):
        return next(p for p in self.node.get("/api/pools")["items"] if p["name"] == name)

    def test_a_queue_is_paused_and_resumed_after_a_question(self):
        self.addCleanup(self.node.ask, "POST", "/api/pools/verify/resume")
        self.open("node")
        self.click("Pause the queue verify")
        self.wait(lambda: self.find("dialog[open]"))
        self.press("Keep as it is", "dialog")
        self.assertIsNone(self.pool("verify")["paused_at"])
        self.click("Pause the queue verify")
        self.wait(lambda: self.find("dialog[open] #ask-reason"))[0].send_keys("new disk")
        self.confirm("Pause the queue")
        self.wait_text("The queue verify is paused.", "new disk")
        self.assertEqual(self.pool("verify")["pause_reason"], "new disk")
        self.click("Resume the queue verify")
        self.confirm("Resume the queue")
        self.wait_text("The queue verify goes on.")
        self.wait(lambda: self.find("[aria-label='Pause the queue verify']"))
        self.assertIsNone(self.pool("verify")["paused_at"])

    def test_a_dead_report_is_told_again_after_a_question(self):
        panel = Panel(422)
        self.addCleanup(panel.close)
        node = RunningNode(BINARY, more=panel.config()).start()
        self.addCleanup(node.close)
        backup = node.make_backup(node.make_server("castle"))
        self.wait(lambda: node.get("/api/jobs/summary")["outbox"]["dead"])
        panel.status = 204
        self.browser.get(node.url + "/")
        self.wait(lambda: self.find("#token"))[0].send_keys(node.token, Keys.ENTER)
        self.wait_text("Sign out")
        self.browser.get(f"{node.url}/#/node")
        self.click(f"Tell again: backup:{backup}")
        self.confirm("Tell it again")
        self.wait_text("The Panel is told again.")
        self.wait_text("The Panel knows everything")

    def test_what_a_panel_that_is_away_was_not_told_is_said(self):
        node = RunningNode(BINARY, more="remote: http://127.0.0.1:1\ntoken_id: someone\n").start()
        self.addCleanup(node.close)
        backup = node.make_backup(node.make_server("castle"))
        self.browser.get(node.url + "/")
        self.wait(lambda: self.find("#token"))[0].send_keys(node.token, Keys.ENTER)
        self.wait_text("1 to tell the Panel")
        self.browser.get(f"{node.url}/#/node")
        self.wait_text(f"backup:{backup}", "Since", "Next try", "waiting")
        self.look("outbox")
        # Its last answer and its buttons are seen without moving it.
        self.assertTrue(self.browser.execute_script(
            "const t = document.querySelector('[aria-label=Outbox]'); return t.scrollWidth <= t.clientWidth"))

    def test_a_deleted_server_is_brought_back(self):
        server = self.node.make_server("doomed")
        self.open(f"servers/{server}")
        self.press("Delete")
        self.confirm("Delete the server")
        self.wait_text("Delete server", "undelete window", "What to do")
        self.look("waiting")
        self.browser.get(f"{self.node.url}/#/node")
        self.wait_text(f"doomed {server[:8]}", "Bring back")
        self.look("trash")
        self.press("Bring back")
        self.confirm("Bring it back")
        self.wait_text("Bring server back", "done")
        self.assertEqual(self.node.ask("GET", f"/api/servers/{server}")[0], 200)


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
