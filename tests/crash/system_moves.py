"""What appliances and people do with backups of systems while the node crashes;
a part of Client. And the workload of it."""

import base64
import json

SYSTEM = "edge-7"
# Larger than one buffer, smaller than patience.
PAYLOADS = [(f"payload {n} ".encode() * 30_000)[:300_000 - n] for n in range(3)]


class SystemMoves:
    def ask_as_appliance(self, method, path, body=None, headers=None):
        return self.node.request(
            method, path, body,
            {"Authorization": self.told.appliance, **(headers or {})})

    def make_key(self):
        """Shown once: when the answer was lost, another one is made."""
        status, _, answer = self.node.ask(
            "POST", "/api/tokens", {"appliance": SYSTEM})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status == 201, f"key: {status} {answer}"
        self.told.appliance = "Basic " + base64.b64encode(
            f"{SYSTEM}:{answer['secret']}".encode()).decode()
        return True

    def put_system(self):
        status, _, answer = self.node.ask(
            "PUT", f"/api/systems/{SYSTEM}", {"organization": "acme/shop-7"})
        if status in (500, 503, 507):
            return self.try_again(status, answer)
        assert status in (200, 201), f"put system: {status} {answer}"
        return True

    def upload(self, number):
        """201, and from then on it is there, byte for byte."""
        payload = PAYLOADS[number]
        status, headers, data = self.ask_as_appliance(
            "POST", "/api/systems/backups", payload,
            {"X-Filename": f"{number}.tar.gz"})
        answer = json.loads(data)
        if status in (500, 502, 503, 507):
            return self.try_again(status, answer)
        assert status == 201, f"upload: {status} {answer}"
        assert answer["data"]["size"] == len(payload), answer
        self.told.sent[answer["data"]["id"]] = payload
        self.told.jobs.setdefault(
            headers["operation-location"].rsplit("/", 1)[1],
            {"kind": "system.backup.receive", "done": False, "version": 0,
             "id": headers["operation-location"].rsplit("/", 1)[1],
             "state": "queued"})
        return True

    def everything_sent_is_there(self):
        status, _, answer = self.node.ask(
            "GET", f"/api/systems/{SYSTEM}/backups")
        if status != 200:
            return self.try_again(status, answer)
        listed = {one["id"] for one in answer["data"]["backups"]}
        lost = set(self.told.sent) - listed
        assert not lost, f"told stored, and not listed: {lost}"
        back = listed & self.told.unsent
        assert not back, f"told deleted, and listed: {back}"
        for backup in listed:
            status, _, data = self.ask_as_appliance(
                "GET", f"/api/systems/backups/{backup}")
            if status != 200:
                return self.try_again(status, json.loads(data))
            # An upload whose answer was lost may be there as well, whole.
            wanted = [self.told.sent[backup]] \
                if backup in self.told.sent else PAYLOADS
            assert data in wanted, f"{backup} has other bytes"
        return True

    def delete_sent(self, number):
        """200 or, when an answer was lost, 404; then it is gone."""
        wanted = [one for one, sent in self.told.sent.items()
                  if sent == PAYLOADS[number]]
        wanted += self.told.unsure_sent
        for backup in wanted:
            self.told.sent.pop(backup, None)
            if backup not in self.told.unsure_sent:
                self.told.unsure_sent.append(backup)
            status, headers, answer = self.node.ask(
                "DELETE", f"/api/systems/{SYSTEM}/backups/{backup}")
            if status in (500, 502, 503, 507):
                return self.try_again(status, answer)
            assert status in (200, 404), f"delete: {status} {answer}"
            if status == 200:
                self.accepted({"location": headers["operation-location"]},
                              "system.backup.delete")
            self.told.unsure_sent.remove(backup)
            self.told.unsent.add(backup)
        return True

    def destroy_system(self):
        """200 or, when an answer was lost, 404; nothing of it is left then."""
        is_repeat = self.told.destroyed
        self.told.destroyed = True
        self.told.unsure_sent += self.told.sent
        self.told.sent.clear()
        status, headers, answer = self.node.ask(
            "DELETE", f"/api/systems/{SYSTEM}")
        if status in (500, 502, 503, 507):
            return self.try_again(status, answer)
        assert status == 200 or (status == 404 and is_repeat), \
            f"destroy: {status} {answer}"
        if status == 200:
            self.accepted({"location": headers["operation-location"]},
                          "system.destroy")
        self.told.unsent.update(self.told.unsure_sent)
        status, _, answer = self.node.ask("GET", f"/api/systems/{SYSTEM}")
        if status in (500, 503):
            return self.try_again(status, answer)
        assert status == 404, f"told destroyed, and there: {answer}"
        return True


def systems(c):
    """Uploads of an appliance, and a person who deletes one of them; then all
    of them go."""
    return [
        lambda: c.put_system(),
        lambda: c.make_key(),
        lambda: c.upload(0),
        lambda: c.upload(1),
        lambda: c.everything_sent_is_there(),
        lambda: c.delete_sent(0),
        lambda: c.upload(2),
        lambda: c.everything_sent_is_there(),
        lambda: c.end_everything(),
        lambda: c.destroy_system(),
    ]
