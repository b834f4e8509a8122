"""scripts/call_opcodes.py counts the same each time, and fails when a call costs more."""

import runpy
import sys
from pathlib import Path
from typing import Final

import pytest

SCRIPT: Final = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "call_opcodes.py"))
COUNTED: Final = pytest.mark.skipif(
    sys.version_info[:2] != SCRIPT["PYTHON"], reason="another Python than 3.11, whose opcodes count"
)


@COUNTED
def test_a_call_costs_the_same_each_time_it_is_counted() -> None:
    first, second = (SCRIPT["count"](4).total() for _ in range(2))
    assert first > 4 * 10_000
    assert abs(first - second) < first / 1000


@COUNTED
def test_each_opcode_is_of_a_room_or_of_others() -> None:
    opcodes = SCRIPT["count"](1)
    rooms = SCRIPT["rooms"](opcodes)
    assert rooms.total() == opcodes.total()
    assert rooms["sip"] > rooms["route/decide"] > 0


def test_a_call_that_costs_more_than_3_percent_more_is_an_error_that_says_how_to_keep_it() -> None:
    assert SCRIPT["judged"](1030, 1000) == ""
    assert "--write" in SCRIPT["judged"](1031, 1000)
