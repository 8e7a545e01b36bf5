"""Trees of files like those of game servers, the same ones every time. Made
fast: from pools of some MiB, out of which no piece comes again where the 32 KiB
that gzip looks back could see it, or rarely."""

import json
import math
import os
import random
import struct
import uuid
import zlib

MIB = 1 << 20
SYLLABLES = ("ka le ri mo ta sen dor wi el un ar ist he pla gor ven tu qua shi "
             "bro fal ny zer os im cha").split()
# Bytes that pack to a bit over a half, as block data and code do.
UNEVEN = bytes(min(255, int(-6 * math.log((at + .5) / 256)))
               for at in range(256))

EVENTS = """\
[Server thread/INFO]: Saving chunks for level 'ServerLevel[world]'/minecraft:overworld
[Server thread/INFO]: {name} joined the game
[Server thread/INFO]: {name} left the game
[Server thread/INFO]: [{plugin}] Player {name} moved too quickly! {place},{place},{place}
[Server thread/INFO]: {name}[/{address}:{number}] logged in with entity id {number} at ([world]{place}, {place}, {place})
[User Authenticator #{digit}/INFO]: UUID of player {name} is {uuid}
[Async Chat Thread - #{digit}/INFO]: <{name}> {words}
[Server thread/INFO]: {name} issued server command: /{word} {name} {number}
[Server thread/INFO]: {name} was slain by {word} using [{words}]
[Server thread/INFO]: [{plugin}] Saved {number} chunks of {word} in {number} ms
[Server thread/INFO]: {name} lost connection: Disconnected
[Server thread/WARN]: Can't keep up! Is the server overloaded? Running {number}ms or {digit} ticks behind
[Craft Scheduler Thread - {digit}/WARN]: [{plugin}] {words}: {place} of {number}
[Server thread/ERROR]: Could not pass event {word}Event to {plugin} v{digit}.{digit}.{digit}"""
FRAME = "\tat {package}.{word}.{word}({plugin}.java:{number}) ~[{plugin}.jar:?]"

SETTINGS = ("  {word}: true", "  {word}-{word}: {number}", "  {uuid}:",
            "  {word}: '&{digit}{words}'", "  - {word}.{word}",
            "    # {words}", "    {word}: {place}")


class chance:
    """What the fields of a line are, each time another."""

    def __init__(self, dice):
        self.dice = dice
        words = ["".join(dice.choices(SYLLABLES, k=dice.randrange(1, 5)))
                 for _ in range(3_000)]
        # The more frequent the earlier, as in any language.
        self.vocabulary = words
        self.frequency = []
        total = 0
        for rank in range(len(words)):
            total += 1 / (rank + 3)
            self.frequency.append(total)
        self.names = [f"{a.title()}{b}{dice.randrange(100)}" for a, b in
                      zip(words[100:180], words[500:580])]
        self.uuids = [uuid.UUID(int=dice.getrandbits(128)) for _ in range(80)]
        self.addresses = [".".join(str(byte) for byte in dice.randbytes(4))
                          for _ in range(80)]
        self.plugins = [word.title() for word in words[1_000:1_040]]
        self.packages = [f"com.{a}.{b}" for a, b in
                         zip(words[1_100:1_160], words[1_200:1_260])]

    def some_words(self, count):
        return " ".join(self.dice.choices(
            self.vocabulary, cum_weights=self.frequency, k=count))

    def __getitem__(self, field):
        dice = self.dice
        if field == "words":
            return self.some_words(dice.randrange(2, 12))
        if field == "word":
            return self.some_words(1)
        if field == "address":
            return dice.choice(self.addresses)
        if field == "number":
            return int(dice.lognormvariate(5, 2))
        if field == "digit":
            return dice.randrange(12)
        if field == "place":
            return round(dice.uniform(-2_000, 2_000), 1)
        return dice.choice(getattr(self, field + "s"))


def logs(said):
    clock, events = 0, EVENTS.splitlines()
    while True:
        clock += said.dice.randrange(4)
        # A few say most of it.
        event = events[int(said.dice.random() ** 2 * len(events))]
        hour, minute = clock // 3600 % 24, clock // 60 % 60
        yield (f"[{hour:02}:{minute:02}:{clock % 60:02}] "
               + event.format_map(said))
        if "ERROR" in event:
            for _ in range(said.dice.randrange(5, 25)):
                yield FRAME.format_map(said)


