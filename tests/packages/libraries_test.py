#!/usr/bin/python3
"""Each shared library that the program in the package is linked to comes with a
package that it depends on, and its default config is accepted.

    libraries_test.py PACKAGE        a .deb, or a build directory with an alula
                                     that is packed first

Needs no root, and nothing is installed; says so where dpkg-dev is missing.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=120).stdout


def names_in(depends):
    """Of a control field: without versions; of alternatives each counts."""
    return {re.split(r"[ (:]", one.strip())[0]
            for group in depends.split(",") for one in group.split("|") if one.strip()}


def libraries_of(program):
    """Where the loader finds each that the program itself names."""
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", program))
    found = dict(re.findall(r"(?m)^\s*(\S+) => (/\S+)", run("ldd", program)))
    # The loader itself has no arrow.
    found.update((pathlib.Path(path).name, path)
                 for path in re.findall(r"(?m)^\s*(/\S+) \(", run("ldd", program)))
    return {name: found.get(name) for name in needed}


def packages_of(libraries):
    """By the name of each library the names its package goes by, its own and
    those it provides; none where it is of no package."""
    # Where /lib is a link to /usr/lib, dpkg may know a file by either path.
    paths = {name: {str(at) for at in (path, pathlib.Path(path).resolve())} for name, path in libraries.items() if path}
    paths = {name: all_ | {f"/usr{at}" for at in all_} | {at.removeprefix("/usr") for at in all_} for name, all_ in paths.items()}
    # One call for all, which reads the lists of all packages; 1: some path is of none.
    said = subprocess.run(["dpkg", "-S", *set().union(*paths.values())], text=True, capture_output=True).stdout
    owners = {at: owner.split(":")[0] for owner, at in re.findall(r"(?m)^(\S+): (/\S+)$", said)}
    provided = dict(line.split("=", 1) for line in run(
        "dpkg-query", "-W", "-f", "${Package}=${Provides}\n", *set(owners.values())).splitlines())
    out = {name: set() for name in libraries}
    for name, all_ in paths.items():
        for owner in {owners[at] for at in all_ if at in owners}:
            out[name] |= {owner} | names_in(provided.get(owner, ""))
    return out


def without_package(packages, depends):
    """Those libraries that no named package brings."""
    return sorted(name for name, all_ in packages.items() if not all_ & names_in(depends))


class Libraries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.mkdtemp(prefix="alula-libraries-")
        cls.addClassCleanup(shutil.rmtree, place, True)
        package = PACKAGE
        if package.is_dir():
            said = run(ROOT / "scripts/package", package, place)
            package = pathlib.Path(said.strip().splitlines()[-1])
        cls.unpacked = pathlib.Path(place, "unpacked")
        run("dpkg-deb", "-x", package, cls.unpacked)
        cls.program = cls.unpacked / "usr/bin/alula"
        cls.depends = run("dpkg-deb", "-f", package, "Depends")
        cls.packages = packages_of(libraries_of(cls.program))

    def test_each_library_is_of_a_package_that_it_depends_on(self):
        self.assertGreater(len(self.packages), 8)
        self.assertEqual(without_package(self.packages, self.depends), [])

    def test_one_that_is_missing_would_be_found(self):
        self.assertIn("libsqlite3.so.0", self.packages)
        left = ",".join(group for group in self.depends.split(",") if "libsqlite3" not in group)
        self.assertEqual(without_package(self.packages, left), ["libsqlite3.so.0"])

    def test_what_is_fetched_by_https_finds_certificates(self):
        self.assertIn("ca-certificates", names_in(self.depends))

    def test_the_default_config_is_accepted_by_the_program_beside_it(self):
        config = self.unpacked / "usr/share/alula/config.yml"
        said = json.loads(run(self.program, "check-config", "--json", config))
        self.assertEqual(said["findings"], [])
        # postinst copies it there.
        default = (self.unpacked / "etc/default/alula").read_text()
        self.assertIn('ALULA_OPTIONS="--config /etc/alula/config.yml"', default)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(f"usage: {sys.argv[0]} PACKAGE")
    if missing := [name for name in ("dpkg-shlibdeps", "cpack", "readelf") if not shutil.which(name)]:
        print(f"skipped: {', '.join(missing)} is not there, so no package was made")
        raise SystemExit
    PACKAGE = pathlib.Path(sys.argv.pop(1)).absolute()
    unittest.main(verbosity=2)
