#!/usr/bin/python3
"""The status page in a browser: who sees what, on which screen. What is done
with it is in page_actions_test.py.

    page_test.py ALULA [TEST…]

With SCREENSHOTS=DIR it also leaves pictures there.
"""

import base64
import json
import os
import pathlib
import sys
import urllib.request

from page import Browsed, Keys
from running_node import run_tests


class Page(Browsed):
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

    def test_a_time_goes_on_counting(self):
        self.open("servers")
        self.wait(lambda: self.find("time.ago"))
        self.browser.execute_script("document.querySelector('time.ago').dateTime = new Date(Date.now() - 7_200_000).toISOString()")
        self.wait_text("2 h 0 min ago")

    def test_what_is_not_known_is_not_called_none(self):
        # As a token that may not read the usage, or a node that is too busy.
        self.open("jobs")
        self.wait_text("Live")
        self.browser.execute_script("""
            const real = window.fetch;
            window.fetch = (path, how) => String(path) === '/api/backups/usage'
              ? Promise.resolve(new Response('{"status": 429}', {status: 429})) : real(path, how);
            location.hash = '#/servers';""")
        self.wait_text("castle", "not known")
        self.assertNotIn("none", [one.text for one in self.find("td .bad")])

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

    def test_a_server_that_becomes_unresponsive_is_told_by_the_look_at_it(self):
        # As dockerd is asked about one server only, not for the list.
        self.open("node")
        self.wait_text("Throughput")
        self.browser.execute_script("""
            const real = window.fetch, one = new RegExp(`/api/servers/${arguments[0]}$`);
            window.fetch = async (path, how) => {
              const answer = await real(path, how);
              if (!one.test(String(path))) return answer;
              const server = await answer.json();
              server.unresponsive = {since: new Date(Date.now() - 300000).toISOString(), why: 'hung twice'};
              return new Response(JSON.stringify(server), {status: 200, headers: {'Content-Type': 'application/json'}});
            };""", self.castle)
        self.browser.execute_script("location.hash = '#/servers'")
        self.wait_text("castle", "unresponsive, first 5 min")

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
