#!/usr/bin/python3
"""Which sources can be compiled as one piece:

    unity_groups.py MOST SOURCE...
    unity_groups.py --write PIECE MOST SOURCE...

Prints the number of a group before each source, in the order given. The second
form writes PIECE_N.cpp for each group, which includes its members by their paths
from the root of this tree, so that a cache of compilers knows it again in another
clone; and prints what is to be compiled: these, and who has a group alone. In one
group are at most MOST sources, and no two that give the same name to different
things of their own (in an unnamed namespace, static, or by a using), or of which
one knows by such a name what is not the other's: calls it, or has a header of
this tree that declares it. Nor two that open different namespaces of test headers,
which may give one name to two things.
"""

import collections
import functools
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
TEXT = re.compile(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\d)\'(?:\\.|[^\'\\\n])\'', re.S)
UNNAMED = re.compile(r"\bnamespace\s*\{")
TEMPLATE = re.compile(r"^template\s*<.*?>\s*(?=[a-z:_])(?:requires\s.*?\)\s*)?")


def declarations(text, begin):
    """What stands in the braces that are open at `begin`, without the braces in
    it, one declaration after the other."""
    depth, said = 1, []
    for at in range(begin, len(text)):
        sign = text[at]
        if sign == "{":
            depth += 1
            if depth == 2:
                said.append("{};")
        elif sign == "}":
            depth -= 1
            if depth == 0:
                break
        elif depth == 1:
            said.append(sign)
    return [" ".join(one.split()) for one in "".join(said).split(";")]


def name_in(declaration):
    """The name that is declared, and the whole where the same may be said
    twice; nothing for what declares none."""
    rest = TEMPLATE.sub("", declaration.removesuffix("{}")).strip()
    if found := re.match(r"using (\w+) =", rest):
        return found[1], rest
    if rest.startswith("using ") or not re.match(r"[A-Za-z_:[]", rest):
        return None  # as what follows a pair of braces within a declaration
    if found := re.match(r"(?:struct|class|enum(?: class)?|union) (\w+)", rest):
        return found[1], None
    before = re.split(r"\s*=|\{", rest)[0]
    call = re.search(r"([A-Za-z_]\w*) ?\(", before)
    names = re.findall(r"[A-Za-z_]\w*", before.split("[")[0])
    if call or names:
        return (call[1] if call else names[-1]), None
    return None


def read(source):
    with open(source, encoding="utf-8") as file:
        return COMMENT.sub(" ", TEXT.sub('""', file.read()))


def called_names(text):
    """What is called, or declared, without saying whose it is."""
    return set(re.findall(r"(?<![\w.>:])([A-Za-z_]\w*) ?\(", text))


@functools.cache
def names_of_header(path):
    text = read(path)
    types = re.findall(r"\b(?:struct|class|enum(?: class)?|using) (\w+)", text)
    values = re.findall(
        r"\b(?:constexpr|inline const)\s[\w:<>,*&\s]*?(\w+)\s*[{=]", text)
    return called_names(text) | {*types, *values}


@functools.cache
def headers_of(path):
    """Of this tree, those that they include too."""
    with open(path, encoding="utf-8") as file:
        found = {ROOT / one for one in
                 re.findall(r'^#include "(.+)"', file.read(), re.M)}
    found = {one for one in found if one.exists()}
    return found.union(*(headers_of(one) for one in found if one != path))


def own_names(text):
    found = {}
    for begin in UNNAMED.finditer(text):
        for declaration in declarations(text, begin.end()):
            if named := name_in(declaration):
                found[named[0]] = named[1]
    for one in re.findall(r"^static [^;{=]*?(\w+) ?[(=;{]", text, re.M):
        found[one] = None
    # Names of others, which must be the same for all.
    for one in re.finditer(r"^using ((?:\w+::)+(\w+));", text, re.M):
        found.setdefault(one[2], one[1])
    return found


LAYERS = re.compile(
    r"std\b.*|alula|(alula::)?(jobs|actors|http|storage|backup|remote|app|tests)")


def opened_below_layers(text):
    """Namespaces, but not the standard library's, nor a whole layer."""
    opened = re.findall(r"^using namespace ([\w:]+);", text, re.M)
    return {one.split("::")[-1] for one in opened if not LAYERS.fullmatch(one)}


class Source:
    def __init__(self, path):
        text = read(path)
        self.path, self.own = path, own_names(text)
        self.opened = opened_below_layers(text)
        self.called = called_names(text) - self.own.keys()
        self.headers = headers_of(path)

    def is_mistaken_by(self, other):
        """Whether a name of its own would be another thing in the other one."""
        if self.opened and other.opened and self.opened != other.opened:
            return True
        known = other.called.union(*(names_of_header(one) for one in
                                     other.headers - self.headers))
        return any(other.own.get(name, said) != said if said
                   else name in other.own or name in known
                   for name, said in self.own.items())

    def goes_with(self, others):
        return not any(self.is_mistaken_by(one) or one.is_mistaken_by(self)
                       for one in others)


def groups_of(sources, most):
    uses = collections.Counter(name for one in sources for name in one.own)

    def contested(source):
        return sum(uses[name] - 1 for name in source.own)

    # Those that fit with few others first: what fits anywhere fills up the rest.
    groups = []
    for source in sorted(sources, key=contested, reverse=True):
        group = next((it for it in groups
                      if len(it) < most and source.goes_with(it)), None)
        if group is None:
            groups.append(group := [])
        group.append(source)
    return groups


def write(piece, groups, sources):
    """Only what changes: what is older than its object is not compiled."""
    written = set()
    for at, group in enumerate(group for group in groups if len(group) > 1):
        paths = [os.path.relpath(os.path.realpath(one.path), ROOT)
                 for one in sources if one in group]
        text = "".join(f'#include "{path}"\n' for path in paths)
        file = pathlib.Path(f"{piece}_{at}.cpp")
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        written.add(file)
        print(file)
    for left in pathlib.Path(piece).parent.glob(f"{pathlib.Path(piece).name}_[0-9]*.cpp"):
        if left not in written:
            left.unlink()
    for alone in (group[0] for group in groups if len(group) == 1):
        print(os.path.abspath(alone.path))


def main():
    words = sys.argv[1:]
    piece = words[1] if words[0] == "--write" else None
    if piece:
        words = words[2:]
    sources = [Source(path) for path in words[1:]]
    groups = groups_of(sources, int(words[0]))
    if piece:
        return write(piece, groups, sources)
    number = {source: at for at, group in enumerate(groups) for source in group}
    for source in sources:
        print(f"{number[source]} {source.path}")


if __name__ == "__main__":
    main()
