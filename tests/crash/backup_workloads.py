"""Workloads about backups: what clients ask for, one move after the other."""

from servers import A, B, files_of

FIRST, SECOND, THIRD = (f"{n * 8}-1111-4111-8111-111111111111" for n in "123")


def served(c, files):
    return [
        lambda: c.create(A, "create-a"),
        lambda: c.settle_create(A, "create-a", files),
    ]


def backups(c):
    """Backups made, restored over other files, and removed."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.back_up(A, FIRST, "back-up-1"),
        lambda: c.change_files(A, new),
        lambda: c.back_up(A, SECOND, "back-up-2"),
        lambda: c.restore(A, FIRST, new, old, "restore-1"),
        lambda: c.restore(A, SECOND, old, new, "restore-2"),
        lambda: c.delete_backup(A, SECOND),
        lambda: c.rest_until_quiet(),
    ]


def undos(c):
    """Restores that are taken back, and a server that goes with its backup."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.back_up(A, FIRST, "back-up"),
        lambda: c.change_files(A, new),
        lambda: c.restore(A, FIRST, new, old, "restore"),
        lambda: c.undo(A, "restore", old, new, "undo"),
        lambda: c.undo(A, "undo", new, old, "redo"),
        lambda: c.delete_with_backups(A, {FIRST}, "delete-a"),
        lambda: c.rest_until_quiet(),
    ]


def merges(c):
    """Files of a backup put between those of a game, and taken out again."""
    old = files_of("old")
    # A file of the same name, one where the backup has a directory, a
    # directory where it has a file, and one that is in nobody's way.
    new = {"old-0": "changed\n", "world/region": "a file\n",
           "old-2/inside": "in the way\n", "kept": "new\n"}
    merged = {**old, "kept": "new\n"}
    chosen = {"world/region/old-1": "old 1\n", "world/region/old-3": "old 3\n",
              "world/region/old-5": "old 5\n"}
    parts = {**{k: v for k, v in new.items() if k != "world/region"}, **chosen}
    return [
        *served(c, old),
        lambda: c.back_up(A, FIRST, "back-up"),
        lambda: c.change_files(A, new),
        lambda: c.restore(A, FIRST, new, parts, "restore-paths",
                          {"paths": ["world"]}),
        lambda: c.undo(A, "restore-paths", parts, new, "undo-paths", True),
        # The lists of names work in both directions.
        lambda: c.undo(A, "undo-paths", new, parts, "redo-paths", True),
        lambda: c.restore(A, FIRST, parts, merged, "merge",
                          {"truncate_directory": False}),
        lambda: c.undo(A, "merge", merged, parts, "undo-merge", True),
        lambda: c.delete_with_backups(A, {FIRST}, "delete-a"),
        lambda: c.rest_until_quiet(),
    ]


# Of the volumes with all that restores keep beside them: room for two servers
# and one tree more, but not for two, of which a tenth is never taken.
SMALL_ROOM = 480 << 10


def rooms(c):
    """A restore that fits only when what another one replaced makes room."""
    old, new = ({f"world/region-{n}": letter * 60_000 for n in range(2)}
                for letter in "on")
    return [
        *served(c, old),
        lambda: c.create(B, "create-b"),
        lambda: c.settle_create(B, "create-b", old),
        lambda: c.back_up(A, FIRST, "back-up-a"),
        lambda: c.back_up(B, SECOND, "back-up-b"),
        lambda: c.change_files(A, new),
        lambda: c.change_files(B, new),
        lambda: c.restore(B, SECOND, new, old, "restore-b"),
        lambda: c.restore(A, FIRST, new, old, "restore-a"),
        lambda: c.made_room("restore-a", "restore-b"),
        lambda: c.undo(A, "restore-a", old, new, "undo-a"),
        lambda: c.delete_with_backups(A, {FIRST}, "delete-a"),
        lambda: c.delete_with_backups(B, {SECOND}, "delete-b"),
        lambda: c.rest_until_quiet(),
    ]


def rotations(c):
    """Backups downloaded, verified, damaged, pinned and rotated away."""
    files = files_of("old")
    return [
        *served(c, files),
        lambda: c.back_up(A, FIRST, "back-up-1"),
        lambda: c.follow_link(A, FIRST, "link-1"),
        lambda: c.follow_link(A, FIRST, "link-1"),
        lambda: c.back_up(A, SECOND, "back-up-2"),
        lambda: c.verify(A, FIRST, "verify-1"),
        lambda: c.damage(SECOND),
        lambda: c.verify(A, SECOND, "verify-2"),
        lambda: c.pin(A, FIRST),
        lambda: c.back_up(A, THIRD, "back-up-3"),
        lambda: c.set_rotation(A, {"keep_last": 1}),
        lambda: c.rotate(A, {SECOND}, "rotate"),
        lambda: c.follow_link(A, FIRST, "link-1"),
        lambda: c.delete_backup(A, FIRST),
    ]


def foreigners(c):
    """An archive of another program, indexed, restored and left behind."""
    old, new = files_of("old"), files_of("new", 4)
    return [
        *served(c, new),
        lambda: c.put_foreign(FIRST, old),
        lambda: c.index(A, FIRST, old, "index"),
        lambda: c.restore(A, FIRST, new, {**new, **old}, "merge",
                          {"truncate_directory": False}),
        lambda: c.delete(A, "delete-a"),
        lambda: c.see_orphans({FIRST}),
        lambda: c.delete_backup("", FIRST),
        lambda: c.rest_until_quiet(),
    ]
