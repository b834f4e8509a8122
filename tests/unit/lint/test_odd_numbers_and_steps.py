"""Numbers that nobody can have, and steps that say or do the wrong thing."""

from pathlib import Path

import pytest
from support.tables import each

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.lint.impossible_numbers import impossible
from callrouter.yamlfile.reader import parse

HEAD = """\
country: VN
trunks: {lab: {addresses: [192.0.2.0/24]}}
gateways: {out: {address: 192.0.2.1}}
schedules: {day: {open: ["08:00-18:00"]}}
voicemail: {box: {}}
"""


def warned(text: str, file: str = "d.yaml") -> list[str]:
    document = parse(HEAD + text, file)
    compile_dialplan(document)
    before = HEAD.count("\n")
    return [
        f"{Path(one.file).name}:{one.line - before * (one.file == file)}: {one.message}"
        for one in lint(document)
        if "no rule uses" not in one.message and "no step uses" not in one.message
    ]


@each(
    ("text", "country", "wrong"),
    [
        ("01201234567", "VN", True),  # 0120 became 070 in 2018
        ("+841201234567", "VN", True),
        ("+841201234567", "CN", True),
        ("01681234567", "VN", True),
        ("01861234567", "VN", True),
        ("0701234567", "VN", False),
        ("+84701234567", "CN", False),
        ("02838123456", "VN", False),
        ("13800138000", "CN", False),
        ("+8613800138000", "VN", False),
        ("4006228300", "CN", False),
        ("02012345678", "CN", False),
        ("10800138000", "CN", True),
        ("+999123456789", "CN", True),
        ("+12125551234", "VN", False),
        ("+12", "VN", True),
        ("4001", "VN", False),
        ("12", "VN", False),
        ("*31", "VN", False),
        ("", "VN", False),
    ],
)
def test_number_that_nobody_can_have(text: str, country: str, wrong: bool) -> None:
    assert bool(impossible(text, country)) is wrong


def test_it_is_warned_of_in_lists_files_targets_and_numbers(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("0701234567\n01281234567\n", encoding="ascii")
    text = """\
block: [old]
lists:
  old:
    numbers:
      - "01201234567"
    file: old.txt
targets:
  a: {number: "01691234567", via: out}
  b: {uri: "sip:+841691234567;npdi@192.0.2.9"}
  c: {uri: "sip:841691234567@192.0.2.9"}
numbers:
  "01891234567": {route: [{hunt: [a, b, c]}]}
"""
    none = "can be nobody's number: the numbering plan of VN has none like it"
    assert warned(text, str(tmp_path / "d.yaml")) == [
        f"d.yaml:5: '01201234567' {none}",
        f"d.yaml:8: '01691234567' {none}",
        f"d.yaml:9: '+841691234567' {none}",
        f"d.yaml:12: '01891234567' {none}",
        f"old.txt:2: '01281234567' {none}",
    ]


def test_first_digits_that_nobody_has_or_that_seem_another_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("0 70*\n+0\uff1270*\n84-70*\n", encoding="utf-8")
    text = """\
block: [old]
lists:
  old:
    prefixes:
      - "+0898"
      - "000898"
      - "0000"
      - "+999"
      - "84 91"
      - "+84 91"
      - "+8"
    file: old.txt
targets:
  a: {number: "+84 169 123 4567", via: out}
numbers:
  "4000": {route: [{hunt: [a]}]}
"""
    none = "can begin nobody's number: no country has that code"
    here = [one for one in warned(text, str(tmp_path / "d.yaml")) if "already" not in one]
    assert here == [
        f"d.yaml:5: '+0898' {none}",
        f"d.yaml:6: '000898' {none}",
        f"d.yaml:7: '0000' {none}",
        f"d.yaml:8: '+999' {none}",
        "d.yaml:9: '8491' is +848491 here, and not +8491: write which is meant",
        "d.yaml:14: '+841691234567' can be nobody's number: the numbering plan of VN has none "
        "like it",
        f"old.txt:2: '+0270' {none}",
        "old.txt:3: '8470' is +848470 here, and not +8470: write which is meant",
    ]


TARGET = 'targets: {a: {number: "0701234567", via: out}}\n'
IN_HOURS = (
    "'out_of_hours' is played in hours too, when nobody answers: say when, such as "
    "when: {schedule: ..., is: closed}"
)


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ("[{hunt: [a], when: {schedule: day}}, {play: out_of_hours}]", IN_HOURS),
        ("[{hunt: [a]}, {play: [out_of_hours]}]", IN_HOURS),
        ("[{hunt: [a]}, {play: out_of_hours, when: {schedule: day}}]", IN_HOURS),
        ("[{hunt: [a]}, {play: out_of_hours, when: {schedule: day, is: closed}}]", ""),
        ("[{hunt: [a], when: {schedule: day, is: closed}}, {play: out_of_hours}]", ""),
        ("[{hunt: [a]}, {voicemail: box, on: [busy]}, {play: goodbye}]", ""),
        ("[{voicemail: box, when: {schedule: day}}, {hunt: [a]}]", ""),
    ],
)
def test_step_that_says_or_does_the_wrong_thing(route: str, message: str) -> None:
    found = warned(f'{TARGET}numbers:\n  "4000": {{route: {route}}}\n')
    said = [
        one.partition(": ")[2] for one in found if "no step" not in one and "no rule" not in one
    ]
    assert said == ([message] if message else [])
