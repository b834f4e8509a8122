"""Cost of a decision, and of loading a dialplan: `python -m` with this module's name.

A process of its own for each dialplan, because the peak of a process is that of all it ever did.
It prints the figures as JSON.
"""

import gc
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

from callrouter.bench.processes import BenchError
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.route.callers.number_lists import Caller, Digits, NumberList
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts

Figures = dict[str, float]
"""seconds, mib: of the load. known_us: of a call to a number that was just called. new_us: of one
to a number that was not. list_us: of a look-up in a list, of a million entries where the dialplan
has 100,000 numbers, else of ten.
"""

_HEAD: Final = """\
country: CN
timezone: Asia/Shanghai
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}, b: {uri: "sip:b@127.0.0.1"}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"], holidays: CN}}
lists: {bad: {numbers: ["+8613800138000"], prefixes: ["0898"]}}
numbers:
"""
_PLAIN: Final = """\
    name: N {index}
    route:
      - hunt: [a, b]
        ring: 15s
"""
_RULES: Final = """\
    lines: 10
    block: [bad]
    areas: {allow: [Guangdong]}
    auto_block: {calls: 3, within: 10s, for: 20s}
    reasons: {area_refused: {status: 603}}
    route:
    - {when: {schedule: office}, hunt: [a]}
    - {hunt: [b]}
"""
_NOON: Final = 1772769600.0  # of a Friday in Shanghai
_ASKED: Final = 5000
_ROUNDS: Final = 5


def measure(count: int, rules: bool) -> Figures:
    """Measure a dialplan of so many numbers. rules: every other one has all rules, and is called.

    Raises BenchError.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dialplan.yaml"
        path.write_text(_HEAD + "".join(_entries(count, rules)), encoding="utf-8")
        argv = [sys.executable, "-P", "-m", __name__, str(path), "2" if rules else "1"]
        done = subprocess.run(argv, capture_output=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BenchError(f"the measurement failed: {done.stderr.decode()}")
    figures: Figures = orjson.loads(done.stdout)
    return figures


def _entries(count: int, rules: bool) -> list[str]:
    return [
        f'  "{7562000000 + index:011}":\n'
        + (_RULES if rules and index % 2 else _PLAIN.format(index=index))
        for index in range(count)
    ]


def main(path: Path, every: int) -> None:
    """Load a dialplan, decide calls to each so-many-th number, and print the figures."""
    began = time.process_time()
    dialplan = load_dialplan(path)
    seconds = time.process_time() - began
    peak = _peak_mib()
    keys = list(dialplan.numbers)[every - 1 :: every]
    listed = 10 * len(dialplan.numbers) if len(dialplan.numbers) > 10 else 10
    none = Digits({})
    entries = NumberList(
        name="bench",
        full=_entries_of(listed),
        beginnings=none,
        short_full=none,
        short_beginnings=none,
    )
    callers = [Caller(f"+86{13000000000 + index}", "CN") for index in range(_ASKED)]
    gc.collect()
    gc.freeze()
    figures: dict[str, Any] = {
        "seconds": seconds,
        "mib": peak,
        "known_us": _decided(dialplan, keys[:10], forget=False),
        "new_us": _decided(dialplan, keys, forget=True),
        "list_us": _fastest(entries.find, callers),
    }
    sys.stdout.buffer.write(orjson.dumps(figures))


def _peak_mib() -> float:
    # Not ru_maxrss: a process begins with that of its parent.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _entries_of(count: int) -> Digits:
    return Digits({13: array("Q", range(8613000000000, 8613000000000 + 7 * count, 7))})


def _decided(dialplan: Dialplan, keys: Sequence[str], forget: bool) -> float:
    """Give microseconds for a call. forget: as if no number had been called before."""
    dice = Random(1)
    called = dice.sample(keys, _ASKED) if len(keys) > _ASKED else list(keys)
    if not forget:
        called = dice.choices(keys, k=_ASKED)
    calls = [
        Facts("lab", "127.0.0.1", f"+86{13800000000 + index}", key, at=_NOON)
        for index, key in enumerate(called)
    ]
    before = dialplan.found.clear if forget else None
    return _fastest(lambda facts: decide(dialplan, facts), calls, before)


def _fastest(
    run: Callable[[Any], object], items: Sequence[Any], before: Callable[[], None] | None = None
) -> float:
    """Give microseconds for an item, in the fastest of some rounds: others were disturbed."""
    times = []
    for _ in range(_ROUNDS):
        if before is not None:
            before()
        began = time.perf_counter()
        for item in items:
            run(item)
        times.append(time.perf_counter() - began)
    return min(times) / len(items) * 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
