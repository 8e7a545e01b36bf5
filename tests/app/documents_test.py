#!/usr/bin/python3
"""The pages for operators have each error code and each alarm, with what to do
about it; the page for developers names what is there.

    documents_test.py
"""

import json
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def rows_of(page):
    """The cells of each row of its tables, by the word in the first one."""
    out = {}
    for line in (ROOT / page).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", cells[0]):
                out[name] = cells[1:]
    return out


class ErrorsAndAlarms(unittest.TestCase):
    def test_each_error_code_says_what_to_do(self):
        codes = re.findall(r'\{fault_code::\w+,\s*"([a-z-]+)"', (ROOT / "jobs/result.cpp").read_text())
        self.assertGreater(len(codes), 60)
        page = rows_of("docs/errors.md")
        for code in codes:
            self.assertIn(code, page)
            self.assertRegex(page[code][0], r"^\d{3}$", code)
            self.assertTrue(page[code][1] and page[code][-1], f"docs/errors.md says nothing of what to do about {code}")

    def test_the_page_has_no_code_that_is_not_there(self):
        codes = set(re.findall(r'\{fault_code::\w+,\s*"([a-z-]+)"', (ROOT / "jobs/result.cpp").read_text()))
        listed = {name for name, cells in rows_of("docs/errors.md").items() if re.match(r"^\d{3}$", cells[0])}
        self.assertEqual(listed - codes, set())

    def test_each_failure_that_a_kind_names_has_advice(self):
        named = {code for file in (ROOT / "jobs/kinds").iterdir()
                 for code in re.findall(r"fault_code::(\w+)", file.read_text())}
        self.assertGreater(len(named), 30)
        advised = set(re.findall(r"case fault_code::(\w+):", (ROOT / "jobs/advice.cpp").read_text()))
        # Of a job that was cancelled there is nothing to mend.
        self.assertEqual(named - advised, {"cancelled"})

    def test_each_alarm_says_what_to_do(self):
        rules = re.findall(r"(?m)^ *- alert: (\w+)$", (ROOT / "docs/alert-rules.yml").read_text())
        self.assertGreater(len(rules), 5)
        page = rows_of("docs/operations.md")
        for rule in rules:
            self.assertIn(rule, page)
            self.assertTrue(page[rule][-1], f"docs/operations.md says nothing of what to do about {rule}")
        self.assertEqual({name for name in page if name.startswith("Alula")}, set(rules))

    def test_each_event_of_the_webhook_is_there(self):
        source = (ROOT / "app/alerts.cpp").read_text()
        events = set(re.findall(r'"(job\.(?:failed|parked)|backup\.missing)"', source))
        self.assertEqual(len(events), 3)
        page = (ROOT / "docs/operations.md").read_text()
        for event in events:
            self.assertIn(f"`{event}`", page)


