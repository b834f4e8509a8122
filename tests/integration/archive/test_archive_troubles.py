"""Disks that are full, databases that are away: nothing is lost, and the log says so.

A limit of the process on the size of files (RLIMIT_FSIZE) stands for the full disk: it refuses real
writes of SQLite and of ours.
"""

import shutil
from pathlib import Path

import pytest
from support.archives import STARTED, Logged, audio, box, cut_off, leave, listed, opened, unopened
from support.full_disk import files_limited_to

from callrouter.archive import call_archive as archive_module
from callrouter.call.services.archive import MessageLeft
from callrouter.storage.engine import StoreError


def seen(logged: Logged, event: str) -> None:
    """Wait until this was logged."""
    while event not in logged():
        pass


FAILS = "the archive cannot write: messages and recordings wait in their folders"


def test_message_waits_while_the_database_cannot_be_written(tmp_path: Path, logged: Logged) -> None:
    archive = opened(tmp_path, box())
    leave(archive, "c1")
    listed(archive)
    # The message has room; SQLite's journal, which is longer already, has not.
    assert (tmp_path / "calls.db-wal").stat().st_size > 2 * len(audio(2000))
    with files_limited_to(len(audio(2000))):
        leave(archive, "c2")
        seen(logged, FAILS)
    assert sorted(one.ms for one in listed(archive)) == [2000, 2000]
    archive.close()
    assert logged().count(FAILS) == 1
    assert "the archive works again" in logged()


def test_header_that_cannot_be_mended_waits_without_holding_up_others(
    tmp_path: Path, logged: Logged
) -> None:
    archive = opened(tmp_path, box())
    listed(archive)
    file = archive.place_message("sales", "c1", "100")
    assert file is not None
    long = cut_off(60_000)
    file.write_bytes(long)
    with files_limited_to(len(long) - 1):
        archive.message_left(
            MessageLeft(
                file,
                box="sales",
                call="c1",
                caller="100",
                started=STARTED,
                ms=60_000,
                complete=False,
            )
        )
        seen(logged, FAILS)
        leave(archive, "c2", ms=3000)
        while [one.ms for one in listed(archive)] != [3000]:
            pass
    while len(listed(archive)) != 2:
        pass
    archive.close()


def test_database_that_is_away_at_the_start_is_waited_for(tmp_path: Path, logged: Logged) -> None:
    (tmp_path / "calls.db").mkdir()
    archive = opened(tmp_path, box())
    leave(archive)
    seen(logged, FAILS)
    (tmp_path / "calls.db").rmdir()
    assert len(listed(archive)) == 1
    archive.close()


def test_process_that_ends_meanwhile_has_lost_nothing(tmp_path: Path, logged: Logged) -> None:
    (tmp_path / "calls.db").mkdir()
    archive = opened(tmp_path, box())
    leave(archive, ms=4000)
    archive.close()
    assert "left for the next start: the archive cannot write" in logged()
    (tmp_path / "calls.db").rmdir()
    again = opened(tmp_path, box())
    assert [one.ms for one in listed(again)] == [4000]
    again.close()


def test_database_that_was_replaced_gets_the_rows_again(tmp_path: Path) -> None:
    archive = opened(tmp_path, box())
    leave(archive)
    listed(archive)
    for path in tmp_path.glob("calls.db*"):
        path.unlink()
    while not listed(archive):
        pass
    archive.close()


def test_nothing_is_recorded_when_the_disk_is_nearly_full(
    tmp_path: Path, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(archive_module, "LEAST_FREE", 2 * free)
    archive = opened(tmp_path, box())
    seen(logged, "nothing is recorded: the disk is nearly full")
    assert archive.place_message("sales", "c1", "100") is None
    assert archive.place_recording("4000", "c1", "100", 0.0, 0.0) is None
    monkeypatch.setattr(archive_module, "LEAST_FREE", 1)
    seen(logged, "there is room on the disk again: messages and calls are recorded")
    assert archive.place_message("sales", "c1", "100") is not None
    archive.close()


def test_folder_that_cannot_be_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "voicemail").write_bytes(b"")
    archive = unopened(tmp_path)
    with pytest.raises(StoreError, match="cannot be used"):
        archive.start()
    archive.close()
