"""Overload measurement: more calls than there is room for, those seen through and the rest.

Room is what is configured, or else what callrouter takes of a rate that rises until it refuses.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from callrouter.bench import served_metrics as metrics
from callrouter.bench.measurement import Running, running
from callrouter.bench.processes import BenchError
from callrouter.bench.sipp import FinalResponse, Load
from callrouter.bench.systems_under_test import Callrouter

_RUNNING: Final = Load(calls=50, rate=25)
"""Calls that are up before all the others come, and until they have gone."""
_HOLD: Final = 1.0
_OUTLAST: Final = 24.0
"""Seconds that they go on when no more of the others begin."""
_WINDOW: Final = 5
"""Seconds over which throughput is counted."""
_RECOVERED: Final = 10.0
"""Seconds after which all should be as usual."""
_AFTERWARDS: Final = 5
_FIRST: Final = 300
_RISE: Final = 100
_SATURATED: Final = 100
"""Calls refused: callrouter can take no more."""
_LONGER: Final = 3.0
_REFUSED: Final = "callrouter_refused_late_total"


@dataclass(slots=True, kw_only=True, frozen=True)
class Overloaded:
    """Result of an overload. capacity, offered: calls a second.

    seen: calls that both ends saw through. throughput_percent: of the capacity, in the worst five
    seconds. refused: with 503 and Retry-After. failed: neither. setup, refused: from INVITE to 200
    and to 503. hurt: calls that were up before and did not end as they should. afterwards: of calls
    at half the capacity, ten seconds later. lost: datagrams that the kernel dropped.
    """

    capacity: int
    offered: int
    seen: int
    throughput_percent: float
    refused: int
    failed: int
    setup_p99_ms: float
    refused_p99_ms: float
    refused_max_ms: float
    hurt: int
    afterwards_refused: int
    afterwards_failed: int
    afterwards_p99_ms: float
    lost: int


@dataclass(slots=True, kw_only=True, frozen=True)
class _Rush:
    """What became of some calls. answers: to their INVITEs, in order."""

    seen: int
    failed: int
    answers: list[FinalResponse]

    @property
    def refused(self) -> int:
        """Calls that got 503."""
        return sum(answer.refused for answer in self.answers)

    def times(self, refused: bool) -> list[float]:
        """How long each 503, or each 200, took in ms, the longest last."""
        return sorted(answer.ms for answer in self.answers if answer.refused == refused)


def measure_overload(times: int, seconds: int, configured: int | None) -> Overloaded:
    """Offer so many times the capacity for so long. Raises BenchError when it cannot.

    configured: the capacity, as limits.calls_per_second; None: what the processor allows.
    """
    with running(Callrouter(calls_per_second=configured or 0)) as system:
        capacity = configured or _capacity(system)
        held = Load(calls=_RUNNING.calls, rate=_RUNNING.rate, hold=seconds + _OUTLAST)
        with system.traffic("held", held, second=True) as traffic:
            traffic.part(held.calls / held.rate + 1)
            rate = times * capacity
            rush = _rush(
                system, "rush", Load(calls=rate * seconds, rate=rate, hold=_HOLD, refusable=True)
            )
            lost = metrics.values(system.ports.metrics, ["callrouter_datagrams_lost_total"])
            time.sleep(_RECOVERED)
            half = capacity // 2
            after = Load(calls=half * _AFTERWARDS, rate=half, hold=_HOLD, refusable=True)
            afterwards = _rush(system, "afterwards", after)
            traffic.wait()
            hurt = held.calls - traffic.counts().seen
    refused = rush.times(refused=True) or [0.0]
    return Overloaded(
        capacity=capacity,
        offered=rate,
        seen=rush.seen,
        throughput_percent=round(100 * _worst(rush.answers, seconds) / capacity, 1),
        refused=rush.refused,
        failed=rush.failed,
        setup_p99_ms=_p99(rush.times(refused=False)),
        refused_p99_ms=_p99(refused),
        refused_max_ms=refused[-1],
        hurt=hurt,
        afterwards_refused=afterwards.refused,
        afterwards_failed=afterwards.failed,
        afterwards_p99_ms=_p99(afterwards.times(refused=False)),
        lost=int(sum(lost.values())),
    )


def _capacity(system: Running) -> int:
    """Let the rate rise until calls are refused; the most that were answered in a second."""
    with system.traffic(
        "rise", Load(calls=1_000_000, rate=_FIRST, hold=0.0, rise=_RISE, refusable=True)
    ) as traffic:
        while metrics.values(system.ports.metrics, [_REFUSED])[_REFUSED] < _SATURATED:
            traffic.part(0.5)
        traffic.part(_LONGER)
        traffic.finish()
        traffic.counts()
        counted = _counted(traffic.answers(), 1)
    time.sleep(_RECOVERED)
    # Between two whole seconds, so that one which was late does not make the next look better.
    return max((sum(pair) for pair in pairwise(counted)), default=0) // 2


def _rush(system: Running, name: str, load: Load) -> _Rush:
    with system.traffic(name, load) as traffic:
        traffic.wait()
        counts = traffic.counts()
        answers = list(traffic.answers())
    refused = sum(answer.refused for answer in answers)
    return _Rush(seen=counts.seen, failed=load.calls - refused - counts.seen, answers=answers)


def _counted(answers: Iterable[FinalResponse], window: int) -> list[int]:
    """How many calls were answered by 200 in each window of so many seconds, the last left out."""
    counted: dict[int, int] = {}
    for answer in answers:
        at = int(answer.at // window)
        counted[at] = counted.get(at, 0) + (not answer.refused)
    return [counted.get(at, 0) for at in range(max(counted, default=0))]


def _worst(answers: Iterable[FinalResponse], seconds: int) -> float:
    """Calls answered a second, in the worst window while calls began."""
    counted = _counted(answers, _WINDOW)[: seconds // _WINDOW]
    return min(counted, default=0) / _WINDOW


def _p99(times: list[float]) -> float:
    """Of times in order. Raises BenchError when there are none."""
    if not times:
        raise BenchError("SIPp tells no response times")
    return times[int(len(times) * 0.99)]
