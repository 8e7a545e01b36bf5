"""A server that is sent to another node, or comes from one, while this one
crashes, and what must be so after each try; a part of Client."""

import hashlib
import io
import json
import tarfile
import threading

from backup_workloads import served
from doubles import target_node as double
from node import link_token
from servers import A, B, files_of

BOUNDARY = "a-boundary-of-a-crash"


class Target:
    """tests/doubles/target_node.py in this process: it outlives every life."""

    def __init__(self):
        self.seen = []
        door = double.open_door()
        self.url = f"http://127.0.0.1:{door.getsockname()[1]}"
        threading.Thread(target=double.serve_all,
                         args=(door, None, self.seen.append),
                         daemon=True).start()


def archive_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def form_of(archive, checksum):
    """As nodes send it (wings-protocol 2.16)."""
    def part(name, content):
        return (f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
                f'name="{name}"\r\n\r\n').encode() + content + b"\r\n"
    return part("archive", archive) + part("checksum", checksum.encode()) \
        + f"--{BOUNDARY}--\r\n".encode()


class TransferMoves:
    def target(self):
        if not hasattr(self.node, "target"):
            self.node.target = Target()
        return self.node.target

    def panel_moves(self, server):
        """The Panel has opened a transfer, and not heard of its end."""
        with self.node.panel.data.lock:
            self.node.panel.data.servers[server]["transfer"] = "open"
        return True

    def is_in_transfer(self, server):
        status, _, seen = self.node.ask("GET", f"/api/servers/{server}")
        assert status == 200, f"{server}: {status} {seen}"
        return seen["is_transferring"]

    def send(self, server, key, path):
        """It ends one way or the other, and the server is what the job says."""
        if server in self.told.refused:
            return True
        target = self.target()
        seen = self.job_of(key, "server.transfer", "POST",
                           f"/api/servers/{server}/transfer",
                           {"url": target.url + path, "token": "Bearer x"})
        if seen is None:
            return False
        is_sent = seen["state"] == "succeeded"
        assert is_sent or seen["state"] == "failed", seen
        assert self.is_in_transfer(server) == is_sent, \
            f"{server} is not what its transfer is: {seen}"
        whole = [one for one in target.seen
                 if one["path"] == path and one["whole"]]
        assert not is_sent or (path == "/ok" and whole), \
            f"sent, and nobody has it: {seen} {target.seen}"
        assert all(one["sha256"] == one["checksum"] for one in whole), whole
        return True

    def release(self, server, key):
        """The Panel has never deleted it."""
        if server in self.told.refused or not self.is_in_transfer(server):
            return True
        seen = self.job_of(key, "server.release", "DELETE",
                           f"/api/servers/{server}/transfer?force=true")
        if seen is None or seen["state"] != "succeeded":
            return self.again(seen) if seen else False
        assert not self.is_in_transfer(server), seen
        return True


    # -- from another node ----------------------------------------------------

    def panel_has_elsewhere(self, server):
        with self.node.panel.data.lock:
            self.node.panel.data.add_node(
                {"uuid": "elsewhere", "token_id": "other", "token": "other"})
            self.node.panel.data.add_server(
                {"uuid": server, "node": "elsewhere"})
        return True

    def panel_brings(self, server):
        with self.node.panel.data.lock:
            self.node.panel.data.servers[server].update(
                transfer="open", transfer_to="here", transfer_settings={})

    def take_in(self, server, archive, checksum):
        """Sent by a node that has been told to: what the tries before have
        left is undone and told, and the Panel has opened a transfer."""
        self.end_everything()
        self.panel_is_told()
        self.panel_brings(server)
        status, _, data = self.ask_as_appliance(
            "POST", "/api/transfers", form_of(archive, checksum),
            {"Authorization": "Bearer " + link_token(server, server),
             "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        return status, json.loads(data) if data[:1] == b"{" else None

    def has_come(self, server):
        self.end_everything()
        status, _, seen = self.node.ask("GET", f"/api/servers/{server}")
        assert status in (200, 404), f"{server}: {status} {seen}"
        assert status == 404 or not seen["is_transferring"], seen
        return status == 200

    def receive(self, server, files):
        """It is here whole when the sender is told so; when the answer was
        lost it is here whole, or not at all."""
        if not self.has_come(server):
            archive = archive_of(files)
            status, answer = self.take_in(
                server, archive, hashlib.sha256(archive).hexdigest())
            if status != 200:
                assert status in (500, 502, 503, 507), f"{status} {answer}"
                return self.try_again(status, answer)
            assert self.has_come(server), f"{server} was taken, and is gone"
        self.told.alive[server] = files
        return True

    def refuse_spoilt(self, server):
        """With another checksum nothing of it stays."""
        status, answer = self.take_in(
            server, archive_of(files_of("spoilt")), "0" * 64)
        assert not self.has_come(server), f"{server} is spoilt, and is here"
        if status in (500, 502, 503, 507):
            return self.try_again(status, answer)
        assert status == 400, f"spoilt: {status} {answer}"
        return True


def receives(c):
    """From another node: a server, and one that was spoilt on its way."""
    return [
        lambda: c.panel_has_elsewhere(A),
        lambda: c.panel_has_elsewhere(B),
        lambda: c.receive(A, files_of("world", 9)),
        lambda: c.refuse_spoilt(B),
        lambda: c.panel_is_told(),
    ]


def transfers(c):
    """To a node that refuses it, and to one that takes it; given up then. The
    Panel drops no answers: a report that is sent twice, which kills see to,
    is answered 409 and asked again for 20 s, which would be most of a run."""
    return [
        *served(c, files_of("game", 9)),
        lambda: c.panel_knows(A, ()),
        lambda: c.panel_moves(A),
        lambda: c.send(A, "send-1", "/status/500"),
        lambda: c.panel_is_told(),
        lambda: c.panel_moves(A),
        lambda: c.send(A, "send-2", "/ok"),
        lambda: c.release(A, "release-2"),
        lambda: c.panel_is_told(),
    ]
