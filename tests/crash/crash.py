"""Crashes the real daemon at every point there is, and holds it to its word.

Started by scripts/crash. Without --all it runs a slice: for as long as it may
(--seconds) every kind of point in every way of failing, in a random order, once;
when there is time left, in the other workloads that have it, then random ones. On
a slow machine the time is over before: the last line says how many of the first
ways were done, and the next slice, of another seed, takes others.

Ways of failing at point n (a mutating system call, see shim.c):
  kill      SIGKILL before it
  cut       SIGKILL before it, and what was not synced is lost
  eio       it fails with EIO, the daemon goes on        enospc: with ENOSPC
  eio40     it and the 39 after it fail                  enospc40
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import os
import random
import shutil
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bucket  # noqa: E402
import chain_moves  # noqa: E402
import checks  # noqa: E402
import disk  # noqa: E402
import life_moves  # noqa: E402
import panel_moves  # noqa: E402
from node import TOKEN, TOKEN_ID, Died, Node  # noqa: E402
from points import (FAILING, MODES, Scenario, all_of, grouped,  # noqa: E402
                    slice_of, ways_of)
from workload import WORKLOADS, Client, Told  # noqa: E402

JOURNAL_UNWRITABLE = 70  # what the ledger ends the process with
MOST_LIVES = 12


@dataclasses.dataclass
class Outcome:
    scenario: Scenario
    problem: str = ""
    move: int = 0       # the one that it came to, from 1 on
    points: list = dataclasses.field(default_factory=list)
    lives: int = 0
    lost: int = 0
    place: str = ""
    is_of_harness: bool = False  # not a check has failed, but who checks


def live(node, client, moves, at):
    """One life, from a restart on; the number of the move it came to."""
    for job in list(client.told.jobs):
        client.look(job)
    client.see_pauses()
    while at < len(moves):
        for _ in range(200):
            if moves[at]():
                break
        else:
            raise AssertionError(f"move {at} is refused for ever: "
                                 f"{client.refusal}")
        at += 1
        yield at
    client.end_everything()
    client.see_the_scan()
    client.end_everything()


def run_lives(node, scenario, outcome):
    told = Told()
    told.disk_fails = scenario.mode in FAILING
    client = Client(node, told)
    moves, at = WORKLOADS[scenario.workload].moves(client), 0
    faults = scenario.faults()
    outcome.move = 1
    for _ in range(MOST_LIVES):
        outcome.lives += 1
        armed = next(faults)
        try:
            node.start(**armed)
            for reached in live(node, client, moves, at):
                at = reached
                outcome.move = at + 1
            outcome.points = disk.points(node.state)
            code = node.stop()
            if code == 0:
                break
            raise Died(f"SIGTERM: exit code {code}")
        except Died as death:
            code = node.bury()
            allowed = () if not armed else (-9,) \
                if scenario.mode in ("kill", "cut") \
                else (1, JOURNAL_UNWRITABLE)
            assert code in allowed, f"exit code {code} after {death}"
            if scenario.mode == "cut":
                outcome.lost += disk.cut_power(node.root, node.state,
                                               scenario.seed)
            checks.honest_disk(node, told)
    else:
        raise AssertionError(f"not done after {MOST_LIVES} lives")
    if scenario.mode == "cut":
        outcome.lost += disk.cut_power(node.root, node.state, scenario.seed)
    checks.ended_node(node, told)
    life_moves.lives_as_wanted(node, told)
    if node.panel:
        panel_moves.told_everything(node)
        chain_moves.installed_as_told(node, told)


def sentence_of(why, outcome):
    """Which check has failed, where, and what it expected."""
    at = traceback.extract_tb(why.__traceback__)[-1]
    said = why.args[0] if why.args else ""
    if not isinstance(said, str):
        said = f"expected `{at.line}`, found {said}"
    elif not said:
        said = f"expected `{at.line}`"
    return f"{at.name} ({os.path.basename(at.filename)}:{at.lineno}) in move " \
           f"{outcome.move} of life {outcome.lives}: {said}"


def run(options, scenario):
    workload = WORKLOADS[scenario.workload]
    outcome = Outcome(scenario)
    panel = panel_moves.Panel(TOKEN_ID, TOKEN) if workload.has_panel else None
    store = bucket.Store(f"n{random.randrange(10 ** 12)}", workload.stores) \
        if workload.stores else None
    node = Node(options.binary, options.shim, workload.undelete_hours,
                workload.undo_hours, panel=panel, room=workload.room,
                store=store, backups=workload.backups)
    outcome.place = node.base
    try:
        run_lives(node, scenario, outcome)
    except AssertionError as why:
        outcome.problem = sentence_of(why, outcome)
    except Exception:  # a harness that breaks has proved nothing
        outcome.problem = traceback.format_exc()
        outcome.is_of_harness = True
    finally:
        node.close()
        if not (outcome.problem and options.keep):
            shutil.rmtree(node.base, ignore_errors=True)
    return outcome


# -- the campaign --------------------------------------------------------------

def baseline(options, workloads):
    """What each workload does when nothing fails; the points to choose from."""
    points = {}
    for workload in workloads:
        outcome = run(options, Scenario(workload, "kill", 0))
        if outcome.problem:
            print(f"FAILED {workload} without any fault: {outcome.problem}")
            sys.exit(2)
        if not outcome.points:
            print(f"the shim {options.shim} saw nothing of the daemon")
            sys.exit(2)
        points[workload] = outcome.points
        print(f"{workload}: {len(outcome.points)} points of "
              f"{len(grouped(outcome.points))} kinds", flush=True)
    return points


def part_of(options, points):
    """For the last line: which points --all leaves out. When these are all of
    them, that is the end."""
    said = ""
    for workload, found in points.items() if options.first > 1 else ():
        if options.first > len(found):
            print(f"--from {options.first}: {workload} has {len(found)} points")
            sys.exit(2)
        said = f"; from point {options.first} of {len(found)}"
    return said + ("; of writes in a row the ends" if options.ends else "")


def campaign(options, scenarios, end, first=0, part=""):
    """Runs them side by side until the time is over; the failures. So many of
    them are the first ways to fail, which a slice may not get through."""
    counts, failures = collections.Counter(), []
    lives = lost = 0
    said = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = set()
        for scenario in scenarios:
            waiting.add(pool.submit(run, options, scenario))
            while len(waiting) >= options.jobs:
                done, waiting = concurrent.futures.wait(
                    waiting, return_when="FIRST_COMPLETED")
                for each in done:
                    take(each.result(), counts, failures)
                    lives += each.result().lives
                    lost += each.result().lost
            if time.monotonic() > said + 60:
                said = time.monotonic()
                print(f"{sum(counts.values())} runs, {len(failures)} failed; "
                      f"now {scenario}", flush=True)
            if time.monotonic() > end \
                    or len(failures) >= options.max_failures:
                break
        for each in concurrent.futures.as_completed(waiting):
            take(each.result(), counts, failures)
            lives += each.result().lives
            lost += each.result().lost
    total = sum(counts.values())
    print(f"{total} runs, {lives} lives, {lost} changes lost to cuts: "
          + ", ".join(f"{n} {mode}" for mode, n in sorted(counts.items()))
          + f"; {len(failures)} failed"
          + (f"; {min(total, first)} of {first} first ways done" if first
             else "") + part, flush=True)
    return failures


def those_that_count(options, failures):
    """A check that has failed once has failed. Where the harness itself broke,
    the same is run again."""
    broken = [each for each in failures if each.is_of_harness]
    checked = [each for each in failures if not each.is_of_harness]
    if not broken:
        return checked
    print(f"{len(broken)} again, in which the harness broke", flush=True)
    return checked + campaign(options, [each.scenario for each in broken],
                              float("inf"))


def take(outcome, counts, failures):
    counts[outcome.scenario.mode] += 1
    if outcome.problem:
        failures.append(outcome)
        print(f"FAILED {outcome.scenario}\n  {outcome.problem}\n"
              f"  in {outcome.place}", flush=True)


def read_options(words=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", required=True, help="the daemon")
    parser.add_argument("--shim", required=True, help="alula_crash_shim")
    parser.add_argument("--all", action="store_true", help="every point")
    parser.add_argument("--from", type=int, dest="first",
                        help="with --all and one --workload: the first point,\n"
                             "to go on from where one that was interrupted\n"
                             "came to")
    parser.add_argument("--ends", action="store_true",
                        help="with --all: of writes to one file in a row only\n"
                             "the first and the last, but all of a database")
    parser.add_argument("--slice", action="store_true", help="the default")
    parser.add_argument("--seconds", type=int, default=240,
                        help="after which a slice begins nothing new")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--workload", choices=[*WORKLOADS], action="append")
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--point", type=int, help="only this one")
    parser.add_argument("--again", type=int, action="append", default=[],
                        help="with --point: kill the next life there too")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true",
                        help="leave the directories of failed runs")
    parser.add_argument("--max-failures", type=int, default=20)
    options = parser.parse_args(words)
    refuse_what_says_nothing(parser, options)
    for name in ("binary", "shim"):  # LD_PRELOAD searches for bare names
        path = os.path.abspath(getattr(options, name))
        if not os.path.exists(path):
            parser.error(f"--{name}: there is no {path}")
        setattr(options, name, path)
    return options


def refuse_what_says_nothing(parser, options):
    """A word that would be passed over: its campaign would be another one."""
    is_part = options.first is not None or options.ends
    if is_part and (not options.all or options.point is not None):
        parser.error("--from and --ends are parts of --all, without --point")
    options.first = 1 if options.first is None else options.first
    if options.first < 1:
        parser.error("--from: the first point is 1")
    if options.first > 1 and len(options.workload or WORKLOADS) != 1:
        parser.error("--from counts the points of one --workload")


def main():
    options = read_options()
    workloads = options.workload or [*WORKLOADS]
    modes = options.mode or [*MODES]
    started = time.monotonic()
    if options.point is not None:
        chosen = [Scenario(w, m, options.point, options.seed or 0,
                           tuple(options.again))
                  for w in workloads for m in modes]
        return 1 if campaign(options, chosen, started + 1e9) else 0
    seed = options.seed if options.seed is not None \
        else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    points = baseline(options, workloads)
    rng = random.Random(seed)
    if options.all:
        failures = campaign(options,
                            all_of(points, rng, modes, options.first,
                                   options.ends), 1e18,
                            part=part_of(options, points))
    else:
        first, others = ways_of(points, rng, modes)
        failures = campaign(options,
                            slice_of(first + others, points, rng, modes),
                            started + options.seconds, len(first))
        failures = those_that_count(options, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
