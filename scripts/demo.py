"""The story scripts/demo tells; that script prepares what this one needs."""

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import sys
import tarfile
import tempfile
import time
import uuid as uuids

from demo_node import (PATIENCE, READ_LIMIT, ROOT, SERVER, Broken, Minetest,
                       Node, StandIn, Viewer, blocks_in, chapter, check, mib,
                       say, until)

sys.path[:0] = [str(ROOT / "tests/crash"), str(ROOT / "tests/doubles")]
from dockerd import Dockerd  # noqa: E402
from file_news import wait_in  # noqa: E402

NO_DOCKER = os.environ.get("ALULA_NO_DOCKER")
REGIONS = 96  # MiB of a world that is there already, besides what is explored
SMALL_FILES, IN_A_FOLDER, HOARD = 20_000, 500, "players"
BACKUP = str(uuids.uuid4())
PLACE = f"/api/servers/{SERVER}"

KEEP = "--keep" in sys.argv[1:]
LAST = ("the server is left to you" if KEEP else
        "the server is deleted while a client watches, over another kill -9")
INTRODUCTION = f"""
alula runs on a machine that hosts game servers, in the place of Wings. A panel
asks it to create, start, back up, restore and delete them. Each of these is a
job, written to disk before it is answered, so that neither a crash nor kill -9
loses one, and anybody can ask at any time how far it is.

What you are about to see, on a node of its own:
  1. a game server is created and started, and its world grows
  2. it is backed up while it runs; alula is killed with -9 in the middle
  3. its world is destroyed, and comes back from the backup
  4. one file is fetched out of the archive
  5. what an operator sees of all this
  6. {LAST}

The first column is the time since the start; "ok" stands before what has been
checked. Reading is held down to {READ_LIMIT} MiB/s, so that it can be watched.
"""


def make_server(node, game):
    chapter("A server")
    node.do("POST", "/api/servers", game.body())
    game.fill()
    regions = node.volume / "world" / "region"
    regions.mkdir(parents=True, exist_ok=True)
    for i in range(REGIONS):
        (regions / f"r.{i}.mca").write_bytes(random.randbytes(1 << 20))
    (node.volume / "motd.txt").write_text("welcome to the castle\n")
    game.start()
    begin = game.explored()
    say(f"     it runs {game.name}")
    until("the world grows", lambda: game.explored() > begin + 150)
    check(f"its world grows: {game.explored()} blocks explored", True)


def back_up_over_a_kill(node, game):
    chapter("A backup while the game writes, and kill -9 in the middle")
    job = node.begin("POST", f"{PLACE}/backup",
                     {"adapter": "wings", "uuid": BACKUP, "ignore": ""})
    seen = node.follow(job, leave_at=0.4)
    node.kill()
    if seen["done"]:
        raise Broken("the backup was over before alula could be killed")
    at = (f"at {mib(seen['progress']['done'])} of"
          f" {mib(seen['progress']['total'])}")
    say(f"     kill -9 of alula {at}")
    explored = game.explored()
    until("the game plays on", lambda: game.explored() != explored)
    check("the game has not noticed: its world grows without alula", True)
    before = time.monotonic()
    node.start()
    say(f"     alula is up again after {time.monotonic() - before:.2f} s;"
        " nobody asks it to go on.")
    say("     It throws the half archive away and makes a whole one:")
    done = node.follow(job)
    crashed = sum(step["crashes"] for step in done["steps"]) or done["crashes"]
    check(f"it is the same job, and it knows of the crash ({crashed})", crashed >= 1)
    made = node.get(f"{PLACE}/backup/{BACKUP}")
    check(f"the archive has {mib(made['size'])}, sha1 {made['checksum'][:12]}…",
          made["size"] > 0)
    leftovers = list((node.base / "backups").glob("*.part"))
    check("nothing half-done is left beside it", not leftovers)
    return done, f"in a backup, {at}"


def blocks_in_the_archive(node):
    archive = node.base / "backups" / f"backup-{BACKUP}.tar.gz"
    with tempfile.TemporaryDirectory() as place, tarfile.open(archive) as tar:
        for member in tar:
            if member.name.removeprefix("./").startswith("world/map.sqlite"):
                tar.extract(member, place)
        return blocks_in(f"{place}/world")


