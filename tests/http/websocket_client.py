#!/usr/bin/python3
"""Real websocket clients, with tokens of a real JWT library, against the door.

Usage: websocket_client.py PROGRAM [TEST ...]
PROGRAM is what tests/http/websocket_server.cpp becomes. Needs the Debian
packages python3-websockets and python3-jwt.
"""

import asyncio
import os
import socket
import sys
import time
import traceback

from websocket_node import (A, B, DENIED, EXPIRED, LIMIT, Node, closed, frame,
                            hear, join, message, read_close_code, read_to_end,
                            refused, token)

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
