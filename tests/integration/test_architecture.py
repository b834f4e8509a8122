"""docs/architecture.md says what the tree is: its table is made from it, and each path is there."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"
_PATH: Final = re.compile(r"`((?:[a-z0-9_]+/)+(?:[a-z0-9_]+\.py)?)`")
_STEP: Final = re.compile(r"\| (\d+) \| `([^`]+)` \|")
MOST_STEPS: Final = 25
_SHARED_LINES: Final = 6
_SHARED_CHARACTERS: Final = 140
"""Of so many lines in turn. Shorter ones are arguments and brackets, which may well be alike."""
_DECLARED: Final = {"grammar", "migrations", "settings"}
_ASKS: Final = re.compile(r"\.ask\(([^,()]+),")
"""A request inside a dialog, and what its method is."""
_MADE: Final = re.compile(r"(?:\bdialog\.|render_)request\(([^,)]+),")
_OTHERS: Final = {'"ACK"', '"BYE"', '"INFO"', '"NOTIFY"', '"PRACK"'}
_ALIKE_ON_PURPOSE: Final = {"src/callrouter/sip/message.py"}
"""Its constructors run for each message, and would only call a common one."""


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


def test_no_logic_is_written_twice() -> None:
    """But migrations, which are what tables once were, and the keys that files may have."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "src" / "callrouter").rglob("*.py")):
        if not _DECLARED.intersection(path.parts):
            for start, lines in _windows(path):
                if len(lines) > _SHARED_CHARACTERS:
                    places.setdefault(lines, []).append(f"{path.relative_to(ROOT)}:{start}")
    twice = [found for found in places.values() if len(found) > 1]
    files = {place.partition(":")[0] for found in twice for place in found}
    assert files == _ALIKE_ON_PURPOSE, twice


def test_reinvite_is_the_one_sender_of_invite_and_update_inside_a_dialog() -> None:
    """RFC 3261 section 14, RFC 3311. The other methods are named where they are sent.

    What a peer challenges is sent again with the answer, whatever it is.
    """
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in (ROOT / "src" / "callrouter" / "call").rglob("*.py")
    }
    sent = {name: set(_ASKS.findall(text)) - _OTHERS for name, text in texts.items()}
    assert {name: methods for name, methods in sent.items() if methods} == {
        "reinvite.py": {"method"},
        "digest_client.py": {"*self._again"},
    }
    made = {name: set(_MADE.findall(text)) - _OTHERS for name, text in texts.items()}
    # The INVITE that begins a dialog; and `Leg.ask`, which sends what it is told.
    assert {name: methods for name, methods in made.items() if methods} == {
        "uac_leg.py": {'"INVITE"'},
        "leg.py": {"method"},
    }


def _windows(path: Path) -> Iterator[tuple[int, str]]:
    """Each six lines of a module in turn, without imports, and the number of the first."""
    code = [
        (number, line.strip())
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip() and not line.startswith(("import ", "from ", "#"))
    ]
    for first in range(len(code) - _SHARED_LINES + 1):
        window = code[first : first + _SHARED_LINES]
        yield window[0][0], "\n".join(line for _, line in window)