def places_in(page):
    """What a link may name behind its #: its headings, as GitHub does."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.+)$", text)}


class Links(unittest.TestCase):
    def test_each_leads_to_a_page_and_a_heading_that_are_there(self):
        found = 0
        for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
            text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", page.read_text())
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", link):
                    continue
                found += 1
                path, _, place = link.partition("#")
                to = page.parent / path if path else page
                where = f"{page.relative_to(ROOT)}: {link}"
                self.assertTrue(to.exists(), f"{where} leads nowhere")
                if place:
                    self.assertIn(place, places_in(to), where)
        self.assertGreater(found, 80)


class Routes(unittest.TestCase):
    def test_each_answer_for_want_of_room_is_in_its_row(self):
        rows = []  # methods, path or the end of one, statuses
        for line in (ROOT / "docs/api.md").read_text().splitlines():
            cells = re.match(r"\| (`(?:GET|HEAD|PUT|POST|DELETE)\b[^|]*) \|.*\|([^|]*)\|$", line)
            words = re.findall(r"[^\s,]+", " ".join(re.findall(r"`([^`]+)`", cells[1]))) if cells else []
            rows += [(words, word.split("?")[0], cells[2]) for word in words if word[0] in "/…"]
        found = 0
        for file in (ROOT / "http/openapi").glob("*.json"):
            for path, operations in json.loads(file.read_text()).get("paths", {}).items():
                for method, operation in operations.items():
                    if "507" not in operation.get("responses", {}):
                        continue
                    found += 1
                    said = [answers for methods, end, answers in rows if method.upper() in methods
                            and (end == path or end[0] == "…" and path.endswith(end[1:]))]
                    self.assertTrue(said and "507" in said[0], f"docs/api.md has no 507 for {method} {path}")
        self.assertGreaterEqual(found, 5)


class Commands(unittest.TestCase):
    def test_each_test_that_says_how_it_is_run_can_be_run_so(self):
        scripts = list((ROOT / "tests").rglob("*_test.py"))
        self.assertGreater(len(scripts), 15)
        for script in scripts:
            text = script.read_text()
            self.assertTrue(text.startswith("#!/usr/bin/python3\n"), f"{script} names no interpreter")
            self.assertTrue(os.access(script, os.X_OK), f"{script} is not executable")
            said = re.search(rf"(?m)^ +(?:scripts/\S+ (?:--\S+ )*)?(\S*{script.name})\b", text)
            self.assertTrue(said, f"{script} does not say how it is run")
            path = said[1]
            self.assertTrue("/" not in path or (ROOT / path) == script, f"{script} is not at {path}")


class StatusPage(unittest.TestCase):
    def test_each_kind_of_job_has_a_name_for_people(self):
        kinds = {name for file in (ROOT / "jobs/kinds").glob("*.cpp")
                 for name in re.findall(r'(?s)const kind \w+\{\s*\.name = "([a-z_.]+)"', file.read_text())}
        self.assertGreaterEqual(len(kinds), 26)
        named = set(re.findall(r'"([a-z_.]+)": "', (ROOT / "web/words.js").read_text()))
        self.assertEqual(kinds - named, set())


class Recordings(unittest.TestCase):
    def test_the_demo_was_recorded_with_each_of_its_chapters(self):
        story = (ROOT / "scripts/demo.py").read_text()
        chapters = re.findall(r'\bchapter\((?:"[^"]+" if keep else )?"([^"]+)"', story)
        self.assertGreaterEqual(len(chapters), 9)
        recorded = re.findall(r"(?m)^== (.+)$", (ROOT / "docs/screens/demo.txt").read_text())
        self.assertEqual(sorted(recorded), sorted(chapters))

    def test_each_picture_is_there_and_on_a_page(self):
        script = (ROOT / "scripts/screens").read_text()
        made = re.search(r"for name in ([^;]+);", script)[1].replace("\\\n", " ").split()
        made += re.findall(r'"\$out/([\w-]+)\.png"', script)
        self.assertGreater(len(made), 10)
        pages = "".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
        self.assertEqual({picture.stem for picture in (ROOT / "docs/screens").glob("*.png")}, set(made))
        for name in made:
            self.assertIn(f"screens/{name}.png", pages)


class Architecture(unittest.TestCase):
    """docs/architecture.md walks through the sources by name."""

    @classmethod
    def setUpClass(cls):
        page = re.sub(r"(?s)```.*?```", "", (ROOT / "docs/architecture.md").read_text())
        cls.words = [word for quoted in re.findall(r"`([^`]+)`", page) for word in quoted.split()]

    def test_each_file_is_there(self):
        named = [word for word in self.words if re.fullmatch(r"[a-z_]+/[\w./-]*", word)]
        self.assertGreater(len(named), 20)
        self.assertEqual([word for word in named if not (ROOT / word).exists()], [])

    def test_each_name_is_in_the_sources(self):
        names = {word for word in self.words if re.fullmatch(r"[a-z]+(::[a-z_]+)?|[a-z]+(_[a-z]+)+|[a-z]+(\.[a-z_]+)+", word)
                 and "/" not in word and not word.startswith(".")}
        self.assertGreater(len(names), 20)
        for name in sorted(names):
            word = re.escape(name.rsplit("::", 1)[-1])
            found = any(re.search(rf"\b{word}\b", file.read_text())
                        for folder in ("jobs", "actors", "http", "storage", "backup", "remote", "app")
                        for file in (ROOT / folder).rglob("*.?pp"))
            self.assertTrue(found, f"docs/architecture.md names `{name}`, which no source has")


if __name__ == "__main__":
    unittest.main(verbosity=2)
