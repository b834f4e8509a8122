"""Mistakes in schedules, lists, areas and hunts: each is named at its place, with what to write."""

import pytest
from support.tables import each

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@192.0.2.9"}, b: {uri: "sip:b@192.0.2.9"}}
lists: {bad: {prefixes: ["0898"]}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
groups: {row: {hunt: [a]}, all: {hunt: [a, b], strategy: parallel}}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compile_dialplan(parse(text, "f"))
    return [str(found).removeprefix("f:") for found in caught.value.diagnostics]


def in_schedule(entry: str) -> list[str]:
    text = HEAD.replace('{open: ["Mon-Fri 08:30-17:30"]}', entry)
    return [found.split("error: ")[1] for found in mistakes(text + "numbers: {}\n")]


def in_number(rules: str, more: str = "") -> list[str]:
    text = f"{HEAD}{more}numbers: {{4000: {{{rules}}}}}\n"
    return [found.split("error: ")[1] for found in mistakes(text)]


@each(
    ("entry", "found"),
    [
        ("{}", "the key 'open' is missing"),
        (
            "{open: [5]}",
            "expected days and times such as \"Mon-Fri 08:30-12:00, 13:30-17:30\", found '5'",
        ),
        (
            "{open: [Mon]}",
            "expected days and times such as \"Mon-Fri 08:30-12:00, 13:30-17:30\", found 'Mon'",
        ),
        ("{open: [Mno 08:00-09:00]}", "expected a day such as Mon, found 'Mno'"),
        ("{open: [Mon-Fir 08:00-09:00]}", "expected a day such as Mon, found 'Fir'"),
        ("{open: [Mon 8-9]}", "expected a time such as 08:30-17:30, found '8-9'"),
        ("{open: [Mon 08:00-24:30]}", "expected times from 00:00 to 24:00, found '08:00-24:30'"),
        (
            "{open: [Mon 08:00-08:00]}",
            "'08:00-08:00' is no time at all: write 00:00-24:00 for a whole day",
        ),
        (
            '{open: ["Mon 08:00-12:00, 11:00-13:00"]}',
            "the times in 'Mon 08:00-12:00, 11:00-13:00' overlap",
        ),
        (
            "{open: [], closed: [2026-02-30]}",
            "expected a date such as 2026-12-31, found '2026-02-30'",
        ),
        (
            "{open: [], closed: [31.12.2026]}",
            "expected a date such as 2026-12-31, found '31.12.2026'",
        ),
        ("{open: [], closed: [5]}", "expected a date such as 2026-12-31, found '5'"),
        (
            "{open: [], closed: [2026-02-03..2026-02-01]}",
            "the last day is before the first in '2026-02-03..2026-02-01'",
        ),
        (
            "{open: [], days: {2026-02-14: 5}}",
            "expected times such as \"08:30-12:00\", found '5'",
        ),
        (
            '{open: [], days: {tomorrow: "08:30-12:00"}}',
            "expected a date such as 2026-12-31, found 'tomorrow'",
        ),
        (
            "{open: [], holidays: cn}",
            "expected a country such as CN, found 'cn'; did you mean 'CN'?",
        ),
        ("{open: [], holidays: 5}", "expected a country such as CN, found '5'"),
        ("{open: [], holidays: CN-GD}", "expected a part of CN, found 'GD'; CN has no parts here"),
        (
            "{open: [], timezone: Asia/Shangai}",
            "expected a time zone such as Asia/Shanghai, found 'Asia/Shangai'; "
            "did you mean 'Asia/Shanghai'?",
        ),
        ("{open: [], holliday: CN}", "unknown key 'holliday'; did you mean 'holidays'?"),
    ],
)
def test_mistake_in_a_schedule_says_what_to_write(entry: str, found: str) -> None:
    assert in_schedule(entry) == [found]


@each(
    ("rules", "found"),
    [
        (
            "route: [{hunt: [a], when: {schedule: ofice}}]",
            "no schedule is named 'ofice'; did you mean 'office'?",
        ),
        (
            "route: [{hunt: [a], when: {schedule: office, is: shut}}]",
            "expected 'open' or 'closed', found 'shut'",
        ),
        (
            "route: [{hunt: [a], when: {schedule: office, as: closed}}]",
            "unknown key 'as'; expected one of 'schedule', 'is'",
        ),
        (
            "route: [{hunt: [a], on: [busy]}]",
            "'on' is about the step before: the first step has none",
        ),
        (
            "route: [{hunt: [a]}, {hunt: [b], on: [bussy]}]",
            "expected 'busy', 'no_answer', 'unreachable' or 'rejected', found 'bussy'; "
            "did you mean 'busy'?",
        ),
        (
            "route: [{hunt: [a], final: 480}, {hunt: [b]}]",
            "'final' is for when nobody is left: it belongs to the last step",
        ),
        (
            "route: [{hunt: [a]}], overflow: [{hunt: [b]}]",
            "'overflow' is for calls beyond 'lines', which is missing",
        ),
        ("lines: 0, route: [{hunt: [a]}]", "expected a count of lines from 1 to 100000, found '0'"),
        ("block: [bda], route: [{hunt: [a]}]", "no list is named 'bda'; did you mean 'bad'?"),
        (
            "countries: {allow: [CN], except: [bda]}, route: [{hunt: [a]}]",
            "no list is named 'bda'; did you mean 'bad'?",
        ),
        ("areas: {}, route: [{hunt: [a]}]", "expected 'allow' or 'refuse', or both"),
        (
            "areas: {refuse: [Guangdon]}, route: [{hunt: [a]}]",
            "no area is named 'Guangdon'; did you mean 'Guangdong'?",
        ),
        (
            "areas: {refuse: [0756]}, route: [{hunt: [a]}]",
            'expected an area such as Guangdong, an area code such as "0756" or a country '
            "such as CN; write it in quotes",
        ),
        (
            "auto_block: {calls: 1, within: 10s, for: 1h}, route: [{hunt: [a]}]",
            "expected a count of calls from 2 to 1000, found '1'",
        ),
        ("route: [{hunt: [a], every: 2s}]", "'every' is for 'strategy: staggered'"),
        (
            "route: [{hunt: [a], strategy: staggered}]",
            "'strategy: staggered' needs 'every', such as every: 2s",
        ),
        (
            "route: [{hunt: [{name: a, weight: 2}]}]",
            "a weight is for 'strategy: weighted'",
        ),
        (
            "route: [{hunt: [{name: a, wieght: 2}], strategy: weighted}]",
            "expected a name, or a name and its weight such as {name: desk, weight: 3}, "
            "found the keys 'name', 'wieght'",
        ),
        (
            "route: [{hunt: [all, row], strategy: parallel}]",
            "a parallel hunt rings targets and parallel groups: group 'row' is sequential",
        ),
        ("backup: [x], route: [{hunt: [a]}]", "no target is named 'x'; expected one of"),
        (f"route: [{{hunt: [{'a, ' * 500}b]}}]", "more than 500 targets in one hunt"),
    ],
)
def test_mistake_in_a_number_says_what_to_write(rules: str, found: str) -> None:
    (one,) = in_number(rules)
    assert one.startswith(found)


def test_group_with_the_name_of_a_target_is_refused() -> None:
    text = HEAD.replace("row:", "b: {hunt: [a]}, row:").replace("[a, b]", "[a]") + "numbers: {}\n"
    assert mistakes(text) == [
        "6:10: error: a target is named 'b' too: in a hunt they could not be told apart"
    ]


def test_group_that_holds_itself_is_a_loop() -> None:
    groups = "groups: {x: {hunt: [a, y]}, y: {hunt: [z]}, z: {hunt: [x, x]}}\n"
    text = HEAD.replace(HEAD.splitlines(keepends=True)[5], groups) + "numbers: {}\n"
    assert mistakes(text) == [
        "6:56: error: group 'x' holds itself: x → y → z → x",
        "6:59: error: group 'x' holds itself: x → y → z → x",
    ]


@pytest.mark.parametrize("count", [9, 40, 1500])
def test_groups_nested_too_deep_are_refused(count: int) -> None:
    groups = "".join(f"  g{n}: {{hunt: [g{n + 1}]}}\n" for n in range(count))
    text = HEAD.replace(
        HEAD.splitlines(keepends=True)[5], f"groups:\n{groups}  g{count}: {{hunt: [a]}}\n"
    )
    found = mistakes(text + "numbers: {}\n")
    assert found
    assert {line.split("error: ")[1] for line in found} == {"groups are nested deeper than 8"}


def test_groups_that_multiply_are_refused() -> None:
    groups = "".join(f"  g{n}: {{hunt: [{f'g{n + 1}, ' * 9}a]}}\n" for n in range(6))
    text = HEAD.replace(
        HEAD.splitlines(keepends=True)[5], f"groups:\n{groups}  g6: {{hunt: [a]}}\n"
    )
    found = mistakes(text + "numbers: {}\n")
    assert {line.split("error: ")[1] for line in found} == {"more than 500 targets in one hunt"}


def test_hunt_that_is_no_mapping_is_left_to_the_schema() -> None:
    text = HEAD.replace("row: {hunt: [a]}", "row: 5") + "numbers: {4000: {route: 5}, 4001: 5}\n"
    assert [line.split(" error")[0] for line in mistakes(text)] == ["6:15:", "7:25:", "7:35:"]


def test_area_is_suggested_where_a_country_has_no_regions() -> None:
    text = HEAD.replace("country: CN", "country: VN")
    text += "numbers: {4000: {areas: {allow: [Quang Ninh]}, route: [{hunt: [a]}]}}\n"
    (one,) = mistakes(text)
    assert one.endswith("no area is named 'Quang Ninh'; did you mean 'Quảng Ninh'?")
