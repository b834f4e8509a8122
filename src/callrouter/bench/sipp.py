"""SIPp's basic call, made many times: a caller and a callee, both ends' statistics read."""

import csv
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, Self

from callrouter.bench.processes import (
    BenchError,
    free_port,
    goes_on,
    log_end,
    start,
    stop,
    wait_bound,
)

NUMBER: Final = "4000"
"""The number that the caller dials."""
SECOND: Final = "4001"
"""The number of another callee."""

# A call that got no answer takes 32 s to be given up by SIPp, and its BYE as long again.
_GIVE_UP: Final = 70.0
# The callee keeps an ended call for 1 s, in which a BYE whose answer was lost comes again (0.5 s).
_TIMEWAIT: Final = 3.0
_BUFFER: Final = 4 * 1024 * 1024
"""Bytes that may wait in each of its sockets."""
# Of SIPp: all calls went well, one failed, or it was asked to end. counts() says how calls went.
_ENDED: Final = frozenset((0, 1, 97))


@dataclass(slots=True, kw_only=True, frozen=True)
class Load:
    """Load for SIPp to make: calls in all, rate a second, each held for hold seconds.

    rise: by how many calls a second the rate grows each second. refusable: a call may get 503.
    timed: each answer to an INVITE is noted, as it always is when there may be 503s; SIPp writes a
    line for it, which costs what is measured beside it a tenth of its speed.
    """

    calls: int
    rate: int
    hold: float = 0.0
    rise: int = 0
    refusable: bool = False
    timed: bool = False


@dataclass(slots=True, kw_only=True, frozen=True)
class SippCounts:
    """Counts of both ends of SIPp.

    seen: calls that both saw through to the answered BYE. retransmissions: of SIPp's own messages
    and of those of the system under test. seconds: the caller's first call to its last.
    """

    seen: int
    retransmissions: int
    seconds: float


@dataclass(slots=True, kw_only=True, frozen=True)
class FinalResponse:
    """The final answer to an INVITE. at: seconds after the caller began; ms: how long it took."""

    at: float
    ms: float
    refused: bool


