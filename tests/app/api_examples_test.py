#!/usr/bin/python3
"""Runs the clients of docs/api.md and the first server of README.md against a real
node, and holds its answers to the description of the API.

    api_examples_test.py ALULA [TEST…]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from running_node import ROOT, RunningNode, run_tests

sys.path.insert(0, str(ROOT / "tests/http"))
BINARY = ""
PROGRAMS = {"sh": ["sh", ".sh"], "python": ["/usr/bin/python3", ".py"], "php": ["php", ".php"], "js": ["node", ".mjs"]}


def clients():
    """Language → text of the blocks below "## Clients"."""
    section = (ROOT / "docs/api.md").read_text().split("\n## Clients\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^```(\w+)\n(.*?)^```", section, re.M | re.S))


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = RunningNode(BINARY).start()
        cls.server = cls.node.make_server("castle")

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def run_client(self, language):
        program, tail = PROGRAMS[language]
        if not shutil.which(program):
            self.skipTest(f"{program} is not there, so the {language} client of docs/api.md was not run")
        file = self.node.base / f"client{tail}"
        file.write_text(clients()[language])
        before = len(self.node.get(f"/api/servers/{self.server}/backup")["items"])
        done = subprocess.run([program, str(file)], text=True, capture_output=True, timeout=60,
                              env={**os.environ, "NODE": self.node.url, "TOKEN": self.node.token, "SERVER": self.server})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("succeeded", done.stdout, done.stderr)
        after = self.node.get(f"/api/servers/{self.server}/backup")["items"]
        self.assertEqual(len(after), before + 1)

    def test_curl(self):
        self.run_client("sh")

    def test_php(self):
        self.run_client("php")

    def test_python(self):
        self.run_client("python")

    def test_javascript(self):
        self.run_client("js")

    def test_the_node_answers_as_described(self):
        try:
            from description_test import Description
            import jsonschema  # noqa: F401
        except ImportError:
            self.skipTest("python3-jsonschema is not there")
        description = Description(self.node.get("/api/openapi.json"))
        server, backup = self.server, self.node.make_backup(self.server)
        job = self.node.get("/api/jobs?kind=backup.create")["items"][0]["id"]
        one, asks = f"/api/servers/{server}/backup/{backup}", []
        nobody = "01970000-0000-7000-8000-00000000dead"
        for path in ["/healthz", "/readyz", "/", "/web/app.js", "/api/openapi.json", "/api/system", "/api/system?v=2", "/api/servers",
                     f"/api/servers/{server}", f"/api/servers/{nobody}", f"/api/servers/{server}/jobs", f"/api/servers/{server}/backup",
                     one, f"{one}/files", f"{one}/files?path=world", f"{one}/files/content?path=server.properties", f"{one}/download",
                     "/api/backups", "/api/backups?nonsense=1", "/api/backups/usage", "/api/jobs", "/api/jobs?limit=1", "/api/jobs/summary",
                     f"/api/jobs/{job}", f"/api/jobs/{job}?fields=state,done", f"/api/jobs/{nobody}", f"/api/jobs/{job}/events",
                     "/api/outbox", "/api/trash", f"/api/servers/{server}/files/contents", "/download/backup?token=x"]:
            asks.append(("GET", path, None))
        asks += [("POST", f"{one}/verify", None), ("PUT", f"{one}/pin", None), ("DELETE", f"{one}/pin", None),
                 ("POST", f"/api/servers/{server}/backup/rotate", {"dry_run": True, "policy": {"keep_last": 1}}),
                 ("POST", f"/api/servers/{server}/power", {"action": "dance"}), ("POST", f"{one}/restore", {"truncate_directory": 7}),
                 ("POST", f"/api/jobs/{job}/cancel", None), ("POST", f"/api/jobs/{job}/retry", None),
                 ("POST", f"/api/jobs/{job}/abandon", {"reason": "x"}), ("POST", "/api/servers", {"uuid": "x"}), ("DELETE", one, None)]
        for method, path, body in asks:
            with self.subTest(f"{method} {path}"):
                status, headers, text = self.node.ask(method, path, body)
                self.assertIsNone(description.complain_about_path(method, path.split("?")[0], status, headers.get("Content-Type", ""), text))

    def test_without_a_token_nothing_but_the_page_is_shown(self):
        for path, status in [("/", 200), ("/web/app.js", 200), ("/api/openapi.json", 401), ("/api/jobs", 401)]:
            self.assertEqual(self.node.ask("GET", path, token="wrong")[0], status, path)


def first_server():
    """The assignments of README.md's "A first server", and each of its curls."""
    section = (ROOT / "README.md").read_text().split("\n## A first server\n")[1]
    block = re.search(r"^```sh\n(.*?)^```", section, re.M | re.S)[1]
    lines = re.split(r"\n+(?=curl |\w+=|#)", block.strip())
    return ([line for line in lines if re.match(r"\w+=", line)],
            [line for line in lines if line.startswith("curl ")])


class FirstServer(unittest.TestCase):
    """README.md, word by word: what a comment says of a status is held."""

    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="alula-readme-")
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)
        self.node = subprocess.Popen([BINARY, "serve", "--data", self.data, "--port", "0"], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.node.stdout.close)
        self.addCleanup(self.node.wait, 60)
        self.addCleanup(self.node.kill)
        self.port = next((line.rsplit(":", 1)[1].strip() for line in self.node.stdout if line.startswith("listening on ")), "")

    def run_line(self, words, line):
        text = "\n".join([*words, line]).replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        text = text.replace("/var/lib/alula/token", f"{self.data}/token").replace("wait=30s", "wait=1s")
        text = text.replace("-sN", "-sN --max-time 2")  # a stream that never ends
        return subprocess.run(["bash", "-c", text], text=True, capture_output=True, timeout=60).stdout

    def test_its_lines_do_what_they_say(self):
        words, lines = first_server()
        self.assertEqual((len(words), len(lines)), (4, 11), "lines were added: does this test see them?")
        job = ""
        for line in lines:
            said = self.run_line(words, line.replace("<id>", job))
            with self.subTest(line):
                if not line.startswith("curl -si "):
                    self.assertRegex(said, r'^(?!\{"type").')
                    continue
                told = line.rsplit("# ", 1)[1]
                statuses = re.findall(r"\b\d{3}\b", told)
                if statuses:
                    self.assertIn(said.split()[1], statuses, said)
                found = re.search(r"^Location: /api/jobs/(\S+)", said, re.M)
                self.assertTrue(found or "Location" not in told, said)
                job = found[1] if found else job
                if "/backup -d" in line:  # a reader looks at its state
                    self.assertIn('"succeeded"', self.run_line(words, f'curl -s -H "$auth" "$alula/api/jobs/{job}?wait=40s"'))


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
