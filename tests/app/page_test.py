#!/usr/bin/python3
"""The status page in a real, headless Chromium, on a real node.

    page_test.py ALULA [TEST…]

With SCREENSHOTS=DIR it also leaves pictures there.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import uuid as uuids

from running_node import Panel, RunningNode, run_tests

BINARY = ""
try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    MISSING = None
except ImportError:
    MISSING = "python3-selenium is not there"
if not MISSING and not (shutil.which("chromium") and shutil.which("chromedriver")):
    MISSING = "chromium and chromium-driver are not there"
if MISSING:
    MISSING += " (scripts/setup --with-browser), so the status page was not looked at"

# What can be told of a page without a person: names, labels, overflow.
LOOK = r"""
const nameOf = (e) => (e.getAttribute('aria-label') || e.textContent || e.title || '').trim()
  || (e.id && document.querySelector(`label[for="${e.id}"]`)?.textContent.trim()) || '';
const shown = (e) => e.getClientRects().length > 0;
const out = [];
for (const e of document.querySelectorAll('a[href], button, input, select, textarea, progress, meter, svg[role=img], dialog[open]'))
  if (shown(e) && !nameOf(e) && !e.getAttribute('aria-labelledby')) out.push('has no name: ' + e.outerHTML.slice(0, 120));
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push('id twice: ' + id);
if (document.querySelectorAll('h1').length !== 1) out.push('not one h1');
if (!document.documentElement.lang) out.push('no language');
// Not innerWidth: a phone zooms out until all of it fits.
const { scrollWidth, clientWidth } = document.documentElement;
if (scrollWidth > clientWidth) out.push(`wider than the screen: ${scrollWidth} of ${clientWidth}`);
// WCAG contrast of what is written.
const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length && (c[3] ?? 1) > 0) return c; } return [255, 255, 255]; };
for (const e of document.querySelectorAll('body *')) {
  if (!shown(e) || e.disabled || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
  if (e.closest('.unseen, svg, [aria-hidden]')) continue;
  const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) out.push(`contrast ${ratio.toFixed(1)}: ${e.outerHTML.slice(0, 100)}`);
}
return [...new Set(out)];
"""


@unittest.skipIf(MISSING, MISSING or "")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = RunningNode(BINARY, read_limit=2).start()
        cls.castle = cls.node.make_server("castle")
        cls.village = cls.node.make_server("village")
        cls.backup = cls.node.make_backup(cls.castle)
        cls.downloads = tempfile.mkdtemp(prefix="alula-downloads-")
        options = Options()
        options.binary_location = shutil.which("chromium")
        for word in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1200,900", "--force-color-profile=srgb"]:
            options.add_argument(word)
        options.add_experimental_option("prefs", {"download.default_directory": cls.downloads, "download.prompt_for_download": False})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.node.close()
        shutil.rmtree(cls.downloads, ignore_errors=True)

    def setUp(self):
        self.browser.set_window_size(1200, 900)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.browser.get_log("browser")

    def tearDown(self):
        complaints = [line["message"] for line in self.browser.get_log("browser")
                      if line["level"] == "SEVERE" and not re.search(r"status of (401|403|404|409|503)|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE", line["message"])]
        self.assertEqual(complaints, [])

    # -- moving about -------------------------------------------------------------

    def wait(self, what, limit=60):
        """The first true value of `what`."""
        end, seen = time.monotonic() + limit, None
        while time.monotonic() < end:
            try:
                seen = what()
                if seen:
                    return seen
            except StaleElementReferenceException:
                pass
        self.fail(f"does not happen: {what}; the page says:\n{self.text()}")

    def find(self, css, inside=None):
        return (inside or self.browser).find_elements(By.CSS_SELECTOR, css)

    def text(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def wait_text(self, *parts):
        self.wait(lambda: all(part in self.text() for part in parts))

    def type_key(self, key):
        """To whatever has the focus now: the page may draw it anew meanwhile."""
        ActionChains(self.browser).send_keys(key).perform()

    def press(self, label, inside="main"):
        """Presses the button or link that says so."""
        def pressed():
            for one in self.find(f"{inside} button, {inside} a"):
                if one.is_displayed() and one.text.strip() == label:
                    one.click()
                    return True
            return False
        self.wait(pressed)

    def confirm(self, label):
        self.wait(lambda: self.find("dialog[open]"))
        self.press(label, "dialog")
        self.wait(lambda: not self.find("dialog[open]"))

    def sign_in(self, token=None):
        self.browser.get(self.node.url + "/")
        self.browser.execute_script("sessionStorage.clear()")
        self.browser.get(self.node.url + "/")
        field = self.wait(lambda: self.find("#token"))[0]
        field.send_keys(token or self.node.token, Keys.ENTER)

    def open(self, address):
        self.sign_in()
        self.wait_text("Sign out")
        self.browser.get(f"{self.node.url}/#/{address}")

    def look(self, name):
        self.assertEqual(self.browser.execute_script(LOOK), [], name)
        where = os.environ.get("SCREENSHOTS")
        if where:
            self.see_all_of_it()
            self.browser.save_screenshot(str(pathlib.Path(where) / f"{name}.png"))

    def see_all_of_it(self):
        """On a screen of a desk, as tall as the page is; a picture of a phone
        shows what a phone shows."""
        wide, tall = self.browser.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
        if wide > 400:
            self.browser.set_window_size(1200, min(max(900, tall + 143), 1800))

    # -- tests --------------------------------------------------------------------

    def test_a_wrong_token_is_refused_and_not_kept(self):
        self.sign_in("wrong")
        self.wait_text("The node does not know this token.")
        self.assertIsNone(self.browser.execute_script("return sessionStorage.getItem('alula.token')"))
        self.look("sign-in")

    def test_the_token_is_kept_for_this_tab_only(self):
        self.sign_in()
        self.wait_text("Sign out", "Live")
        self.browser.refresh()
        self.wait_text("Sign out")
        self.assertEqual(self.browser.execute_script("return localStorage.length + document.cookie.length"), 0)
        self.assertNotIn(self.node.token, self.browser.current_url)
        self.press("Sign out", "header")
        self.wait_text("Sign in to this node")
        self.assertIsNone(self.browser.execute_script("return sessionStorage.getItem('alula.token')"))

    def test_a_backup_is_seen_moving_and_can_be_cancelled(self):
        big = self.node.base / "volumes" / self.village / "world" / "big"
        big.write_bytes(os.urandom(1 << 20) * 100)
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
        big.write_bytes(os.urandom(1 << 20) * 100)
        self.addCleanup(big.unlink)
        def back_up():
            _, headers, _ = self.node.ask("POST", f"/api/servers/{self.village}/backup", {
                "adapter": "wings", "uuid": str(uuids.uuid4()), "ignore": ""})
            return headers["Location"].rsplit("/", 1)[1]
        first, second = back_up(), back_up()
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
        big.write_bytes(os.urandom(1 << 20) * 100)
        self.addCleanup(big.unlink)
        _, headers, _ = self.node.ask("POST", f"/api/servers/{self.village}/backup", {
            "adapter": "wings", "uuid": str(uuids.uuid4()), "ignore": ""})
        job = headers["Location"].rsplit("/", 1)[1]
        self.addCleanup(self.node.end_of, job)
        self.addCleanup(self.node.ask, "POST", f"/api/jobs/{job}/cancel")
        self.wait(lambda: self.node.get(f"/api/jobs/{job}")["state"] == "running")
        self.open(f"servers/{self.village}")
        self.press("Restore")
        self.confirm("Restore")
        self.wait_text("What that job is at")
        self.press("What that job is at", "body")
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
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], capture_output=True).returncode != 0:
            self.skipTest("this process may not mount a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        node.start()
        self.addCleanup(node.kill)
        server = node.make_server("castle")
        (node.base / "volumes" / server / "big").write_bytes(os.urandom(1 << 20) * 100)
        _, headers, _ = node.ask("POST", f"/api/servers/{server}/backup", {"adapter": "wings", "uuid": str(uuids.uuid4()), "ignore": ""})
        job = node.end_of(headers["Location"])
        self.browser.get(node.url + "/")
        self.wait(lambda: self.find("#token"))[0].send_keys(node.token, Keys.ENTER)
        self.wait_text("MiB are needed on the backup disk")
        self.browser.get(f"{node.url}/#/jobs/{job['id']}")
        self.wait_text("Failed:", "MiB are needed on the backup disk", "What to do:", "Free space on the disk", "Ended")

    def test_disks_that_are_not_one_are_shown_apart(self):
        node = RunningNode(BINARY)
        self.addCleanup(node.close)
        disk = node.base / "backups"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], capture_output=True).returncode != 0:
            self.skipTest("this process may not mount a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
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
        self.assertEqual(motd.read_text(), "motd=castle\n")
        self.look("job")
        self.press("Undo")
        self.confirm("Undo the restore")
        self.wait_text("Undo of a restore", "done")  # also a step's word
        self.wait(lambda: motd.exists() and motd.read_text() == "motd=changed\n")
        motd.write_text("motd=castle\n")

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

    def click(self, label):
        """What a screen reader calls so."""
        def clicked():
            for one in self.find(f"main [aria-label='{label}']"):
                one.click()
                return True
            return False
        self.wait(clicked)

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
        self.assertEqual(self.browser.execute_script(LOOK), [])

    def test_a_deleted_server_is_brought_back(self):
        server = self.node.make_server("doomed")
        self.open(f"servers/{server}")
        self.press("Delete")
        self.confirm("Delete the server")
        self.wait_text("Delete server", "undelete window", "What to do")
        self.look("waiting")
        self.browser.get(f"{self.node.url}/#/node")
        self.press("Bring back")
        self.confirm("Bring it back")
        self.wait_text("Bring server back", "done")
        self.assertEqual(self.node.ask("GET", f"/api/servers/{server}")[0], 200)

    def test_a_node_that_restarts_is_found_again(self):
        self.open("jobs")
        self.wait_text("Live")
        self.node.kill()
        self.wait_text("No connection")
        self.node.start()
        self.wait_text("Live")

    def test_it_fits_a_phone_in_light_and_dark(self):
        self.send_backup("edge-6", "nightly.tar.gz", 1000)
        # A window of Chromium is never so narrow; what it draws on may be.
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        for scheme in ["light", "dark"]:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            for view, part in [("jobs", "Ended"), ("servers", "castle"), (f"servers/{self.castle}", "Browse"), ("backups", "Browse"), ("systems", "Edge 6"), ("systems/edge-6", "nightly"), ("node", "Throughput"),
                               (f"backups/{self.castle}/{self.backup}", "world/")]:
                self.open(view)
                self.wait_text(part)
                self.look(f"phone-{view.split('/')[0]}{'-' + str(view.count('/')) if '/' in view else ''}-{scheme}")

    def test_it_can_be_dark(self):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        self.open("jobs")
        self.wait_text("Ended")
        self.wait(lambda: self.find(".past li"))
        self.look("jobs-dark")

    def test_the_keyboard_reaches_everything(self):
        self.open("jobs")
        self.wait(lambda: self.find(".past li"))
        self.browser.refresh()
        self.wait(lambda: self.find(".past li"))
        seen = []
        for _ in range(12):
            self.type_key(Keys.TAB)
            seen.append(self.browser.execute_script("const e = document.activeElement; return e.textContent.trim() || e.id"))
        self.assertIn("Skip to the content", seen)
        for label in ["Jobs", "Servers", "Backups", "Systems", "Node", "Sign out"]:
            self.assertIn(label, seen)

    def test_what_a_token_may_not_is_said(self):
        # As a node would answer to a token of a lesser role.
        self.open(f"servers/{self.castle}")
        self.wait_text("Browse")
        self.browser.execute_script("""
            const real = window.fetch;
            window.fetch = (path, how) => how?.method === 'POST' || how?.method === 'PUT'
              ? Promise.resolve(new Response(JSON.stringify({status: 403, code: 'forbidden', detail: 'Only to look.'}), {status: 403}))
              : real(path, how);""")
        self.press("Verify")
        self.wait_text("This token may not do that.", "Only to look.")

    def make_token(self, **how):
        status, _, text = self.node.ask("POST", "/api/tokens", how)
        self.assertEqual(status, 201, text)
        return json.loads(text)["secret"]

    def labels(self):
        return {one.text.strip() for one in self.find("main button") if one.is_displayed()}

    def test_a_viewer_sees_all_and_is_offered_nothing_else(self):
        self.sign_in(self.make_token(name="Nagios", role="viewer"))
        self.wait_text("Sign out", "Live")
        for address, there in [("servers", "village"), (f"servers/{self.castle}", "Browse"), ("backups", "castle"), ("systems", "Systems"), ("node", "The trash is empty.")]:
            self.browser.get(f"{self.node.url}/#/{address}")
            self.wait_text(there)
            wrong = self.labels() & {"Start", "Stop", "Restart", "Kill", "Delete", "Make a backup", "Restore", "Verify", "Pin", "Bring back", "Pause", "Resume", "Tell again"}
            self.assertEqual(wrong, set(), address)
            self.look(f"viewer-{address.split('/')[0]}")
        self.assertNotIn("may not see", self.text())

    def test_a_token_of_one_server_sees_that_one(self):
        self.sign_in(self.make_token(name="Anna", role="operator", servers=[self.castle]))
        self.wait_text("Sign out", "Live")
        self.browser.get(f"{self.node.url}/#/servers")
        self.wait_text("castle")
        self.assertNotIn("village", self.text())
        self.browser.get(f"{self.node.url}/#/servers/{self.castle}")
        self.wait_text("Verify")
        self.browser.get(f"{self.node.url}/#/servers/{self.village}")
        self.wait_text("there is no server")
        self.browser.get(f"{self.node.url}/#/node")
        self.wait_text("This token may not see that.", "The trash is empty.")
        self.look("scoped-node")

    def send_backup(self, system, name, size):
        """Puts the system on record and has its appliance send one."""
        for method, path, body in [("PUT", f"/api/systems/{system}", {"organization": "acme/north", "name": system.replace("-", " ").title()}),
                                   ("POST", "/api/tokens", {"appliance": system})]:
            status, _, text = self.node.ask(method, path, body)
            self.assertIn(status, (200, 201), text)
        pair = base64.b64encode(f"{system}:{json.loads(text)['secret']}".encode()).decode()
        request = urllib.request.Request(self.node.url + "/api/systems/backups", method="POST", data=os.urandom(size),
                                         headers={"Authorization": f"Basic {pair}", "X-Filename": name, "Content-Type": "application/gzip"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["data"]

    def test_systems_show_how_full_they_are_and_what_is_stored(self):
        self.send_backup("edge-7", "nightly.tar.gz", 1 << 20)
        self.node.ask("PUT", "/api/systems/edge-8", {"organization": "umbrella", "suspended": True})
        self.open("systems")
        self.wait_text("Edge 7", "acme/north", "1 of 10", "1.0 MiB of 500 MiB", "edge-8", "suspended", "none")
        self.look("systems")
        self.find("#find")[0].send_keys("umbrella")
        self.wait(lambda: "Edge 7" not in self.text())
        self.browser.get(f"{self.node.url}/#/systems/edge-7")
        self.wait_text("Edge 7", "nightly.tar.gz", "never the newest", "1 of 10")
        self.look("system")
        self.press("Download")
        kept = pathlib.Path(self.downloads)
        self.wait(lambda: [f for f in kept.glob("nightly*") if f.stat().st_size == 1 << 20])
        # What the appliance sends meanwhile comes by itself.
        self.send_backup("edge-7", "later.tar.gz", 1000)
        self.wait_text("later.tar.gz", "2 of 10")
        self.find("[aria-label='Delete: later.tar.gz']")[0].click()
        self.wait_text("It cannot be brought back.")
        self.look("system-delete")
        self.confirm("Delete the backup")
        self.wait(lambda: "later.tar.gz" not in self.text())
        self.wait_text("nightly.tar.gz", "1 of 10")

    def test_systems_are_shown_by_role(self):
        self.send_backup("edge-5", "nightly.tar.gz", 1000)
        self.sign_in(self.make_token(name="Anna", role="viewer", organisations=["acme/north"]))
        self.wait_text("Sign out")
        self.browser.get(f"{self.node.url}/#/systems/edge-5")
        self.wait_text("nightly.tar.gz", "Download")
        self.assertNotIn("Delete", self.labels())
        self.look("viewer-system")
        self.sign_in(self.make_token(name="Bert", role="viewer", organisations=["elsewhere"]))
        self.wait_text("Sign out")
        self.browser.get(f"{self.node.url}/#/systems/edge-5")
        self.wait_text("access denied to system")
        self.browser.get(f"{self.node.url}/#/systems")
        self.wait_text("No system is on record, or none that this token reaches.")
        # Who may not read systems has no such tab.
        self.browser.execute_script("""
            const real = window.fetch;
            window.fetch = async (path, how) => {
              const answer = await real(path, how);
              if (path !== '/api/tokens/self') return answer;
              const who = await answer.json();
              who.permissions = who.permissions.filter((one) => !one.endsWith(':systems'));
              return new Response(JSON.stringify(who), { status: 200 });
            };""")
        self.press("Sign out", "header")
        field = self.wait(lambda: self.find("#token"))[0]
        field.send_keys(self.node.token, Keys.ENTER)
        self.wait(lambda: "Node" in [tab.text for tab in self.find("#tabs a")])
        self.assertNotIn("Systems", [tab.text for tab in self.find("#tabs a")])

    def test_markup_in_names_is_text(self):
        server = self.node.make_server("<img src=x onerror=alert(1)>")
        self.open("servers")
        self.wait_text("<img src=x onerror=alert(1)>")
        self.assertEqual(self.find("td img"), [])
        self.node.ask("DELETE", f"/api/servers/{server}")


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
