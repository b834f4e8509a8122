"""Soak test: calls for a long time at a low rate, what is lost, and what stays behind.

A leak of one object a call is seen after hours in a living system, and here after minutes: the
memory is compared once as many calls are up, and as many transactions linger, as ever will be.
"""

import time
from dataclasses import dataclass
from typing import Final

from callrouter.bench import served_metrics as metrics
from callrouter.bench.measurement import LINGER, WARM_UP, Running, running
from callrouter.bench.sipp import Load
from callrouter.bench.systems_under_test import Callrouter

HOLD: Final = 30.0
"""Seconds that each call is held."""
_SETTLED: Final = 300.0
"""Seconds after which memory should grow no more; in a short run half of it."""
_LOOK_EACH: Final = 5.0
_REFUSED: Final = "callrouter_overloaded_total"
_ALIVE: Final = (
    "callrouter_active_calls",
    "callrouter_active_legs",
    "callrouter_transactions",
    "callrouter_timers",
)


@dataclass(slots=True, kw_only=True, frozen=True)
class Soaked:
    """Result of a soak test: what became of the calls.

    refused: those of the failed that callrouter had no room for, because it was late.
    settled_kib: memory that is no file's, five minutes after the first call or halfway. grown: the
    most there was of it later, until the last call began, over settled_kib, in per cent. records:
    of these calls. left: what was still alive after all transactions were over, by its metric.
    """

    calls: int
    failed: int
    refused: int
    retransmissions: int
    records: int
    settled_kib: int
    grown_percent: float
    left: dict[str, float]


def measure_soak(rate: int, minutes: int) -> Soaked:
    """Begin rate calls of 30 s a second, for so many minutes. Raises BenchError when it cannot."""
    subject = Callrouter()
    seconds = minutes * 60.0
    load = Load(calls=round(rate * seconds), rate=rate, hold=HOLD)
    with running(subject) as system:
        with system.traffic("soak", load) as traffic:
            traffic.part(min(_SETTLED, seconds / 2))
            settled = most = system.anonymous_kib()
            end = time.monotonic() + seconds - min(_SETTLED, seconds / 2)
            while time.monotonic() < end:
                traffic.part(_LOOK_EACH)
                most = max(most, system.anonymous_kib())
            traffic.wait()
            counts = traffic.counts()
        refused = metrics.values(system.ports.metrics, [_REFUSED])[_REFUSED]
        left = _left(system)
        system.stop()
        records = subject.records(system.directory)
    return Soaked(
        calls=load.calls,
        failed=load.calls - counts.seen,
        refused=int(refused),
        retransmissions=counts.retransmissions,
        records=records - WARM_UP.calls,
        settled_kib=settled,
        grown_percent=round((most - settled) / settled * 100, 2),
        left=left,
    )


def _left(system: Running) -> dict[str, float]:
    """Wait until nothing is alive, no longer than transactions may linger, and give what is."""
    end = time.monotonic() + LINGER
    while True:
        alive = metrics.values(system.ports.metrics, _ALIVE)
        left = {name: value for name, value in alive.items() if value}
        if not left or time.monotonic() > end:
            return left
        time.sleep(1)
