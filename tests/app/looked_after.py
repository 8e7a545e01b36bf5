"""A real node, and what the tests of those who look after it need of it."""

import time
import unittest

import running_node

PATIENCE = 120  # seconds, for anything


def until(what, is_so):
    end = time.monotonic() + PATIENCE
    while not (found := is_so()):
        if time.monotonic() > end:
            raise AssertionError(f"not in {PATIENCE} s: {what}")
    return found


class Node(unittest.TestCase):
    def node_with(self, more, **how):
        node = running_node.RunningNode(running_node.BINARY, more=more, **how)
        self.addCleanup(node.close)
        return node

    def said(self, node):
        return (node.base / "alula.log").read_text()

    def fail_a_restore(self, node):
        server = node.make_server("castle")
        backup = node.make_backup(server)
        archive = next((node.base / "backups").glob(f"*{backup}*.tar.gz"))
        good = archive.read_bytes()
        archive.write_bytes(good[:len(good) // 2] + bytes(len(good) // 2))
        _, headers, _ = node.ask("POST", f"/api/servers/{server}/backup/{backup}/restore",
                                 {"adapter": "wings", "truncate_directory": True})
        return node.end_of(headers["Location"])