class Traffic:
    """A callee at callee_port and a caller that makes load's calls through port, on loopback.

    transport: "udp", or "tcp" with one connection for all calls at either end. number: the one
    dialled, whose target is the callee.

    A context: entering starts both, leaving ends them whatever they are at. name: of this run's
    files in directory, unlike that of any other run there.
    """

    def __init__(
        self,
        name: str,
        load: Load,
        port: int,
        callee_port: int,
        directory: Path,
        cores: set[int],
        transport: str = "udp",
        number: str = NUMBER,
    ) -> None:
        self._transport = transport
        self._number = number
        self._name = name
        self._load = load
        self._port = port
        self._callee_port = callee_port
        self._directory = directory
        self._cores = cores

    def __enter__(self) -> Self:
        self._callee = self._start("uas", ["-p", str(self._callee_port)])
        try:
            log = self._file("uas", "log")
            wait_bound(self._callee, self._callee_port, log, self._transport)
            load = self._load
            arguments = ["-p", str(free_port()), "-s", self._number]
            arguments += ["-r", str(load.rate), "-l", str(load.calls)]
            arguments += ["-d", str(round(load.hold * 1000)), f"127.0.0.1:{self._port}"]
            if load.timed or load.refusable:
                arguments += ["-trace_rtt", "-rtt_freq", "1"]
            if load.rise:
                arguments += ["-rate_increase", str(load.rise), "-rate_interval", "1"]
            self._caller = self._start("uac", arguments)
        except BaseException:  # CTRL-C as well: no SIPp may be left behind
            stop(self._callee, 0)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._caller, 0)
        stop(self._callee, 0)

    def held(self) -> int:
        """Give how many calls the caller had at its last report, at most a second ago."""
        statistics = self._last_row("uac", "csv")
        return int(statistics["CurrentCall"]) if statistics else 0

    def part(self, seconds: float) -> None:
        """Let it go on for so long. Raises BenchError when the caller ends meanwhile."""
        goes_on(self._caller, seconds, "SIPp's caller has ended", self._file("uac", "log"))

    def finish(self) -> None:
        """Begin no more calls, and wait until those that are up have ended."""
        self._caller.send_signal(signal.SIGUSR1)
        self.wait()

    def wait(self) -> None:
        """Wait until the caller's last call has ended.

        Raises BenchError when SIPp stopped early or does not come to an end.
        """
        load = self._load
        try:
            status = self._caller.wait(load.calls / load.rate * 2 + load.hold + _GIVE_UP)
        except subprocess.TimeoutExpired as error:
            raise BenchError("SIPp's caller does not come to an end") from error
        if status not in _ENDED:
            raise BenchError(f"SIPp's caller failed: {log_end(self._file('uac', 'log'))}")

    def counts(self) -> SippCounts:
        """Give the final statistics; wait() has returned. Ends the callee."""
        self._end_callee()
        caller, callee = self._last_row("uac", "csv"), self._last_row("uas", "csv")
        began, ended = (caller[key].split("\t")[2] for key in ("StartTime", "CurrentTime"))
        refusable = self._load.refusable
        refused = sum(answer.refused for answer in self.answers()) if refusable else 0
        through, reached = (int(end["SuccessfulCall(C)"]) for end in (caller, callee))
        return SippCounts(
            seen=min(through - refused, reached),
            retransmissions=self._retransmissions("uac") + self._retransmissions("uas"),
            seconds=float(ended) - float(began),
        )

    def setups(self) -> list[float]:
        """Give how long each INVITE of a timed load took to its 200, in ms, after counts()."""
        return [answer.ms for answer in self.answers()]

    def answers(self) -> Iterator[FinalResponse]:
        """Give the answer to each call's INVITE, in order; counts() has returned."""
        name = f"{self._scenario('uac')}_{self._caller.pid}_rtt.csv"
        with (self._directory / name).open(encoding="ascii", newline="") as file:
            rows = csv.reader(file, delimiter=";")
            next(rows)
            for at, ms, which in rows:
                yield FinalResponse(at=float(at) / 1000, ms=float(ms), refused=which == "refused")

    def _scenario(self, end: str) -> str:
        return "refusable" if end == "uac" and self._load.refusable else end

    def _start(self, end: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        if shutil.which("sipp") is None:
            raise BenchError("sipp is missing: apt-get install sip-tester")
        with as_file(files("callrouter.bench") / f"{self._scenario(end)}.xml") as packaged:
            scenario = self._directory / packaged.name
            shutil.copyfile(packaged, scenario)
        argv = ["sipp", "-sf", str(scenario), "-m", str(self._load.calls), "-nostdin"]
        argv += ["-t", "u1" if self._transport == "udp" else "t1"]
        argv += ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-ci", "127.0.0.1", "-bind_local"]
        # It opens these unasked: left to itself it takes 6000 and 8888, and 5060 for its calls.
        argv += ["-mp", str(free_port()), "-cp", str(free_port())]
        # Left to itself it has room for some fifty datagrams, and loses what comes at once.
        argv += ["-buff_size", str(_BUFFER)]
        # Two dumps of statistics: of calls, every second so that held() can look in; of messages.
        argv += ["-trace_stat", "-stf", str(self._file(end, "csv")), "-fd", "1", "-trace_counts"]
        argv += ["-trace_err", "-error_file", str(self._file(end, "err"))]
        return start(argv + arguments, self._file(end, "log"), self._cores)

    def _end_callee(self) -> None:
        if self._load.refusable:  # it waits for calls that it never gets
            self._callee.send_signal(signal.SIGUSR1)
        try:
            self._callee.wait(_TIMEWAIT)
        except subprocess.TimeoutExpired:
            # It waits for calls that failed. The first signal lets calls end, the second does not.
            for _ in range(3):
                self._callee.send_signal(signal.SIGUSR1)
                time.sleep(1)
            try:
                self._callee.wait(_TIMEWAIT)
            except subprocess.TimeoutExpired:
                # What it still waits for has failed. It said all else a second ago at most.
                stop(self._callee, 0)

    def _retransmissions(self, end: str) -> int:
        row = self._last_row(end, "counts")
        return sum(int(value) for key, value in row.items() if key.endswith("_Retrans"))

    def _file(self, end: str, kind: str) -> Path:
        if kind == "counts":  # SIPp chooses this name itself
            process = self._callee if end == "uas" else self._caller
            return self._directory / f"{self._scenario(end)}_{process.pid}_counts.csv"
        return self._directory / f"{self._name}_{end}.{kind}"

    def _last_row(self, end: str, kind: str) -> dict[str, str]:
        """Give the newest row of a dump by column, empty when there is none yet."""
        row: dict[str, str] = {}
        try:
            with self._file(end, kind).open(encoding="ascii", newline="") as file:
                for row in csv.DictReader(file, delimiter=";"):  # noqa: B007
                    pass
        except FileNotFoundError:
            pass
        return row
