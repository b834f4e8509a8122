"""The examples of docs/outbound.md: each is decided again, by the dialplan that the page shows."""

import re
from pathlib import Path
from typing import Final

from route.rulebook import why

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.decide.routing import decide
from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import Snapshot
from callrouter.yamlfile.reader import parse

TEXT: Final = (Path(__file__).parents[3] / "docs" / "outbound.md").read_text(encoding="utf-8")
NOW: Final = 1772769600.0


def test_numbers_that_are_shown_are_those_of_the_table() -> None:
    section = TEXT.split("## Which of our numbers they see")[1].split("\n## ")[0]
    (text,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    rows = re.findall(r"^\| (\d{8,}) \| (\+\d+) \| (.*) \|$", section, re.MULTILINE)
    assert len(rows) >= 6
    dialplan = compile_dialplan(parse(text, "example.yaml"))
    turns: dict[str, int] = {}
    shown: dict[str, tuple[str, float]] = {}
    for dialled, number, said in rows:
        facts = Facts("phones", "", "101", dialled, at=NOW, extension="101")
        decision = decide(dialplan, facts, Snapshot(turns=turns, shown=shown))
        (hunt,) = decision.plan.hunts
        (target,) = hunt.targets
        assert why(decision, "caller_ids of permission sales") == (True, number, said)
        assert target.caller_id == number
        turns[hunt.rotation] = turns.get(hunt.rotation, 0) + 1
        shown[target.shown_to] = (target.caller_id, NOW)
