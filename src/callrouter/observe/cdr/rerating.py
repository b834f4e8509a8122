"""Re-rating: what calls that are in the database cost by rate plans of today, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson

from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.observe.cdr.call_charges import charges_of, is_gone
from callrouter.observe.cdr.rows import Charged, charged
from callrouter.rating.rate_plan import RatePlans

READ: Final = (
    *("id", "started", "number", "called_number", "rate_plan"),
    *("ringing_ms", "answered_ms", "ended_ms", "legs", "account", "call_back_of", "extension"),
    *("currency", "billed_seconds", "cost", "charges"),
)
"""The columns that it takes."""

_NOTHING: Final = Decimal(0)


class RatedCall(NamedTuple):
    """A call, what it was charged, and what it is now.

    number: the extension's for a call to outside. rate_plan: of the number, else those of its legs.
    after: None when a rate plan that it names is not among those of today: it stays as it is.
    account: who paid for it, "" for nobody.
    """

    id: str
    started: float
    number: str
    rate_plan: str
    before: Charged
    after: Charged | None
    account: str = ""

    @property
    def changed(self) -> bool:
        """Whether there is anything to be written."""
        return self.after is not None and self.after != self.before

    @property
    def costs(self) -> tuple[Decimal, Decimal]:
        """Before and after; what was not charged cost nothing."""
        after = self.before if self.after is None else self.after
        return Decimal(self.before.cost or 0), Decimal(after.cost or 0)


def rerated(row: Sequence[Any], plans: RatePlans, plan: str = "") -> RatedCall | None:
    """Charge a call anew; None for one that no rate plan is for. row: in the order of READ.

    plan: that of its number, in place of the one that it was charged by; "" to leave that.
    """
    name, started, number, called, named, ringing, answered, ended, *rest = row
    legs, account, call_back_of, extension, *columns = rest
    record = CallRecord(name, "", started)
    record.rate_plans = plans
    record.rate_plan = plan or named or ""
    record.called_number = called or ""
    record.call_back_of = call_back_of or ""
    record.ringing_ms, record.answered_ms, record.ended_ms = ringing, answered, ended
    record.legs = [_leg(leg) for leg in orjson.loads(legs)]
    currency, seconds, cost, charges = columns
    before = Charged(
        currency=currency,
        billed_seconds=seconds,
        # PostgreSQL's is a Decimal, and what it has of an earlier version null.
        cost=f"{cost:f}" if isinstance(cost, Decimal) else cost,
        charges=charges or "[]",
    )
    of_legs = dict.fromkeys(leg.rate_plan for leg in record.legs if leg.rate_plan)
    by = record.rate_plan or ", ".join(of_legs)
    if not by:
        return None
    after = None if is_gone(record, plans) else charged(charges_of(record))
    return RatedCall(
        id=name,
        started=started,
        number=number or extension or "",
        rate_plan=by,
        before=before,
        after=after,
        account=account or "",
    )


def _leg(known: dict[str, Any]) -> LegRecord:
    leg = LegRecord(known["target"], known["uri"], known["started_ms"])
    leg.answered_ms, leg.ended_ms = known["answered_ms"], known["ended_ms"]
    # Records of earlier versions have neither.
    leg.gateway, leg.rate_plan = known.get("gateway", ""), known.get("rate_plan", "")
    return leg


@dataclass(slots=True, kw_only=True)
class PlanDifference:
    """The difference that re-rating makes to the calls of one number by one rate plan.

    currency: "CNY to USD" when it changes. gone: calls that were left, because a rate plan that
    they name is gone.
    """

    number: str
    rate_plan: str
    currency: str
    calls: int = 0
    changed: int = 0
    gone: int = 0
    before: Decimal = _NOTHING
    after: Decimal = _NOTHING

    @property
    def difference(self) -> Decimal | None:
        """What it is more; None between two currencies."""
        return None if " to " in self.currency else self.after - self.before


class Differences:
    """The differences of all calls, by number, rate plan and currency."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], PlanDifference] = {}

    def add(self, call: RatedCall) -> None:
        """Count a call."""
        after = call.before if call.after is None else call.after
        names = dict.fromkeys(filter(None, (call.before.currency, after.currency)))
        key = (call.number, call.rate_plan, " to ".join(names))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = PlanDifference(
                number=key[0], rate_plan=key[1], currency=key[2]
            )
        before, now = call.costs
        found.calls += 1
        found.changed += call.changed
        found.gone += call.after is None
        found.before += before
        found.after += now

    def all(self) -> list[PlanDifference]:
        """Return them, by number."""
        return [self._found[key] for key in sorted(self._found)]
