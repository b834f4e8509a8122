"""The history of queues on disk: written, read back, and forgotten after some months."""

import time
from pathlib import Path

from support.polling import until

from callrouter.queues.queue_events import JOINED, OFFERED, Transition
from callrouter.storage.queue_history import QueueHistory, QueueHistoryReader


def rows(count: int, at: float) -> list[Transition]:
    return [
        Transition(at + index, OFFERED if index else JOINED, "support", f"call {index % 2}", "301")
        for index in range(count)
    ]


def written(url: str, *transitions: Transition) -> None:
    history = QueueHistory(url)
    history.start()
    for row in transitions:
        history.put(row)
    history.close()


def test_what_was_noted_is_read_back_of_one_call_and_the_oldest_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    now = time.time()
    written(url, *rows(1200, now - 2000))
    with QueueHistoryReader(url) as history:
        last = history.last(3, call="call 1", queue="support")
        assert [round(row["at"] - now + 2000) for row in last] == [1195, 1197, 1199]
        assert {(row["kind"], row["agent"]) for row in last} == {(OFFERED, "301")}
        assert len(history.last(5000)) == 1200


def test_what_is_older_than_some_months_is_forgotten(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    now = time.time()
    written(url, *rows(2, now - 91 * 86400), *rows(1, now))
    with QueueHistoryReader(url) as history:
        assert len(history.last(10)) == 1


async def test_rows_wait_while_the_database_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("in the way")
    history = QueueHistory(f"sqlite:///{folder}/calls.db")
    history.start()
    history.put(rows(1, time.time())[0])

    async def failing() -> bool:
        return history.failing

    await until(failing)
    folder.unlink()
    history.close()
    with QueueHistoryReader(f"sqlite:///{folder}/calls.db") as known:
        assert len(known.last(10)) == 1
