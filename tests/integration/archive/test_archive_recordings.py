"""Recordings: kept with their sides, counted by month, deleted when their time is over."""

from pathlib import Path
from typing import Any

import pytest
from support.archives import STARTED, Logged, audio, cut_off, listed, opened, record, url_in

from callrouter.archive import call_archive as archive_module
from callrouter.archive import recording_rows as recordings
from callrouter.storage.cdr_table import open_for_writing

NEXT_MONTH = STARTED + 31 * 86400


def rows(folder: Path) -> list[dict[str, Any]]:
    engine = open_for_writing(url_in(folder))
    try:
        return recordings.listed(engine, None, 0)
    finally:
        engine.dispose()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "recordings").rglob("*.wav"))


@pytest.fixture
def in_march(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's own clock stands in the month of the calls."""
    monkeypatch.setattr(archive_module.time, "time", lambda: STARTED)


def test_recording_is_kept_with_its_sides(tmp_path: Path) -> None:
    archive = opened(tmp_path)
    record(archive, "c1")
    record(archive, "c2", number="0756*", channels=2, complete=False)
    archive.close()
    second, first = rows(tmp_path)
    assert (first["number"], first["call"], first["caller"]) == ("4000", "c1", "100")
    assert (first["ms"], first["sides"], first["complete"]) == (3000, "mixed", True)
    assert (second["number"], second["sides"], second["complete"]) == ("0756*", "stereo", False)
    assert files(tmp_path) == sorted([first["file"], second["file"]])


@pytest.mark.usefixtures("in_march")
def test_quota_of_a_month_holds_and_starts_anew(tmp_path: Path, logged: Logged) -> None:
    archive = opened(tmp_path)
    assert record(archive, "c1", quota_seconds=5.0)
    listed(archive)
    assert record(archive, "c2", quota_seconds=5.0)
    listed(archive)
    assert not record(archive, "c3", quota_seconds=5.0)
    assert not record(archive, "c4", quota_seconds=5.0)
    assert record(archive, "c5", number="4001", quota_seconds=5.0)
    assert record(archive, "c6", quota_seconds=0.0)
    assert record(archive, "c7", quota_seconds=5.0, now=NEXT_MONTH)
    archive.close()
    assert logged().count("not recorded: the month's quota is used") == 1


@pytest.mark.usefixtures("in_march")
def test_quota_counts_what_is_deleted_and_outlives_a_restart(tmp_path: Path) -> None:
    archive = opened(tmp_path)
    record(archive, "c1", keep_seconds=0.0)
    while archive_files := files(tmp_path):
        listed(archive)
    assert archive_files == []
    archive.close()
    again = opened(tmp_path)
    listed(again)
    assert not record(again, "c2", quota_seconds=3.0)
    again.close()


def test_recording_is_deleted_when_its_time_is_over(tmp_path: Path) -> None:
    archive = opened(tmp_path)
    record(archive, "c1", keep_seconds=0.0)
    record(archive, "c2", keep_seconds=3600.0)
    while len(files(tmp_path)) != 1:
        listed(archive)
    archive.close()
    (left,) = rows(tmp_path)
    assert left["call"] == "c2"
    assert files(tmp_path) == [left["file"]]


@pytest.mark.parametrize("content", [audio(1000, 2), cut_off(1000, 2)])
def test_recording_of_a_process_that_died_is_found(tmp_path: Path, content: bytes) -> None:
    dead = opened(tmp_path)
    file = dead.place_recording("4000", "1a-2b", "100", STARTED, 0.0)
    dead.close()
    assert file is not None
    file.write_bytes(content)
    for _ in range(2):
        archive = opened(tmp_path)
        listed(archive)
        archive.close()
    (row,) = rows(tmp_path)
    assert (row["call"], row["number"], row["ms"], row["sides"]) == (
        "1a-2b",
        "4000",
        1000,
        "stereo",
    )


def test_discarded_recording_leaves_nothing(tmp_path: Path) -> None:
    archive = opened(tmp_path)
    file = archive.place_recording("4000", "c1", "100", STARTED, 0.0)
    assert file is not None
    file.write_bytes(audio(100))
    archive.discard(file)
    archive.close()
    assert files(tmp_path) == []
    assert rows(tmp_path) == []
