"""Messages: left, listed, heard, deleted, expired, and never lost."""

import time
from pathlib import Path

import pytest
from support.archives import (
    STARTED,
    Logged,
    audio,
    box,
    cut_off,
    leave,
    listed,
    opened,
    unopened,
    url_in,
)

from callrouter.archive import message_rows as messages
from callrouter.archive.call_archive import Archive
from callrouter.call.services.archive import MessageLeft, kept_id
from callrouter.storage.cdr_table import open_for_writing


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "voicemail").rglob("*.wav"))


def rows(folder: Path) -> list[dict[str, object]]:
    engine = open_for_writing(url_in(folder))
    try:
        return messages.listed(engine, None, deleted=True)
    finally:
        engine.dispose()


def test_message_is_kept_heard_and_deleted(tmp_path: Path) -> None:
    archive = opened(tmp_path, box())
    file = leave(archive)
    leave(archive, "c2")
    (first, second) = listed(archive)
    assert (first.id, first.caller, first.started, first.ms) == (
        *(kept_id(file), "+8675612345"),
        *(STARTED, 2000),
    )
    assert first.file.read_bytes() == audio(2000)
    assert not first.heard
    archive.mark_heard(first.id)
    assert [(one.id, one.heard) for one in listed(archive)] == [
        (second.id, False),
        (first.id, True),
    ]
    archive.delete_message(first.id)
    assert [one.id for one in listed(archive)] == [second.id]
    assert not first.file.exists()
    archive.close()
    assert [row["state"] for row in rows(tmp_path)] == ["new", "deleted"]


def test_short_message_is_thrown_away(tmp_path: Path, logged: Logged) -> None:
    archive = opened(tmp_path, box(min_seconds=3.0))
    leave(archive, ms=2900)
    assert listed(archive) == ()
    archive.close()
    assert files(tmp_path) == []
    assert "message not kept: too short" in logged()


@pytest.mark.parametrize(
    ("content", "ms", "complete", "kept_ms"),
    [
        (audio(2000), 2000, False, 2000),
        (cut_off(2000), 2000, True, 2000),
        (audio(1500), 2100, True, 1500),
    ],
)
def test_what_lacks_something_is_never_silently_short(
    tmp_path: Path, logged: Logged, content: bytes, ms: int, complete: bool, kept_ms: int
) -> None:
    archive = opened(tmp_path, box())
    leave(archive, content=content, ms=ms, complete=complete)
    (message,) = listed(archive)
    archive.close()
    assert message.ms == kept_ms
    (row,) = rows(tmp_path)
    whole = complete and kept_ms == ms
    assert row["complete"] is whole
    assert ("message kept, but it is not complete" in logged()) is not whole


def test_file_that_is_not_there_is_said(tmp_path: Path, logged: Logged) -> None:
    archive = opened(tmp_path, box())
    file = archive.place_message("sales", "c1", "100")
    assert file is not None
    archive.message_left(
        MessageLeft(
            file, box="sales", call="c1", caller="100", started=STARTED, ms=5000, complete=False
        )
    )
    assert listed(archive) == ()
    archive.close()
    assert "message lost: its file is not there" in logged()


def test_full_box_takes_no_message(tmp_path: Path, logged: Logged) -> None:
    archive = opened(tmp_path, box(most_messages=2))
    leave(archive, "c1")
    (only,) = listed(archive)
    under_way = archive.place_message("sales", "c2", "100")
    assert under_way is not None
    assert archive.place_message("sales", "c3", "100") is None
    archive.discard(under_way)
    leave(archive, "c4")
    listed(archive)
    assert archive.place_message("sales", "c5", "100") is None
    archive.delete_message(only.id)
    listed(archive)
    assert archive.place_message("sales", "c6", "100") is not None
    archive.close()
    assert logged().count("no message taken: the box is full") == 2


def test_box_is_full_by_size(tmp_path: Path) -> None:
    archive = opened(tmp_path, box(most_bytes=30_000))
    leave(archive)
    listed(archive)
    assert archive.place_message("sales", "c2", "100") is None
    archive.close()


def test_box_that_is_not_in_the_dialplan_takes_none(tmp_path: Path) -> None:
    archive = opened(tmp_path, box())
    assert archive.place_message("other", "c1", "100") is None
    archive.close()


