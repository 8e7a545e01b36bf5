#!/usr/bin/python3
"""The target side of a transfer between nodes, as a source sees it: takes the
request of wings-protocol 2.16 apart and says what it got.

    target_node.py [--port N] [--cert FILE --key FILE]

Prints `listening <port>`, then one JSON line for each request that has come to
its end, or was broken off:

    {"path", "authorization", "chunked", "content_type", "parts": [name, …],
     "filename", "bytes", "sha256", "checksum", "whole"}

What it does stands in the path: `/ok` answers 200 when the checksum is right,
else 400; `/status/<code>` answers that code, `/early/<code>` before it has read
the body, `/moved` redirects; `/hang` reads nothing after the head, `/silent`
everything and never answers, `/cut` ends the connection in the middle of the
body, `/slow` reads a little at a time.
"""

import argparse
import hashlib
import json
import re
import socket
import ssl
import struct
import sys
import threading

SLOWNESS = 0.002  # seconds between pieces that /slow reads


class Broken(Exception):
    """The sender went away."""


class Reader:
    """The body of one request, without its chunks. `over` is set when the door
    is closed."""

    def __init__(self, link, over):
        self.link, self.over = link, over
        self.slow = False
        self.raw = b""

    def more(self):
        piece = self.link.recv(4096 if self.slow else 262_144)
        if not piece or self.slow and self.over.wait(SLOWNESS):
            raise Broken
        self.raw += piece

    def line(self):
        while b"\r\n" not in self.raw:
            self.more()
        line, self.raw = self.raw.split(b"\r\n", 1)
        return line

    def head(self):
        lines = []
        while line := self.line():
            lines.append(line.decode("latin-1"))
        return lines

    def take(self, count):
        while count > 0:
            if not self.raw:
                self.more()
            piece, self.raw = self.raw[:count], self.raw[count:]
            count -= len(piece)
            yield piece

    def chunks(self):
        while size := int(self.line().split(b";")[0], 16):
            yield from self.take(size)
            assert self.line() == b""
        self.line()


class Parts:
    """multipart/form-data with a part of any size in bounded memory."""

    def __init__(self, boundary):
        self.mark = b"\r\n--" + boundary.encode()
        self.held = b"\r\n"
        self.name = None
        self.names, self.filename = [], None
        self.bytes, self.sha256 = 0, hashlib.sha256()
        self.checksum = b""
        self.over = False

    def content(self, piece):
        if self.name == "archive":
            self.bytes += len(piece)
            self.sha256.update(piece)
        elif self.name == "checksum":
            self.checksum += piece

    def feed(self, piece):
        self.held += piece
        while not self.over:
            at = self.held.find(self.mark)
            if at < 0:
                keep = len(self.mark)
                if len(self.held) > keep:
                    self.content(self.held[:-keep])
                    self.held = self.held[-keep:]
                return
            rest = self.held[at + len(self.mark):]
            if rest.startswith(b"--"):
                self.content(self.held[:at])
                self.over = True
            elif b"\r\n\r\n" in rest:
                self.content(self.held[:at])
                head, self.held = rest.split(b"\r\n\r\n", 1)
                text = head.decode("latin-1")
                self.name = re.search(r' name="([^"]*)"', text).group(1)
                self.names.append(self.name)
                if named := re.search(r'filename="([^"]*)"', text):
                    self.filename = named.group(1)
            else:
                return


def say(what):
    print(json.dumps(what), flush=True)


def answer(link, status, more=""):
    body = json.dumps({"error": f"says {status}"})
    link.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                 f"Content-Length: {len(body)}\r\n{more}"
                 f"Connection: close\r\n\r\n{body}".encode())


def reset(link):
    """Ends it at once, with what was not read yet."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))


def serve(link, tell, over):
    reader = Reader(link, over)
    head = reader.head()
    path = head[0].split(" ")[1]
    headers = {k.lower(): v for k, v in
               (line.split(": ", 1) for line in head[1:])}
    reader.slow = path == "/slow"
    word, _, code = path.strip("/").partition("/")
    if word == "early":
        answer(link, int(code))
    if word == "hang":
        over.wait()
        raise Broken
    parts = Parts(headers["content-type"].split("boundary=")[1])
    seen = {"path": path, "authorization": headers.get("authorization"),
            "chunked": headers.get("transfer-encoding") == "chunked"
            and "content-length" not in headers,
            "content_type": headers["content-type"].split(";")[0],
            "whole": False}
    try:
        for piece in reader.chunks():
            parts.feed(piece)
            if word == "cut" and parts.bytes > 1 << 20:
                reset(link)
                raise Broken
        seen["whole"] = parts.over
    except (Broken, OSError):
        pass
    seen |= {"parts": parts.names, "filename": parts.filename,
             "bytes": parts.bytes, "sha256": parts.sha256.hexdigest(),
             "checksum": parts.checksum.decode("latin-1")}
    tell(seen)
    if not seen["whole"] or word == "early":
        return
    if word == "silent":
        over.wait()
        return
    if word == "moved":
        return answer(link, 307, "Location: /ok\r\n")
    good = seen["sha256"] == seen["checksum"]
    answer(link, int(code) if word == "status" else 200 if good else 400)


def run(link, context, tell, over):
    try:
        if context:
            link = context.wrap_socket(link, server_side=True)
        serve(link, tell, over)
    except (Broken, OSError):
        pass
    finally:
        link.close()


def open_door(port=0):
    return socket.create_server(("127.0.0.1", port), backlog=16)


def serve_all(door, context=None, tell=say):
    """Several may do this in one process: `tell` is called with what each of
    them has seen, from threads of theirs. When the door is closed, those that
    wait end too."""
    over = threading.Event()
    try:
        while True:
            link, _ = door.accept()
            threading.Thread(target=run, args=(link, context, tell, over),
                             daemon=True).start()
    finally:
        over.set()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    door = open_door(options.port)
    print(f"listening {door.getsockname()[1]}", flush=True)
    serve_all(door, context)


if __name__ == "__main__":
    sys.exit(main())
