"""The status page of a real node in a real, headless Chromium.

With SCREENSHOTS=DIR it also leaves pictures there.
"""

import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

import running_node

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
    Keys = None
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
class Browsed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.furnish()
        cls.downloads = tempfile.mkdtemp(prefix="alula-downloads-")
        options = Options()
        options.binary_location = shutil.which("chromium")
        for word in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1200,900", "--force-color-profile=srgb"]:
            options.add_argument(word)
        options.add_experimental_option("prefs", {"download.default_directory": cls.downloads, "download.prompt_for_download": False})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)

    @classmethod
    def furnish(cls):
        """Makes the node that is looked at, and what is there."""
        cls.node = running_node.RunningNode(running_node.BINARY, read_limit=2).start()
        cls.castle = cls.node.make_server("castle")
        cls.village = cls.node.make_server("village")
        cls.backup = cls.node.make_backup(cls.castle)

    @classmethod
    def clear_away(cls):
        cls.node.close()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.clear_away()
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

    def click(self, label):
        """What a screen reader calls so."""
        def clicked():
            for one in self.find(f"main [aria-label='{label}']"):
                one.click()
                return True
            return False
        self.wait(clicked)
