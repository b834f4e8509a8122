"""The published JSON Schema of rate plans: in step with their grammar, and of use."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from support.checking import Described, examples_checked, names_its_schema

from callrouter import json_schema
from callrouter.cli import main
from callrouter.dialplan.compile.rate_plan_builder import compile_rate_plans
from callrouter.dialplan.grammar.rate_plans import RatePlanFile
from callrouter.errors import ConfigError
from callrouter.yamlfile.reader import load, parse

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "config" / "plans.schema.json"
HEAD = "country: CN\nschedules: {night: {open: ['22:00-06:00']}}\nplans:\n"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema.plans_schema())


def test_published_schema_is_the_one_that_the_command_prints() -> None:
    printed = CliRunner().invoke(main, ["schema", "--plans"]).output
    published = PUBLISHED.read_text(encoding="utf-8")
    assert published == printed, "run callrouter schema --plans > config/plans.schema.json"


def test_plans_of_the_lab_are_valid_and_name_the_schema(
    validator: jsonschema.Draft202012Validator,
) -> None:
    path = ROOT / "dialplans" / "plans.yaml"
    validator.validate(load(path).data)
    assert names_its_schema(path, PUBLISHED)


def test_example_of_every_key_is_valid() -> None:
    assert examples_checked(json_schema.plans_schema()) > 30


@pytest.mark.parametrize(
    "entry",
    [
        "a: {currency: CNY, blocks: 60/60}",
        "a: {currency: CNY, price: 1/min}",
        "a: {currency: cny, blocks: 60/60, price: 1/min}",
        "a: {currency: CNY, blocks: 60, price: 1/min}",
        "a: {currency: CNY, blocks: 60/60, price: 1}",
        "a: {currency: CNY, blocks: 60/60, price: 0.30}",
        "a: {currency: CNY, blocks: 60/60, price: 1/hour}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, fee: 0.5}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, free: 3}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, decimals: 9}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, rates: [{kinds: [cell], price: 1/s}]}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, steps: [{after: 60, price: 1/s}]}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, periods: [{price: 1/s}]}",
        "a: {currency: CNY, blocks: 60/60, price: 1/min, unanswered: true}",
    ],
)
def test_value_that_the_grammar_refuses_is_underlined(
    entry: str, validator: jsonschema.Draft202012Validator
) -> None:
    document: Any = parse(f"{HEAD}  {entry}\n", "p.yaml")
    assert not validator.is_valid(document.data)
    with pytest.raises(ConfigError):
        compile_rate_plans(document)


@pytest.mark.parametrize(
    "entry",
    [
        "a: {currency: EUR, decimals: 2, blocks: 1 / 1, price: 0/s, fee: '0.10'}",
        "a: {currency: VND, blocks: 6/1, price: 790/min, rates: [{kinds: [mobile], price: 1/s}]}",
        "a: {currency: USD, blocks: 60/60, price: 1/min, fee: 1, free: 1m, forwarded: a}",
        "a: {currency: USD, blocks: 1/1, price: 1/min, rates: [{prefixes: ['0898*'], price: 1/s}]}",
    ],
)
def test_unusual_but_accepted_writing_is_not_underlined(
    entry: str, validator: jsonschema.Draft202012Validator
) -> None:
    document: Any = parse(f"{HEAD}  {entry}\n", "p.yaml")
    compile_rate_plans(document)
    validator.validate(document.data)


def test_every_kind_of_value_that_a_function_checks_is_described() -> None:
    assert RatePlanFile.model_json_schema(schema_generator=Described)
