"""Flood measurement: a trunk's calls beside strangers' INVITEs, and what becomes of both."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from callrouter.bench.measurement import running
from callrouter.bench.processes import BenchError, goes_on, split_cores, start, stop
from callrouter.bench.sipp import Load
from callrouter.bench.systems_under_test import Callrouter


@dataclass(slots=True, kw_only=True, frozen=True)
class Flooded:
    """Result of a flood. calls, failed, setup_p99_ms: of the trunk, SIPp's INVITE to its 200.

    datagrams: of the strangers. answered: what they were sent. cpu_us_per_datagram: what the
    process took beyond that for the same calls without strangers. kib_grown: memory that is no
    file's, at the end of the flood over a quarter into it.
    """

    calls: int
    failed: int
    setup_p99_ms: float
    datagrams: int
    answered: int
    cpu_us_per_datagram: float
    kib_grown: int


def measure_flood(load: Load, rate: int, sources: int) -> Flooded:
    """Make load's calls twice, the second time beside rate INVITEs a second of strangers.

    sources: how many addresses the strangers have. Raises BenchError when it cannot.
    """
    seconds = load.calls / load.rate
    load = replace(load, timed=True)
    with running(Callrouter()) as system:
        before = system.cpu_seconds()
        with system.traffic("alone", load) as traffic:
            traffic.wait()
            alone = system.cpu_seconds() - before
            traffic.counts()
        before = system.cpu_seconds()
        with (
            system.traffic("flooded", load) as traffic,
            _Strangers(system.directory, system.ports.sip, rate, seconds, sources) as strangers,
        ):
            strangers.part(seconds / 4)
            early = system.anonymous_kib()
            sent, answered = strangers.wait()
            late = system.anonymous_kib()
            traffic.wait()
            flooded = system.cpu_seconds() - before
            counts = traffic.counts()
            setups = sorted(traffic.setups())
    if not setups:
        raise BenchError("SIPp tells no response times")
    return Flooded(
        calls=load.calls,
        failed=load.calls - counts.seen,
        setup_p99_ms=round(setups[int(len(setups) * 0.99)], 2),
        datagrams=sent,
        answered=answered,
        cpu_us_per_datagram=round((flooded - alone) * 1e6 / sent, 2),
        kib_grown=late - early,
    )


class _Strangers:
    """The process that floods; leaving the context ends it."""

    def __init__(self, directory: Path, port: int, rate: int, seconds: float, sources: int) -> None:
        self._argv = [sys.executable, "-m", "callrouter.bench.flood_generator"]
        self._argv += [str(port), str(rate), f"{seconds:g}", str(sources)]
        self._log = directory / "flooding.log"
        self._seconds = seconds

    def __enter__(self) -> "_Strangers":
        _, cores = split_cores()
        self._process = start(self._argv, self._log, cores)
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process, 0)

    def part(self, seconds: float) -> None:
        """Let it go on for so long. Raises BenchError when it ends meanwhile."""
        goes_on(self._process, seconds, "the strangers have gone", self._log)

    def wait(self) -> tuple[int, int]:
        """Wait for its end; how many it sent, and how many answers it got."""
        self._process.wait(self._seconds + 30)
        sent, answered = map(int, self._log.read_text(encoding="ascii").split())
        return sent, answered
