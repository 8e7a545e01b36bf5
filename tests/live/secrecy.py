"""What a node keeps to itself: no token and no signed URL stands in its logs, nor
in what it shows of its jobs and of its reports to the Panel: whoever reads a log,
or may look at jobs, would have all that they open."""

import json
import pathlib
import urllib.parse

from telling import Broken, say

SIGNED = "X-Amz-Signature"  # the part of a URL that makes it worth something
LISTS = ("/api/jobs?limit=200", "/api/outbox?state=all&limit=200")


def pages(get, path):
    """All of a list as text. `get` answers the decoded body of a path."""
    cursor, text = "", ""
    while True:
        page = get(path + cursor)
        text += json.dumps(page)
        if not page["next"]:
            return text
        cursor = "&cursor=" + urllib.parse.quote(page["next"], safe="")


def logs(places):
    """By path; of files, and of all below directories."""
    for place in map(pathlib.Path, places):
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file():
                yield str(path), path.read_text(errors="replace")


def keep_secrets(get, log_places, secrets):
    """`secrets` by what they are."""
    seen = {path: pages(get, path) for path in LISTS}
    seen.update(logs(log_places))
    for what, secret in [*secrets, ("a signed URL", SIGNED)]:
        for where, text in seen.items():
            if secret.lower() in text.lower():
                raise Broken(f"{what} stands in {where}")
    say(f"ok   no token ({len(secrets)}) and no signed URL stands in "
        f"{len(seen)} logs and lists")
