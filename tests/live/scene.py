"""What a story needs around it: options, a Panel and nodes, and who clears up."""

import argparse
import os
import pathlib
import sys
import traceback

from node import Alula, Broken, say
from panel_process import Panel

SKIPPED = 77


class Scene:
    """A Panel and the nodes of one story; they end with it, and have told none
    of their secrets until then. A story that breaks is told as failed, with what
    its nodes said."""

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.panel, self.nodes, self.failed = Panel(), [], False

    def start_node(self, *how):
        node = Alula(self.options.binary, self.panel, *how)
        self.nodes.append(node)
        node.start()
        return node

    def __enter__(self):
        return self

    def secret_told(self):
        """What is Broken about that, if anything."""
        try:
            secrets = [one for node in self.nodes for one in node.secrets]
            for node in self.nodes:
                node.keep_secrets(secrets)
        except Exception as why:
            return why
        return None

    def __exit__(self, _, why, __):
        why = why or self.secret_told()
        self.failed = why is not None
        if isinstance(why, Broken):
            say(f"FAIL {self.name}: {why}")
        elif isinstance(why, Exception):  # what breaks has told nothing
            told = "".join(traceback.format_exception(why))
            say(f"FAIL {self.name}: {told}")
        for node in self.nodes:
            if self.failed:
                say(f"the log of {node.identity['uuid']}:\n"
                    f"{node.said()[-6000:]}")
            node.close(self.options.keep and self.failed)
        self.panel.close()
        return isinstance(why, Exception)


def parser_of(about):
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--keep", action="store_true",
                        help="leave the nodes' directories when it fails")
    return parser


def options_of(parser):
    """Ends with code 77 where there is no dockerd."""
    options = parser.parse_args()
    options.binary = str(pathlib.Path(options.binary).resolve())
    if why := os.environ.get("ALULA_NO_DOCKER"):
        print(f"skipped: no dockerd: {why}")
        sys.exit(SKIPPED)
    return options
