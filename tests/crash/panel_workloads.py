"""Workloads with a Panel that is away, late, broken or forgetful."""

from backup_workloads import FIRST, SECOND, served
from servers import A, B, files_of


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


def chains(c):
    """Servers that a user makes: created, installed and, one of them, started,
    all by the node."""
    return [
        lambda: c.panel_has_made(A),
        lambda: c.panel_has_made(B),
        lambda: c.order(A, key="order-a"),
        lambda: c.order(B, start=False),
        lambda: c.is_through(A),
        lambda: c.is_through(B, up=False),
        lambda: c.is_told(A, True),
        lambda: c.is_told(B, True),
    ]


def breakdowns(c):
    """Installations that fail or are cancelled; the next ones go well."""
    return [
        lambda: c.panel_has_made(A),
        lambda: c.script_ends(A, 3),
        lambda: c.order(A),
        lambda: c.is_given_up(A, 3),
        lambda: c.is_told(A, False),
        lambda: c.script_ends(A, None),
        lambda: c.ask_for_installation(A, "reinstall-1", "reinstall"),
        lambda: c.cancel_installation(A),
        lambda: c.is_told(A, False),
        lambda: c.script_ends(A, 0),
        lambda: c.ask_for_installation(A, "reinstall-2", "reinstall"),
        lambda: c.is_through(A, up=False),
        lambda: c.is_told(A, True),
        lambda: c.power(A, "start", "start-a"),
        lambda: c.panel_has_made(B),
        lambda: c.script_ends(B, None),
        lambda: c.order(B),
        lambda: c.cancel_installation(B),
        lambda: c.is_told(B, False),
        lambda: c.script_ends(B, 0),
        lambda: c.ask_for_installation(B, "install-b", start=True),
        lambda: c.is_through(B),
        lambda: c.is_told(B, True),
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
