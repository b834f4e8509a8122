"""The state on disk: what a restart finds, and what a file out of reach costs."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import Queue

import pytest
from support.polling import PATIENCE

from callrouter.state.memory import Memory
from callrouter.state.persistence import Persistence
from callrouter.state.state_file import StateStore
from callrouter.storage import background
from callrouter.storage.engine import StoreError


def opened(path: Path) -> tuple[Persistence, Memory]:
    persistence = Persistence(f"sqlite:///{path}")
    memory = Memory(persistence.put, seed=1)
    persistence.open(memory)
    return persistence, memory


def test_next_process_finds_what_was_told(tmp_path: Path) -> None:
    path = tmp_path / "var" / "state.db"
    persistence, memory = opened(path)
    memory.blocks.block("4000", "+861", 0.0)
    memory.blocks.block("", "caf\udce9", 0.0)  # bytes that are not UTF-8
    memory.presence.leave("801", "on leave")
    memory.presence.leave("802", "away")
    memory.presence.come_back("802")
    for _ in range(500):
        memory.rotations.turned("sales")
    persistence.close()
    persistence, memory = opened(path)
    persistence.close()
    assert set(memory.snapshot().blocks) == {("4000", "+861"), ("", "caf\udce9")}
    assert memory.snapshot().away == {"801": "on leave"}
    assert memory.snapshot().turns == {"sales": 500}


def test_file_of_a_newer_callrouter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer callrouter"):
        opened(path)


def test_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("moon" * 1000)
    with pytest.raises(StoreError, match="cannot be read"):
        opened(path)


def test_rows_that_are_not_ours_stop_the_start(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = StateStore(f"sqlite:///{path}")
    store.write({("moon", ("x",)): (1,)})
    store.close()
    with pytest.raises(StoreError, match="cannot be read"):
        opened(path)


def test_other_databases_are_refused() -> None:
    with pytest.raises(StoreError, match="must be a file"):
        StateStore("postgresql://host/state")


def written(persistence: Persistence) -> bool:
    told: Queue[bool] = Queue()
    persistence.when_written(told.put)
    return told.get(timeout=PATIENCE)


def test_what_is_on_disk_is_told_and_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    path = tmp_path / "state.db"
    persistence, memory = opened(path)
    memory.presence.leave("801", "on leave")
    assert written(persistence)
    with sqlite3.connect(path) as base:
        assert base.execute("SELECT kind FROM state").fetchall() == [("away",)]
    path.unlink()
    path.mkdir()
    assert written(persistence)  # nothing has changed
    memory.presence.leave("802", "away")
    assert not written(persistence)
    assert not written(persistence)
    path.rmdir()
    assert written(persistence)
    persistence.close()


def emptied(path: Path) -> None:
    with closing(sqlite3.connect(path)) as base:
        base.execute("DROP TABLE state")
        base.execute("PRAGMA user_version = 0")


def put_back(path: Path) -> None:
    """A backup of another day takes its place, closed and whole as backups are."""
    copy = path.with_suffix(".copy")
    StateStore(f"sqlite:///{copy}").close()
    copy.rename(path)


@pytest.mark.parametrize(
    ("lose", "changes"),
    [
        (Path.unlink, True),
        (Path.unlink, False),
        (put_back, True),
        (put_back, False),
        (emptied, True),
    ],
)
def test_lost_file_is_made_again_with_all_that_it_had(
    tmp_path: Path, lose: Callable[[Path], None], changes: bool
) -> None:
    path = tmp_path / "state.db"
    persistence, memory = opened(path)
    memory.presence.leave("801", "on leave")
    persistence.close()
    persistence, memory = opened(path)
    memory.presence.leave("802", "away")
    memory.presence.leave("803", "away")
    assert written(persistence)
    lose(path)
    if changes:
        memory.presence.come_back("803")
        memory.presence.leave("804", "out")
    persistence.close()
    persistence, memory = opened(path)
    persistence.close()
    later = {"804": "out"} if changes else {"803": "away"}
    assert memory.snapshot().away == {"801": "on leave", "802": "away", **later}


def test_removed_file_is_made_again_while_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    path = tmp_path / "state.db"
    persistence, memory = opened(path)
    memory.presence.leave("801", "on leave")
    assert written(persistence)
    path.unlink()
    written(persistence)  # sees it
    written(persistence)  # makes it
    with sqlite3.connect(path) as base:
        assert base.execute("SELECT kind FROM state").fetchall() == [("away",)]
    persistence.close()
