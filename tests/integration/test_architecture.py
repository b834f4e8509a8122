"""docs/architecture.md says what the tree is: its table is made from it, and each path is there."""

import re
import runpy
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"
_PATH: Final = re.compile(r"`((?:[a-z0-9_]+/)+(?:[a-z0-9_]+\.py)?)`")
_STEP: Final = re.compile(r"\| (\d+) \| `([^`]+)` \|")
MOST_STEPS: Final = 25


def test_table_is_the_one_that_the_modules_give() -> None:
    update = runpy.run_path(str(ROOT / "scripts" / "module_table.py"))["update"]
    text = PAGE.read_text(encoding="utf-8")
    assert update(text) == text, "run python scripts/module_table.py"


def test_each_path_in_it_is_there() -> None:
    places = (ROOT / "src" / "callrouter", ROOT)
    named = set(_PATH.findall(PAGE.read_text(encoding="utf-8")))
    assert {path for path in named if not any((place / path).exists() for place in places)} == set()


def test_way_of_a_call_is_short() -> None:
    text = PAGE.read_text(encoding="utf-8")
    steps = _STEP.findall(text)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert len({module for _, module in steps}) == len(steps) <= MOST_STEPS
    assert f"record on disk, {len(steps)} modules in this order" in text
