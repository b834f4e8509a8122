"""What all tests share: this folder is importable, and `--full` asks for the long runs."""

import pytest
from support.groups import FIRST, Groups
from xdist.remote import Producer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="Run the long versions, as long as the issue asks."
    )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in FIRST)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """The long version is asked for."""
    return bool(request.config.getoption("--full"))
