#!/usr/bin/python3
"""Real websocket clients, with tokens of a real JWT library, against the door.

Usage: websocket_client.py PROGRAM [TEST ...]
PROGRAM is what tests/http/websocket_server.cpp becomes. Needs the Debian
packages python3-websockets and python3-jwt.
"""

import asyncio
import base64
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import time
import traceback

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


# -- the tests: name them as facts --------------------------------------------


async def a_client_is_welcomed_and_hears(node):
    node.tell("running", A, "yes")
    async with node.connect() as ws:
        await ws.send(message("auth", token()))
        assert await hear(ws) == ["auth success"]
        assert await hear(ws) == ["status", "running"]
        node.tell("announce", A, "transfer", "completed ✓")
        assert await hear(ws) == ["transfer", "completed ✓"]
        # Renewal.
        await ws.send(message("auth", token()))
        assert await hear(ws) == ["auth success"]
        # What the stock page sends first.
        await ws.send('{"event":"send logs","args":[null]}')
        await ws.send('{"event":"set state","args":["dance"]}')
        assert (await hear(ws))[0] == "daemon error"
        # A ping of the client is answered.
        await asyncio.wait_for(await ws.ping(), LIMIT)
    await node.until(0, "count", A)


async def strangers_stay_outside(node):
    assert await refused(node, origin="https://evil.example") == 403
    assert await refused(node, origin=None) == 403
    assert await refused(node, server="3f2504e0-4f89-41d3-9a0c-0305e82c3301") == 404
    assert await refused(node, server="nonsense") == 404


async def bad_tokens_are_told_apart(node):
    async with node.connect() as ws:
        await ws.send(message("auth", token(key="another-key")))
        event, text = await hear(ws)
        assert event == "daemon error" and "signature" not in text, text
        past = int(time.time()) - 10
        await ws.send(message("auth", token(exp=past)))
        event, text = await hear(ws)
        assert event == "jwt error" and text.endswith(EXPIRED), text
        await ws.send(message("auth", token(iat=int(time.time()) - 10)))
        event, text = await hear(ws)
        assert event == "jwt error" and text.endswith(DENIED), text
        await ws.send(message("auth", token(server_uuid=B)))
        assert (await hear(ws))[0] == "jwt error"
        # A float is what some PHP makes of a time.
        await join(ws, exp=time.time() + 100.5)


async def an_ending_token_is_announced(node):
    node.tell("running", A, "yes")
    async with node.connect() as ws:
        await join(ws, exp=int(time.time()) + 5)
        said = await hear(ws)
        while said == ["token expiring"]:
            said = await hear(ws)
        assert said == ["token expired"], said
        node.tell("announce", A, "status", "running")
        assert await hear(ws) == ["jwt error", EXPIRED]
        await ws.send(message("auth", token()))
        assert await hear(ws) == ["auth success"]
        # What was not told meanwhile.
        assert await hear(ws) == ["status", "running"]
        node.tell("announce", A, "transfer", "completed")
        assert await hear(ws) == ["transfer", "completed"]


async def a_denied_token_is_told_at_once(node):
    path = f"/api/servers/{A}/ws/deny"
    async with node.connect() as ws, node.connect() as other:
        await join(ws, jti="jti-9")
        await join(other, jti="jti-8")
        assert node.post(path, {"jtis": ["jti-9"]}, bearer="wrong") in (401, 403)
        assert node.post(path, {"jtis": ["jti-9"]}) == 204
        assert await hear(ws) == ["jwt error", DENIED]
        node.tell("announce", A, "status", "running")
        assert await hear(other) == ["status", "running"]


async def a_delete_tells_200_clients_and_ends_them(node):
    clients = [await node.connect() for _ in range(200)]
    await asyncio.gather(*(join(ws) for ws in clients))
    deaf = node.raw()  # never answers the close
    assert node.tell("count", A) == "201"
    start = time.monotonic()
    assert node.tell("delete", A, 5000) == "ok"
    returned = time.monotonic() - start
    ends = await asyncio.gather(*(closed(ws) for ws in clients))
    told = time.monotonic() - start
    for end, said in ends:
        assert end == (1001, "server deleted"), end
        assert said == [["transfer status", "completed"], ["deleted", "null"]], said
    read_to_end(deaf)
    ended = time.monotonic() - start
    await node.until(0, "sockets")
    assert node.tell("count", A) == "0"
    assert await refused(node) == 409
    print(f"  200 sockets: dismissed in {returned * 1e3:.0f} ms, all told after "
          f"{told * 1e3:.0f} ms, the deaf one ended after {ended * 1e3:.0f} ms")


