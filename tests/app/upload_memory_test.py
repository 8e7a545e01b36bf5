#!/usr/bin/python3
"""A backup of 2 GiB, sent to a real node, costs it at most 64 MiB of memory;
and it can be deleted there, and its system after it.

    upload_memory_test.py ALULA [GIB]

The source is a sparse file: nobody needs the disk for it. The node does, so
where there is no room for it the upload is as large as a quarter of what is
free, and `skipped: only N MiB` says that it was not what is promised. Prints
`N passed, N failed`.
"""

import base64
import http.client
import json
import pathlib
import socket
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/app"))
from node_memory import MIB, Told, cost_of  # noqa: E402
from running_node import RunningNode  # noqa: E402

MORE = """systems:
  upload_limit: 4096
  size_per_system: 8192
"""


def make_key(node, system):
    """The value of Authorization."""
    status, _, text = node.ask("POST", "/api/tokens", {"appliance": system})
    if status != 201:
        raise RuntimeError(f"POST /api/tokens: {status} {text}")
    pair = f"{system}:{json.loads(text)['secret']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def send(node, key, source, size):
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=600)
    connection.putrequest("POST", "/api/systems/backups")
    for name, value in [("Authorization", key), ("Content-Length", str(size)),
                        ("X-Filename", "large.gpg")]:
        connection.putheader(name, value)
    connection.endheaders()
    with open(source, "rb") as file:
        # Not os.sendfile: a socket with a timeout does not block.
        connection.sock.sendfile(file, 0, size)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def refused_early(node, key, size):
    """The answer to a head, no byte of the body sent."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=60) as peer:
        peer.sendall((f"POST /api/systems/backups HTTP/1.1\r\nHost: node\r\n"
                      f"Authorization: {key}\r\nContent-Length: {size}\r\n"
                      "Expect: 100-continue\r\n\r\n").encode())
        return peer.recv(4096).split(b"\r\n")[0].decode()


def main():
    told = Told(7)
    node = RunningNode(sys.argv[1], more=MORE)
    try:
        node.start()
        key = make_key(node, "edge-7")
        status, _, text = node.ask("PUT", "/api/systems/edge-7",
                                   {"organization": "acme"})
        if status != 201:
            raise RuntimeError(f"PUT /api/systems/edge-7: {status} {text}")
        size = told.size_for(sys.argv[2:], 2, node.base)
        with tempfile.NamedTemporaryFile() as source:
            source.truncate(size)
            (status, answer), cost = cost_of(
                node.process, lambda: send(node, key, source.name, size))
        print(f"{size // MIB} MiB sent: {status}, {cost / MIB:.1f} MiB of memory")
        told.check(status == 201 and answer["data"]["size"] == size,
                   f"upload: {status} {answer}")
        told.is_cheap(cost, "an upload")
        line = refused_early(node, key, 5 << 40)
        told.check(" 413 " in line, f"too large, without its body: {line}")
        line = refused_early(node, "Basic eDp5", 1000)
        told.check(" 401 " in line, f"a stranger, without his body: {line}")
        left = list((node.base / "systems").glob("*.part"))
        told.check(not left, f"left: {left}")
        status, _, text = node.ask(
            "DELETE", f"/api/systems/edge-7/backups/{answer['data']['id']}")
        told.check(status == 200
                   and not any((node.base / "systems").glob("*.gpg")),
                   f"delete of what was sent: {status} {text}")
        status, _, text = node.ask("DELETE", "/api/systems/edge-7")
        told.check(status == 200
                   and node.ask("GET", "/api/systems/edge-7")[0] == 404,
                   f"destroy of its system: {status} {text}")
    finally:
        node.close()
    return told.end()


if __name__ == "__main__":
    sys.exit(main())
