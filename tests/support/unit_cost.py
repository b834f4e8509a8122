"""What the unit tests cost, and that it does not grow unseen.

Theory: seconds say nothing, for they differ between machines, and on one machine with what else it
does. So the processor's time of each test is divided by that of a piece of work that never changes,
done every few tests in the same process: whatever slows one slows the other.
"""

import ast
import gc
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LIMIT: Final = 8_000
"""What all unit tests may cost together: 5,200 in one process of Debian's Python, a fifth more in
two, half as much more beside other tests. A Python that is not optimized needs a tenth less: it is
slower at a reading than at the tests.
"""
LIMIT_OF_ONE: Final = 1_000
"""What one of them may cost. Whatever costs more belongs to tests/integration or tests/fuzz. The
dearest reads all modules, for 370; beside a compiler that once was 745.
"""

_EVERY: Final = 250
_TEXT: Final = "def f(a, b=1):\n    return [a.x + b for a in range(10) if a > 3]\n" * 100
_KEY: Final = "cost"


class Meter:
    """A meter of the tests of one process, in readings of `_TEXT`: a reading is about 2 ms."""

    def __init__(self) -> None:
        self._tests = 0
        self._warm = False
        self._reading = 0.0
        self._begun = 0.0

    def begin(self, item: pytest.Item) -> None:
        """A test begins."""
        if not self._warm and item.get_closest_marker("hypothesis"):
            self._warm = True
            _first_example()
        if self._tests % _EVERY == 0:
            self._reading = min(_reading() for _ in range(2))
        self._tests += 1
        self._begun = time.process_time()

    def end(self, report: pytest.TestReport) -> None:
        """A test ends, with its fixtures: its cost goes into its last report.

        Where a debugger or the coverage looks at every line, it says nothing.
        """
        if sys.gettrace() is not None:
            return
        cost = (time.process_time() - self._begun) / self._reading
        report.user_properties.append((_KEY, cost))


def costs(reports: Iterable[object]) -> Iterator[tuple[float, str]]:
    """The cost and the name of each test of which a cost is reported."""
    for report in reports:
        if isinstance(report, pytest.TestReport):
            for key, cost in report.user_properties:
                if key == _KEY and isinstance(cost, float):
                    yield cost, report.nodeid


def complaints(found: list[tuple[float, str]]) -> list[str]:
    """What is wrong with these costs, with the tests to look at first; empty when nothing is."""
    total = sum(cost for cost, _ in found)
    slowest = sorted(found, reverse=True)
    if total > LIMIT:
        named = [f"  {cost:.0f} {name}" for cost, name in slowest[:20]]
        return [f"the unit tests cost {total:.0f} and may cost {LIMIT}; the dearest:", *named]
    return [
        f"a unit test may cost {LIMIT_OF_ONE}: {cost:.0f} {name}"
        for cost, name in slowest
        if cost > LIMIT_OF_ONE
    ]


@settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.floats(), min_size=50), st.from_regex("[a-z]"))
def _first_example(_floats: list[float], _text: str) -> None:
    """What hypothesis does once in a checkout: it makes tables of all characters and our files."""


def _reading() -> float:
    gc.disable()
    begun = time.process_time()
    ast.parse(_TEXT)
    spent = time.process_time() - begun
    gc.enable()
    return spent
