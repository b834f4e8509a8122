"""Each warning with its place, and what must not be warned of."""

from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import load, parse

ROOT = Path(__file__).parents[3]

HEAD = """\
country: CN
trunks:
  lab: {addresses: [127.0.0.1]}
gateways:
  out: {address: "192.0.2.1:5060"}
targets:
  a: {uri: "sip:a@192.0.2.2"}
  b: {uri: "sip:b@192.0.2.3"}
  c: {number: "02012345678", via: out}
"""
USED = """\
numbers:
  "4000": {route: [{hunt: [a, b, c]}]}
"""


def warnings(text: str, listen: tuple[tuple[str, str, int], ...] = ()) -> list[str]:
    """All warnings of a dialplan, each as `line:column: message` counted behind HEAD."""
    document = parse(text, "d.yaml")
    compile_dialplan(document)
    before = HEAD.count("\n") if text.startswith(HEAD) else 0
    found = lint(document, listen)
    assert all(one.severity == "warning" and one.file == "d.yaml" for one in found)
    return [f"{one.line - before}:{one.column}: {one.message}" for one in found]


def of(text: str) -> list[str]:
    """The warnings of what stands behind HEAD, where everything of HEAD is used."""
    return warnings(HEAD + text)


def test_plain_dialplan_has_no_warning() -> None:
    assert of(USED) == []


@pytest.mark.parametrize(
    ("section", "kind", "entry"),
    [
        ("groups", "group", "{hunt: [a]}"),
        ("schedules", "schedule", '{open: ["Mon 08:00-09:00"]}'),
        ("lists", "list", '{prefixes: ["0898"]}'),
    ],
)
def test_entry_that_nothing_uses_is_warned_of_at_its_name(
    section: str, kind: str, entry: str
) -> None:
    assert of(f"{USED}{section}:\n  lost: {entry}\n") == [f"4:3: no rule uses {kind} 'lost'"]


def test_target_and_gateway_that_nothing_uses_are_warned_of() -> None:
    assert of('numbers:\n  "4000": {route: [{hunt: [a]}]}\n') == [
        "-1:3: no rule uses target 'b'",
        "0:3: no rule uses target 'c'",
    ]
    text = HEAD.replace("targets:", '  lost: {address: "192.0.2.9"}\ntargets:') + USED
    assert warnings(text) == ["6:3: no rule uses gateway 'lost'"]


def test_gateway_in_a_group_is_used_and_a_group_that_nothing_dials_by_is_not() -> None:
    text = HEAD.replace("targets:", '  second: {address: "192.0.2.9"}\ntargets:')
    groups = "gateway_groups: {pair: {gateways: [{name: second}]}}\n"
    assert warnings(f"{text}{USED}{groups}") == ["13:18: no rule uses gateway group 'pair'"]


def test_extensions_that_no_number_asks_for_are_warned_of() -> None:
    extensions = 'extensions:\n  "101": {targets: [a]}\n'
    assert of(USED + extensions) == [
        "3:1: neither 'to_header', 'lookup' nor a menu asks for extensions: none is ever rung"
    ]
    assert of(extensions + USED.replace("route", "to_header: extensions, route")) == []


def test_everything_that_can_be_used_somewhere_counts_as_used() -> None:
    assert (
        of("""\
groups:
  inner: {hunt: [a]}
  outer: {hunt: [inner, b]}
schedules:
  day: {open: ["08:00-20:00"]}
lists:
  one: {prefixes: ["0898"]}
  two: {prefixes: ["0899"]}
  three: {prefixes: ["0897"]}
block: [one]
backup: [c]
numbers:
  "4000":
    allow: [two]
    countries: {allow: [CN], except: [three]}
    route: [{hunt: outer, when: {schedule: day}}]
""")
        == []
    )


