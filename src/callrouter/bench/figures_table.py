"""Table of all figures of a call, callrouter's beside Kamailio's, with the machine they are of.

Nothing is compared that was not measured in the same run: each figure of callrouter's that has one
of Kamailio's beside it follows it at once.
"""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callrouter import build
from callrouter.bench.measurement import Speed, measure_memory, measure_speed
from callrouter.bench.overload_measurement import measure_overload
from callrouter.bench.sipp import Load
from callrouter.bench.systems_under_test import Callrouter, Kamailio, Subject

_RATES: Final = (1000, 2000)
_HELD: Final = 10_000
_OVERLOAD: Final = 3
_FIRST: Final = 1000
_RISE: Final = 1.2
_MOST_SECONDS: Final = 5
_HEAD: Final = ("figure", "callrouter", "Kamailio", "ratio")


@dataclass(slots=True, kw_only=True, frozen=True)
class _Figure:
    """One row. theirs: None, where Kamailio has no such thing. digits: behind the point."""

    name: str
    ours: float | None
    theirs: float | None = None
    digits: int = 0

    def cells(self) -> tuple[str, ...]:
        """What stands in the row's columns."""
        ratio = f"{self.ours / self.theirs:.2f}" if self.ours and self.theirs else ""
        return self.name, self._shown(self.ours), self._shown(self.theirs), ratio

    def _shown(self, figure: float | None) -> str:
        return "" if figure is None else f"{figure:,.{self.digits}f}"


def measured_table(seconds: int, say: Callable[[str], None]) -> str:
    """Measure everything, each rate for so long, and write it in Markdown.

    say: told what is measured now. Raises BenchError when something cannot be measured.
    """
    rows = [_HEAD, ("---",) * len(_HEAD)]
    rows += [figure.cells() for figure in _figures(seconds, say)]
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    return "\n".join([_machine(), "", *lines])


def _figures(seconds: int, say: Callable[[str], None]) -> Iterator[_Figure]:
    udp = {}
    for rate in _RATES:
        load = Load(calls=rate * seconds, rate=rate)
        say(f"{rate} calls/s")
        theirs = measure_speed(Kamailio(), load)
        ours = udp[rate] = measure_speed(Callrouter(), load)
        yield from _speeds(f"{rate:,} calls/s: ", ours, theirs)
    base = udp[_RATES[0]].cpu_us_per_call
    load = Load(calls=_RATES[0] * seconds, rate=_RATES[0])
    for transport in ("tcp", "tls"):
        say(f"over {transport}")
        cpu = measure_speed(Callrouter(transport), load).cpu_us_per_call
        yield _Figure(name=f"CPU of a call over {transport.upper()}, us", ours=cpu)
        if cpu and base:
            yield _Figure(name="in times of one over UDP", ours=cpu / base, digits=2)
    say("the most calls/s")
    theirs_most, ours_most = _most(Kamailio()), _most(Callrouter())
    yield _Figure(name="most calls/s without a failed one", ours=ours_most, theirs=theirs_most)
    say(f"{_OVERLOAD} times the calls that there is room for")
    over = measure_overload(_OVERLOAD, max(seconds, 10), None)
    yield _Figure(name="capacity, calls/s", ours=over.capacity)
    yield _Figure(name=f"answered at {_OVERLOAD} times that, % of it", ours=over.throughput_percent)
    yield _Figure(name="refused within, 99 of 100, ms", ours=over.refused_p99_ms)
    say(f"{_HELD} calls held, three times")
    memory = measure_memory(Callrouter(), _HELD, _RATES[0])
    for name, kib in (
        ("memory of a held call, KiB", memory.kib_per_held_call),
        ("of a call that has just ended", memory.kib_per_ended_call),
        ("left behind for a call by the second and third wave", memory.kib_leaked_per_call),
    ):
        yield _Figure(name=name, ours=kib, digits=2)


def _speeds(when: str, ours: Speed, theirs: Speed) -> Iterator[_Figure]:
    yield _Figure(
        name=when + "CPU of a call, us", ours=ours.cpu_us_per_call, theirs=theirs.cpu_us_per_call
    )
    yield _Figure(name=when + "failed", ours=ours.failed, theirs=theirs.failed)
    yield _Figure(
        name=when + "sent again", ours=ours.retransmissions, theirs=theirs.retransmissions
    )
    yield _Figure(name=when + "loop late by, 99 of 100, ms", ours=ours.loop_lag_p99_ms, digits=1)


def _most(subject: Subject) -> float:
    """The highest rate at which no call failed, each rate a fifth above the one before."""
    rate, best = _FIRST, 0
    while True:
        speed = measure_speed(subject, Load(calls=rate * _MOST_SECONDS, rate=rate))
        if speed.failed or speed.calls_per_second < 0.9 * rate:
            return best
        best, rate = rate, int(rate * _RISE)


def _machine() -> str:
    """The machine in one line: processor, cores, kernel, Python, build."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {build()}"
    )
