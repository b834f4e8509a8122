"""One measurement: a system under test is started, called, accounted for and stopped."""

import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callrouter.bench import served_metrics as metrics
from callrouter.bench.processes import (
    BenchError,
    anonymous_kib,
    cpu_seconds,
    pss_kib,
    split_cores,
    start,
    stop,
    wait_bound,
)
from callrouter.bench.sipp import NUMBER, SECOND, Load, Traffic
from callrouter.bench.systems_under_test import BenchPorts, Subject

# A system's first calls load code and fill caches; they are made before anything is measured.
WARM_UP: Final = Load(calls=100, rate=100)
"""Calls before anything is measured."""
# All transactions of RFC 3261 are over 32 s after the last message; then a sweep may be due.
LINGER: Final = 40.0
"""Seconds after which nothing of a call is left."""
# SIPp's files, of which some have a line for each call, are not where callrouter's settings are:
# whatever is written there wakes the watch on these.
_SIPP: Final = "sipp"
# How long calls are held at the peak, past the time that placing and counting them takes.
_PEAK: Final = 5.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Speed:
    """Speed of a system at a rate; cpu_us_per_call is user and system time of all its processes.

    records: call records it left of the measured calls. None: the system keeps or tells none, or no
    call was seen through.
    """

    calls: int
    failed: int
    retransmissions: int
    calls_per_second: float
    cpu_us_per_call: float | None
    loop_lag_p99_ms: float | None
    records: int | None


@dataclass(slots=True, kw_only=True, frozen=True)
class MemoryPerCall:
    """Memory of calls held at once, in KiB of proportional set size per call, over an idle system.

    ended: right after the last one ended, while transactions linger; left: when they are over, and
    of that an allocator may keep much for the next calls; leaked: what as many calls once more left
    beyond it. None: no call was up.
    """

    held_calls: int
    kib_per_held_call: float | None
    kib_per_ended_call: float | None
    kib_left_per_call: float | None
    kib_leaked_per_call: float | None


class Running:
    """A started, warmed-up system under test."""

    def __init__(
        self, subject: Subject, directory: Path, ports: BenchPorts, process: subprocess.Popen[bytes]
    ) -> None:
        self.subject = subject
        self.directory = directory
        self.ports = ports
        self.process = process

    def traffic(self, name: str, load: Load, *, second: bool = False) -> Traffic:
        """Give the calls to make through it; name is unlike that of any other run.

        second: to the other callee, so that two can be at work.
        """
        _, cores = split_cores()
        secured = self.subject.transport == "tls"
        port = self.ports.front if secured else self.ports.sip
        transport = "udp" if self.subject.transport == "udp" else "tcp"
        callee, number = (self.ports.callee, NUMBER)
        if second:
            callee, number = (self.ports.second, SECOND)
        return Traffic(
            name=name,
            load=load,
            port=port,
            callee_port=callee,
            directory=self.directory / _SIPP,
            cores=cores,
            transport=transport,
            number=number,
        )

    def lag(self) -> metrics.Histogram | None:
        """Its event loop's lag so far, None when it tells none."""
        return metrics.loop_lag(self.ports.metrics) if self.subject.has_loop_lag() else None

    def cpu_seconds(self) -> float:
        """User and system time of all its processes."""
        return cpu_seconds(self.process.pid)

    def pss_kib(self) -> int:
        """Memory of all its processes."""
        return pss_kib(self.process.pid)

    def anonymous_kib(self) -> int:
        """The part of it that is no file's, and so is nobody else's either."""
        return anonymous_kib(self.process.pid)

    def stop(self) -> None:
        """End it, as an operator would."""
        stop(self.process, 45)


