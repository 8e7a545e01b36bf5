"""The program that tests/http/websocket_server.cpp becomes, as its clients see
it: with a library of websockets, or byte by byte."""

import asyncio
import base64
import http.client
import json
import os
import socket
import struct
import subprocess
import time

import jwt
import websockets

KEY = "the-node-token"
A = "8d3fb5e2-5c47-4f0a-9b1e-0d3a2c1f5a7d"
B = "1c9a4a8e-7b6d-4d43-9c0b-6a5b4c3d2e1f"
PANEL = "https://panel.example"
EXPIRED = "jwt: exp claim is invalid"
DENIED = "jwt: created too far in past (denylist)"
LIMIT = 30  # seconds until a wait has failed


class Node:
    """The program, its port, and the line-by-line conversation with it."""

    def __init__(self, program, *limits):
        self.process = subprocess.Popen(
            [program, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline().split()[1])

    def tell(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    async def until(self, expected, *words):
        """Asks until the answer is the expected one."""
        end = time.monotonic() + LIMIT
        # The question goes through a pipe and back: that is the pace. The
        # clients of this process go on meanwhile.
        while (answer := await asyncio.to_thread(self.tell, *words)) \
                != str(expected):
            assert time.monotonic() < end, f"{words}: {answer}, not {expected}"

    def connect(self, server=A, **options):
        options.setdefault("origin", PANEL)
        options.setdefault("ping_interval", None)
        options.setdefault("open_timeout", LIMIT)
        return websockets.connect(
            f"ws://127.0.0.1:{self.port}/api/servers/{server}/ws", **options
        )

    def raw(self, server=A, receive_buffer=None):
        """An upgraded connection without a client library behind it."""
        peer = socket.socket()
        peer.settimeout(LIMIT)
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.connect(("127.0.0.1", self.port))
        key = base64.b64encode(os.urandom(16)).decode()
        peer.sendall(
            (
                f"GET /api/servers/{server}/ws HTTP/1.1\r\n"
                f"Host: node\r\nOrigin: {PANEL}\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {key}\r\n\r\n"
            ).encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            part = peer.recv(1)
            assert part, head
            head += part
        assert b" 101 " in head, head
        return peer

    def post(self, path, body, bearer=KEY):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        link.request(
            "POST", path, body=json.dumps(body),
            headers={"Authorization": f"Bearer {bearer}"},
        )
        status = link.getresponse().status
        link.close()
        return status

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(LIMIT)
        assert code == 0, f"the program ended with {code}"


def token(key=KEY, **changes):
    now = int(time.time())
    claims = {
        "iss": PANEL, "aud": ["http://node"], "jti": "jti-1",
        "iat": now, "nbf": now - 300, "exp": now + 600,
        "user_uuid": "user-1", "server_uuid": A, "permissions": ["*"],
        "unique_id": "0123456789abcdef",
    }
    claims.update(changes)
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm="HS256", headers={"jti": "jti-1"})


def message(event, *args):
    return json.dumps({"event": event, "args": list(args)} if args
                      else {"event": event})


async def hear(ws):
    value = json.loads(await asyncio.wait_for(ws.recv(), LIMIT))
    return [value["event"], *value.get("args", [])]


async def join(ws, **changes):
    await ws.send(message("auth", token(**changes)))
    assert await hear(ws) == ["auth success"]
    assert (await hear(ws))[0] == "status"


async def closed(ws):
    """(code, reason) of the close, and what was said before it."""
    said = []
    try:
        while True:
            said.append(await hear(ws))
    except websockets.ConnectionClosed as end:
        return (end.rcvd.code, end.rcvd.reason) if end.rcvd else None, said


async def refused(node, **options):
    try:
        async with node.connect(**options):
            raise AssertionError("let in")
    except websockets.InvalidStatusCode as no:
        return no.status_code


def frame(payload, opcode=1, final=True, announced=None):
    """A masked client frame (RFC 6455, 5.2)."""
    size = len(payload) if announced is None else announced
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + b"\0\0\0\0" + payload


def read_close_code(peer):
    """The code of the close frame that comes next."""
    data = b""
    while len(data) < 4:
        part = peer.recv(4096)
        assert part, f"ended after {data}"
        data += part
    assert data[0] == 0x88, data
    return struct.unpack(">H", data[2:4])[0]


def read_to_end(peer):
    """What comes until the connection ends; a reset is an end, too."""
    data = b""
    try:
        while part := peer.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data
