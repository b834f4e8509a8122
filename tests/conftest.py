"""What all tests share: this folder is importable, and `--full` asks for the long runs.

`--build` says which build of callrouter is to be tested; a run with another one fails at once.
At the end it says what the unit tests cost, and a run in which they cost too much fails.
"""

import gc
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings
from support import forked_programs
from support.groups import NEED_PJSIP, Groups, turn
from support.unit_cost import LIMIT, complaints, costs
from xdist.remote import Producer

from callrouter import build

_MEDIA = Path(__file__).parent / "media"
_COLLECTED_AFTER = 20_000
"""Objects. After 700, as Python has it, the collector took a fifth of what the unit tests take."""


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(_COLLECTED_AFTER)
    wanted = config.getoption("--build")
    if wanted not in {None, build()}:
        raise pytest.UsageError(f"--build {wanted}: this is {build()}")
    # What a shell starts in the background ignores SIGINT, and so would all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="Run the long versions, as long as the issue asks."
    )
    parser.addoption("--build", choices=("compiled", "plain Python"), help="Test this build only.")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn(item.path))
    if find_spec("pjsua2") is None:
        reason = "PJSIP has no wheel for this Python: run the tests with 3.11 or 3.12"
        for item in filter(_needs_pjsip, items):
            item.add_marker(pytest.mark.skip(reason))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported and collected stays: the collector need not walk it again and again.

    Programs are forked but where they are measured, and where it is their build that is tested.
    """
    if build() == "plain Python" and not any(map(_measures, session.items)):
        forked_programs.install()
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and complaints(_costs(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = _costs(terminalreporter.config)
    if found:
        total = sum(cost for cost, _ in found)
        terminalreporter.write_line(f"the unit tests cost {total:.0f} of {LIMIT}")
        for line in complaints(found):
            terminalreporter.write_line(f"FAILED {line}", red=True)


def _costs(config: pytest.Config) -> list[tuple[float, str]]:
    """What the unit tests cost; nothing in a process that runs tests for another.

    Nor on the compiled build, of which it is the behaviour that is tested, beside other tests.
    """
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput") or build() == "compiled":
        return []
    if settings.get_current_profile_name() == "many":  # which is to cost more
        return []
    return list(costs(report for kind in reporter.stats.values() for report in kind))


def _needs_pjsip(item: pytest.Item) -> bool:
    return (
        item.path.is_relative_to(_MEDIA)
        or item.path.name in NEED_PJSIP
        or item.get_closest_marker("pjsip") is not None
    )


def _measures(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """The long version is asked for."""
    return bool(request.config.getoption("--full"))
