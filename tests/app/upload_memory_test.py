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
import shutil
import socket
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/app"))
from running_node import RunningNode  # noqa: E402

MIB = 1 << 20
MOST = 64 * MIB
MORE = """systems:
  upload_limit: 4096
  size_per_system: 8192
"""


def peak(process):
    """Bytes, the most it ever had (proc(5): VmHWM)."""
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM")


def forget_peak(process):
    """From now on the most is what it has (proc(5): clear_refs)."""
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")


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
    wanted = int(float(sys.argv[2] if len(sys.argv) > 2 else 2) * 1024 * MIB)
    failed = []
    node = RunningNode(sys.argv[1], more=MORE)
    try:
        node.start()
        key = make_key(node, "edge-7")
        status, _, text = node.ask("PUT", "/api/systems/edge-7",
                                   {"organization": "acme"})
        if status != 201:
            raise RuntimeError(f"PUT /api/systems/edge-7: {status} {text}")
        size = min(wanted, shutil.disk_usage(node.base).free // 4)
        with tempfile.NamedTemporaryFile() as source:
            source.truncate(size)
            forget_peak(node.process)
            before = peak(node.process)
            status, answer = send(node, key, source.name, size)
            cost = peak(node.process) - before
        print(f"{size // MIB} MiB sent: {status}, {cost / MIB:.1f} MiB of memory")
        if size < wanted:
            print(f"skipped: only {size // MIB} MiB of {wanted // MIB} were sent,"
                  " the disk has no room for more")
        if status != 201 or answer["data"]["size"] != size:
            failed.append(f"upload: {status} {answer}")
        if cost > MOST:
            failed.append(f"an upload costs {cost / MIB:.1f} MiB")
        line = refused_early(node, key, 5 << 40)
        if " 413 " not in line:
            failed.append(f"too large, without its body: {line}")
        line = refused_early(node, "Basic eDp5", 1000)
        if " 401 " not in line:
            failed.append(f"a stranger, without his body: {line}")
        for name in (node.base / "systems").iterdir():
            if name.suffix == ".part":
                failed.append(f"left: {name}")
        status, _, text = node.ask(
            "DELETE", f"/api/systems/edge-7/backups/{answer['data']['id']}")
        if status != 200 or any((node.base / "systems").glob("*.gpg")):
            failed.append(f"delete of what was sent: {status} {text}")
        status, _, text = node.ask("DELETE", "/api/systems/edge-7")
        if status != 200 or node.ask("GET", "/api/systems/edge-7")[0] != 404:
            failed.append(f"destroy of its system: {status} {text}")
    finally:
        node.close()
    for one in failed:
        print("FAILED", one)
    print(f"{6 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
