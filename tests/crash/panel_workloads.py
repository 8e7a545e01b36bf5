"""Workloads with a Panel that is away, late, broken or forgetful."""

from backup_workloads import FIRST, SECOND, served
from servers import A, files_of


def reports(c):
    """Results while the Panel is away; then it comes back with bad habits."""
    old, new = files_of("old"), files_of("new", 9)
    return [
        *served(c, old),
        lambda: c.panel_knows(A, (FIRST, SECOND)),
        lambda: c.panel_is(down=True),
        lambda: c.back_up(A, FIRST, "back-up-1"),
        lambda: c.change_files(A, new),
        lambda: c.restore(A, FIRST, new, old, "restore-1"),
        # Its own row is not committed yet, it fails, it loses an answer.
        lambda: c.panel_is(down=False, fail=[500], drop_answers=1,
                           hide_times={f"/backups/{FIRST}": 1}),
        lambda: c.back_up(A, SECOND, "back-up-2"),
        lambda: c.panel_is_told(),
        lambda: c.rest_until_quiet(),
    ]


def installs(c):
    """Script containers, and what the Panel is told of them."""
    files = files_of("game")
    return [
        *served(c, files),
        lambda: c.panel_knows(A, ()),
        lambda: c.install(A, "install-1"),
        # It fails, and loses an answer.
        lambda: c.panel_is(fail=[500], drop_answers=1),
        lambda: c.install(A, "reinstall-1", "reinstall"),
        lambda: c.panel_is_told(),
    ]


def powers(c):
    """Starts, stops, a restart, a kill, and a game that crashes."""
    files = files_of("game")
    return [
        *served(c, files),
        lambda: c.panel_knows(A, ()),
        lambda: c.power(A, "stop", "stop-1"),
        lambda: c.power(A, "start", "start-1"),
        lambda: c.power(A, "restart", "restart-1"),
        lambda: c.crash_game(A),
        lambda: c.power(A, "kill", "kill-1"),
        lambda: c.power(A, "start", "start-2"),
        lambda: c.panel_is_told(),
    ]
