"""What all tests share: this folder is importable, and `--full` asks for the long runs.

At the end it says how long the unit tests took, which are to take seconds.
"""

import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.groups import FIRST, NEED_PJSIP, Groups
from xdist.remote import Producer

_MEDIA = Path(__file__).parent / "media"
_UNIT = "tests/unit/"


def pytest_configure() -> None:
    # What a shell starts in the background ignores SIGINT, and so would all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="Run the long versions, as long as the issue asks."
    )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in FIRST)
    if find_spec("pjsua2") is None:
        reason = "PJSIP has no wheel for this Python: run the tests with 3.11 or 3.12"
        for item in filter(_needs_pjsip, items):
            item.add_marker(pytest.mark.skip(reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    unit = [
        report.duration
        for report in reports
        if isinstance(report, pytest.TestReport) and report.nodeid.startswith(_UNIT)
    ]
    if unit:
        terminalreporter.write_line(f"the unit tests took {sum(unit):.1f} s of one process")


def _needs_pjsip(item: pytest.Item) -> bool:
    return (
        item.path.is_relative_to(_MEDIA)
        or item.path.name in NEED_PJSIP
        or item.get_closest_marker("pjsip") is not None
    )


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """The long version is asked for."""
    return bool(request.config.getoption("--full"))
