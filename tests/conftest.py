"""What all tests share: this folder is importable, and `--full` asks for the long runs."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="Run the long versions, as long as the issue asks."
    )


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """The long version is asked for."""
    return bool(request.config.getoption("--full"))