def configs(said):
    """YAML and properties by turns."""
    dice = said.dice
    while True:
        yield f"# {said['words'].capitalize()}."
        if dice.random() < .3:
            for _ in range(dice.randrange(5, 30)):
                yield f"{said['word']}-{said['word']}={said['number']}"
            continue
        yield f"{said['word']}-{said['word']}:"
        for _ in range(dice.randrange(2, 12)):
            yield dice.choice(SETTINGS).format_map(said)


def statistics(said):
    """What a player did, as JSON of one line and of many by turns."""
    dice = said.dice
    while True:
        done = {f"minecraft:{kind}": {
            f"minecraft:{said['word']}_{said['word']}": dice.randrange(10**6)
            for _ in range(dice.randrange(5, 40))}
            for kind in ("mined", "used", "broken", "crafted", "killed")}
        yield json.dumps({"stats": done, "DataVersion": 3955},
                         indent=dice.choice((None, 2)))


def texts(said):
    """Books, rules and descriptions."""
    while True:
        yield " ".join(said.some_words(said.dice.randrange(5, 20)).capitalize()
                       + "." for _ in range(said.dice.randrange(2, 8)))


def pool(lines, said, size=6 * MIB):
    out, length = [], 0
    for line in lines(said):
        out.append(line)
        length += len(line) + 1
        if length >= size:
            return ("\n".join(out) + "\n").encode()


def pieces(source, size, dice):
    """So many bytes of a pool, from the beginning of a line each."""
    view, left = memoryview(source), size
    while left > 0:
        at = source.find(b"\n", dice.randrange(len(source))) + 1
        piece = view[at:at + min(left, dice.randrange(64 << 10, 512 << 10))]
        left -= len(piece)
        yield piece


def between(dice, least, most):
    """As likely from one to ten as from ten to a hundred."""
    return int(math.exp(dice.uniform(math.log(least), math.log(most))))


def put(path, parts):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.writelines(parts)


def plant_compressible(tree, size, dice):
    said = chance(dice)
    for share, lines, name, least, most in (
            (.70, logs, "logs/2026-{at:05}.log", 256 << 10, 16 * MIB),
            (.06, configs, "plugins/{plugin}/{at:05}.yml", 4 << 10, 128 << 10),
            (.10, statistics, "world/stats/{at:05}-{uuid}.json", 32 << 10, MIB),
            (.14, texts, "plugins/{plugin}/{at:05}.txt", 64 << 10, 4 * MIB)):
        source, left, at = pool(lines, said), int(size * share), 0
        while left > 0:
            length = min(left, between(dice, least, most))
            path = name.format(at=at, plugin=said["plugin"], uuid=said["uuid"])
            put(tree / path, pieces(source, length, dice))
            left, at = left - length, at + 1


