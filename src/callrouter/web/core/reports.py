"""Reports on calls: by the hour or the day, how many were answered, how long they waited, costs."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from callrouter.operations.operation import OperationAnswer
from callrouter.queues.service_level import FORMULAS, QueueTotals
from callrouter.storage.call_sums import CallCount, CallSums

IN_TIME_SECONDS: Final = 20.0
"""A caller whom an agent answered by then was served in time: 80 % in 20 s is the usual aim."""
_LEVEL: Final = next(iter(FORMULAS.values()))


class ReportSpan(OperationAnswer):
    """The calls that began in a time. since, until: Unix seconds.

    answer_wait: seconds until an answer, the mean; None when none was answered. talk: seconds, all
    together. offered: to queues; queue_wait: mean seconds of those whom an agent answered.
    service_level: percent, as of queues; None when nobody waited.
    """

    since: float
    until: float
    calls: int
    answered: int
    answer_wait: float | None
    talk: float
    offered: int
    abandoned: int
    queue_wait: float | None
    service_level: float | None


class CallReport(OperationAnswer):
    """spans: one after the other. whole: all of them. costs: by currency."""

    spans: list[ReportSpan]
    whole: ReportSpan
    costs: dict[str, str]


def call_report(database: str, edges: Sequence[float]) -> CallReport:
    """The calls between each two edges, which are Unix seconds, ascending. Raises StoreError."""
    since, until, last = edges[0], edges[-1], len(edges) - 2
    totals, whole = [QueueTotals() for _ in edges[1:]], QueueTotals()
    with CallSums(database) as sums:
        counts = [sums.count(*span) for span in pairwise(edges)]
        for started, waits in sums.waits(since, until):
            index = min(bisect_right(edges, started) - 1, last)
            for wait in waits:
                waited = (wait["left_ms"] - wait["joined_ms"]) / 1000
                for counted in (totals[index], whole):
                    counted.offered += 1
                    counted.count(wait["outcome"], waited, in_time=waited <= IN_TIME_SECONDS)
        costs = sums.costs(since, until)
    spans = zip(edges[:-1], edges[1:], counts, totals, strict=True)
    return CallReport(
        spans=[_span(*span) for span in spans],
        whole=_span(since, until, _sum(counts), whole),
        costs={currency: f"{cost:f}" for currency, cost in sorted(costs.items())},
    )


def _span(since: float, until: float, count: CallCount, waits: QueueTotals) -> ReportSpan:
    return ReportSpan(
        since=since,
        until=until,
        calls=count.calls,
        answered=count.answered,
        answer_wait=count.answer_ms / 1000 / count.answered if count.answered else None,
        talk=count.talk_ms / 1000,
        offered=waits.offered,
        abandoned=waits.abandoned,
        queue_wait=waits.waited_seconds / waits.answered if waits.answered else None,
        service_level=_LEVEL(waits),
    )


def _sum(counts: Sequence[CallCount]) -> CallCount:
    return CallCount(
        calls=sum(count.calls for count in counts),
        answered=sum(count.answered for count in counts),
        answer_ms=sum(count.answer_ms for count in counts),
        talk_ms=sum(count.talk_ms for count in counts),
    )
