#!/usr/bin/python3
"""What Prometheus is told of a node, and the rules and the dashboard that go by
it.

    metrics_test.py ALULA [TEST…]
"""

import json
import os
import re
import sys

from looked_after import Node, until
from running_node import ROOT, run_tests

BINARY = ""


def names_in(text):
    """Metrics that an expression of Prometheus names."""
    return set(re.findall(r"\balula_[a-z_]+", text))


class Prometheus(Node):
    # What issue and manual promise, by what it is about.
    PROMISED = {
        "jobs by kind and state": ["alula_jobs", "alula_jobs_by_kind", "alula_jobs_ended_total"],
        "oldest waiting job, paused pools": ["alula_job_oldest_waiting_seconds", "alula_pool_paused_seconds"],
        "step durations and retries": ["alula_step_seconds", "alula_step_retries_total"],
        "outbox": ["alula_outbox_open", "alula_outbox_dead", "alula_outbox_oldest_seconds"],
        "backup bytes and throughput": ["alula_backup_archive_bytes_total", "alula_backup_content_bytes_total",
                                        "alula_backup_seconds", "alula_backup_last_bytes_per_second"],
        "last good backup": ["alula_last_good_backup_age_seconds", "alula_last_good_backup_age_seconds_max"],
        "purge and trash": ["alula_purge_entries_total", "alula_purge_bytes_total", "alula_trash_bytes",
                            "alula_trash_entries"],
        "ledger": ["alula_ledger_commit_seconds", "alula_ledger_fsync_seconds", "alula_ledger_wal_bytes"],
        "docker": ["alula_docker_call_seconds", "alula_docker_failures_total", "alula_docker_up",
                   "alula_containers_unresponsive"],
        "sockets and polls": ["alula_door", "alula_polls_total"],
    }

    def figures(self, node):
        status, _, text = node.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        return text

    def values(self, node):
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in self.figures(node).splitlines() if not line.startswith("#"))}

    def test_all_that_is_promised_is_there_and_in_the_manual(self):
        node = self.node_with("").start()
        self.fail_a_restore(node)
        # That backup is known to be bad now; an age is a good one's.
        node.make_backup(node.make_server("village"))
        text = self.figures(node)
        there = set(re.findall(r"^# TYPE (\S+)", text, re.M))
        manual = names_in((ROOT / "docs/metrics.md").read_text())
        # Only there while there is something of it: a retry, a silent Docker, a live job.
        sometimes = {"alula_step_retries_total", "alula_docker_failures_total", "alula_jobs_by_kind"}
        for about, names in self.PROMISED.items():
            for name in names:
                self.assertIn(name, there | sometimes, about)
                self.assertIn(name, manual, about)

    def test_rules_and_dashboard_name_only_what_is_there(self):
        manual = set(re.findall(r"`(alula_\w+)`", (ROOT / "docs/metrics.md").read_text()))
        with_parts = manual | {f"{name}_{part}" for name in manual for part in ("bucket", "sum", "count")}
        rules = names_in((ROOT / "docs/alert-rules.yml").read_text())
        dashboard = json.loads((ROOT / "docs/grafana.json").read_text())
        shown = names_in(json.dumps(dashboard))
        self.assertGreater(len(rules), 5)
        self.assertGreater(len(shown), 10)
        self.assertEqual((rules | shown) - with_parts, set())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                self.assertTrue(names_in(target["expr"]), panel["title"])

    def test_jobs_are_counted_by_kind_and_state_while_they_wait(self):
        node = self.node_with("").start()
        server = node.make_server("castle")
        node.ask("POST", "/api/pools/backup/pause", {"reason": "a test"})
        begun = node.begin_backup(server)
        job = until("the job waits", lambda: (seen := node.get(f"/api/jobs/{begun}"))["reason"] == "PoolPaused" and seen)
        of = f'alula_jobs_by_kind{{kind="backup.create",state="{job["state"]}"}}'
        self.assertEqual(self.values(node)[of], 1)
        self.assertGreater(self.values(node)['alula_pool_paused_seconds{pool="backup"}'], 0)
        node.ask("POST", "/api/pools/backup/resume")
        node.end_of(begun)
        until("it is counted no more", lambda: self.values(node)[of] == 0)
        self.assertEqual(self.values(node)['alula_pool_paused_seconds{pool="backup"}'], 0)

    def test_failed_tries_are_counted_while_their_job_lives(self):
        node = self.node_with("", docker=False).start()
        server = node.make_server("castle")
        _, headers, _ = node.ask("DELETE", f"/api/servers/{server}", headers={"Prefer": "respond-async"})
        until("a failed try is counted", lambda: self.values(node).get(
            'alula_step_retries_total{kind="server.delete",step="destroy_container"}', 0) >= 1)
        self.assertFalse(node.get(headers["Location"])["done"])

    def rule(self, name):
        """Its expression, which has to be a plain comparison."""
        rules = (ROOT / "docs/alert-rules.yml").read_text()
        text = re.search(rf"- alert: {name}\n(?:\s*#.*\n)*\s*expr: (.*)\n", rules).group(1)
        metric, sign, number = re.fullmatch(r"(alula_\w+(?:\{.*\})?) (==|>|<) ([\d.]+)", text).groups()
        compare = {"==": float.__eq__, ">": float.__gt__, "<": float.__lt__}[sign]

        def fires(node):
            value = self.values(node).get(metric)
            return value is not None and compare(value, float(number))
        return fires

    def test_the_alarm_of_a_docker_that_is_away_needs_no_job(self):
        away = self.rule("AlulaDockerAway")
        well = self.node_with("").start()
        until("Docker has answered", lambda: self.values(well).get("alula_docker_up") == 1)
        self.assertFalse(away(well))
        alone = self.node_with("", docker=False).start()
        until("it is told of a node with nothing to do", lambda: away(alone))

    def without_undelete(self, node):
        """What writes the config of a node that purges at once."""
        config = node.config.read_text().replace("undelete_hours: 24", "undelete_hours: 0")
        return lambda: node.config.write_text(re.sub(r"(?m)^  port: \d+", f"  port: {node.port}", config))

    def test_a_purge_counts_what_it_removes_and_the_trash_is_weighed(self):
        node = self.node_with("").start()
        config = self.without_undelete(node)
        kept = node.make_server("kept")
        big = node.base / "volumes" / kept / "big"
        big.write_bytes(os.urandom(3 << 20))
        node.ask("DELETE", f"/api/servers/{kept}", headers={"Prefer": "respond-async"})
        weighed = until("the trash was weighed", lambda: self.values(node)["alula_trash_bytes"])
        self.assertGreater(weighed, 3 << 20)
        self.assertLess(weighed, 5 << 20)
        self.assertEqual(self.values(node)["alula_purge_bytes_total"], 0)
        self.assertEqual(self.values(node)["alula_trash_entries"], 1)
        # The window is over: it goes.
        node.kill()
        node.write_config = config
        node.write_config()
        doomed_before = node.start()
        doomed = node.make_server("doomed", files=200)
        _, headers, _ = node.ask("DELETE", f"/api/servers/{doomed}")
        result = node.end_of(headers["Location"])["result"]
        values = self.values(doomed_before)
        self.assertGreaterEqual(values["alula_purge_entries_total"], 200)
        self.assertEqual(values["alula_purge_entries_total"], result["entries"])
        self.assertEqual(values["alula_purge_bytes_total"], result["bytes"])

    def purge_figures(self, node):
        values = self.values(node)
        return values["alula_purge_entries_total"], values["alula_purge_bytes_total"]

    def test_what_a_purge_removed_before_a_kill_is_in_its_result_and_counted_once(self):
        node = self.node_with("")
        node.write_config = self.without_undelete(node)
        node.write_config()
        node.start()
        doomed = node.make_server("doomed", files=1)
        for i in range(20_000):
            small = node.base / "volumes" / doomed / f"d{i}"
            small.mkdir()
            for name in "abcd":
                (small / name).write_bytes(b"x" if name == "a" else b"")
        _, headers, _ = node.ask("DELETE", f"/api/servers/{doomed}", headers={"Prefer": "respond-async"})
        before = until("the purge has begun", lambda: any(seen := self.purge_figures(node)) and seen)
        node.kill()
        node.start()
        result = node.end_of(headers["Location"])["result"]
        after = self.purge_figures(node)
        whole = 20_000 * 5 + 4  # world, its file, server.properties, and the tree itself
        self.assertGreater(after[0], 0, "it was over before it was killed")
        # What was removed in the last moment before a kill nobody has counted.
        self.assertLessEqual(result["entries"], whole)
        self.assertGreaterEqual(result["entries"], before[0] + after[0])
        self.assertGreaterEqual(result["bytes"], before[1] + after[1])
        self.assertGreater(before[1], 0)


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
