"""Costs of a call before it happens: what it would cost, whoever answers."""

from collections.abc import Iterator

from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.observe.cdr.call_charges import charges_of
from callrouter.operations.operation import OperationAnswer
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.plan import Target


class ExplainedBlocks(OperationAnswer):
    """Blocks that follow each other at one price. at: Unix seconds of the first."""

    at: int
    count: int
    seconds: int
    price: str
    period: str


class ExplainedCharge(OperationAnswer):
    """The charge of one leg. leg: 0 for that to the target, None for the inbound one."""

    leg: int | None
    plan: str
    rate: str
    seconds: int
    fee: str
    cost: str
    blocks: list[ExplainedBlocks]


class ExplainedCost(OperationAnswer):
    """The cost of a call that a target answers, "" for callrouter itself. Amounts are text."""

    answered_by: str
    currency: str
    cost: str
    charges: list[ExplainedCharge]


def costs(
    dialplan: Dialplan,
    decision: Decision,
    called: str,
    at: float,
    seconds: float,
    forwarded_after: float,
) -> Iterator[ExplainedCost]:
    """Give the cost of a call for each target that it may ring, and for none of them.

    called: in E.164, or as it is dialled. at: Unix seconds of its answer. seconds: from there to
    its end. forwarded_after: from there to the answer of the target. What is charged is the record
    that the call would leave, so that is what it costs.
    """
    targets = {target.name: target for hunt in decision.plan.hunts for target in hunt.targets}
    alone = len(decision.plan.steps) > len(decision.plan.hunts)
    number = dialplan.numbers.get(decision.number)
    for target in (*([None] if alone else []), *targets.values()):
        record = CallRecord("", "", at)
        record.rate_plans = dialplan.rate_plans
        record.rate_plan = "" if number is None else number.rate_plan
        record.called_number = called
        record.answered_ms, record.ended_ms = 0, round(seconds * 1000)
        if target is not None:
            record.legs = [_leg(target, round(forwarded_after * 1000))]
        found = charges_of(record)
        if found is not None:
            yield ExplainedCost(
                answered_by="" if target is None else target.name,
                currency=found.currency,
                cost=f"{found.cost:f}",
                charges=[ExplainedCharge.model_validate(one) for one in found.as_dicts()],
            )


def _leg(target: Target, answered: int) -> LegRecord:
    leg = LegRecord(target.name, target.uri, 0)
    leg.gateway, leg.rate_plan = target.gateway, target.rate_plan
    leg.answered_ms = answered
    return leg
