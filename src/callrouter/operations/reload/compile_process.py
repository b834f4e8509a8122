"""Compile process of a running server's dialplan: `python -m` with this module's name.

Theory: reading and compiling a big dialplan keeps an interpreter busy for many seconds and leaves
hundreds of megabytes behind; both are for a process of its own. It writes pickles: the diagnostics
(empty when all is well), the parts of the dialplan, the fingerprints of its numbers.
"""

import gc
import os
import pickle
import sys
from pathlib import Path

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.errors import ConfigError
from callrouter.media.sounds.prompts import prepare
from callrouter.operations.reload import pickled_dialplan as parts
from callrouter.operations.reload.dialplan_diff import fingerprints
from callrouter.operations.reload.yielding import Pace

_NICE = 10
"""Calls come first, on a machine with one core too."""


def main(path: Path, prompts: Path | None) -> None:
    """Compile the dialplan in a file, make its sounds, and write it to standard output."""
    os.nice(_NICE)
    gc.disable()  # all of it is needed to the end
    out = sys.stdout.buffer
    try:
        dialplan = load_dialplan(path)
        if prompts is not None:
            prepare(dialplan, prompts)
    except ConfigError as error:
        pickle.dump(error.diagnostics, out)
        return
    prints = fingerprints(dialplan, Pace(sleep=lambda _: None))
    pickle.dump([], out)
    parts.write(dialplan, out)
    pickle.dump(prints, out)
    out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