def destroy_and_restore(node, game):
    chapter("The world is destroyed, and comes back")
    backed_up = blocks_in_the_archive(node)
    say(f"     the backup's map has {backed_up} blocks, copied while it was written")
    if isinstance(game, StandIn):
        game.halt()
    shutil.rmtree(node.volume / "world" / "region")
    (node.volume / "world" / "map.sqlite").write_bytes(os.urandom(1 << 20))
    (node.volume / "motd.txt").unlink()
    say("     rm -r world/region; the map's database is overwritten with noise")
    done = node.do("POST", f"{PLACE}/backup/{BACKUP}/restore",
                   {"adapter": "wings", "truncate_directory": True})
    check(f"the map is whole again: {blocks_in(node.volume / 'world')} blocks",
          blocks_in(node.volume / "world") == backed_up)
    check(f"and so are {REGIONS} regions",
          len(list((node.volume / "world/region").iterdir())) == REGIONS)
    say(f"     had it been a mistake: alula jobs undo {done['id']}")
    game.start()
    begin = game.explored()
    until("the game goes on", lambda: game.explored() != begin)
    check("the game goes on in it", True)


def look_inside(node):
    chapter("A look into the archive")
    check("a folder of it is listed", node.command("backups", "files", "castle", BACKUP, "world") == 0)
    to = node.base / "motd.txt"
    check("one file of it is fetched", node.command(
        "backups", "get", "castle", BACKUP, "motd.txt", "-o", str(to)) == 0)
    check(f"which says: {to.read_text().strip()}", "castle" in to.read_text())


def show_around(node):
    chapter("What an operator sees")
    node.command("jobs", "--limit", "8")
    node.command("servers")
    node.command("backups")
    node.command("doctor")


def put_small_files(node):
    """Nobody has played here: they are there to be removed, which takes the time
    that somebody needs to kill alula meanwhile."""
    for i in range(SMALL_FILES):
        folder = node.volume / HOARD / f"{i // IN_A_FOLDER:02}"
        if i % IN_A_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{i}.json").write_text(f'{{"player": {i}}}\n')
    say(f"     {SMALL_FILES:,} files of a line each are put beside its world, made"
        " up for this: a big")
    say("     server has as many of its players, and they take a while to remove")


def count_files(directory):
    return sum(len(names) for _, _, names in os.walk(directory))


def kill_in_the_removal(node, trash):
    """When a tenth of the folders of small files is gone; how many files are
    left then."""
    most = SMALL_FILES // IN_A_FOLDER * 9 // 10

    def is_under_way():
        try:
            return len(os.listdir(trash / HOARD)) <= most
        except FileNotFoundError:
            return True

    if not wait_in(trash / HOARD, is_under_way, PATIENCE):
        raise Broken(f"not in {PATIENCE} s: the removal of its files begins")
    node.kill()
    return count_files(trash)


def delete(node, game):
    """What was killed, and where."""
    chapter("The server is deleted")
    put_small_files(node)
    if isinstance(game, StandIn):
        game.halt()
    check("it has a container", game.has_container())
    files = count_files(node.volume)
    viewer = Viewer(node)
    before = time.monotonic()
    job = node.begin("DELETE", PLACE, answers=(204,))
    took = time.monotonic() - before
    is_free = not node.volume.exists()
    name = job.rsplit("/", 1)[1]
    left = kill_in_the_removal(node, node.base / ".trash" / name)
    check(f"204 came after {took:.2f} s, and then its place was free", is_free)
    check(f"kill -9 of alula while it removed them: {left:,} of {files:,} files"
          " are left", 0 < left < files)
    viewer.join(PATIENCE)
    check("its client heard `deleted`, and was shown out with 1001",
          "deleted" in viewer.heard and viewer.code == 1001)
    check("its container is gone", not game.has_container())
    node.start()
    check("alula is up again: a second DELETE is 404",
          node.ask("DELETE", PLACE)[0] == 404)
    say("     and the job is where it was:")
    done = node.follow(job)
    look_what_is_left(node, name, done)
    return done, f"in a delete, with {left:,} of {files:,} files left"


