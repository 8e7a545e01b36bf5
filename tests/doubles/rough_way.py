"""A rough way to an object store: a proxy that does to requests what networks
and stores do to them. Signatures stay good: the Host header is passed on.

Every rule is for PUTs of parts, or for the request that puts them together, is
used up by what it did, and is counted in `done`. Standard library only.
"""

import re
import socket
import threading
import urllib.parse


class Broken(Exception):
    """The connection is to end now."""


class Line:
    """One side of a connection, read by heads and bodies."""

    def __init__(self, link):
        self.link, self.ahead = link, b""

    def head(self):
        """The bytes up to the empty line; nothing at the end."""
        while b"\r\n\r\n" not in self.ahead:
            piece = self.link.recv(65536)
            if not piece:
                return b""
            self.ahead += piece
        head, _, self.ahead = self.ahead.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def body(self, length, into):
        while length > 0:
            piece = self.ahead[:length] or self.link.recv(min(length, 65536))
            if not piece:
                raise Broken
            self.ahead = self.ahead[len(piece):]
            length -= len(piece)
            into(piece)

    def send(self, data):
        self.link.sendall(data)

    def close(self):
        try:
            self.link.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.link.close()


def header(head, name):
    found = re.search(rb"\r\n%s: *([^\r]*)" % name, head, re.I)
    return found[1] if found else b""


class RoughWay:
    def __init__(self, endpoint):
        place = urllib.parse.urlsplit(endpoint)
        self.to = (place.hostname, place.port)
        self.lock = threading.Condition()
        self.forgive()
        self.parts = []  # part numbers that the store has taken, in order
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def forgive(self):
        """No rule holds any more."""
        with self.lock:
            self.passes = None  # so many parts get past their middle, till let()
            self.holds = ""  # a completion, "before" the store or "after" it
            self.generation = getattr(self, "generation", 0) + 1
            self.is_cut = False  # what was held ends
            self.cuts = []  # after so many bytes of a part its connection ends
            self.lies = 0  # so many ETags come as others
            self.spared = self.full_at = 0  # parts that come before
            self.refusals = []  # (status, code): the answers to the next parts
            self.done = {"cut": 0, "lied": 0, "refused": 0, "held": 0,
                         "completion": 0}
            self.lock.notify_all()

    def refuse_after(self, spared, answers):
        """So many parts come to the store; when they have, the next ones are
        answered here."""
        with self.lock:
            self.spared, self.full_at = spared, len(self.parts) + spared
            self.refusals = answers

    # -- what is held ---------------------------------------------------------

    def hold_parts(self, but):
        """All parts but so many wait in their middle until let()."""
        with self.lock:
            self.passes = but

    def hold_completion(self, when):
        """The next request to put an upload together waits until let(): "before"
        the store hears of it, or its answer, "after"."""
        with self.lock:
            self.holds = when

    def let(self, cut=False):
        """What is held goes on, or its connection ends; nothing else is held."""
        with self.lock:
            self.passes, self.holds, self.is_cut = None, "", cut
            self.generation += 1
            self.lock.notify_all()

    def wait_for_held(self, what, count=1, seconds=60):
        """Until so many parts ("held") or a "completion" wait here."""
        with self.lock:
            return self.lock.wait_for(lambda: self.done[what] >= count, seconds)

    def wait_here(self, what):
        """With the lock held."""
        self.done[what] += 1
        self.lock.notify_all()
        mine = self.generation
        self.lock.wait_for(lambda: self.generation != mine)
        if self.is_cut:
            raise Broken

    def may_pass(self):
        with self.lock:
            if self.passes is None:
                return
            if self.passes > 0:
                self.passes -= 1
                return
            self.wait_here("held")

    def completion(self, when):
        with self.lock:
            if self.holds == when:
                self.holds = ""
                self.wait_here("completion")

    def listen(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,),
                             daemon=True).start()

    def serve(self, link):
        client, store = Line(link), None
        try:
            while head := client.head():
                if self.refuse(client, head):
                    continue
                if not store:
                    store = Line(socket.create_connection(self.to))
                self.pass_on(client, store, head)
        except (OSError, Broken):
            pass
        finally:
            client.close()
            if store:
                store.close()

    @staticmethod
    def part_of(head):
        found = re.match(rb"PUT \S*[?&]partNumber=(\d+)", head)
        return int(found[1]) if found else 0

    def refuse(self, client, head):
        """Whether the request had its answer here."""
        with self.lock:
            if not self.part_of(head) or not self.refusals:
                return False
            if self.spared > 0:
                self.spared -= 1
                return False
            self.lock.wait_for(lambda: len(self.parts) >= self.full_at
                               or not self.refusals)
            if not self.refusals:
                return False
            status, code = self.refusals.pop(0)
            self.done["refused"] += 1
        client.body(int(header(head, b"content-length") or 0), lambda _: None)
        text = (f"<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>"
                ).encode()
        client.send(b"HTTP/1.1 %d No\r\nContent-Type: application/xml\r\n"
                    b"Content-Length: %d\r\n\r\n%s"
                    % (status, len(text), text))
        return True

    def pass_on(self, client, store, head):
        part = self.part_of(head)
        completes = re.match(rb"POST \S*[?&]uploadId=", head)
        with self.lock:
            left = self.cuts.pop(0) if part and self.cuts else None
        if completes:
            self.completion("before")
        store.send(head)
        length = int(header(head, b"content-length") or 0)
        sent, is_past = 0, not part

        def give(piece):
            nonlocal sent, is_past
            if not is_past and sent + len(piece) > length // 2:
                is_past = True
                self.may_pass()
            if left is not None and sent + len(piece) > left:
                store.send(piece[:left - sent])
                with self.lock:
                    self.done["cut"] += 1
                raise Broken
            store.send(piece)
            sent += len(piece)

        is_head = head.startswith(b"HEAD ")
        try:
            client.body(length, give)
        except OSError:
            # A store that refuses a part does not read it to its end.
            self.answer(client, store, part, is_head, completes)
            raise
        self.answer(client, store, part, is_head, completes)

    def answer(self, client, store, part, is_head, completes):
        head = store.head()
        while head.startswith(b"HTTP/1.1 1"):
            head = store.head()
        if not head:
            raise Broken
        good = head[9:10] == b"2"
        with self.lock:
            if good and part and self.lies:
                self.lies -= 1
                self.done["lied"] += 1
                head = re.sub(rb"(\r\netag: *\"?)[0-9a-f]{32}",
                              rb"\g<1>" + b"0" * 32, head, flags=re.I)
            elif good and part:
                self.parts.append(part)
                self.lock.notify_all()
        if completes:
            self.completion("after")
        client.send(head)
        if is_head or head[9:12] in (b"204", b"304"):
            return
        if header(head, b"transfer-encoding"):
            return self.until_end(client, store)
        store.body(int(header(head, b"content-length") or 0), client.send)

    @staticmethod
    def until_end(client, store):
        """A body in chunks: its last one is empty."""
        end, store.ahead = store.ahead, b""
        client.send(end)
        while not end.endswith(b"0\r\n\r\n"):
            piece = store.link.recv(65536)
            if not piece:
                raise Broken
            client.send(piece)
            end = end[-8:] + piece

    def wait_for_parts(self, count, seconds=60):
        """Until the store has taken so many, counted from the start."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.parts) >= count,
                                      seconds)

    def close(self):
        self.let(cut=True)
        self.listener.close()