def test_pattern_of_which_other_keys_leave_nothing_is_shadowed() -> None:
    route = "{route: [{hunt: [a, b, c]}]}"
    keys = [f'  "400{digit}": {route}' for digit in range(10)]
    shadowed = "\n".join(["numbers:", *keys, f'  "400x": {route}', ""])
    message = "no number is left for it: '4000', '4001', '4002' and 7 more beat it"
    assert of(shadowed) == [f"12:3: {message}"]
    assert of(shadowed.replace(f"{keys[3]}\n", "")) == []


def test_pattern_shadowed_by_narrower_patterns_and_prefixes_is_found() -> None:
    route = "{route: [{hunt: [a, b, c]}]}"
    keys = [f'  "4{digit}*": {route}' for digit in range(9)]
    text = "\n".join(["numbers:", f'  "4xx": {route}', *keys, ""])
    assert of(text) == []
    assert len(of(f'{text}  "49x": {route}\n')) == 1


def test_pattern_with_very_many_keys_below_it_is_not_looked_into() -> None:
    route = "{route: [{hunt: [a, b, c]}]}"
    keys = [f'  "4{number:03}": {route}' for number in range(1000)]
    keys += [f'  "41{number:04}": {route}' for number in range(1001)]
    assert of("\n".join(["numbers:", *keys, f'  "4xxx": {route}', ""])) == []


def test_prefix_written_in_both_ways_is_shadowed_by_the_international_one() -> None:
    route = "{route: [{hunt: [a, b, c]}]}"
    assert of(f'numbers:\n  "0756*": {route}\n  "+86756*": {route}\n') == [
        "2:3: '+86756*' beats '0756*' for every telephone number: they are the same"
    ]


def test_list_entry_that_a_prefix_contains_is_shadowed() -> None:
    lists = """\
block: [l]
lists:
  l:
    prefixes: ["0898", "08981", "+86898", "40"]
    numbers: ["089866660000", "13800138000", "+8613800138000", "4001", "4001"]
"""
    assert of(USED + lists) == [
        "6:24: '08981' is in the list by '0898' already",
        "6:33: '+86898' is in the list by '0898' already",
        "7:15: '089866660000' is in the list by '0898' already",
        "7:46: '+8613800138000' is in the list by '13800138000' already",
        "7:64: '4001' is in the list by '40' already",
        "7:72: '4001' is in the list by '40' already",
    ]


def test_list_that_is_blocked_and_allowed_is_warned_of() -> None:
    text = """\
lists:
  l: {prefixes: ["0898"]}
  m: {prefixes: ["0899"]}
allow: [l]
block: [l]
numbers:
  "4000": {allow: [m], block: [m, l], route: [{hunt: [a, b, c]}]}
"""
    assert of(text) == [
        "5:9: list 'l' is allowed too, which counts first",
        "7:32: list 'm' is allowed too, which counts first",
        "7:35: list 'l' is in 'block' for all numbers already",
    ]


def test_area_that_is_allowed_and_refused_is_warned_of() -> None:
    areas = 'areas: {allow: [Guangdong, "0898"], refuse: [Guangdong]}, route'
    assert of(USED.replace("route", areas)) == [
        "2:28: 'Guangdong' is refused too, which counts first"
    ]


def schedule(text: str) -> list[str]:
    uses = USED.replace("[{hunt", "[{when: {schedule: s}, hunt")
    return of(f"{uses}schedules:\n  s: {text}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{open: ["Mon-Fri 08:00-12:00", "Wed 11:00-13:00"]}', "times overlap on Wed at 11:00"),
        ('{open: ["Mon 22:00-06:00", "Tue 05:00-07:00"]}', "times overlap on Tue at 05:00"),
        ('{open: ["Sun 22:00-06:00", "Mon 05:00-07:00"]}', "times overlap on Mon at 05:00"),
        (
            '{open: ["Mon 08:00-11:59", "Mon 12:00-17:00"]}',
            "closed for 1 minute from 11:59 on Mon to 12:00",
        ),
        (
            '{open: ["Sat 18:00-23:59", "Sun 00:00-04:00"]}',
            "closed for 1 minute from 23:59 on Sun to 00:00",
        ),
        ('{open: ["00:00-23:59"]}', "closed for 1 minute from 23:59 on Tue to 00:00"),
    ],
)
def test_overlap_or_small_gap_in_a_schedule_is_warned_of_at_its_text(
    text: str, message: str
) -> None:
    found = schedule(text)
    assert [one.partition(": ")[2] for one in found] == [message]
    assert found[0].startswith("4:")


