"""Any text gives a dialplan or a ConfigError with places, never anything else."""

from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.unhurried import MANY
from support.yaml_wounds import places, wounded

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.route.decide.routing import decide
from callrouter.route.values.facts import Facts
from callrouter.yamlfile.reader import parse

FOLDER = Path(__file__).parents[3] / "dialplans"
BESIDE = str(FOLDER / "f")  # so that the list file of the lab is found
LAB = (FOLDER / "lab.yaml").read_text(encoding="utf-8")
LINES = [line for line in LAB.splitlines() if line and not line.startswith("#")]
WORDS = [
    "route", "hunt", "ring", "3s", "uas_5080", "127.0.0.0/8", "4000", "[486]", "follow", "CN",
    "schedule", "office", "08:30", "Mon-Fri", "Sat", "closed", "unwanted", "0898",
    "lab-blocked.txt", "Guangdong", "10s", "20s", "parallel", "round_robin", "staggered",
    "2s", "busy", "numbers",
]  # fmt: skip
STRANGE = [
    "\t", "  ", "x", "", "null", "-1", "5", "3", "1e9", "&a ", "*a", "!!int ", "{", "}", "[", "]",
    ":", ": ", "- ", "'", '"', "|", ">", "%", "@", "? ", "# ", "---\n", "\x00", "é", "\u2028",
    "99999999999999999999", "yes", "15 s", "0s", "9m", "sip:", "[[]]", "{a: {b: {}}}", "\\",
    "22:00-06:00", "24:01", "2026-02-30", "2026-02-10..2026-02-01", "*123", "../x", "/dev/zero",
    "{name: a, weight: 0}", "Hainan", "weighted", "always", "US-TX",
    "&a [*a, *a]", "[" * 50, "12:00", "0756", "4xxx", "08*", "::1", "1.2.3.4/33",
]  # fmt: skip


def mistakes(text: str) -> list[tuple[int, int]]:
    """Where the mistakes of a text are; none when it is a dialplan, which then decides a call."""
    try:
        plan = compile_dialplan(parse(text, BESIDE))
    except ConfigError as error:
        return places(error)
    for called in plan.numbers:
        assert decide(plan, Facts("lab", "127.0.0.1", "13800138000", called)).trace
    return []


def test_thousand_mutated_dialplans_give_a_dialplan_or_places_in_file_order() -> None:
    random = Random(4000)
    broken = 0
    for _ in range(1000):
        found = mistakes(wounded(random, LINES, WORDS, STRANGE))
        assert all(line >= 1 and column >= 1 for line, column in found)
        assert found == sorted(found)
        broken += bool(found)
    assert broken > 500  # else the wounds are too light


@settings(max_examples=MANY)
@given(st.text())
def test_any_text_gives_a_dialplan_or_its_mistakes(text: str) -> None:
    assert mistakes(text)
