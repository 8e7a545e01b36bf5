#!/usr/bin/python3
"""The manual, the pages and the completion against what the program itself says
of its commands and options.

    manual_test.py ALULA [TEST…]
"""

import re
import shutil
import subprocess
import sys
import unittest

from running_node import ROOT, run_tests

BINARY = ""


def said_by(*words):
    done = subprocess.run([BINARY, *words], text=True, capture_output=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def commands_and_options(path=()):
    """{("backups", "create"): ({subcommands}, {long options})}, out of --help."""
    out, section = {}, ""
    subcommands, options = set(), set()
    for line in said_by(*path, "--help").splitlines():
        if line and not line.startswith(" "):
            section = line.rstrip(":")
        elif section == "Subcommands" and (name := re.match(r"  ([a-z][a-z-]*)", line)):
            subcommands.add(name.group(1))
        elif names := re.match(r"  (-\S+)", line):
            options |= {name for name in names.group(1).split(",") if name.startswith("--")}
    out[path] = (subcommands, options)
    for name in subcommands:
        out |= commands_and_options((*path, name))
    return out


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = commands_and_options()
        cls.manual = (ROOT / "docs/alula.1").read_text().replace("\\-", "-")
        cls.page = (ROOT / "docs/command-line.md").read_text()
        assert ("backups", "restore") in cls.all, cls.all

    def complete(self, *words):
        script = said_by("completion", "bash")
        given = " ".join(f"'{word}'" for word in ("alula", *words))
        done = subprocess.run(
            ["bash", "-c", f"{script}\nCOMP_WORDS=({given}); COMP_CWORD={len(words)}; _alula; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
            text=True, capture_output=True, check=True)
        return set(done.stdout.split())

    def test_each_command_is_in_the_manual_and_on_the_page(self):
        for path, _ in self.all.items():
            if not path:
                continue
            self.assertRegex(self.manual, rf"(?m)^\.B.*\b{path[-1]}\b", path)
            self.assertRegex(self.page, rf"`[^`]*\b{path[-1]}\b[^`]*`", path)

    def test_each_command_was_recorded(self):
        recorded = (ROOT / "docs/screens/command-line.txt").read_text()
        for path, (subcommands, _) in self.all.items():
            # `list` is what stands there without a word behind it.
            words = " ".join(path).removesuffix(" list")
            if not (subcommands - {"list"}) and path not in ((), ("serve",), ("completion",)):
                self.assertRegex(recorded, rf"(?m)^\$ alula {words}( |$)", path)

    def test_each_option_is_in_the_manual(self):
        for path, (_, options) in self.all.items():
            for option in options - {"--help"}:
                self.assertRegex(self.manual, rf"{option}(?![a-z-])", f"{' '.join(path)} {option}")

    def test_the_manual_and_the_page_name_no_option_that_is_not_there(self):
        there = set().union(*(options for _, options in self.all.values()))
        for text, where in ((self.manual, "alula.1"), (self.page, "command-line.md")):
            named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*[a-z])", text))
            self.assertEqual(named - there, set(), where)

    def test_commands_and_options_are_completed(self):
        for path, (subcommands, options) in self.all.items():
            self.assertLessEqual(subcommands, self.complete(*path, ""), path)
            self.assertLessEqual(options, self.complete(*path, "--"), path)

    def test_what_stands_before_a_name_is_not_taken_for_a_command(self):
        self.assertEqual(self.complete("jobs", "ca"), {"cancel"})
        self.assertEqual(self.complete("--nonsense"), set())
        self.assertIn("--dry-run", self.complete("backups", "rotate", "castle", "--d"))

    def test_files_and_shells_are_completed_where_they_are_wanted(self):
        file = str(ROOT / "docs/alula.1")
        for words in (["check-config"], ["db", "backup"], ["configure", "--config-path"], ["jobs", "--config"]):
            self.assertEqual(self.complete(*words, file[:-2]), {file}, words)
        self.assertEqual(self.complete("completion", "z"), {"zsh"})

    def test_zsh_has_a_script_of_its_own_out_of_the_same_table(self):
        script = said_by("completion", "zsh")
        self.assertTrue(script.startswith("#compdef alula\n"))
        table = r'(?m)^ +"[a-z -]*"\) offers=.*;;$'
        self.assertEqual(re.findall(table, script), re.findall(table, said_by("completion", "bash")))
        self.assertEqual(len(re.findall(table, script)), len(self.all))

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh_reads_it(self):
        script = said_by("completion", "zsh")
        subprocess.run(["zsh", "-n"], input=script, text=True, check=True)
        subprocess.run(["zsh", "-f", "-c", f"autoload -U compinit && compinit -u -D\n{script}\n[[ ${{_comps[alula]}} == _alula ]]"], check=True)

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh_completes_commands_options_and_words(self):
        # What compadd is given, matched as the shell would.
        said = "words=(alula %s); CURRENT=$#words\ncompset() { now=${now#*=} }\n" \
               "compadd() { shift; local it; for it; do [[ $it == ${now}* ]] && print -r -- $it; done; true }\n" \
               "compdef() { }\n%s\n_alula"
        for line, found in (("jobs ca", {"cancel"}), ("completion z", {"zsh"}), ("outbox --state d", {"dead"}),
                            ("outbox --state=d", {"dead"}), ("jobs list --kind trash", {"trash.purge"}),
                            ("backups rotate castle --d", {"--dry-run"})):
            done = subprocess.run(["zsh", "-f", "-c", said % (line, said_by("completion", "zsh"))],
                                  text=True, capture_output=True, check=True)
            self.assertLessEqual(found, set(done.stdout.split()), line + done.stderr)
            self.assertEqual(done.stderr, "", line)

    def test_exit_codes_are_the_same_in_both(self):
        codes = set(re.findall(r"(?m)^\| (\d+) \|", self.page))
        in_manual = set(re.findall(r"(?m)^\.B (\d+)$", self.manual))
        self.assertEqual(codes, in_manual)
        self.assertGreater(len(codes), 5)

    def test_the_manual_is_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not there")
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", ROOT / "docs/alula.1"], text=True, capture_output=True)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    run_tests(sys.modules["__main__"])
