"""A list of callers as long as an export of a month."""

import time
from pathlib import Path

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}}
lists: {bad: {file: bad.txt}}
numbers: {4000: {block: [bad], route: [{hunt: [a]}]}}
"""


def blocks(plan: Dialplan, caller: str) -> bool:
    return not decide(plan, Facts("lab", "127.0.0.1", caller, "4000")).plan.hunts


def test_long_file_is_read_in_seconds(tmp_path: Path) -> None:
    numbers = "".join(f"138{n:08}\n" for n in range(0, 100_000_000, 1000))
    (tmp_path / "bad.txt").write_text(numbers, encoding="utf-8")
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    begun = time.process_time()
    plan = load_dialplan(path)
    assert time.process_time() - begun < 10
    assert blocks(plan, "+8613800138000")
    assert not blocks(plan, "+8613800138001")
