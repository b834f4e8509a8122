"""Warnings about recordings, menus and voicemail boxes."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks: {lab: {addresses: [192.0.2.0/24]}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}}
menus: {main: {prompt: goodbye, keys: {"1": desk, "2": {menu: inner}}}, inner: {prompt: goodbye,
  keys: {"1": desk}}}
voicemail: {box: {}}
numbers:
"""


@pytest.mark.parametrize(
    ("numbers", "warnings"),
    [
        (
            '"1": {record: {notice: false}, route: [{menu: main}, {voicemail: box}]}',
            ["callers are not told of the recording; the law of CN may ask for it"],
        ),
        ('"1": {record: true, route: [{menu: main}, {voicemail: box}]}', []),
        (
            '"1": {record: true, route: [{menu: main}, {messages: box}]}',
            [
                "nobody can do it: it lets messages be heard, which is for extensions, and no "
                "trunk has 'phones: true'; say who may in 'from'"
            ],
        ),
        (
            '"1": {route: [{hunt: [desk]}]}',
            ["no step leads to menu 'main'", "no step uses voicemail box 'box'"],
        ),
        ('"1": {route: [{menu: inner}, {voicemail: box}]}', ["no step leads to menu 'main'"]),
    ],
)
def test_warning_says_what_is_odd(numbers: str, warnings: list[str]) -> None:
    document = parse(f"{HEAD}  {numbers}\n", "plan.yaml")
    compile_dialplan(document)
    assert [found.message for found in lint(document)] == warnings