def jar_entries(said, count=1_500):
    """Name, method, CRC, size, and what is in the jar: classes and, stored,
    images."""
    dice, out = said.dice, []
    for at in range(count):
        size = between(dice, 1 << 10, 96 << 10)
        place = f"{said['package']}/{said['word']}{at}".replace(".", "/")
        if at % 8 == 0:
            content = b"\x89PNG\r\n\x1a\n" + dice.randbytes(size)
            out.append((f"assets/{place}.png".encode(), 0,
                        zlib.crc32(content), len(content), content))
            continue
        names = said.some_words(size // 30).replace(" ", "\1\0").encode()
        content = (b"\xca\xfe\xba\xbe\0\0\0\x3d" + names
                   + dice.randbytes(size // 2).translate(UNEVEN))
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush()
        out.append((f"{place}.class".encode(), 8, zlib.crc32(content),
                    len(content), packed))
    return out


def jar(entries, size, dice):
    parts, central, at = [], [], 0
    for name, method, check, length, packed in dice.sample(entries,
                                                           len(entries)):
        about = struct.pack("<4H3I2H", 0, method, 0x6000, 0x5d7e, check,
                            len(packed), length, len(name), 0)
        parts += [struct.pack("<4sH", b"PK\3\4", 20) + about + name, packed]
        central.append(struct.pack("<4s2H", b"PK\1\2", 20, 20) + about
                       + struct.pack("<3H2I", 0, 0, 0, 0, at) + name)
        at += 30 + len(name) + len(packed)
        if at >= size:
            break
    index = b"".join(central)
    return [*parts, index, struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, len(central), len(central), len(index),
        at, 0)]


def region_chunks(said, count=2_500):
    """Chunks as a region file has them: length, kind (2: zlib), content, and
    zeros to the end of the last sector of 4 KiB."""
    dice, out = said.dice, []
    for _ in range(count):
        content = bytearray(b"\x0a\0\0\3\0\x0bDataVersion\0\0\x0f\x73")
        for section in range(4 + int(dice.lognormvariate(2.2, .5))):
            content += b"\x0a\0\x0cblock_states\7\0\7palette"
            content += said.some_words(dice.randrange(2, 20)).encode()
            content += struct.pack(">BHBI", 12, section, 4, 256)
            blocks = dice.randbytes(dice.randrange(512, 2_048))
            content += blocks.translate(UNEVEN)
        packed = zlib.compress(content, 1)
        chunk = struct.pack(">IB", len(packed) + 1, 2) + packed
        out.append(chunk + bytes(-len(chunk) % 4096))
    return out


def region(chunks, dice):
    """An Anvil file: where each chunk is, in sectors, when it was written, and
    the chunks."""
    where, when, sector = bytearray(4096), bytearray(4096), 2
    places = dice.sample(range(1024), dice.randrange(200, 1024))
    chosen = dice.sample(chunks, len(places))
    for place, chunk in zip(places, chosen):
        sectors = len(chunk) // 4096
        struct.pack_into(">I", where, 4 * place, sector << 8 | sectors)
        struct.pack_into(">I", when, 4 * place,
                         1_790_000_000 + dice.randrange(10**6))
        sector += sectors
    return [where, when, *chosen]


def plant_incompressible(tree, size, dice):
    """Jars and region files by turns."""
    said = chance(dice)
    entries, chunks = jar_entries(said), region_chunks(said)
    for at in range(1_000_000):
        if at % 2:
            path = f"world/region/r.{at % 64 - 32}.{at // 64}.mca"
            parts = region(chunks, dice)
        else:
            path = f"plugins/{said['plugin']}-{at}.jar"
            parts = jar(entries, between(dice, 256 << 10, 16 * MIB), dice)
        put(tree / path, parts)
        size -= sum(map(len, parts))
        if size <= 0:
            return


def plant_small(tree, files, dice):
    """Of 100 to 2,000 bytes, 100 in a directory."""
    source = pool(configs, chance(dice))
    for at in range(files):
        place = f"{tree}/{at // 10_000:03}/{at // 100 % 100:02}"
        if at % 100 == 0:
            os.makedirs(place)
        begin = dice.randrange(len(source) - 2_000)
        end = begin + dice.randrange(92, 1_992)
        with open(f"{place}/f{at:07}.dat", "wb", buffering=0) as file:
            file.write(b"%07d\n" % at + source[begin:end])


def plant_huge(tree, size, dice):
    """One file; by turns text, and bytes that do not pack. Every MiB says where
    it is, so that none can stand for another."""
    tree.mkdir(parents=True)
    text = pool(logs, chance(dice), 32 * MIB)
    noise = dice.randbytes(32 * MIB)
    with open(tree / "world.db", "wb", buffering=0) as file:
        for at in range(0, size, MIB):
            source = noise if at // (8 * MIB) % 2 else text
            begin = dice.randrange(len(source) - MIB)
            piece = struct.pack(">Q", at) + source[begin:begin + MIB - 8]
            file.write(piece[:size - at])


PLANTERS = {"compressible": plant_compressible,
            "incompressible": plant_incompressible,
            "small": plant_small, "million": plant_small, "huge": plant_huge}


def plant(tree, kind, amount):
    """`amount` is bytes, or files of the trees of small ones."""
    PLANTERS[kind](tree, amount, random.Random(7))
