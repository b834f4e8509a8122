"""Rows of tables of numbers: each is as good as a number that the dialplan writes out."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.number_tables import ALONE, HEAD, loaded

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import Snapshot


def call(plan: Dialplan, number: str, snapshot: Snapshot | None = None) -> Decision:
    facts = Facts("lab", "127.0.0.1", "+8613800138000", number, at=1772769600.0)
    return decide(plan, facts, Snapshot() if snapshot is None else snapshot)


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        (
            "uri\n02012345678,sip:+1001@192.0.2.7:5070;transport=tcp",
            '{uri: "sip:+1001@192.0.2.7:5070;transport=tcp"}',
        ),
        ("uri\n02012345678,sip:pbx@pbx.example.com", "{uri: sip:pbx@pbx.example.com}"),
        ("uri\n02012345678,sip:192.0.2.7", '{uri: "sip:192.0.2.7"}'),
        ("dial,via\n02012345678,07561234567,out", '{number: "07561234567", via: out}'),
        ("dial,via\n02012345678,07561234567,any", '{number: "07561234567", via: any}'),
        ("dial,via\n02012345678,07561234567,spare", '{number: "07561234567", via: spare}'),
    ],
)
@pytest.mark.parametrize(
    "route",
    [
        "[{hunt: [T]}]",
        "[{hunt: [T, desk], ring: 7s, total: 40s, progress: 3s, final: 480}]",
        "[{hunt: [T, desk], strategy: staggered, every: 2s}, {hunt: [slow], on: [busy]}]",
        "[{when: {schedule: office}, hunt: [T], greet: hello}, {hunt: [desk]}]",
    ],
)
def test_row_has_the_plan_of_a_number_with_a_target_of_its_own(
    tmp_path: Path, columns: str, target: str, route: str
) -> None:
    table = loaded(tmp_path, f"number,{columns}\n", f"route: {route.replace('T', 'row')}")
    name = "row 02012345678"
    path = tmp_path / "plan.yaml"
    head = HEAD.replace("targets:\n", f"targets:\n  own: {target}\n")
    number = f'numbers: {{"02012345678": {{route: {route.replace("T", "own")}}}}}\n'
    path.write_text(head + number, encoding="utf-8")
    written = load_dialplan(path)
    for down in ((), ("out",), ("out", "spare")):
        snapshot = Snapshot(down=frozenset(down))
        found = call(table, "+862012345678", snapshot)
        usual = call(written, "+862012345678", snapshot)
        assert found.number == usual.number == "02012345678"
        assert found.plan.final == usual.plan.final
        for ours, theirs in zip(found.plan.hunts, usual.plan.hunts, strict=True):
            rounds = repr(ours.rounds).replace(name, "own")
            assert rounds == repr(theirs.rounds)
            named = ours.name.replace(name, "own")
            assert replace(ours, name=named, rounds=theirs.rounds) == theirs


def test_row_may_ring_a_target_or_an_extensions_telephones(tmp_path: Path) -> None:
    plan = loaded(tmp_path, "number,target,extension\n4001,desk,\n4002,slow,\n4003,,101\n")
    found = [call(plan, f"400{digit}").plan.hunts[0].targets[0] for digit in (1, 2, 3)]
    assert [(one.name, one.ring_seconds) for one in found] == [
        ("desk", 55.0),
        ("slow", 99.0),
        ("phones 101", 55.0),
    ]
    assert found[2].extension == "101"


def test_rows_may_share_rules_and_ring_nothing_of_their_own(tmp_path: Path) -> None:
    rules = "lines: 1, block: [bad], route: [{hunt: [desk], strategy: round_robin}]"
    plan = loaded(tmp_path, "number,name\n4001,Ms Li\n4002,\n", rules)
    assert [target.name for target in call(plan, "4001").plan.hunts[0].targets] == ["desk"]
    assert call(plan, "4001").plan.holds[0].name == "number 4001"
    assert plan.numbers["4001"].route is not None
    first, second = plan.numbers["4001"].route[0], plan.numbers["4002"].route[0]
    assert first.several is second.several


def test_turns_of_each_row_are_its_own(tmp_path: Path) -> None:
    rules = "route: [{hunt: [row, desk], strategy: round_robin}], backup: [desk, row]"
    plan = loaded(tmp_path, "number,uri\n4001,sip:a@192.0.2.7\n4002,sip:b@192.0.2.7\n", rules)
    names = [call(plan, key).plan.hunts[0].rotation for key in ("4001", "4002")]
    assert len(set(names)) == 2
    backup = plan.numbers["4001"].backup
    assert backup is not None
    assert backup.text.endswith("row 4001 for 15 s")


def test_verdicts_name_the_row_by_file_and_line(tmp_path: Path) -> None:
    plan = loaded(tmp_path, "number,dial,via\n\n4001,1,out\n")
    decision = call(plan, "4001", Snapshot(down=frozenset({"out"})))
    csv = str(tmp_path / "rows.csv")
    places = {one.rule: (one.file, one.line) for one in decision.trace}
    assert places["number 4001"] == (csv, 3)
    assert places["target row 4001"] == (csv, 3)
    assert places["step 1 of table customers"] == (str(tmp_path / "plan.yaml"), 15)
    assert plan.files == (str(tmp_path / "plan.yaml"), csv)


def test_rows_are_numbers_of_the_dialplan(tmp_path: Path) -> None:
    head = HEAD + "  # more\n"
    plan = loaded(tmp_path, "number,target\n4001,desk\n+8675612345678,desk\n", head=head)
    assert list(plan.numbers) == ["4001", "+8675612345678"]
    assert [number.key for number in plan.numbers.values()] == list(plan.numbers)
    assert "4001" in plan.numbers
    assert "4002" not in plan.numbers
    assert plan.numbers.get("4002") is None
    assert len(plan.numbers) == 2
    with pytest.raises(KeyError):
        plan.numbers["4002"]
    assert call(plan, "075612345678").number == "+8675612345678"
    assert plan.numbers.get("4001") is plan.numbers.get("4001")


def test_numbers_made_are_kept_within_bounds(tmp_path: Path) -> None:
    rows = "".join(f"{5000 + at}\n" for at in range(4098))
    plan = loaded(tmp_path, f"number\n{rows}", "route: [{play: [hello]}]")
    first = plan.numbers["5000"]
    assert sum(1 for _ in plan.numbers.items()) == 4098
    assert plan.numbers["5000"] is not first


def test_rows_of_all_tables_are_found(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("number,target\n4003,slow\n4004,desk\n", encoding="utf-8")
    more = f"{ALONE}}}, others: {{file: more.csv, {ALONE}"
    plan = loaded(tmp_path, "number,target\n4001,desk\n4002,slow\n", more)
    rung = [call(plan, key).plan.hunts[0].name for key in ("4001", "4002", "4003", "4004")]
    assert rung == ["desk", "slow", "slow", "desk"]


def test_short_number_of_a_row_is_met_as_written_at_home_alone(tmp_path: Path) -> None:
    lab = "lab: {addresses: [127.0.0.0/8]}"
    head = HEAD.replace(lab, f"{lab}, far: {{addresses: [10.0.0.0/8], country: VN}}")
    plan = loaded(tmp_path, "number,target\n02012345678,desk\n", head=head)
    assert call(plan, "02012345678").number == "02012345678"
    abroad = Facts("far", "10.0.0.1", "", "02012345678")
    assert decide(plan, abroad).number == ""
    assert decide(plan, Facts("far", "10.0.0.1", "", "+862012345678")).number == "02012345678"


def test_backup_of_a_table_may_be_the_same_for_all(tmp_path: Path) -> None:
    rules = f"{ALONE}, backup: [desk]"
    plan = loaded(tmp_path, "number,dial,via\n4001,1,out\n4002,2,out\n", rules)
    assert plan.numbers["4001"].backup is plan.numbers["4002"].backup
    down = Snapshot(down=frozenset({"out"}))
    found = call(plan, "4001", down)
    assert [hunt.name for hunt in found.plan.hunts] == ["backup of table customers"]


def test_name_of_a_rows_target_is_told_from_others(tmp_path: Path) -> None:
    plan = loaded(tmp_path, "number,uri\n4001,sip:a@192.0.2.7\n")
    assert plan.numbers.rings("row 4001")
    assert not plan.numbers.rings("row 4002")
    assert not plan.numbers.rings("4001")


def test_rows_of_a_table_without_hunts_share_all_steps(tmp_path: Path) -> None:
    rules = "route: [{play: [hello]}], overflow: [{hunt: [desk, slow]}], lines: 1"
    plan = loaded(tmp_path, "number\n4001\n4002\n", rules)
    first, second = plan.numbers["4001"], plan.numbers["4002"]
    assert first.route[0] is second.route[0]
    assert first.overflow[0] is second.overflow[0]
    assert first.hold == "number 4001"


def test_row_in_a_hunt_beside_a_group_keeps_the_groups_order(tmp_path: Path) -> None:
    head = HEAD + "groups: {both: {hunt: [desk, slow], strategy: parallel}}\n"
    rules = "route: [{hunt: [both, row]}]"
    plan = loaded(tmp_path, "number,uri\n4001,sip:a@192.0.2.7\n", rules, head)
    rounds = call(plan, "4001").plan.hunts[0].rounds
    assert [[one.name for one in together] for together in rounds] == [
        ["desk", "slow"],
        ["row 4001"],
    ]