def test_closed_days_that_are_there_twice_are_warned_of() -> None:
    days = '{open: ["08:00-17:00"], closed: [2026-02-10..2026-02-20, 2026-02-15]}'
    assert schedule(days) == ["4:63: part of it is closed by an entry before already"]


@pytest.mark.parametrize(
    "text",
    [
        '{open: ["Mon-Fri 08:30-12:00, 13:30-17:30", "Sat 08:30-12:00"]}',
        '{open: ["00:00-24:00"]}',
        '{open: ["Mon 00:00-12:00", "Mon 12:00-24:00"]}',
        '{open: [], days: {2026-02-14: "08:30-17:30"}}',
    ],
)
def test_schedule_whose_times_are_plain_has_no_warning(text: str) -> None:
    assert schedule(text) == []


def test_schedule_that_never_opens_is_warned_of_with_its_step() -> None:
    assert schedule("{open: []}") == [
        "2:20: step 1 is never taken: schedule 's' is never open",
        "4:3: schedule 's' is never open",
    ]


@pytest.mark.parametrize(
    "hours",
    [
        '"00:00-24:00"',
        '"Mon-Fri 00:00-24:00", "Sat-Sun 00:00-24:00"',
        '"08:00-20:00", "20:00-08:00"',
    ],
)
def test_step_for_when_an_always_open_schedule_is_closed_is_never_taken(hours: str) -> None:
    schedule = f"schedules:\n  s: {{open: [{hours}]}}\n"
    route = "{route: [{when: {schedule: s, is: closed}, hunt: [a, b, c]}]}"
    message = "schedule 's' is always open, unless it is switched by hand"
    assert of(f'numbers:\n  "4000": {route}\n{schedule}') == [
        f"2:20: step 1 is never taken: {message}"
    ]
    assert of(f'numbers:\n  "4000": {route.replace("closed", "open")}\n{schedule}') == []


@pytest.mark.parametrize(
    "entry",
    [
        '{open: ["00:00-23:59"]}',
        '{open: ["Mon-Sat 00:00-24:00"]}',
        '{open: ["08:00-20:00", "20:30-08:00"]}',
        '{open: ["00:00-24:00"], holidays: CN}',
        '{open: ["00:00-24:00"], closed: [2026-02-10]}',
        '{open: ["00:00-24:00"], days: {2026-02-14: "08:30-17:30"}}',
    ],
)
def test_step_for_when_a_schedule_is_closed_at_times_is_taken(entry: str) -> None:
    route = "{route: [{when: {schedule: s, is: closed}, hunt: [a, b, c]}]}"
    text = f'numbers:\n  "4000": {route}\nschedules:\n  s: {entry}\n'
    assert [one for one in of(text) if "never taken" in one] == []


def steps(text: str) -> list[str]:
    day = 'schedules:\n  s: {open: ["08:00-17:00"]}\n'
    use = '  "4999": {route: [{when: {schedule: s}, hunt: [a, b, c]}]}\n'
    return of(f'{day}numbers:\n{use}  "4000":\n    route:\n{text}')


def test_step_whose_condition_no_earlier_step_shares_is_never_taken() -> None:
    text = """\
      - {when: {schedule: s}, hunt: [a]}
      - {when: {schedule: s, is: closed}, hunt: [b], on: [busy]}
"""
    message = "'on' asks for a step before it, and none is taken at the same time"
    assert steps(text) == [f"8:9: step 2 is never taken: {message}"]
    assert steps(text.replace(", is: closed", "")) == []


