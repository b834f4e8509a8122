"""The published JSON Schema of dialplan tests: in step with their grammar, and of use."""

from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from support.checking import Described, examples_checked, names_its_schema

from callrouter import json_schema
from callrouter.cli import main
from callrouter.testing.case_file import CaseFile
from callrouter.yamlfile.reader import load, parse

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "config" / "dialplan-test.schema.json"
TESTS = sorted((ROOT / "dialplans").rglob("*.test.yaml"))
HEAD = "dialplan: d.yaml\ntests:\n"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema.tests_schema())


def test_published_schema_is_the_one_that_the_command_prints() -> None:
    printed = CliRunner().invoke(main, ["schema", "--tests"]).output
    published = PUBLISHED.read_text(encoding="utf-8")
    assert published == printed, "run callrouter schema --tests > config/dialplan-test.schema.json"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_tests_of_the_repository_are_valid_and_name_the_schema(
    path: Path, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(load(path).data)
    assert names_its_schema(path, PUBLISHED)


def test_example_of_every_key_is_valid() -> None:
    assert examples_checked(json_schema.tests_schema()) > 30


@pytest.mark.parametrize(
    "entry",
    [
        "- {name: a, call: {to: 4000}, expect: {}}",
        "- {name: a, call: {}, expect: {}}",
        "- {name: a, call: {to: '4000'}}",
        "- {name: a, call: {to: '4000', at: 2026-3-7}, expect: {}}",
        "- {name: a, call: {to: '4000', at: '12:01'}, expect: {}}",
        "- {name: a, call: {to: '4000'}, legs: {b: 700 after 1s}, expect: {}}",
        "- {name: a, call: {to: '4000'}, legs: {b: quiet}, expect: {}}",
        "- {name: a, call: {to: '4000'}, cancel: 8, expect: {}}",
        "- {name: a, call: {to: '4000'}, expect: {finale: 480}}",
        "- {name: a, call: {to: '4000'}, expect: {final: 99}}",
        "- {name: a, call: {to: '4000'}, state: {override: {office: shut}}, expect: {}}",
        "- {name: '', call: {to: '4000'}, expect: {}}",
    ],
)
def test_value_that_the_grammar_refuses_is_underlined(
    entry: str, validator: jsonschema.Draft202012Validator
) -> None:
    data: Any = parse(HEAD + entry, "d.test.yaml").data
    assert not validator.is_valid(data)
    with pytest.raises(ValueError, match="validation error"):
        CaseFile.model_validate(data)


@pytest.mark.parametrize(
    "entry",
    [
        "- {name: a, call: {from: '', to: '4000', at: '2026-03-07T12:01:30'}, expect: {final: }}",
        "- {name: a, call: {to: '4000'}, legs: {b: ' silence ', c: '180, 200'}, expect: {}}",
        "- {name: a, call: {to: bob}, state: {lines: {number 4000: 2}}, expect: {reason: }}",
    ],
)
def test_unusual_but_accepted_writing_is_not_underlined(
    entry: str, validator: jsonschema.Draft202012Validator
) -> None:
    data: Any = parse(HEAD + entry, "d.test.yaml").data
    CaseFile.model_validate(data)
    validator.validate(data)


def test_time_that_is_left_out_is_shown_as_one_can_write_it() -> None:
    shown = json_schema.tests_schema()["$defs"]["CallFacts"]["properties"]["at"]["default"]
    assert datetime.fromisoformat(shown).year == 2026


def test_every_kind_of_value_that_a_function_checks_is_described() -> None:
    assert CaseFile.model_json_schema(schema_generator=Described)
