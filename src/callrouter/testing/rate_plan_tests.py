"""Tests of rate plans: calls of so many seconds, and what they are to cost."""

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from callrouter.dialplan.compile.rate_plan_builder import load_rate_plans
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.rate_plans import Amount
from callrouter.rating.charges import CallUsage, Charges, LegUsage, rate
from callrouter.rating.rate_plan import RatePlans
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.testing.case_file import At, Dialled, differing
from callrouter.yamlfile.marked import Document
from callrouter.yamlfile.mistakes import Mistakes, StrictModel

KEY: Final = "plans"
"""Tells these tests from those of a dialplan."""


class ForwardedLeg(StrictModel):
    """A leg that the caller is put through to; it ends with the call."""

    to: Dialled = Field(description="The number that is dialled.", examples=["13800138000"])
    after: fields.LongestCall | None = Field(
        default=None,
        description="From the answer of the call to that of this leg. When left out: at once.",
        examples=["50s"],
    )


class ChargedCall(StrictModel):
    """A call, by what is paid for."""

    plan: fields.Name = Field(description="The rate plan of the number.", examples=["toll_free"])
    answered: At = Field(
        description="When it was answered, in the time zone of the plans; when it began to ring, "
        "if nobody answered.",
        examples=["2026-03-04 12:00"],
    )
    lasts: fields.LongestCall | None = Field(
        default=None,
        description="From answer to end. When left out: nobody answered.",
        examples=["111s"],
    )
    rings: fields.LongestCall | None = Field(
        default=None, description="How long it rang.", examples=["20s"]
    )
    to: Dialled = Field(default="", description="The called number.", examples=["02012345678"])
    forwarded: list[ForwardedLeg] = Field(
        default=[],
        description="The legs that it was put through to.",
        examples=[[{"to": "13800138000", "after": "50s"}]],
    )


class ExpectedCharges(StrictModel):
    """What a call is to cost. What is not named is not compared."""

    cost: Amount | None = Field(
        default=None, description="The sum of all legs.", examples=["0.9000"]
    )
    currency: str | None = Field(default=None, description="The currency.", examples=["CNY"])
    billed: list[int] | None = Field(
        default=None,
        description="Billed seconds of each leg, the inbound one first.",
        examples=[[120, 120]],
    )
    legs: list[Amount] | None = Field(
        default=None, description="The cost of each leg.", examples=[["0.60", "0.30"]]
    )
    rates: list[str] | None = Field(
        default=None,
        description="The rate of each leg, as `callrouter rate` calls it.",
        examples=[["all numbers", "+86"]],
    )


class RatePlanCase(StrictModel):
    """One test of rate plans."""

    name: fields.Label = Field(
        description="What it shows.", examples=["A forwarded call costs both legs"]
    )
    call: ChargedCall = Field(
        description="The call.",
        examples=[{"plan": "local", "answered": "2026-03-04 12:00", "lasts": "61s"}],
    )
    expect: ExpectedCharges = Field(description="What it is to cost.", examples=[{"cost": "0.30"}])


class RatePlanCaseFile(StrictModel):
    """A file of tests of rate plans."""

    plans: fields.Label = Field(
        description="The file of rate plans; relative to this file.", examples=["plans.yaml"]
    )
    tests: list[RatePlanCase] = Field(
        min_length=1,
        description="The tests.",
        examples=[
            [
                {
                    "name": "a",
                    "call": {"plan": "local", "answered": "2026-03-04 12:00", "lasts": "61s"},
                    "expect": {"cost": "0.30"},
                }
            ]
        ],
    )


@dataclass(slots=True, kw_only=True, frozen=True)
class RatePlanSuite:
    """One file of tests of rate plans. lines: where each of its tests begins."""

    file: str
    plans: RatePlans
    tests: list[RatePlanCase]
    lines: list[int]


def read_suite(document: Document) -> RatePlanSuite:
    """Read such a file. Raises ConfigError with every mistake, in file order."""
    mistakes = Mistakes(document)
    cases = mistakes.checked((), RatePlanCaseFile, document.data)
    if cases is None:
        raise mistakes.error()
    wanted = Path(os.path.normpath(Path(document.file).parent / cases.plans))
    if not wanted.is_file():
        mistakes.at_value((KEY,), f"there is no file {wanted}")
        raise mistakes.error()
    plans = load_rate_plans(wanted)
    for index, case in enumerate(cases.tests):
        _check(mistakes, ("tests", index, "call"), case.call, plans)
    if mistakes.any():
        raise mistakes.error()
    raw = document.data["tests"]
    lines = [raw.find(index).line for index in range(len(raw))]
    return RatePlanSuite(file=document.file, plans=plans, tests=cases.tests, lines=lines)


def _check(
    mistakes: Mistakes, path: tuple[str | int, ...], call: ChargedCall, plans: RatePlans
) -> None:
    plan = plans.plans.get(call.plan)
    if plan is None:
        mistakes.unknown((*path, "plan"), "plan", call.plan, plans.plans)
    elif call.forwarded and plan.forwarded is None:
        message = f"plan '{call.plan}' says nothing of forwarded legs: it has no 'forwarded'"
        mistakes.at_key((*path, "forwarded"), message)
    if call.lasts is None and call.forwarded:
        mistakes.at_key((*path, "forwarded"), "nobody answered: expected 'lasts'")
    for index, leg in enumerate(call.forwarded):
        if (leg.after or 0) > (call.lasts or 0):
            at = (*path, "forwarded", index, "after")
            mistakes.at_value(at, "the call had ended by then")


def charged(plans: RatePlans, call: ChargedCall) -> Charges:
    """Say what the call of a test costs. It must have been checked."""
    answered = call.answered.replace(tzinfo=ZoneInfo(plans.timezone))
    at = int(answered.timestamp())
    lasts = _exact(call.lasts)
    inbound = LegUsage(
        number=numbers.written(call.to, plans.country),
        at=at,
        seconds=lasts,
        ringing=_exact(call.rings),
    )
    legs = [
        LegUsage(
            number=numbers.written(leg.to, plans.country),
            at=at + int(leg.after or 0),
            seconds=lasts - _exact(leg.after),
        )
        for leg in call.forwarded
    ]
    return rate(plans.plans[call.plan], CallUsage(inbound=inbound, forwarded=tuple(legs)))


def run_case(suite: RatePlanSuite, case: RatePlanCase) -> dict[str, tuple[object, object]]:
    """Run one test; what was expected and came otherwise, by key."""
    found = charged(suite.plans, case.call)
    got: dict[str, Any] = {
        "cost": found.cost,
        "currency": found.currency,
        "billed": [leg.seconds for leg in found.legs],
        "legs": [leg.cost for leg in found.legs],
        "rates": [leg.rate for leg in found.legs],
    }
    return differing(case.expect, got)


def _exact(seconds: float | None) -> Decimal:
    """Times have milliseconds at most."""
    return Decimal(round((seconds or 0) * 1000)).scaleb(-3)
