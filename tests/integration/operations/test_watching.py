"""Which changes of files count, and that each is told once."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from callrouter.operations.reload import file_watch as watch
from callrouter.operations.reload.file_watch import Watcher, look

WITHIN = 10.0


class Told:
    """Counts what a watcher tells, from its thread."""

    def __init__(self) -> None:
        self.count = 0
        self._came = threading.Condition()

    def __call__(self) -> None:
        with self._came:
            self.count += 1
            self._came.notify_all()

    def times(self, count: int) -> bool:
        """Wait until it was told so often."""
        with self._came:
            return self._came.wait_for(lambda: self.count >= count, WITHIN)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def watcher(told: Told) -> Iterator[Watcher]:
    watching = Watcher(told)
    yield watching
    watching.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "d.yaml"
    made.write_text("a: 1\n", encoding="utf-8")
    return made


def written(file: Path) -> None:
    file.write_text("a: 10\n", encoding="utf-8")


def replaced(file: Path) -> None:
    beside = file.with_suffix(".new")
    beside.write_text("a: 2\n", encoding="utf-8")
    os.replace(beside, file)


def removed(file: Path) -> None:
    file.unlink()


def touched(file: Path) -> None:
    os.utime(file, ns=(1, 1))


@pytest.mark.parametrize("change", [written, replaced, removed, touched])
def test_each_kind_of_change_looks_different(change: Callable[[Path], None], file: Path) -> None:
    before = look([file])
    assert look([file]) == before
    change(file)
    assert look([file]) != before


@pytest.mark.parametrize("change", [written, replaced, removed, touched])
def test_change_is_told(
    change: Callable[[Path], None], file: Path, told: Told, watcher: Watcher
) -> None:
    watcher.watch([str(file)])
    change(file)
    assert told.times(1)


def test_file_that_comes_later_is_told_and_so_is_its_next_change(
    file: Path, told: Told, watcher: Watcher
) -> None:
    file.unlink()
    watcher.watch([str(file)])
    file.write_text("a: 1\n", encoding="utf-8")
    assert told.times(1)
    file.write_text("a: 22\n", encoding="utf-8")
    assert told.times(2)


def test_other_files_of_the_folder_are_not_told(file: Path, told: Told, watcher: Watcher) -> None:
    watcher.watch([str(file)])
    (file.parent / "other.yaml").write_text("b: 1\n", encoding="utf-8")
    # What comes after it is told, and nothing was before.
    written(file)
    assert told.times(1)
    assert told.count == 1


def test_many_writes_in_a_row_are_one_change(file: Path, told: Told, watcher: Watcher) -> None:
    watcher.watch([str(file)])
    for index in range(20):
        file.write_text(f"a: {index:050}\n", encoding="utf-8")
    assert told.times(1)
    watcher.watch([])
    assert told.count == 1


def test_other_files_take_the_place_of_those_before(
    file: Path, told: Told, watcher: Watcher
) -> None:
    other = file.parent / "other.yaml"
    watcher.watch([str(file)])
    watcher.watch([str(other)])
    written(file)
    other.write_text("b: 1\n", encoding="utf-8")
    assert told.times(1)
    assert told.count == 1


def test_same_files_again_go_on_being_watched_by_the_same_thread(
    file: Path, told: Told, watcher: Watcher
) -> None:
    watcher.watch([str(file)])
    thread = watcher._thread
    watcher.watch([str(file)])
    assert watcher._thread is thread
    written(file)
    assert told.times(1)


def test_closed_watcher_tells_nothing_and_its_thread_ends(
    file: Path, told: Told, watcher: Watcher
) -> None:
    watcher.watch([str(file)])
    thread = watcher._thread
    assert thread is not None
    watcher.close()
    written(file)
    thread.join(WITHIN)
    assert not thread.is_alive()
    assert told.count == 0


def test_watch_that_fails_is_logged_once_and_ends(
    file: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr(watch, "watch", fails)
    with structlog.testing.capture_logs() as lines:
        watcher.watch([str(file)])
        assert watcher._thread is not None
        watcher._thread.join(WITHIN)
    assert lines == [
        {
            "event": "the dialplan's files are not watched any more",
            "error": "inotify watch limit reached",
            "log_level": "error",
        }
    ]
