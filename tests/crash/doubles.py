"""Of tests/doubles what is used beside a node that crashes. Modules of it are
imported from here: nobody else has to know where they lie."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "doubles"))
import panel  # noqa: E402
import panel_s3  # noqa: E402
import target_node  # noqa: E402

__all__ = ["panel", "panel_s3", "target_node"]
