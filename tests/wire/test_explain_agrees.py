"""`callrouter explain` says of any call what then becomes of it.

Random calls under random dialplans: what the command prints is held against the record that the
call leaves, which is made from the INVITE by the code that serves live calls.
"""

from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from support.dialplans import Dialplans, Drawn, drawn_facts, drawn_snapshot, written
from support.explaining import agree, explained

from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.compiler import compile_dialplan, load_dialplan
from callrouter.observe.cdr.rows import encode, row_to_dict
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.snapshot import Snapshot
from callrouter.simulate.simulated_call import play
from callrouter.simulate.target_script import Script, ScriptedResponse
from callrouter.yamlfile.reader import parse

BLOCKS: Final = 10
CALLS_OF_ONE: Final = 20
"""Calls under each dialplan: some under one that has just been compiled, some under one that has
kept what it found for calls before."""


def scripts(dice: Random, plan: Drawn) -> dict[str, Script]:
    """What the targets do: they answer at once, or all refuse."""
    status = dice.choice((200, 486, 404, 480, 603))
    return {name: (ScriptedResponse(status, 0.0),) for name in plan["targets"]}


def stored(record: CallRecord) -> dict[str, Any]:
    """The record as it stands in the database."""
    return row_to_dict(encode(record))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_explain_says_what_becomes_of_a_call(
    block: int, full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = (10_000 if full else 1000) // CALLS_OF_ONE // BLOCKS
    known: dict[Path, Dialplan] = {}

    def load_once(path: Path) -> Dialplan:
        if path not in known:
            known[path] = load_dialplan(path)
        return known[path]

    # Read once for all calls: the file does not change, and reading is most of the time.
    monkeypatch.setattr("callrouter.commands.explain.load_dialplan", load_once)
    for seed in range(block * runs, (block + 1) * runs):
        dice = Random(seed)
        plan = Dialplans(dice).draw()
        file = tmp_path / f"{seed}.yaml"
        file.write_text(written(plan), encoding="utf-8")
        live = load_dialplan(file)
        for _ in range(CALLS_OF_ONE):
            facts = drawn_facts(dice)
            down = frozenset(name for name in plan["gateways"] if dice.random() < 0.2)
            played = play(live, facts, scripts(dice, plan), snapshot=Snapshot(down=down))
            assert played.record is not None
            said = explained(facts, "--dialplan", str(file), *(f"--down={name}" for name in down))
            agree(said, stored(played.record))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_call_under_any_state_goes_as_decided_by_the_same_state(block: int, full: bool) -> None:
    runs = (10_000 if full else 1000) // CALLS_OF_ONE // BLOCKS
    for seed in range(block * runs, (block + 1) * runs):
        dice = Random(-1 - seed)
        plan = Dialplans(dice).draw()
        text = written(plan)
        live, other = (compile_dialplan(parse(text, "d.yaml")) for _ in range(2))
        for _ in range(CALLS_OF_ONE):
            facts = drawn_facts(dice)
            state = drawn_snapshot(dice, plan, facts.at)
            played = play(live, facts, scripts(dice, plan), snapshot=state)
            assert played.record is not None
            record = stored(played.record)
            decision = decide(other, facts, state)
            trace = [verdict.as_dict() for verdict in decision.trace]
            final = decision.plan.final
            said = {
                "dialplan": other.version,
                "number": decision.number,
                "targets": [
                    {"name": target.name} for hunt in decision.plan.hunts for target in hunt.targets
                ],
                "final": None if final is None else final.status,
                "reason": None if final is None else final.reason,
                "trace": trace,
            }
            agree(said, record)
