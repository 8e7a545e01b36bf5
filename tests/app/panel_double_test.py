#!/usr/bin/python3
"""The Panel for tests goes by the Panel's own rules (wings-protocol 3.9, 3.10),
so that what it takes is taken there.

    panel_double_test.py
"""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "doubles"))
import panel  # noqa: E402

SERVER = "3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11"


class Told:
    def __init__(self):
        self.activity = []


class Activities(unittest.TestCase):
    def told(self, **with_fields):
        row = {"user": SERVER, "server": SERVER, "event": "server:power.start",
               "metadata": {}, "ip": "198.51.100.7",
               "timestamp": "2026-01-01T10:00:00Z", **with_fields}
        there = Told()
        try:
            status, _ = panel.Panel.take_activity(there, None, {"data": [row]})
        except panel.Answer as no:
            self.assertEqual(no.status, 422)
            self.assertEqual(there.activity, [])
            return no.body["errors"][0]["meta"]["source_field"]
        return status

    def test_what_a_node_tells_is_taken(self):
        for fields in ({}, {"ip": None}, {"ip": "2001:db8::1"}, {"user": None},
                       {"metadata": None}, {"metadata": []}, {"metadata": {"command": "say"}}):
            self.assertEqual(self.told(**fields), 200, fields)

    def test_an_ip_is_an_address(self):
        for ip in ("here", "198.51.100", "fe80::1%eth0", 7, []):
            self.assertEqual(self.told(ip=ip), "data.0.ip", ip)

    def test_metadata_is_no_text_and_no_number(self):
        for metadata in ("{}", 7, True):
            self.assertEqual(self.told(metadata=metadata), "data.0.metadata", metadata)

    def test_a_user_is_a_uuid(self):
        for user in ("somebody", 7):
            self.assertEqual(self.told(user=user), "data.0.user", user)


class ContainerStatuses(unittest.TestCase):
    def told(self, data, node="n", **habits):
        class There:
            habits = {"container_status": True}
            caller = "n"
            server = {"node": node, "container": None}

            def mine(self, uuid):
                return uuid, self.server

        There.habits.update(habits)
        there = There()
        try:
            said = panel.Panel.note_container(there, None, {"data": data}, SERVER)
        except panel.Answer as no:
            return no.status
        self.assertEqual(said, (200, []))
        return there.server["container"]

    def test_a_state_is_kept_and_an_unknown_word_is_missing(self):
        self.assertEqual(self.told({"previous_state": "offline", "new_state": "starting"}),
                         "starting")
        for data in ({"new_state": "asleep"}, {}, None, []):
            self.assertEqual(self.told(data), "missing", data)

    def test_it_is_of_the_node_that_has_the_server(self):
        self.assertEqual(self.told({"new_state": "running"}, node="another"), 403)

    def test_not_every_panel_has_it(self):
        self.assertEqual(self.told({"new_state": "running"}, container_status=False), 404)


class Resets(unittest.TestCase):
    def test_only_the_servers_of_the_node_that_calls_are_reset(self):
        class There:
            caller = "one"
            servers = {number: {"node": node, "status": status}
                       for number, (node, status) in enumerate([
                           ("one", "installing"), ("one", "restoring_backup"),
                           ("one", "suspended"), ("two", "installing"),
                           ("two", "restoring_backup")])}
        status, _ = panel.Panel.reset_servers(There, None, None)
        self.assertEqual(status, 204)
        self.assertEqual(
            [each["status"] for each in There.servers.values()],
            [None, None, "suspended", "installing", "restoring_backup"])


if __name__ == "__main__":
    unittest.main()