def look_what_is_left(node, name, done):
    purge = next(step for step in done["steps"] if step["name"] == "purge")
    check("it is the same job, and it knows of the crash in its removal"
          f" ({purge['crashes']})", purge["crashes"] >= 1)
    in_trash = [e.name for e in (node.base / ".trash").iterdir()
                if e.name != ".alula-store"]
    check("the last of its files is removed",
          not any(each.startswith(name) for each in in_trash)
          and not node.volume.exists())
    freed = done["result"]
    say(f"     {freed['entries']:,} entries, {mib(freed['bytes'])} are counted in its"
        " record; a kill costs it those since")
    say("     its last note of them")
    # Nobody can take the restore back any more, so the next sweep takes it.
    check("in the trash is " + ("only what the restore had replaced, until the"
                                " next sweep" if in_trash else "nothing"),
          len(in_trash) <= 1)
    check("its backup is kept", node.get("/api/backups?limit=10")["items"] != [])


def sum_up(node, crossings, keep):
    """Of what was seen, and nothing else."""
    chapter("What happened")
    for job, where in crossings:
        say(f"kill -9 {where}:")
        say(f"     the next start finished {job['id']} by itself")
    say("A destroyed world came back whole.")
    ends = [node.get(job)["state"] for job in node.begun]
    check(f"all {len(ends)} jobs that were asked for are on record, and succeeded",
          set(ends) == {"succeeded"})
    show_where_to_look(node, crossings[0][0]["id"], keep)


def show_where_to_look(node, job, keep):
    chapter("Where to look" if keep else "Where there was something to look at")
    say(f"status page   {node.url}/")
    say(f"jobs          {node.url}/#/jobs")
    say(f"a job         {node.url}/api/jobs/{job}   (with the token)")
    say(f"the API       {node.url}/api/openapi.json   (with the token)")
    say(f"figures       {node.url}/metrics   (with the token)")
    if not keep:
        say("This node ends now, and these answer no more. One that runs on, with its")
        say("token and with URLs that answer: scripts/demo --keep")
        return
    say(f"token         {node.token}")
    say(f"command line  {os.environ.get('ALULA_BINARY', 'build/release/alula')}"
        f" jobs --config {node.config}")


def choose_game(node):
    if not NO_DOCKER:
        game = Minetest(node)
        missing = game.prepare()
        if not missing:
            return game, None
        say(f"     Minetest cannot be packed here: {missing}")
    else:
        say(f"     there is no Docker here ({NO_DOCKER}), so")
    say("     a stand-in plays the game and another one answers in dockerd's place;")
    say("     everything else is as it always is")
    node.socket = node.base / "docker.sock"
    dockerd = Dockerd(str(node.socket))
    return StandIn(node, dockerd), dockerd


def tell_story(base, keep):
    socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    node = Node(base, socket.removeprefix("unix://"))
    print(INTRODUCTION.strip(), flush=True)
    chapter("A node")
    game, dockerd = choose_game(node)
    try:
        node.start()
        say(f"     alula serves {node.url}/, all it has is below {base}")
        make_server(node, game)
        crossings = [back_up_over_a_kill(node, game)]
        destroy_and_restore(node, game)
        look_inside(node)
        show_around(node)
        if not keep:
            crossings.append(delete(node, game))
        sum_up(node, crossings, keep)
        if keep:
            say("The server and the node run on. Ctrl-C ends and removes them.")
            signal.pause()
    finally:
        game.close()
        node.stop()
        if dockerd:
            dockerd.close()


def main():
    # Also where it was started in the background, with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A terminal that is closed; not under nohup, which has it ignored.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    base = pathlib.Path(tempfile.mkdtemp(prefix="alula-demo."))
    base.chmod(0o755)
    try:
        tell_story(base, KEEP)
    except Broken as why:
        log = base / "alula.log"
        said = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        raise SystemExit(f"demo: it did not go as promised: {why}\n{said}")
    except sqlite3.Error as why:
        raise SystemExit(f"demo: it did not go as promised: {why}")
    except KeyboardInterrupt:
        raise SystemExit(130)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
