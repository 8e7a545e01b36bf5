#!/usr/bin/python3
"""`alula doctor`: every check exists, finds what was put wrong, and says what to
do about it.

    doctor_test.py ALULA [TEST…]
"""

import json
import subprocess
import sys
import time
import unittest
import uuid as uuids

from running_node import RunningNode, run_tests, small_disk

BINARY = ""
# Of a node that is well; "space" stands for the directories that are there.
CHECKS = {"config", "space", "mounts", "database", "docker", "panel", "stores",
          "clock", "node", "pools", "jobs", "servers", "orphans"}


class Doctor(unittest.TestCase):
    def node_with(self, **how):
        self.node = RunningNode(BINARY, **how)
        self.addCleanup(self.node.close)
        return self.node

    def look(self, *more):
        done = subprocess.run([BINARY, "doctor", "--json", "--config", self.node.config, *more],
                              text=True, capture_output=True, timeout=120)
        found = json.loads(done.stdout)
        bad = [f for f in found if f["level"] == "bad"]
        self.assertEqual(done.returncode, 1 if bad else 0, done.stderr)
        for one in found:
            self.assertEqual(set(one), {"level", "area", "what", "to_do"})
            if one["level"] != "ok":
                self.assertTrue(one["to_do"], one)
        return found

    def finds(self, area, level, what, to_do, *more):
        found = self.look(*more)
        fit = [f for f in found if f["area"] == area and f["level"] == level and what in f["what"]]
        self.assertEqual(len(fit), 1, json.dumps(found, indent=1))
        self.assertIn(to_do, fit[0]["to_do"] or "")

    def test_each_check_is_made_and_a_node_that_is_well_has_nothing_bad(self):
        self.node_with().start()
        found = self.look()
        self.assertEqual(CHECKS - {f["area"] for f in found}, set())
        self.assertEqual([f for f in found if f["level"] == "bad"], [])

    def test_a_config_with_a_mistake(self):
        node = self.node_with(more="nonsense: 1\n").start()
        self.finds("config", "warning", "nonsense", "Take it out")
        node.config.write_text(node.config.read_text() + "log:\n  format: loud\n")
        self.finds("config", "warning", "log.format", "spell it right")
        node.config.write_text(node.config.read_text().replace("  host: 127.0.0.1", "  body_limit: nothing"))
        self.finds("config", "bad", "api.body_limit", "check-config")

    def test_a_token_whose_file_others_can_read_or_this_user_cannot(self):
        node = self.node_with().start()
        kept = node.base / "token"
        kept.write_text(node.token)
        kept.chmod(0o644)
        node.config.write_text(node.config.read_text().replace(f"token: {node.token}", f"token_file: {kept}"))
        self.finds("config", "warning", "its mode is 0644", f"chmod 600 {kept}")
        self.finds("node", "ok", "is ready", "")
        kept.chmod(0o600)
        self.finds("config", "ok", "can be used", "")
        # Neither the Panel nor the node is blamed for what they were not shown.
        node.config.write_text(node.config.read_text().replace(f"token_file: {kept}", f"token_file: {kept}/no")
                               + "remote: http://127.0.0.1:1\ntoken_id: someone\n")
        self.finds("config", "bad", f"cannot read {kept}/no: Not a directory", "the user of the node")
        self.finds("panel", "warning", "was not asked", "token_file")
        self.finds("node", "bad", f"no token could be read from {kept}/no", "--token-file")

    def test_a_token_that_may_not_look_at_the_node(self):
        node = self.node_with().start()
        body = {"name": "Anna", "role": "operator", "servers": [str(uuids.uuid4())]}
        status, _, text = node.ask("POST", "/api/tokens", body)
        self.assertEqual(status, 201, text)
        secret = node.base / "anna"
        secret.write_text(json.loads(text)["secret"])
        self.finds("node", "warning", "may not look at all of it", "reaches everything", "--token-file", secret)

    def test_a_directory_that_is_not_there(self):
        self.node_with()
        self.finds("directories", "warning", "volumes: ", "a disk is not mounted")

    def test_a_disk_that_is_nearly_full(self):
        node = self.node_with()
        self.addCleanup(small_disk(node.base / "backups", "size=4m"))
        (node.base / "backups/filler").write_bytes(bytes(4 * 1024 * 1024 - 4096))
        self.finds("space", "bad", "backups: ", "backups are refused")

    def test_a_disk_that_has_little_room_left(self):
        node = self.node_with()
        self.addCleanup(small_disk(node.base / "backups", "size=4m"))
        # A tenth is kept free; less than another is left.
        (node.base / "backups/filler").write_bytes(bytes(4 * 1024 * 1024 - 700 * 1024))
        self.finds("space", "warning", "backups: ", "more may be taken")

    def test_a_disk_for_what_systems_send_or_for_installations_that_is_nearly_full(self):
        node = self.node_with()
        for directory, name in (("systems", "systems: "), ("tmp", "installations: ")):
            self.addCleanup(small_disk(node.base / directory, "size=4m"))
            (node.base / directory / "filler").write_bytes(bytes(4 * 1024 * 1024 - 4096))
            self.finds("space", "bad", name, "alula backups usage")

    def test_what_the_first_use_makes_is_not_missed(self):
        self.node_with()
        missed = [f["what"] for f in self.look() if f["area"] == "directories"]
        self.assertEqual([what for what in missed if what.startswith(("systems", "installations"))], [])

    def test_a_trash_on_another_mount_than_the_volumes(self):
        node = self.node_with()
        (node.base / "volumes").mkdir()
        self.addCleanup(small_disk(node.base / ".trash", "size=4m"))
        self.finds("mounts", "bad", "is on another mount", "system.trash_directory")

    def test_a_trash_that_the_first_start_would_make_on_another_mount(self):
        node = self.node_with()
        self.addCleanup(small_disk(node.base / "elsewhere", "size=4m"))
        node.config.write_text(node.config.read_text().replace(
            "  undelete_hours", f"  trash_directory: {node.base}/elsewhere/a/trash\n  undelete_hours"))
        self.finds("mounts", "bad", "is on another mount", "system.trash_directory")

    def test_backups_among_the_volumes(self):
        node = self.node_with()
        node.config.write_text(node.config.read_text().replace(
            "  undelete_hours", f"  backup_directory: {node.base}/volumes/backups\n  undelete_hours"))
        self.finds("mounts", "bad", "the backups lie among the volumes", "system.backup_directory")

    def test_a_disk_of_another_node(self):
        node = self.node_with().start()
        node.kill()
        mark = node.base / "backups/.alula-store"
        mark.write_text("another-node\n")
        self.finds("mounts", "bad", "marks of different ledgers", "mount the right one")

    def test_a_ledger_that_is_damaged(self):
        node = self.node_with().start()
        node.make_server("castle")
        node.process.terminate()  # so that all of it is in the one file
        node.process.wait(60)
        ledger = node.base / "alula/ledger.db"
        whole = ledger.read_bytes()
        ledger.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
        found = [f for f in self.look() if f["area"] == "database"]
        self.assertEqual(found[0]["level"], "bad", found)
        self.assertIn("alula db backup", found[0]["to_do"])
        ledger.write_bytes(bytes(len(whole)))
        self.finds("database", "bad", "not a database", "put the last `alula db backup` in their place")

    def test_a_disk_too_small_for_the_reserve_of_the_ledger(self):
        node = self.node_with()
        self.addCleanup(small_disk(node.base / "alula", "size=100m"))
        node.start()
        self.assertIn("ledger-ballast-waits", (node.base / "alula.log").read_text())
        self.finds("database", "warning", "is taken when 192 MiB are", "system.ledger_directory")
        # With room again it is there at the next start, and nothing is said.
        node.kill()
        subprocess.run(["mount", "-o", "remount,size=400m", node.base / "alula"], check=True)
        self.finds("database", "warning", "no reserve of 64.0 MiB", "when it is started")
        node.start()
        self.assertEqual([f for f in self.look() if f["area"] == "database" and f["level"] != "ok"], [])

    def test_docker_that_does_not_answer(self):
        self.node_with(docker=False)
        self.finds("docker", "bad", "dockerd does not answer", "systemctl status docker")

    def test_docker_that_answers_with_an_error(self):
        node = self.node_with()
        node.dockerd.call = lambda *_: (403, {"message": "not for you"})
        self.finds("docker", "bad", "but with 403: not for you", "journalctl -u docker")

    def test_a_panel_that_does_not_answer(self):
        self.node_with(more="remote: http://127.0.0.1:1\ntoken_id: someone\n")
        self.finds("panel", "bad", "does not answer", "firewall")

    def test_a_store_that_does_not_answer_and_one_without_keys(self):
        keys = "access_key: a, secret_key: abcd"
        node = self.node_with(more=f"stores:\n  offsite: {{endpoint: \"http://127.0.0.1:1\", bucket: b, {keys}}}\n")
        self.finds("stores", "bad", 'the store "offsite"', "firewall")
        node.config.write_text(node.config.read_text().replace(keys, "credentials_env: NOBODY"))
        self.finds("stores", "bad", "offsite", "credentials_env")

    def test_a_node_that_does_not_run(self):
        self.node_with(more="")
        self.node.port = 1
        self.node.write_config()
        self.finds("node", "warning", "no node answers", "systemctl start alula")

    def test_a_token_that_the_node_does_not_know(self):
        node = self.node_with().start()
        node.config.write_text(node.config.read_text().replace(node.token, "another-token"))
        self.finds("node", "bad", "does not know the token", "reload")

    def test_a_pool_that_is_paused(self):
        node = self.node_with().start()
        node.ask("POST", "/api/pools/backup/pause", {"reason": "new disk"})
        since = next(p for p in node.get("/api/pools")["items"] if p["name"] == "backup")["paused_at"]
        self.finds("pools", "warning", f'"backup" is paused since {since}', "`alula pools resume backup`")
        self.finds("pools", "warning", "by the node's token: new disk; 0 jobs wait", "alula pools resume")
        node.ask("POST", "/api/pools/backup/resume")
        self.finds("pools", "ok", "no pool is paused", "")

    def test_a_server_that_docker_does_not_answer_for(self):
        node = self.node_with(more="  deadlines: {inspect: 300ms}\n").start()
        castle, garden = node.make_server("castle"), node.make_server("garden")
        self.finds("servers", "ok", "no server is unresponsive", "")
        node.dockerd.hung.add(castle)
        until = time.monotonic() + 30
        while node.get(f"/api/servers/{castle}")["unresponsive"] is None:
            self.assertLess(time.monotonic(), until, "it never became unresponsive")
        self.assertIsNone(node.get(f"/api/servers/{garden}")["unresponsive"])
        self.finds("servers", "bad", f"castle ({castle}) since ", "alula servers kill")
        listed = subprocess.run([BINARY, "servers", "--config", node.config], text=True, capture_output=True, timeout=60)
        self.assertRegex(listed.stdout, f"{castle}.*unresponsive \\(since ")
        node.dockerd.hung.clear()

    def test_files_that_belong_to_nobody(self):
        node = self.node_with().start()
        stray = str(uuids.uuid4())
        (node.base / "volumes" / stray).mkdir()
        self.finds("orphans", "warning", stray, "Register the server again")

    def test_files_here_are_not_held_against_a_node_elsewhere(self):
        node = self.node_with().start()
        stray = str(uuids.uuid4())
        (node.base / "volumes" / stray).mkdir()
        self.finds("orphans", "warning", stray, "remove", "--url", node.url)
        node.config.write_text(node.config.read_text().replace(f"port: {node.port}", "port: 1"))
        found = [f["what"] for f in self.look("--url", node.url) if f["area"] == "orphans"]
        self.assertEqual(len(found), 1, found)
        self.assertIn("no files and containers were looked at", found[0])

    def test_a_container_of_no_server(self):
        node = self.node_with().start()
        known, gone = node.make_server("castle"), str(uuids.uuid4())
        node.dockerd.put(gone, {"Service": "Pterodactyl", "alula.server": gone})
        node.dockerd.put("else", {"Service": "Pterodactyl"})
        self.finds("orphans", "warning", f"the container {gone} (created) is of server {gone}", f"docker rm -fv {gone}")
        found = [f["what"] for f in self.look() if f["area"] == "orphans"]
        self.assertEqual([w for w in found if known in w or "else" in w], [])

    def test_trash_and_staging_of_no_job_on_record(self):
        node = self.node_with().start()
        # What a delete has put there is known, until it is purged.
        status, headers, _ = node.ask("DELETE", f"/api/servers/{node.make_server('castle')}")
        self.assertIn(status, (202, 204))
        for scan in node.get("/api/jobs?kind=backup.scan")["items"]:
            node.end_of(scan["id"])  # it sweeps the staging
        # The node has kept no record of 2025 (410), and has none of just now (404).
        stray, left = (f"01970000-0000-7000-8000-00000000000{n}" for n in (1, 2))
        now = f"{int(time.time() * 1000):012x}"
        fresh = f"{now[:8]}-{now[8:]}-7000-8000-000000000003"
        self.assertEqual([node.ask("GET", f"/api/jobs/{job}")[0] for job in (stray, fresh)], [410, 404])
        (node.base / ".trash" / stray).mkdir()
        (node.base / ".trash" / fresh).mkdir()
        self.finds("orphans", "warning", f"no job on record has put {fresh} in the trash", f"{node.base}/.trash/{fresh}")
        (node.base / ".staging" / left).mkdir()
        self.finds("orphans", "warning", f"no job on record has put {stray} in the trash", f"{node.base}/.trash/{stray}")
        self.finds("orphans", "warning", f"no job on record has put {left} in the staging", f"remove {node.base}/.staging/{left}")
        self.assertEqual(sum(f["area"] == "orphans" for f in self.look()), 3)

    def test_a_server_without_a_backup(self):
        self.node_with().start().make_server("castle")
        self.finds("backups", "warning", "1 of 1 servers", "alula servers")


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
