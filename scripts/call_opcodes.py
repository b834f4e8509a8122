"""What a call costs in opcodes of the interpreter, held against the number that is kept.

    python scripts/call_opcodes.py            compare; fails when a call has come to cost 3 % more
    python scripts/call_opcodes.py --rooms    and say which rooms of src/callrouter they are of
    python scripts/call_opcodes.py --write    keep the new number, and say in the commit why

The calls are SIPp's basic call, played to all parts of a server without sockets. Opcodes are the
same on every machine, as no time and no number of instructions is: decision 37.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from support.call_replay import CallReplay  # noqa: E402

import callrouter  # noqa: E402

KEPT: Final = Path(__file__).with_name("call_opcodes.txt")
PYTHON: Final = (3, 11)
"""Of which the number is: each version has opcodes of its own."""
_MAY_GROW: Final = 1.03
"""Times the number that is kept: a commit that costs more has a word to say."""
_WARM_UP: Final = 64
"""Calls that fill caches, and the rows that one statement writes."""
_COUNTED: Final = 64
_PACKAGE: Final = ROOT / "src" / "callrouter"


class Counted:
    """Opcodes that were executed, by the code that they are of."""

    def __init__(self) -> None:
        self.opcodes: Counter[CodeType] = Counter()

    def act(self, act: Callable[[], object]) -> None:
        """Do something and count its opcodes."""
        before = sys.gettrace()
        sys.settrace(self._begin)
        try:
            act()
        finally:
            sys.settrace(before)

    def _begin(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any]:
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return self._trace

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        if event == "opcode":
            self.opcodes[frame.f_code] += 1
        return self._trace


def count(calls: int = _COUNTED) -> Counter[CodeType]:
    """The opcodes of so many calls."""
    counted = Counted()
    with tempfile.TemporaryDirectory() as folder, CallReplay(Path(folder)) as replay:
        replay.calls(_WARM_UP)
        replay.act = counted.act
        replay.calls(calls)
    return counted.opcodes


def rooms(opcodes: Counter[CodeType]) -> Counter[str]:
    """The opcodes of each room, and of what is none of ours."""
    found: Counter[str] = Counter()
    for code, many in opcodes.items():
        path = Path(code.co_filename)
        of_ours = path.is_relative_to(_PACKAGE)
        found[str(path.relative_to(_PACKAGE).parent) if of_ours else "others"] += many
    return found


def main() -> int:
    """Count and compare; returns the status to exit with."""
    parser = argparse.ArgumentParser(description="What a call costs in opcodes.")
    parser.add_argument("--write", action="store_true", help=f"keep the number in {KEPT.name}")
    parser.add_argument("--rooms", action="store_true", help="by the rooms of src/callrouter")
    options = parser.parse_args()
    if sys.version_info[:2] != PYTHON or callrouter.build() == "compiled":
        _say(f"not counted: the number is that of plain Python {PYTHON[0]}.{PYTHON[1]}")
        return 0
    opcodes = count()
    if options.rooms:
        for room, many in rooms(opcodes).most_common():
            _say(f"{many / _COUNTED:8.0f}  {room}")
    now = round(opcodes.total() / _COUNTED)
    if options.write:
        KEPT.write_text(f"{now}\n", encoding="ascii")
    kept = int(KEPT.read_text(encoding="ascii"))
    _say(f"{now} opcodes a call, {now / kept - 1:+.1%} against the {kept} that are kept")
    error = judged(now, kept)
    if error:
        _say(error)
    return 1 if error else 0


def judged(now: int, kept: int) -> str:
    """What is wrong with a call that costs so much, "" when nothing is."""
    if now <= kept * _MAY_GROW:
        return ""
    return (
        "error: a call costs more than it may. `--rooms` says where. If it has to be, keep the new "
        "number by\n`python scripts/call_opcodes.py --write`, and say in the commit what it is for"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
