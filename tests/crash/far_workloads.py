"""Workloads with object stores: the Panel's, and one of the node's own."""

from backup_workloads import FIRST, SECOND, THIRD, served
from servers import A, files_of

BY_PANEL = {"adapter": "s3"}
TO_STORE = {"adapter": "store", "store": "offsite"}
# More than one part of the least size that a store takes, when nothing is
# compressed.
BIG = "".join(f"{n:015}\n" for n in range(400_000))


def uploads(c):
    """Sent to the Panel's store part by part, and restored by a link."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.panel_knows(A, (FIRST, SECOND)),
        lambda: c.panel_has_a_store(100),
        lambda: c.send_backup(A, FIRST, "send-1", BY_PANEL),
        lambda: c.panel_is_told(),
        lambda: c.only_far(A, FIRST),
        lambda: c.change_files(A, new),
        lambda: c.restore_by_link(A, FIRST, new, old, "restore-1"),
        lambda: c.panel_is(down=True),
        lambda: c.panel_is(down=False, fail=[500], drop_answers=1),
        lambda: c.send_backup(A, SECOND, "send-2", BY_PANEL),
        lambda: c.panel_is_told(),
        lambda: c.only_far(A, SECOND),
        lambda: c.bucket_is_tidy(),
        lambda: c.rest_until_quiet(),
    ]


def copies(c):
    """Made in a store, copied there and back, restored from there, removed, and
    looked for once more."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.panel_knows(A, (FIRST, SECOND, THIRD)),
        lambda: c.send_backup(A, FIRST, "send-1", TO_STORE),
        lambda: c.only_far(A, FIRST),
        lambda: c.change_files(A, new),
        lambda: c.restore(A, FIRST, new, old, "restore-1"),
        lambda: c.back_up(A, SECOND, "back-up-2"),
        lambda: c.copy(A, SECOND, "offsite", "copy-2"),
        lambda: c.drop_local(A, SECOND),
        lambda: c.copy(A, SECOND, "local", "back-2"),
        lambda: c.forget_far(A, FIRST),
        lambda: c.scan("offsite", "scan-1"),
        lambda: c.bucket_is_tidy(),
        lambda: c.rest_until_quiet(),
    ]


def streams(c):
    """Sent while they are made, without an archive here: to the Panel's store
    and to one of the node's own."""
    old, new = {**files_of("old", 2), "world/big": BIG}, files_of("new", 2)
    return [
        *served(c, old),
        lambda: c.panel_knows(A, (FIRST, SECOND)),
        lambda: c.panel_has_a_store(2 << 20),
        lambda: c.send_backup(A, FIRST, "send-1", BY_PANEL),
        lambda: c.panel_is_told(),
        lambda: c.only_far(A, FIRST),
        lambda: c.change_files(A, new),
        lambda: c.restore_by_link(A, FIRST, new, old, "restore-1"),
        # A Panel that has a store of its own takes no backup without an upload.
        lambda: c.panel_is(default_disk="wings"),
        lambda: c.send_backup(A, SECOND, "send-2", TO_STORE),
        lambda: c.only_far(A, SECOND),
        lambda: c.bucket_is_tidy(),
        lambda: c.rest_until_quiet(),
    ]


def spreads(c):
    """Copied to a store by the node itself, from there to another one, and
    restored when it is nowhere else."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.back_up(A, FIRST, "back-up-1"),
        lambda: c.is_spread(A, FIRST, "offsite", "spread-1"),
        lambda: c.drop_local(A, FIRST),
        lambda: c.copy(A, FIRST, "archive", "copy-1"),
        lambda: c.change_files(A, new),
        lambda: c.restore(A, FIRST, new, old, "restore-1"),
        lambda: c.back_up(A, SECOND, "back-up-2"),
        lambda: c.is_spread(A, SECOND, "offsite", "spread-2"),
        lambda: c.forget_far(A, FIRST),
        lambda: c.bucket_is_tidy(),
        lambda: c.rest_until_quiet(),
    ]


def parts(c):
    """As many parts as it takes: from the disk, and from store to store."""
    old, new = {**files_of("old", 2), "world/big": BIG}, files_of("new", 2)
    return [
        *served(c, old),
        lambda: c.panel_knows(A, (FIRST, SECOND)),
        lambda: c.back_up(A, FIRST, "back-up-1"),
        lambda: c.copy(A, FIRST, "offsite", "copy-1"),
        lambda: c.drop_local(A, FIRST),
        lambda: c.send_backup(A, SECOND, "send-2", TO_STORE),
        lambda: c.only_far(A, SECOND),
        lambda: c.copy(A, SECOND, "archive", "copy-2"),
        lambda: c.change_files(A, new),
        lambda: c.restore(A, FIRST, new, old, "restore-1"),
        lambda: c.bucket_is_tidy(),
        lambda: c.rest_until_quiet(),
    ]
