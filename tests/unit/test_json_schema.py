"""The published JSON Schema: in step with the grammar, and no valid file is underlined by it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from support.checking import Described, examples_checked, names_its_schema

from callrouter import json_schema
from callrouter.cli import main
from callrouter.dialplan.grammar.call_screening import KNOWN_AS
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.yamlfile.reader import load, parse

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "config" / "dialplan.schema.json"
DIALPLANS = [
    path
    for path in sorted((ROOT / "dialplans").rglob("*.yaml"))
    if not path.name.endswith((".test.yaml", "plans.yaml"))
]
HEAD = "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return json_schema.dialplan_schema()


@pytest.fixture(scope="module")
def validator(made: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(made)


def test_published_schema_is_the_one_that_the_command_prints() -> None:
    printed = CliRunner().invoke(main, ["schema"]).output
    published = PUBLISHED.read_text(encoding="utf-8")
    assert published == printed, "run callrouter schema > config/dialplan.schema.json"


@pytest.mark.parametrize("path", DIALPLANS, ids=lambda path: path.stem)
def test_dialplan_of_the_repository_is_valid_and_names_the_schema(
    path: Path, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(load(path).data)
    assert names_its_schema(path, PUBLISHED)


def test_example_of_every_key_is_valid(made: dict[str, Any]) -> None:
    assert examples_checked(made) > 60


@pytest.mark.parametrize(
    "entry",
    [
        "numbers: {4000: {route: [{hunt: [a], ring: 15}]}}",
        "numbers: {4000: {route: [{hunt: [a], ring: 15 s}]}}",
        "numbers: {4000: {route: [{hunt: []}]}}",
        "numbers: {4000: {route: [{hunt: [a], strategie: random}]}}",
        "numbers: {4000: {route: [{hunt: [{name: a, weight: 0}]}]}}",
        "numbers: {40-00: {route: [{hunt: [a]}]}}",
        "numbers: {4000: {}}",
        "numbers: {}\nschedules: {s: {open: [Mon]}}",
        "numbers: {}\nschedules: {s: {open: [], days: {2026-1-1: '08:00-09:00'}}}",
        "numbers: {}\ngateways: {g: {address: example_org}}",
        "numbers: {}\nlists: {l: {prefixes: ['*123']}}",
        "numbers: {}\nlists: {l: {numbers: ['13800138000;cpc=x']}}",
        "numbers: {}\ntimezone: 8",
        "numbers: {}\nreasons: {suspended: {status: 200}}",
        "numbers: {}\nunknown: 1",
    ],
)
def test_value_that_the_grammar_refuses_is_underlined(
    entry: str, validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid(parse(HEAD + entry, "d.yaml").data)


@pytest.mark.parametrize(
    "entry",
    [
        "numbers: {4000: {route: [{hunt: a, ring: , when: }]}}",
        "numbers: {4000: {blocklist: [l], whitelist: [m], route: [{hunt: [a]}]}}",
        "numbers: {+86756*: {route: [{hunt: [a]}]}, 4xxx: {route: [{hunt: [a]}]}}",
        "numbers: {}\nschedules: {s: {open: ['Mon, Wed-Fri 8:30-12:00 , 13:00-24:00']}}",
        "numbers: {}\nauto_block: {calls: 3, within: 1m, for: 720h}",
        "numbers: {}\nlists: {l: {numbers: ['+86 138\u20110013-8000'], prefixes: ['(0898) *']}}",
        "numbers: {}\ntargets: {t: {number: '+84163 345 6789', via: g}}",
    ],
)
def test_unusual_but_accepted_writing_is_not_underlined(
    entry: str, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(parse(HEAD + entry, "d.yaml").data)


def test_words_that_the_compiler_takes_for_ours_are_in_the_schema(made: dict[str, Any]) -> None:
    for keys in (made["properties"], made["$defs"]["NumberEntry"]["properties"]):
        assert {word: keys[word]["description"] for word in KNOWN_AS} == {
            word: f"Means `{ours}`." for word, ours in KNOWN_AS.items()
        }


def test_every_kind_of_value_that_a_function_checks_is_described() -> None:
    assert DialplanFile.model_json_schema(schema_generator=Described)


def test_schema_is_json_and_ends_with_a_newline() -> None:
    text = PUBLISHED.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text)["title"] == "A callrouter dialplan"
