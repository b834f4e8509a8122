"""Every test's log, and waits that are short."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import structlog
from support.archives import Logged, close_all

from callrouter.archive import call_archive as archive
from callrouter.observe.log import open_log
from callrouter.storage import background
from callrouter.storage import engine as database


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a clock."""
    for name in ("_TURN_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(archive, name, 0.01)
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(database, "_LOCK_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No archive outlives its test, whatever becomes of that."""
    yield
    close_all()


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Logged]:
    """The events that were logged so far."""
    with (tmp_path / "log.jsonl").open("wb") as file:
        log = open_log("json", "info", file.fileno())

        def events() -> list[str]:
            log.flush()
            lines = (tmp_path / "log.jsonl").read_bytes().splitlines()
            return [orjson.loads(line)["event"] for line in lines]

        yield events
        log.close()
    structlog.reset_defaults()
