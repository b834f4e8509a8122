from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import structlog
import support.unhurried  # noqa: F401  # before the tests are imported
from support.observed import Lines

from callrouter.observe.log import Log, open_log
from callrouter.storage import engine as database


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with (tmp_path / "log.jsonl").open("wb") as file:
        log = open_log("json", "info", file.fileno())
        yield log
        log.close()
    structlog.reset_defaults()


@pytest.fixture
def logged(tmp_path: Path, log: Log) -> Lines:
    """What was logged so far, as read back from a file."""

    def lines() -> list[dict[str, object]]:
        log.flush()
        return [orjson.loads(line) for line in (tmp_path / "log.jsonl").read_bytes().splitlines()]

    return lines


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database in a folder that is not there yet; its locks are not waited for."""
    monkeypatch.setattr(database, "_LOCK_SECONDS", 0.01)
    return f"sqlite:///{tmp_path}/data/calls.db"
