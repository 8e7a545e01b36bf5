"""Waiting for files without asking again and again: inotify."""

import ctypes
import os
import pathlib
import select
import time

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE = 0x2, 0x8, 0x80, 0x100
IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF = 0x200, 0x400, 0x800

libc = ctypes.CDLL(None, use_errno=True)


class FileNews:
    """Hears what happens in one directory from its construction on."""

    def __init__(self, directory):
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        mask = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE \
            | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
        if libc.inotify_add_watch(self.fd, os.fsencode(directory), mask) < 0:
            why = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(why, os.strerror(why), str(directory))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def wait(self, seconds):
        """False when nothing has happened in that time."""
        heard, _, _ = select.select([self.fd], [], [], max(0, seconds))
        if heard:
            os.read(self.fd, 1 << 16)
        return bool(heard)


def deepest_directory(path):
    path = pathlib.Path(path)
    while not path.is_dir():
        path = path.parent
    return path


def wait_in(directory, is_so, seconds):
    """What is_so() says at last: it is asked again when something has happened
    in the directory, or in the deepest one above it while it is not there."""
    end = time.monotonic() + seconds
    while True:
        where = deepest_directory(directory)
        try:
            news = FileNews(where)
        except FileNotFoundError:
            continue  # it went while it was looked at
        with news:
            # Asked while it is listened to, so nothing falls in between.
            while deepest_directory(directory) == where:
                if found := is_so():
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    return found
                news.wait(left)
