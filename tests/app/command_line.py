"""A real node with a server and a backup, and the command line that talks to
it."""

import json
import os
import subprocess
import unittest

import running_node


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = running_node.RunningNode(running_node.BINARY).start()
        cls.server = cls.node.make_server("castle")
        cls.backup = cls.node.make_backup(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def run_alula(self, *words, code=0, environment=None, without_config=False):
        words = [str(w) for w in words]
        config = [] if without_config else ["--config", str(self.node.config)]
        done = subprocess.run([running_node.BINARY, *words, *config], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              env={**{k: v for k, v in os.environ.items() if not k.startswith("ALULA")}, **(environment or {})}, timeout=120)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def json_of(self, *words, **more):
        return json.loads(self.run_alula(*words, "--json", **more))
