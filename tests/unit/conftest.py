"""What a unit test does not do: start a process, open a socket or a database, or wait.

Whatever needs one of these is slow, or waits for another party; it belongs to tests/integration.
What each test costs goes into its report.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
import support.unhurried  # noqa: F401  # before the tests are imported
from support.unit_cost import Meter

REFUSED: Final = frozenset(
    (
        *("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"),
        *("socket.bind", "socket.connect", "sqlite3.connect"),
    )
)
"""Audit events (docs.python.org/3/library/audit_events.html)."""

_HERE: Final = f"{Path(__file__).parent}/"
_meter: Final = Meter()
_running = ""
_sleep, _asyncio_sleep = time.sleep, asyncio.sleep


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(f"{_running} is a unit test and may do no {what}: see tests/integration")


def _hear(event: str, _arguments: tuple[Any, ...]) -> None:
    if _running and event in REFUSED:
        _refuse(event)


def _sleep_unless_running(seconds: float) -> None:
    if _running:
        _refuse("time.sleep")
    _sleep(seconds)


async def _turn(delay: float, result: Any = None) -> Any:
    if _running and delay > 0:
        _refuse("asyncio.sleep")
    return await _asyncio_sleep(delay, result)


# An audit hook cannot be taken back: it and what is put in the place of sleep stay for the process,
# and look whether one of our tests runs.
sys.addaudithook(_hear)
time.sleep = _sleep_unless_running
asyncio.sleep = _turn


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note which of our tests runs, with its fixtures; this is asked for those of others too."""
    global _running  # noqa: PLW0603  # what the hook looks at has to be somewhere
    if str(item.path).startswith(_HERE):
        _running = item.nodeid
        _meter.begin(item)
    try:
        return (yield)
    finally:
        _running = ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """Say in the last report of one of our tests what it cost."""
    report: pytest.TestReport = yield
    if _running and call.when == "teardown":
        _meter.end(report)
    return report
