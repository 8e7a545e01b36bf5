#!/usr/bin/python3
"""The status page by nothing but the keyboard.

    page_keyboard_test.py ALULA [TEST…]
"""

import os
import sys

from page import Browsed, Keys
from running_node import run_tests

# What a screen reader calls what has the focus, and whether its ring is seen.
FOCUSED = """
const e = document.activeElement;
if (!e || e === document.body) return ["", false];
const { outlineStyle, outlineWidth } = getComputedStyle(e);
return [e.getAttribute("aria-label") || e.textContent.trim() || e.id, outlineStyle !== "none" && parseFloat(outlineWidth) > 0];
"""


class Keyboard(Browsed):
    def focused(self):
        return self.browser.execute_script(FOCUSED)[0]

    def tab_to(self, name, most=120):
        """Whatever is passed on the way shows that it has the focus."""
        for _ in range(most):
            self.type_key(Keys.TAB)
            now, is_seen = self.browser.execute_script(FOCUSED)
            if now:
                self.assertTrue(is_seen, f"no focus is seen at {now}")
            if now.startswith(name):
                return now
        self.fail(f"Tab does not reach {name}; the page says:\n{self.text()}")

    def go(self, name):
        self.tab_to(name)
        self.type_key(Keys.ENTER)

    def wait_address(self, part):
        self.wait(lambda: part in self.browser.current_url)

    def test_every_section_is_reached(self):
        self.open("jobs")
        self.wait_text("Live")
        for label in ["Servers", "Backups", "Systems", "Node", "Jobs"]:
            self.go(label)
            self.wait_address(f"#/{label.lower()}")
            self.wait(lambda: self.find("main h2")[0].text == label)

    def test_a_server_and_the_inside_of_its_backup_are_reached(self):
        self.open("servers")
        self.wait_text("castle", "in all")
        self.go("castle")
        self.wait_address(f"#/servers/{self.castle}")
        self.wait_text("Browse")
        self.go("Browse: backup")
        self.wait_text("world/")
        self.go("world/")
        self.wait_text("region.1.dat")

    def test_a_question_names_what_it_is_about_and_escape_leads_back(self):
        self.open(f"servers/{self.castle}")
        self.wait_text("Browse")
        for label, parts in [(f"Restore: backup {self.backup[:8]}", ["castle", self.backup[:8], "made ", "31 files", "is stopped", "24 hours"]),
                             (f"Delete: backup {self.backup[:8]}", ["castle", self.backup[:8], "31 files", "cannot be brought back"]),
                             ("Kill", ["Kill castle?"]), ("Delete", ["Delete castle?", self.castle])]:
            self.browser.execute_script("document.activeElement.blur()")
            while self.tab_to(label) != label:
                pass
            self.type_key(Keys.ENTER)
            dialog = self.wait(lambda: self.find("dialog[open]"))[0]
            self.assertTrue(self.browser.execute_script("return arguments[0].contains(document.activeElement)", dialog), label)
            said = dialog.text
            for part in parts:
                self.assertIn(part, said)
            self.look(f"question-{label.split(':')[0].lower()}")
            self.type_key(Keys.ESCAPE)
            self.wait(lambda: not self.find("dialog[open]"))
            self.wait(lambda: self.focused() == label)
        self.assertEqual(self.node.ask("GET", f"/api/servers/{self.castle}")[0], 200)

    def test_what_is_drawn_anew_keeps_the_focus(self):
        self.open("node")
        self.wait(lambda: self.find("[aria-label='Pause the queue verify']"))
        self.tab_to("Pause the queue verify")
        self.browser.execute_script("window.drawn = document.activeElement")
        self.node.make_backup(self.castle)  # an end draws the queues anew
        self.wait(lambda: not self.browser.execute_script("return window.drawn.isConnected"))
        self.wait(lambda: self.focused() == "Pause the queue verify")

    def test_how_far_a_job_is_is_read_out_by_quarters(self):
        big = self.node.base / "volumes" / self.village / "world" / "big"
        big.write_bytes(os.urandom(1 << 20) * 20)
        self.addCleanup(big.unlink)
        job = self.node.begin_backup(self.village)
        self.open(f"jobs/{job}")
        said = []

        def ends():
            for one in self.find("main [role=status]"):
                text = one.get_attribute("textContent")
                if not said or said[-1] != text:
                    said.append(text)
            return said and said[-1] == "done"
        self.wait(ends)
        self.assertIn("running, 50 %", said)
        self.assertLessEqual(len(said), 8, said)


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
