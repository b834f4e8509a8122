"""The profile of a call under load: which parts of callrouter its time goes to.

py-spy looks at the stacks of all threads while SIPp's calls go on, those of C among them, for what
is compiled is C. A sample counts for the part that the innermost frame is of which belongs to one:
an allocation or a regular expression counts for who asked for it. Samples of threads that wait do
not count. Nothing of it is in callrouter, so it is the released program that is looked at.
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import callrouter
from callrouter.bench.measurement import Running, running
from callrouter.bench.processes import BenchError, log_end, split_cores, start, stop
from callrouter.bench.sipp import Load
from callrouter.bench.systems_under_test import Subject

KERNEL: Final = "kernel"
LOOP: Final = "event loop"
OTHERS: Final = "others"
PARTS: Final = (
    *(KERNEL, LOOP, "sockets", "parse", "transactions", "legs", "decide"),
    *("events", "records", "log", OTHERS),
)
"""All parts, from the outside to the inside, as they are shown."""
# The longest path that a module's begins with counts.
_PART_OF: Final = {
    "net": "sockets",
    "sip": "parse",
    "sip/client_tx": "transactions",
    "sip/flow": "transactions",
    "sip/render": "transactions",
    "sip/server_tx": "transactions",
    "sip/stack": "transactions",
    "sip/timers": "transactions",
    "sip/dialog": "legs",
    "sip/offer": "legs",
    "call": "legs",
    "route": "decide",
    "state": "decide",
    "app/call_observer": "events",
    "call/services/call_events": "events",
    "metric": "events",
    "observe/call_metrics": "events",
    "call/services/record": "records",
    "observe/cdr": "records",
    "storage": "records",
    "observe/log": "log",
}
_WAITS: Final = frozenset(
    (
        *("epoll_wait", "epoll_pwait", "poll", "select", "clock_nanosleep", "nanosleep"),
        *("pthread_cond_wait", "pthread_cond_timedwait", "pthread_cond_clockwait", "take_gil"),
        *("sem_wait", "sem_timedwait", "sem_clockwait", "PyThread_acquire_lock_timed"),
    )
)
_INNERMOST: Final = 6
"""Frames among which one that waits is: it may have called functions without a name."""
_COMPILED: Final = ("CPyDef_", "CPyPy_")
"""What mypyc's names of our functions begin with; the module and the class follow."""
_RATE: Final = 50
"""Samples a second: each stops the program for some milliseconds."""
_PATIENCE: Final = 60.0


@dataclass(slots=True, kw_only=True, frozen=True)
class CallProfile:
    """Profile of calls; shares: of each part, by its name, together 1. samples: those at work."""

    calls: int
    failed: int
    retransmissions: int
    cpu_us_per_call: float
    samples: int
    shares: dict[str, float]


def profile(subject: Subject, load: Load) -> CallProfile:
    """Make load's calls through callrouter and say where their time goes.

    Raises BenchError, also where py-spy may not look at another process.
    """
    program = shutil.which("py-spy") or shutil.which(
        "py-spy", path=str(Path(sys.executable).parent)
    )
    if program is None:
        raise BenchError("py-spy is missing: pip install callrouter[bench]")
    with running(subject) as system:
        before, out = system.cpu_seconds(), system.directory / "samples.txt"
        with system.traffic("profile", load) as traffic:
            spy = _begin(program, system, load.calls // load.rate, out)
            try:
                traffic.wait()
                cpu, made = system.cpu_seconds() - before, traffic.counts()
                spy.wait(_PATIENCE)
            except subprocess.TimeoutExpired as error:
                raise BenchError("py-spy does not come to an end") from error
            finally:
                stop(spy, 0)
        if spy.returncode:
            why = log_end(system.directory / "py-spy.log")
            raise BenchError(f"py-spy cannot look at callrouter (kernel.yama.ptrace_scope?): {why}")
        counts = count(out.read_text(encoding="utf-8", errors="replace").splitlines())
    total = counts.total()
    if not (total and made.seen):
        raise BenchError("nothing was seen at work")
    return CallProfile(
        calls=load.calls,
        failed=load.calls - made.seen,
        retransmissions=made.retransmissions,
        cpu_us_per_call=cpu * 1e6 / made.seen,
        samples=total,
        shares={part: counts[part] / total for part in PARTS},
    )


def _begin(program: str, system: Running, seconds: int, out: Path) -> "subprocess.Popen[bytes]":
    _, cores = split_cores()
    argv = [program, "record", "--pid", str(system.process.pid), "--duration", str(seconds)]
    argv += ["--rate", str(_RATE), "--native", "--format", "raw", "--full-filenames"]
    argv += ["--nolineno", "--output", str(out)]
    return start(argv, system.directory / "py-spy.log", cores)


def count(lines: Iterable[str], root: Path = Path(callrouter.__file__).parent) -> Counter[str]:
    """Count the samples at work by the part that they are of.

    lines: py-spy's raw format, the frames of a stack from the outermost on and how often it was
    seen. root: the folder of our modules.
    """
    modules = Modules(root)
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, times = line.rpartition(" ")
        frames = [_frame(frame) for frame in stack.split(";")]
        if _WAITS.isdisjoint(name for name, _ in frames[-_INNERMOST:]):
            counts[_part(frames, modules)] += int(times)
    return counts


class Modules:
    """Modules of ours by the frames of their functions, interpreted or compiled."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # mypyc names a module by the shortest end of its path that no other compiled one has.
        self._by_end: dict[str, list[str]] = {}
        for path in root.rglob("*.so"):
            module = str(path.relative_to(root)).partition(".")[0]
            words = module.split("/")
            for length in range(1, len(words) + 1):
                self._by_end.setdefault("/".join(words[-length:]), []).append(module)

    def of(self, name: str, place: str) -> str:
        """Give the path of a frame's module below the root without its suffix, "" for no module."""
        if name.startswith(_COMPILED):
            words = name.partition("_")[2].split("___")
            for length in range(len(words), 0, -1):
                found = self._by_end.get("/".join(words[:length]), [])
                if len(found) == 1:
                    return found[0]
            return ""
        path = Path(place)
        if not path.is_relative_to(self._root):
            return ""
        return str(path.relative_to(self._root).with_suffix(""))


def _frame(text: str) -> tuple[str, str]:
    """Split a frame into its function's name and where that is."""
    name, _, place = text.rpartition(" (")
    return name, place.removesuffix(")")


def _part(frames: Sequence[tuple[str, str]], modules: Modules) -> str:
    if Path(frames[-1][1]).name.startswith("libc."):
        return KERNEL  # nearly all that we ask of it are system calls
    for name, place in reversed(frames):
        if "/uvloop/" in place or "/libuv" in place:
            return LOOP
        module = modules.of(name, place)
        while module:
            if module in _PART_OF:
                return _PART_OF[module]
            module = module.rpartition("/")[0]
    return OTHERS
