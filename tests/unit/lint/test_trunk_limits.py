"""Routes that ring longer than a trunk waits for an answer."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks:
  slow: {addresses: [10.0.0.1], answer_within: 180s}
  quick: {addresses: [10.0.0.2], answer_within: 60s}
  other: {addresses: [10.0.0.3]}
targets:
  a: {uri: "sip:a@192.0.2.2"}
  b: {uri: "sip:b@192.0.2.3"}
  c: {uri: "sip:c@192.0.2.4", ring: 40s}
extensions: {"101": {targets: [a, b]}}
groups:
  both: {hunt: [a, b], strategy: parallel, ring: 30s}
schedules:
  day: {open: ["08:00-20:00"]}
  week: {open: ["Mon-Fri 08:00-20:00"]}
numbers:
"""
USED = """\
  "1": {to_header: extensions, route: [{hunt: both, when: {schedule: day}}]}
  "2": {route: [{hunt: [c], when: {schedule: week}}]}
"""


def longest(rules: str) -> list[str]:
    """What is warned of a number with these rules."""
    document = parse(f'{HEAD}{USED}  "4000": {rules}\n', "d.yaml")
    compile_dialplan(document)
    line = HEAD.count("\n") + USED.count("\n") + 1
    found = [one for one in lint(document) if one.line == line and "gives a call" in one.message]
    return [f"{one.column}: {one.message}" for one in found]


def over(seconds: str) -> str:
    return f"rings for up to {seconds}, but trunk 'quick' gives a call up after 60s"


@pytest.mark.parametrize(
    ("route", "seconds"),
    [
        ("[{hunt: [a, b, c], ring: 15s}]", "70s"),
        ("[{hunt: [a], ring: 61s}]", "61s"),
        ("[{hunt: both}, {hunt: [a, b]}, {hunt: [a], on: [busy]}]", "75s"),
        ("[{hunt: [a, c], strategy: staggered, every: 30s}]", "70s"),
        # Open: 30 and 40 s; closed: 15 and 40 s.
        (
            "[{hunt: both, when: {schedule: day}}, "
            "{hunt: [a], when: {schedule: day, is: closed}}, {hunt: [c]}]",
            "70s",
        ),
        (
            "[{hunt: [a, b], when: {schedule: day}}, {hunt: [c], when: {schedule: week}}]",
            "70s",
        ),
        ("[{play: ringback_notice, answer: false}, {hunt: [a, b, c]}]", "70s"),
    ],
)
def test_route_that_rings_longer_than_the_most_impatient_trunk_is_warned_of(
    route: str, seconds: str
) -> None:
    assert longest(f"{{route: {route}}}".replace("ringback_notice", "goodbye")) == [
        f"12: {over(seconds)}"
    ]


@pytest.mark.parametrize(
    "route",
    [
        "[{hunt: [a, b, c], total: 60s}]",
        "[{hunt: [a]}]",  # the only target: 55 s
        "[{hunt: [a], when: {schedule: day}}, {hunt: [b], when: {schedule: day, is: closed}}]",
        "[{hunt: [a, b, c], strategy: parallel}]",
        "[{hunt: [a, b]}, {play: goodbye}, {hunt: [a, b, c]}]",  # the call is answered by then
    ],
)
def test_route_that_is_over_by_then_has_no_warning(route: str) -> None:
    assert longest(f"{{route: {route}}}") == []


def test_extension_that_rings_first_is_counted() -> None:
    assert longest("{to_header: extensions, route: [{hunt: both}, {hunt: [a]}]}") == [
        f"35: {over('75s')}"
    ]


def test_overflow_is_counted_by_itself() -> None:
    route = "route: [{hunt: [a, b]}]"
    overflow = "overflow: [{hunt: [c]}, {hunt: both}]"
    assert longest(f"{{lines: 1, {overflow}, {route}}}") == [f"22: {over('70s')}"]


def test_dialplan_without_such_trunks_has_no_warning() -> None:
    text = HEAD.replace(", answer_within: 180s", "").replace(", answer_within: 60s", "")
    document = parse(f'{text}{USED}  "4000": {{route: [{{hunt: [a, b, c], ring: 99s}}]}}\n', "d")
    compile_dialplan(document)
    assert lint(document) == []