def test_step_for_a_busy_target_is_never_taken_where_busy_ends_the_call() -> None:
    text = "      - {hunt: [a], stop_on: [486, 600]}\n      - {hunt: [b], on: [busy]}\n"
    message = "a busy target ends the call in each step before it ('stop_on')"
    assert steps(text) == [f"8:9: step 2 is never taken: {message}"]
    assert steps(text.replace(", 600", "")) == []


def test_backup_of_a_route_without_gateways_never_rings() -> None:
    text = 'numbers:\n  "4000": {backup: [c], route: [{hunt: [a, b]}]}\n'
    assert of(text) == ["2:12: 'backup' never rings: part of the route needs no gateway"]
    assert len(of(text.replace("[a, b]", "[c]"))) == 2  # only that a and b are not used


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("ring: 3s, total: 4s", "'b' may ring until 6s, but the hunt ends before"),
        ("ring: 3s, total: 3s", "'b' is not rung when those before it ring out: that takes 3s"),
        ("ring: 20s, total: 10s", "'a' may ring until 20s, but the hunt ends before"),
        (
            "strategy: parallel, ring: 20s, total: 10s",
            "'a' may ring until 20s, but the hunt ends before",
        ),
        (
            "strategy: staggered, every: 2s, ring: 3s, total: 4s",
            "'b' may ring until 5s, but the hunt ends before",
        ),
        ("progress: 20s", "'progress' is longer than any target rings, and so has no effect"),
    ],
)
def test_times_that_contradict_each_other_are_warned_of(options: str, message: str) -> None:
    found = of(USED.replace("c]}", f"c], {options}}}"))
    assert [one.partition(": ")[2] for one in found] == [message]


@pytest.mark.parametrize(
    "options",
    ["ring: 3s, total: 9s", "strategy: parallel, ring: 3s, total: 3s", "progress: 2s", "total: 1m"],
)
def test_times_that_go_together_have_no_warning(options: str) -> None:
    assert of(USED.replace("c]}", f"c], {options}}}")) == []


def test_times_of_groups_inside_a_hunt_are_counted() -> None:
    groups = """\
groups:
  both: {hunt: [a, b], strategy: parallel, ring: 4s}
  turns: {hunt: [a, b], strategy: staggered, every: 3s, ring: 4s}
  all: {hunt: [both, turns, c], ring: 5s, total: 12s}
numbers:
  "4000": {route: [{hunt: all}]}
"""
    assert of(groups) == ["4:50: 'c' may ring until 16s, but the hunt ends before"]


def test_more_lines_than_the_trunks_have_are_warned_of() -> None:
    text = (HEAD + USED).replace("[127.0.0.1]", "[127.0.0.1], lines: 5")
    assert warnings(text.replace("{route", "{lines: 6, route")) == [
        "11:19: more lines than all trunks together have, which is 5"
    ]
    assert warnings(text.replace("{route", "{lines: 5, route")) == []


def test_target_or_gateway_that_is_the_server_itself_is_a_loop() -> None:
    listen = (("udp", "192.0.2.1", 5060), ("udp", "192.0.2.2", 5060), ("tcp", "192.0.2.3", 5060))
    assert warnings(HEAD + USED, listen) == [
        "-4:18: gateway 'out' is an address this server listens on",
        "-2:12: target 'a' is an address this server listens on: calls would loop",
    ]


def test_target_that_dials_a_number_of_the_dialplan_may_loop() -> None:
    text = 'numbers:\n  "+862012345678": {route: [{hunt: [a, b, c]}]}\n'
    assert of(text) == [
        "0:15: target 'c' dials number '+862012345678' of this dialplan: calls may loop"
    ]


def test_very_many_warnings_are_cut_short() -> None:
    lists = "".join(f'  l{index}: {{prefixes: ["0898"]}}\n' for index in range(300))
    assert len(of(f"{USED}lists:\n{lists}")) == 200


SAMPLES = [
    path
    for path in sorted((ROOT / "dialplans" / "samples").glob("*.yaml"))
    if not path.name.endswith(".test.yaml")
]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_has_no_warning(path: Path) -> None:
    document = load(path)
    compile_dialplan(document)
    assert lint(document) == []