def test_message_of_a_box_that_a_reload_took_away_is_kept(tmp_path: Path) -> None:
    archive = opened(tmp_path, box())
    file = archive.place_message("sales", "c1", "100")
    assert file is not None
    archive.serve({})
    file.write_bytes(audio(2000))
    archive.message_left(
        MessageLeft(
            file, box="sales", call="c1", caller="100", started=STARTED, ms=2000, complete=True
        )
    )
    assert len(listed(archive)) == 1
    archive.close()


@pytest.mark.parametrize("content", [audio(4000), cut_off(4000)])
def test_message_of_a_process_that_died_is_found(
    tmp_path: Path, logged: Logged, content: bytes
) -> None:
    dead = opened(tmp_path, box())
    file = dead.place_message("sales", "1a2b-9c", "+86756")
    dead.close()
    assert file is not None
    file.write_bytes(content)
    archive = opened(tmp_path, box())
    (message,) = listed(archive)
    archive.close()
    assert (message.caller, message.ms, message.id) == ("+86756", 4000, kept_id(file))
    assert abs(message.started + 4 - time.time()) < 60
    assert rows(tmp_path)[0]["call"] == "1a2b-9c"
    assert "found without a row, left by an earlier run" in logged()


def test_message_that_was_moved_and_has_no_row_is_found(tmp_path: Path) -> None:
    kept = tmp_path / "voicemail" / "kept"
    kept.mkdir(parents=True)
    (kept / "sales~100~c-1.wav").write_bytes(audio(2000))
    (kept / ".sales~100~c-2.wav").write_bytes(audio(3000))
    archive = opened(tmp_path, box())
    assert sorted(one.ms for one in listed(archive)) == [2000, 3000]
    archive.close()
    again = opened(tmp_path, box())
    assert len(listed(again)) == 2
    again.close()


def test_what_is_empty_or_deleted_goes_at_the_next_start(tmp_path: Path) -> None:
    archive = opened(tmp_path, box())
    file = leave(archive)
    (message,) = listed(archive)
    archive.delete_message(message.id)
    empty = archive.place_message("sales", "c9", "100")
    archive.close()
    assert empty is not None
    empty.write_bytes(b"")
    message.file.write_bytes(audio(2000))  # as if the process had died before it was removed
    again = opened(tmp_path, box())
    assert listed(again) == ()
    again.close()
    assert files(tmp_path) == []
    assert file.name not in files(tmp_path)


def test_own_message_under_way_is_not_taken_for_left_over(tmp_path: Path) -> None:
    archive = unopened(tmp_path, box())
    (tmp_path / "voicemail" / "incoming").mkdir(parents=True)
    file = archive.place_message("sales", "c1", "100")
    assert file is not None
    file.write_bytes(cut_off(1000))
    archive.start()
    assert listed(archive) == ()
    assert file.exists()
    archive.close()


def test_message_expires(tmp_path: Path, logged: Logged) -> None:
    archive = opened(tmp_path, box(keep_seconds=0.0))
    leave(archive)
    while listed(archive):
        pass
    archive.close()
    assert rows(tmp_path) == []
    assert files(tmp_path) == []
    assert "kept long enough: deleted" in logged()


def test_thousand_messages_are_stored_and_listed(tmp_path: Path) -> None:
    archive = opened(tmp_path, box(most_messages=1000, most_bytes=10**9))
    for index in range(1000):
        leave(archive, f"c{index}")
    stored = listed(archive)
    archive.close()
    assert len({one.id for one in stored}) == 1000
    assert archive.place_message("sales", "more", "100") is None


def test_caller_that_is_no_text_is_stored(tmp_path: Path) -> None:
    archive = opened(tmp_path, box())
    leave(archive, caller="\udcff\0Bob")
    (message,) = listed(archive)
    archive.close()
    assert message.caller == "\\udcff\\x00Bob"


def test_bug_of_ours_costs_one_job(tmp_path: Path, logged: Logged) -> None:
    archive: Archive = opened(tmp_path, box())
    archive.message_left(
        MessageLeft(
            Path("nonsense"),
            box="sales",
            call="c1",
            caller="",
            started=STARTED,
            ms=1,
            complete=True,
        )
    )
    leave(archive)
    assert len(listed(archive)) == 1
    archive.close()
    assert "internal error in the archive" in logged()
