"""Sums over the table of calls: how many, how many answered, how long, what they cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa

from callrouter.call.services.record import Disposition
from callrouter.observe.cdr.rows import COLUMNS
from callrouter.storage.engine import ReadSession

_CALLS = sa.table("calls", *(sa.column(name) for name in COLUMNS))
_OF = _CALLS.c
_READ_AT_ONCE = 500


@dataclass(slots=True, kw_only=True, frozen=True)
class CallCount:
    """Calls that began in a time. answer_ms: until they were answered, all together; talk_ms."""

    calls: int
    answered: int
    answer_ms: int
    talk_ms: int


class CallSums(ReadSession):
    """The database of calls, open for reading. Times are Unix seconds, `until` is excluded."""

    def count(self, since: float, until: float) -> CallCount:
        """How many there were; costs what reading them by the index of their starts does."""
        is_answered = _OF.disposition == Disposition.ANSWERED
        query = sa.select(
            sa.func.count(),
            sa.func.sum(sa.case((is_answered, 1), else_=0)),
            sa.func.sum(sa.case((is_answered, _OF.answered_ms), else_=0)),
            sa.func.sum(sa.case((is_answered, _OF.ended_ms - _OF.answered_ms), else_=0)),
        ).where(_OF.started >= since, _OF.started < until)
        with self._engine.connect() as connection:
            found = [int(value or 0) for value in connection.execute(query).one()]
        return CallCount(calls=found[0], answered=found[1], answer_ms=found[2], talk_ms=found[3])

    def costs(self, since: float, until: float) -> dict[str, Decimal]:
        """What they cost, by currency, to the last digit: equal costs are added up here."""
        query = (
            sa.select(_OF.currency, _OF.cost, sa.func.count())
            .where(_OF.started >= since, _OF.started < until, _OF.cost.is_not(None))
            .group_by(_OF.currency, _OF.cost)
        )
        costs: dict[str, Decimal] = {}
        with self._engine.connect() as connection:
            for currency, cost, calls in connection.execute(query):
                costs[currency] = costs.get(currency, Decimal(0)) + Decimal(str(cost)) * calls
        return costs

    def waits(self, since: float, until: float) -> Iterator[tuple[float, list[dict[str, Any]]]]:
        """Those that waited in queues: when each began, and its waits as the record has them."""
        query = sa.select(_OF.started, _OF.queues).where(
            _OF.started >= since, _OF.started < until, _OF.queues.is_not(None), _OF.queues != "[]"
        )
        with self._engine.connect() as connection:
            stream = connection.execution_options(yield_per=_READ_AT_ONCE)
            for started, text in stream.execute(query):
                yield started, orjson.loads(text or "[]")