@contextmanager
def running(subject: Subject) -> Iterator[Running]:
    """Start subject on free ports in a temporary directory, warm it up, and end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="callrouter-bench-") as name:
        directory, ports, log = Path(name), BenchPorts.free(), Path(name, "subject.log")
        (directory / _SIPP).mkdir()
        core, others = split_cores()
        relay = _relay(directory, ports, others) if subject.transport == "tls" else None
        command = subject.prepare(directory, ports)
        process = start(command.argv, log, core, command.env)
        try:
            wait_bound(process, ports.sip, log)
            running = Running(subject, directory, ports, process)
            with running.traffic("warm-up", WARM_UP) as traffic:
                traffic.wait()
                traffic.counts()
            yield running
        finally:
            stop(process, 45)
            if relay is not None:
                stop(relay, 0)


def _relay(directory: Path, ports: BenchPorts, cores: set[int]) -> subprocess.Popen[bytes]:
    """Start what speaks TLS for SIPp, with a certificate that both sides of it use."""
    try:
        trustme = importlib.import_module("trustme")
    except ImportError as error:
        raise BenchError("trustme is missing: pip install callrouter[bench]") from error
    authority = trustme.CA()
    certificate = directory / "relay.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(certificate, append=True)
    places = [str(port) for port in (ports.front, ports.tls, ports.back, ports.callee)]
    argv = [sys.executable, "-m", "callrouter.bench.tls_relay", *places, str(certificate)]
    log = directory / "relay.log"
    process = start(argv, log, cores)
    wait_bound(process, ports.back, log, "tcp")
    return process


def measure_speed(subject: Subject, load: Load) -> Speed:
    """Make load's calls through subject, each ended at once. Raises BenchError when it cannot."""
    with running(subject) as system:
        lag_before, cpu_before = system.lag(), system.cpu_seconds()
        with system.traffic("speed", load) as traffic:
            traffic.wait()
            cpu, lag_after = system.cpu_seconds() - cpu_before, system.lag()
            counts = traffic.counts()
        system.stop()
        records = subject.records(system.directory)
        if records is not None:
            records -= WARM_UP.calls
        p99 = metrics.quantile(0.99, lag_before, lag_after) if lag_before and lag_after else None
    return Speed(
        calls=load.calls,
        failed=load.calls - counts.seen,
        retransmissions=counts.retransmissions,
        calls_per_second=round(counts.seen / counts.seconds, 1),
        cpu_us_per_call=_per(cpu * 1e6, counts.seen),
        loop_lag_p99_ms=None if p99 is None else round(p99 * 1000, 2),
        records=records,
    )


def measure_memory(subject: Subject, calls: int, rate: int) -> MemoryPerCall:
    """Hold calls at once, placed at rate a second, thrice. Raises BenchError when it cannot."""
    with running(subject) as system:
        idle = system.pss_kib()
        first = _wave(system, "memory", calls, rate)
        _wave(system, "memory-again", calls, rate)
        last = _wave(system, "memory-last", calls, rate)
    return MemoryPerCall(
        held_calls=first.held,
        kib_per_held_call=_per(first.peak - idle, first.held),
        kib_per_ended_call=_per(first.ended - idle, first.held),
        kib_left_per_call=_per(first.left - idle, first.held),
        kib_leaked_per_call=_per(last.left - first.left, last.held),
    )


@dataclass(slots=True, kw_only=True, frozen=True)
class _Wave:
    """How many calls were held at once, and the memory in KiB then, at their end, and at last."""

    held: int
    peak: int
    ended: int
    left: int


def _wave(system: Running, name: str, calls: int, rate: int) -> _Wave:
    """Hold calls at once, end them and wait until their transactions are over."""
    placing = calls / rate + 2  # SIPp says once a second how many there are
    with system.traffic(name, Load(calls=calls, rate=rate, hold=placing + _PEAK)) as traffic:
        deadline = time.monotonic() + placing + _PEAK / 2
        while (held := traffic.held()) < calls and time.monotonic() < deadline:
            time.sleep(0.1)
        peak = system.pss_kib()
        traffic.wait()
        ended = system.pss_kib()
    time.sleep(LINGER)
    return _Wave(held=held, peak=peak, ended=ended, left=system.pss_kib())


def _per(amount: float, calls: int) -> float | None:
    return round(amount / calls, 2) if calls else None