async def a_slow_reader_is_cut(node):
    deaf = node.raw(receive_buffer=4096)
    deaf.sendall(frame(message("auth", token()).encode()))
    async with node.connect(max_size=None) as quick:
        await join(quick)
        await node.until(2, "count", A)
        # Below the limit for one who reads; the kernel takes some megabytes.
        for _ in range(1000):
            node.tell("flood", A, 2, 65536)
            for _ in range(2):
                await hear(quick)
            if node.tell("count", A) == "1":
                break
        await node.until(1, "sockets")
        read_to_end(deaf)


async def fragments_are_one_message(node):
    async with node.connect() as ws:
        text = message("auth", token())
        await ws.send([text[:1], text[1:20], "", text[20:]])
        assert await hear(ws) == ["auth success"]
    peer = node.raw()
    text = message("auth", token()).encode()
    peer.sendall(frame(text[:9], final=False))
    peer.sendall(frame(b"between", opcode=9))  # a ping between fragments
    peer.sendall(frame(text[9:], opcode=0))
    data = b""
    while b"auth success" not in data:
        part = peer.recv(4096)
        assert part, data
        data += part
    assert data.startswith(b"\x8a\x07between"), data
    peer.close()


async def huge_frames_cost_one_connection(node):
    before = int(node.tell("memory"))
    async with node.connect() as other:
        for size in (65537, 1 << 30, 1 << 32, (1 << 63) - 1):
            peer = node.raw()
            peer.sendall(frame(b"x", announced=size))
            assert read_close_code(peer) == 1009, size
            peer.close()
        # And the same in fragments.
        peer = node.raw()
        try:
            peer.sendall(frame(b"x" * 30000, final=False))
            for _ in range(10):
                peer.sendall(frame(b"x" * 30000, opcode=0, final=False))
        except (BrokenPipeError, ConnectionResetError):
            pass
        read_to_end(peer)
        await join(other)
    grown = int(node.tell("memory")) - before
    assert grown < 16 * 1024, f"{grown} KiB"


async def garbage_is_survived(node):
    async with node.connect() as ws:
        await ws.send("garbage")
        await ws.send("[]")
        await ws.send("")
        await join(ws)
        # The protocol is text; the door says so.
        await ws.send(b"\x00\xff")
        assert (await closed(ws))[0][0] == 1003
    for garbage in (b"\xff" * 100, frame(b"\xff\xfe"), b"\x81\x05hello",
                    frame(b"x", opcode=3), os.urandom(200)):
        peer = node.raw()
        try:
            peer.sendall(garbage)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        read_to_end(peer)
    async with node.connect() as ws:
        await join(ws)


async def a_guest_is_shown_out(node):
    async with node.connect() as ws:
        end, said = await closed(ws)
        assert end is not None and end[0] == 1008, end
        assert said == []


async def a_dead_peer_is_found(node):
    dead = node.raw()
    dead.sendall(frame(message("auth", token()).encode()))
    async with node.connect() as alive:
        await join(alive)
        await asyncio.get_running_loop().run_in_executor(None, read_to_end, dead)
        node.tell("announce", A, "status", "running")
        assert await hear(alive) == ["status", "running"]


async def a_node_that_stops_says_so(node):
    async with node.connect() as ws:
        await join(ws)
        node.process.stdin.close()
        end, _ = await closed(ws)
        assert end is not None and end[0] == 1001, end


TESTS = [
    # (test, limits of the program)
    (a_client_is_welcomed_and_hears, []),
    (strangers_stay_outside, []),
    (bad_tokens_are_told_apart, []),
    (an_ending_token_is_announced, ["tick=300"]),
    (a_denied_token_is_told_at_once, []),
    (a_delete_tells_200_clients_and_ends_them, []),
    (a_slow_reader_is_cut, ["unsent=262144"]),
    (fragments_are_one_message, []),
    (huge_frames_cost_one_connection, []),
    (garbage_is_survived, []),
    (a_guest_is_shown_out, ["auth=300"]),
    (a_dead_peer_is_found, ["ping=2000"]),
    (a_node_that_stops_says_so, []),
]


def main():
    program, *wanted = sys.argv[1:]
    failed = 0
    for test, limits in TESTS:
        if wanted and test.__name__ not in wanted:
            continue
        node = Node(program, *limits)
        name = test.__name__.replace("_", " ")
        try:
            started = time.monotonic()
            asyncio.run(asyncio.wait_for(test(node), 4 * LIMIT))
            node.end()
            print(f"ok      {name} ({time.monotonic() - started:.1f} s)",
                  flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}", flush=True)
            traceback.print_exc(file=sys.stdout)
        finally:
            node.process.kill()
            node.process.wait()
    print(f"{failed} failed" if failed else "all passed")
    return 1 if failed else 0


sys.exit(main())
