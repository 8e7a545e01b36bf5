"""How a story says what it sees."""

import time

START = time.monotonic()


class Broken(Exception):
    """A promise that was not kept."""


def say(text):
    print(f"{time.monotonic() - START:7.2f} s  {text}", flush=True)


def check(is_so, what):
    if not is_so:
        raise Broken(what)
    say(f"ok   {what}")
