"""A mistake is told as what it is: another sort of name, a type, blanks, another product's word."""

import pytest
from support.tables import each

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@192.0.2.1"}}
groups: {sales: {hunt: [desk]}}
schedules: {day: {open: ["08:00-18:00"]}}
lists: {bad: {prefixes: ["0898"]}}
voicemail: {box: {}}
numbers:
  "4000": {%s}
"""


def test_keys_and_agents_are_told_what_they_should_be() -> None:
    text = (
        PLAN.split("numbers:", maxsplit=1)[0]
        + """
extensions: {"301": {targets: [desk]}}
queues: {box: {agents: [301]}}
menus: {main: {prompt: busy, keys: {"1": box}}}
numbers: {"4000": {route: [{menu: main}]}}
"""
    )
    assert mistakes(text) == [
        "expected an extension, found the number 301; a name of digits stands in quotes",
        "no target is named 'box'; 'box' is a queue and a voicemail box: write {queue: box} or "
        "{voicemail: box}",
    ]
    text = text.replace("[301]", '"301"').replace('"1": box', '"1": desk')
    assert mistakes(text) == ["expected a list such as [a, b], found '301': write [\"301\"]"]


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compile_dialplan(parse(text, "d.yaml"))
    return [found.message for found in caught.value.diagnostics]


@each(
    ("number", "message"),
    [
        ("route: [{hunt: desk}]", "'desk' is a target, no group: write hunt: [desk]"),
        (
            "route: [{hunt: [day]}]",
            "no target is named 'day'; 'day' is a schedule: expected one of 'desk', 'sales'",
        ),
        ("route: [{menu: box}]", "no menu is named 'box'; 'box' is a voicemail box"),
        ("route: [{messages: bxo}]", "no voicemail box is named 'bxo'; did you mean 'box'?"),
        (
            "block: [desk], route: [{hunt: [desk]}]",
            "no list is named 'desk'; 'desk' is a target: expected one of 'bad'",
        ),
        (
            'lines: "10", route: [{hunt: [desk]}]',
            "expected a count of lines from 1 to 100000, found '10' in quotes: write 10",
        ),
        (
            'route: [{hunt: [desk], final: "480"}]',
            "expected a SIP status from 400 to 699, found '480' in quotes: write 480",
        ),
        (
            "route: [{hunt: [4002]}]",
            "expected the name of a target or a group, found the number 4002; a name of digits "
            "stands in quotes",
        ),
        (
            'suspended: "yes", route: [{hunt: [desk]}]',
            "expected true or false, found 'yes' in quotes: write true",
        ),
        (
            "block: bad, route: [{hunt: [desk]}]",
            "expected a list such as [a, b], found 'bad': write [bad]",
        ),
        (
            "route: [{hunt: [box]}]",
            "no target is named 'box'; 'box' is a voicemail box: write {voicemail: box}",
        ),
        ("route: [{queue: }]", "'queue' is empty"),
        (
            "route: [{hunt: [desk], when: day}]",
            "expected a mapping of keys and values, found 'day': write {schedule: day}",
        ),
        (
            "route: [{hunt: [desk], timeout: 15s}]",
            "unknown key 'timeout'; did you mean 'ring' or 'total'?",
        ),
        (
            "channels: 10, route: [{hunt: [desk]}]",
            "unknown key 'channels'; did you mean 'lines'?",
        ),
        (
            "route: [{hunt: [desk], ring: 15 sec}]",
            "expected a time such as 15s, 1m or 500ms, found '15 sec': write 15s",
        ),
        (
            "countries: {allow: [UK]}, route: [{hunt: [desk]}]",
            "expected a country such as CN, found 'UK'; did you mean 'GB'?",
        ),
        (
            "countries: {allow: [China]}, route: [{hunt: [desk]}]",
            "expected a country such as CN, found 'China'; did you mean 'CN'?",
        ),
    ],
)
def test_mistake_in_a_number_says_what_was_meant(number: str, message: str) -> None:
    assert mistakes(PLAN % number) == [message]


@pytest.mark.parametrize(
    ("schedule", "ending"),
    [
        (
            '{open: ["Mon - Fri 08:30-17:30"]}',
            ': write "Mon-Fri 08:30-17:30", with "-" and without blanks',
        ),
        (
            '{open: ["Mon-Fri 08:30 - 17:30"]}',
            ': write "Mon-Fri 08:30-17:30", with "-" and without blanks',
        ),
        (
            '{open: ["Mon\u2013Fri 08:30-17:30"]}',
            ': write "Mon-Fri 08:30-17:30", with "-" and without blanks',
        ),
        ('{open: [], closed: ["2026-02-10 - 2026-02-12"]}', ": write 2026-02-10..2026-02-12"),
        ('{open: [], closed: ["2026-02-10 .. 2026-02-12"]}', ": write 2026-02-10..2026-02-12"),
        ("{open: [], holidays: UK}", "found 'UK'; did you mean 'GB'?"),
        ("{open: [], holidays: Vietnam}", "found 'Vietnam'; did you mean 'VN'?"),
    ],
)
def test_mistake_in_a_schedule_says_what_was_meant(schedule: str, ending: str) -> None:
    plan = PLAN % "route: [{hunt: [desk]}]"
    (found,) = mistakes(plan.replace('{open: ["08:00-18:00"]}', schedule))
    assert found.endswith(ending)
