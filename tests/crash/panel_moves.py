"""The Panel beside a node that crashes, and what it must have been told in the
end: every result once, in order, over whatever happened."""

import argparse
import collections
import json
import threading
import time

import checks
from doubles import panel as double
from node import PATIENCE

REPORTED = ("backup.create", "backup.restore", "server.install",
            "server.reinstall", "server.receive", "server.release")
INSTALLS = ("server.install", "server.reinstall")


class Panel:
    """tests/doubles/panel.py in this process: it outlives every life."""

    def __init__(self, token_id, token):
        options = argparse.Namespace(
            token_id=token_id, token=token, api_key="none", node="here")
        self.server = double.Server(("127.0.0.1", 0), double.Handler)
        self.server.panel = double.Panel(options)
        # The daemon under test is killed in the middle of its calls.
        self.server.handle_error = lambda *_: None
        self.data = self.server.panel
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def accepted(self):
        """(path, body) of every report it took, in order."""
        prefix = "/api/remote"
        with self.data.lock:
            return [(call["path"][len(prefix):], call["body"])
                    for call in self.data.calls
                    if call["method"] == "POST" and call["status"] == 204
                    and (call["path"].startswith(prefix + "/backups/")
                         or call["path"].endswith(
                             ("/install", "/failure", "/success")))]


    def installs_of(self, server):
        """(when, successful) of every end of an installation it took."""
        path = f"/api/remote/servers/{server}/install"
        with self.data.lock:
            return [(call["at"], call["body"]["successful"])
                    for call in self.data.calls
                    if call["method"] == "POST" and call["status"] == 204
                    and call["path"] == path]


class PanelMoves:
    """A part of Client."""

    def panel_knows(self, server, backups):
        with self.node.panel.data.lock:
            self.node.panel.data.add_server({"uuid": server})
            for backup in backups:
                self.node.panel.data.add_backup(
                    {"uuid": backup, "server": server})
        return True

    def panel_has_made(self, server):
        """A user has, and is shown that it is being installed."""
        self.panel_knows(server, ())
        with self.node.panel.data.lock:
            self.node.panel.data.servers[server]["status"] = "installing"
        return True

    def panel_is(self, **habits):
        with self.node.panel.data.lock:
            self.node.panel.data.habits.update(habits)
        return True

    def panel_is_told(self):
        """Nothing waits and nothing was given up."""
        end = time.monotonic() + 4 * PATIENCE
        while time.monotonic() < end:
            status, _, page = self.node.ask("GET", "/api/outbox")
            assert status == 200, f"outbox: {status} {page}"
            if not page["items"]:
                return True
            assert all(r["state"] != "dead" for r in page["items"]), page
            self.node.rest(0.1)
        raise AssertionError(f"not told: {page}")


def first_of_each_run(reports):
    """Without what was told twice over a lost answer or a crash."""
    out = []
    for report in reports:
        if not out or out[-1] != report:
            out.append(report)
    return out


def ends_with_another(job, ended):
    """Whether the end of an installation may be told by that of another of the
    same server, which lived beside it."""
    kind, state, server, begun, over = ended[job]
    return kind in INSTALLS and state != "succeeded" and any(
        other != job and of in INSTALLS and row == server
        and begin <= over and end >= begun
        for other, (of, _, row, begin, end) in ended.items())


def told_everything(node):
    """At the very end: the ledger against the Panel's own record."""
    with checks.Ledger(node) as ledger:
        ended = {row[0]: row[1:] for row in ledger.rows(
            "SELECT id, kind, state, server_row, created_at, finished_at"
            " FROM jobs WHERE terminal = 1")}
        # Creates that the Panel waits for the end of.
        ordered = {job for (job,) in ledger.rows(
            "SELECT id FROM jobs WHERE kind = 'server.create'"
            " AND input ->> 'of_panel' AND NOT input ->> 'skip_install'")}
        rows = ledger.rows("SELECT job, subject, path, body, state FROM outbox"
                           " ORDER BY report")
    written = collections.Counter(row[0] for row in rows)
    for job, (kind, state, *_) in ended.items():
        if kind in REPORTED:
            untold = written[job] == 0 and ends_with_another(job, ended)
            assert written[job] == 1 or untold, \
                f"{kind} {job} is {state} and was reported {written[job]} times"
        # A success is told by the other node, or by the installation.
        if kind == "server.transfer" or job in ordered:
            assert written[job] == (state != "succeeded"), \
                f"{kind} {job} is {state} and was reported {written[job]} times"
    assert all(row[4] == "delivered" for row in rows), rows
    subjects = {row[2]: row[1] for row in rows}
    taken = collections.defaultdict(list)
    for path, body in node.panel.accepted():
        assert path in subjects, f"{path} was told, and is in no ledger"
        taken[subjects[path]].append((path, body))
    wanted = collections.defaultdict(list)
    for _, subject, path, body, _ in rows:
        wanted[subject].append((path, json.loads(body)))
    for subject, reports in wanted.items():
        assert first_of_each_run(taken[subject]) == \
            first_of_each_run(reports), \
            f"{subject}: wanted {reports}, told {taken[subject]}"
    with node.panel.data.lock:
        for uuid, backup in node.panel.data.backups.items():
            successes = [path for path, body in node.panel.accepted()
                         if path == f"/backups/{uuid}" and body["successful"]]
            assert len(successes) <= 1, f"{uuid} succeeded {len(successes)} ×"
            assert backup["is_successful"] == bool(successes), uuid
