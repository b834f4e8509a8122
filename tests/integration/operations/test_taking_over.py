"""A compiled dialplan handed from process to process, and compared with the one before."""

import gc
import io
import pickle
import weakref
from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan, load_dialplan
from callrouter.errors import ConfigError
from callrouter.operations.reload import pickled_dialplan as parts
from callrouter.operations.reload.background_loader import Loader, LoadError, let_go
from callrouter.operations.reload.dialplan_diff import Changes, compare, fingerprints
from callrouter.operations.reload.yielding import Pace
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.yamlfile.reader import parse

ROOT = Path(__file__).parents[3]
SAMPLES = sorted(
    path
    for path in (ROOT / "dialplans").rglob("*.yaml")
    if not path.name.endswith((".test.yaml", "plans.yaml"))
)
PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets:
  a: {uri: "sip:a@127.0.0.1:5081"}
  b: {uri: "sip:b@127.0.0.1:5082"}
groups: {both: {hunt: [a, b]}}
numbers:
  "4000": {route: [{hunt: [a]}]}
  "4001": {route: [{hunt: both}]}
  "4002": {route: [{hunt: both}]}
"""


def compiled(text: str = PLAN) -> Dialplan:
    return compile_dialplan(parse(text, "plan.yaml"))


def unhurried() -> Pace:
    return Pace(sleep=lambda _: None)


def changes(before: str, after: str) -> Changes:
    old, new = compiled(before), compiled(after)
    pace = unhurried()
    prints = fingerprints(old, pace), fingerprints(new, pace)
    return compare(old.numbers, prints[0], new.numbers, prints[1], pace)


def taken_over(dialplan: Dialplan) -> Dialplan:
    pipe = io.BytesIO()
    parts.write(dialplan, pipe)
    pipe.seek(0)
    return parts.read(pipe)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_dialplan_that_was_handed_over_decides_as_the_one_compiled_here(path: Path) -> None:
    ours = load_dialplan(path)
    theirs = taken_over(ours)
    assert theirs.version == ours.version
    assert fingerprints(theirs, unhurried()) == fingerprints(ours, unhurried())
    for trunk in ours.trunks:
        for number in ours.numbers:
            facts = Facts(
                trunk=trunk,
                source="127.0.0.1",
                caller="+8613800138000",
                called=number,
                to_user=number,
                to_ext="",
                at=1.7e9,
            )
            first, second = decide(ours, facts), decide(theirs, facts)
            assert pickle.dumps(second.plan.final) == pickle.dumps(first.plan.final)
            assert [verdict.why for verdict in second.trace] == [
                verdict.why for verdict in first.trace
            ]


def test_what_numbers_share_is_shared_after_handing_over_too() -> None:
    numbers = "".join(f'  "{5000 + index}": {{route: [{{hunt: both}}]}}\n' for index in range(1500))
    dialplan = taken_over(compiled(PLAN + numbers))
    facts = [Facts("lab", "127.0.0.1", "1", number) for number in ("4001", "5000", "6499")]
    targets = {id(decide(dialplan, it).plan.hunts[0].targets[0]) for it in facts}
    assert len(targets) == 1


def test_what_hangs_on_one_number_alone_is_not_written_before_the_slices() -> None:
    keys = range(5000, 6500)
    targets = "".join(f'  t{key}: {{uri: "sip:{key}@127.0.0.1"}}\n' for key in keys)
    numbers = "".join(f'  "{key}": {{route: [{{hunt: [t{key}, a]}}]}}\n' for key in keys)
    text = PLAN.replace("targets:\n", f"targets:\n{targets}") + numbers
    pipe = io.BytesIO()
    parts.write(compiled(text), pipe)
    pipe.seek(0)
    shared = pickle.load(pipe)
    assert 0 < len(shared) < 50
    assert all("t5000" not in repr(value) for value in shared)


def test_nothing_changed_when_only_lines_moved() -> None:
    found = changes(PLAN, "# a comment\n\n" + PLAN)
    assert (found.added, found.removed, found.altered) == ([], [], [])


def test_added_removed_and_altered_numbers_are_told_apart() -> None:
    after = PLAN.replace('"4000": {route: [{hunt: [a]}]}', '"4003": {route: [{hunt: [a]}]}')
    after = after.replace('"4001": {route: [{hunt: both}]}', '"4001": {route: [{hunt: [b]}]}')
    found = changes(PLAN, after)
    assert (found.added, found.removed, found.altered) == (["4003"], ["4000"], ["4001"])


def test_number_is_altered_when_a_target_of_its_group_is() -> None:
    found = changes(PLAN, PLAN.replace("5082", "5083"))
    assert (found.added, found.removed, found.altered) == ([], [], ["4001", "4002"])


def test_rows_of_a_table_are_told_by_their_numbers(tmp_path: Path) -> None:
    table = "number_tables: {t: {file: rows.csv, route: [{hunt: [row]}]}}\n"
    rows = "number,uri,target\n5001,sip:x@192.0.2.1,\n5002,,a\n5003,,b\n5004,sip:y@192.0.2.1,\n"
    path = tmp_path / "plan.yaml"

    def loaded(text: str, rows: str) -> Dialplan:
        path.write_text(text, encoding="utf-8")
        (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
        return load_dialplan(path)

    pace = unhurried()
    old = loaded(PLAN + table, rows)
    prints = fingerprints(old, pace)

    def changed(text: str, rows: str) -> tuple[list[str], list[str], list[str]]:
        new = taken_over(loaded(text, rows))
        found = compare(old.numbers, prints, new.numbers, fingerprints(new, pace), pace)
        return found.added, found.removed, found.altered

    assert changed(PLAN + table, rows.replace("5002,", "\n5002,")) == ([], [], [])
    assert changed(PLAN + table, rows.replace("sip:x", "sip:z")) == ([], [], ["5001"])
    assert changed(PLAN + table, rows.replace("5004", "5005")) == (["5005"], ["5004"], [])
    assert changed(PLAN.replace("5082", "5083") + table, rows)[2] == ["4001", "4002", "5003"]
    ruled = table.replace("[row]", "[row, a]")
    assert changed(PLAN + ruled, rows)[2] == ["5001", "5002", "5003", "5004"]


def test_old_dialplan_is_let_go_of_entirely() -> None:
    last = [compiled()]
    gone = weakref.ref(last[0])
    gc.disable()  # it must not need the collector, which does not look at frozen objects
    try:
        let_go(last, unhurried())
        assert gone() is None
    finally:
        gc.enable()


def test_every_mistake_of_a_file_comes_back_from_the_other_process(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("[a, b]", "[a, x]").replace("hunt: [a]", "hunt: [y]"))
    with pytest.raises(ConfigError) as caught:
        Loader().load(path)
    assert [diagnostic.line for diagnostic in caught.value.diagnostics] == [6, 8]
    with pytest.raises(ConfigError) as ours:
        load_dialplan(path)
    places = [str(it).partition("; expected")[0] for it in caught.value.diagnostics]
    assert places == [str(it).partition("; expected")[0] for it in ours.value.diagnostics]


def test_loader_that_was_closed_loads_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    loader = Loader()
    loader.close()
    with pytest.raises(LoadError, match="the server is stopping"):
        loader.load(path)


def test_thread_gives_way_after_each_step_for_as_long_as_it_took() -> None:
    now = 0.0
    slept: list[float] = []
    pace = Pace(clock=lambda: now, sleep=slept.append)
    for _ in pace.each(range(64)):
        now += 0.0001
    assert slept == pytest.approx([0.0016, 0.0016, 0.0016])
