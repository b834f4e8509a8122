import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.full_disk import files_limited_to
from support.observed import Lines, answered

from callrouter.observe.cdr.rows import encode
from callrouter.storage import background
from callrouter.storage import background_writer as writing
from callrouter.storage.background_writer import RecordWriter
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.storage.engine import StoreError
from callrouter.storage.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def ids(url: str) -> list[str]:
    with CdrQuery(url) as calls:
        return sorted(call["id"] for call in calls.last(0, Filter()))


def write(url: str, spool: Path, *names: str) -> RecordWriter:
    """Start a writer, give it records with these ids, close it."""
    writer = RecordWriter(url, spool)
    writer.start()
    for name in names:
        writer.put(answered(name))
    writer.close()
    return writer


@contextmanager
def locked(url: str) -> Iterator[None]:
    connection = sqlite3.connect(file_of(url), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def finish(writer: RecordWriter) -> None:
    writer.start()
    writer.close()


def events(logged: Lines) -> list[object]:
    return [line["event"] for line in logged()]


def test_close_returns_when_every_record_is_in_the_database(url: str, spool: Path):
    names = [f"{n:05}" for n in range(1234)]
    writer = write(url, spool, *names)
    assert ids(url) == names
    assert (writer.written, writer.spooled, writer.lost, writer.depth) == (1234, 0, 0, 0)


def test_database_locked_rows_go_to_the_spool_and_come_back_once(
    url: str, spool: Path, logged: Lines, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    writer = RecordWriter(url, spool)
    writer.put(answered("a"))
    writer._turn()
    with locked(url):
        for name in "bc":
            writer.put(answered(name))
            writer._turn()
        assert (writer.written, writer.spooled) == (1, 2)
    writer.put(answered("d"))
    writer._turn()
    finish(writer)
    assert ids(url) == ["a", "b", "c", "d"]
    # What is replayed is not counted as written: each record is under one name alone.
    assert (writer.written, writer.replayed, writer.spooled, writer.lost) == (2, 2, 2, 0)
    assert events(logged) == [
        "records go to the spool: the database does not take them",
        "records go to the database again",
        "all spooled records are in the database",
    ]


def test_database_away_is_not_tried_again_with_every_batch(url: str, spool: Path):
    writer = RecordWriter(url, spool)
    writer.put(answered("a"))
    writer._turn()
    with locked(url):
        writer.put(answered("b"))
        writer._turn()
    writer.put(answered("c"))
    writer._turn()
    assert (writer.written, writer.spooled) == (1, 2)
    finish(writer)


def test_spool_of_an_earlier_process_is_replayed_once_even_when_it_was_replayed_half(
    url: str, spool: Path
):
    earlier = Spool(spool)
    names = [f"{n:05}" for n in range(3 * writing.BATCH)]
    earlier.append([encode(answered(name)) for name in names])
    write(url, spool.parent / "other", *names[: writing.BATCH])
    writer = RecordWriter(url, spool)
    for _ in range(3):
        assert (spool / "records.jsonl").exists()
        writer._turn()
    assert not (spool / "records.jsonl").exists()
    finish(writer)
    assert ids(url) == names


def test_spool_of_an_earlier_process_is_replayed_by_the_thread_at_start(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
):
    earlier = Spool(spool)
    earlier.append([encode(answered("a"))])
    replayed = threading.Event()
    done = Spool.done
    monkeypatch.setattr(Spool, "done", lambda self, end: (done(self, end), replayed.set()))
    writer = RecordWriter(url, spool)
    writer.start()
    assert replayed.wait(10)
    writer.close()
    assert ids(url) == ["a"]


def test_database_that_cannot_be_made_is_waited_for(url: str, spool: Path, logged: Lines):
    folder = file_of(url).parent
    folder.touch()  # a file where the database's folder should be
    writer = write(url, spool, "a")
    assert (writer.written, writer.spooled) == (0, 1)
    assert events(logged) == ["records go to the spool: the database does not take them"]
    folder.unlink()
    writer = RecordWriter(url, spool)
    writer._turn()
    finish(writer)
    assert ids(url) == ["a"]


def test_removed_database_is_made_anew_and_the_batch_is_in_it(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    writer = RecordWriter(url, spool)
    writer.put(answered("a"))
    writer._turn()
    for file in file_of(url).parent.iterdir():
        file.unlink()
    writer.put(answered("b"))
    writer._turn()
    finish(writer)
    assert ids(url) == ["b"]


def test_disk_full_for_database_and_spool_rows_wait_in_memory_and_none_is_lost(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    writer = RecordWriter(url, spool)
    writer.put(answered("a"))
    writer._turn()
    names = [f"b{n:03}" for n in range(300)]
    for name in names:
        writer.put(answered(name))
    with files_limited_to(64 << 10):
        writer._turn()
        assert writer.depth == 300
        writer._turn()
        assert writer.depth == 300
    writer._turn()
    assert writer.depth == 0
    writer._turn()
    finish(writer)
    assert ids(url) == ["a", *names]
    assert writer.lost == 0


def test_neither_database_nor_spool_at_the_end_is_counted_and_logged(
    url: str, spool: Path, logged: Lines
):
    write(url, spool, "a")
    (spool / "records.jsonl").mkdir()
    with locked(url):
        writer = write(url, spool, "b", "c")
    assert writer.lost == 2
    assert events(logged)[-1] == "records lost: neither database nor spool could take them"


def test_failing_spool_is_logged_once(url: str, spool: Path, logged: Lines):
    writer = RecordWriter(url, spool)
    writer.put(answered("a"))
    writer._turn()
    (spool / "records.jsonl").mkdir()
    with locked(url):
        for name in "bcd":
            writer.put(answered(name))
            writer._turn()
    assert events(logged) == [
        "records go to the spool: the database does not take them",
        "the record spool cannot be used",
    ]
    (spool / "records.jsonl").rmdir()
    finish(writer)
    writer = RecordWriter(url, spool)
    writer._turn()
    finish(writer)
    assert ids(url) == ["a", "b", "c", "d"]


def test_full_queue_drops_and_counts_and_never_raises(
    url: str, spool: Path, logged: Lines, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing, "QUEUE", 3)
    writer = RecordWriter(url, spool)
    for name in "abcde":
        writer.put(answered(name))
    assert (writer.depth, writer.lost) == (3, 2)
    finish(writer)
    assert ids(url) == ["a", "b", "c"]
    assert events(logged) == ["records lost: the queue was full"]


def test_a_backlog_goes_to_the_spool_and_then_to_the_database(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing, "_BACKLOG", 600)
    names = [f"{n:05}" for n in range(1200)]
    writer = RecordWriter(url, spool)
    for name in names:
        writer.put(answered(name))
    for _ in range(3):
        writer._turn()
    assert writer.spooled == 500
    finish(writer)
    assert ids(url) == names


def test_a_record_that_is_none_costs_only_itself(url: str, spool: Path, logged: Lines):
    broken = answered("b")
    broken.legs = [None]  # type: ignore[list-item]
    writer = RecordWriter(url, spool)
    for record in (answered("a"), broken, answered("c")):
        writer.put(record)
    finish(writer)
    assert ids(url) == ["a", "c"]
    assert writer.lost == 1
    assert logged()[0]["call"] == "b"


def broken(*_arguments: object) -> int:
    raise OverflowError("cannot convert float infinity to integer")


@pytest.mark.parametrize("step", ["beat", "_recover", "_replay"])
def test_bug_in_a_step_is_said_and_costs_no_record(
    url: str, spool: Path, logged: Lines, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    broken.__name__ = step
    writer = RecordWriter(url, spool)
    monkeypatch.setattr(writer.journal if step == "beat" else writer, step, broken)
    writer.put(answered("a"))
    writer._turn()
    writer.put(answered("b"))
    writer._turn()
    assert writer.failing
    finish(writer)
    assert ids(url) == ["a", "b"]
    assert writer.lost == 0
    assert logged()[0]["event"] == "internal error in the record writer"
    assert "cannot convert float" in str(logged()[0])


def test_bug_on_the_way_to_the_database_brings_records_to_the_spool(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordWriter(url, spool)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_insert", broken)
        for name in "ab":
            writer.put(answered(name))
        finish(writer)
    assert (writer.spooled, writer.lost, ids(url)) == (2, 0, [])
    finish(RecordWriter(url, spool))
    write(url, spool)
    assert ids(url) == ["a", "b"]


def test_bug_that_leaves_records_nowhere_is_counted_at_the_end(
    url: str, spool: Path, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordWriter(url, spool)
    monkeypatch.setattr(writer, "_write_out", broken)
    broken.__name__ = "_write_out"
    writer.put(answered("a"))
    finish(writer)
    assert writer.lost == 1
    assert "records lost: neither database nor spool could take them" in events(logged)


def test_database_from_a_newer_callrouter_stops_the_start(url: str, spool: Path):
    write(url, spool)
    with sqlite3.connect(file_of(url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for _ in range(2):
        with pytest.raises(StoreError, match="newer callrouter"):
            RecordWriter(url, spool).start()


def test_kill_9_loses_no_record_that_was_put_a_second_before(url: str, spool: Path):
    program = (
        "import sys, time, pathlib; sys.path.insert(0, sys.argv[3]);"
        "from support.observed import Lines, answered;"
        "from callrouter.storage.background_writer import RecordWriter;"
        "writer = RecordWriter(sys.argv[1], pathlib.Path(sys.argv[2])); writer.start();"
        "[writer.put(answered(f'{n:05}')) for n in range(700)]; time.sleep(0.9);"
        "print(flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", program, url, str(spool), str(Path(__file__).parents[2])]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert len(ids(url)) == 700
    write(url, spool, "after")
    assert len(ids(url)) == 701


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize(
    "values",
    [{"ended_ms": 2**70}, {"called": object()}, {"trunk": None}],
    ids=lambda values: next(iter(values)),
)
def test_a_record_that_the_table_does_not_take_is_set_aside_and_holds_up_none(
    url: str,
    spool: Path,
    logged: Lines,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, object],
    away: bool,
):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    write(url, spool)
    bad = answered("bad")
    for name, value in values.items():
        setattr(bad, name, value)
    writer = RecordWriter(url, spool)
    for record in (answered("a"), bad, answered("b")):
        writer.put(record)
    if away:
        with locked(url):
            writer._turn()
    writer._turn()
    writer._turn()
    finish(writer)
    assert ids(url) == ["a", "b"]
    assert (writer.rejected, writer.lost) == (1, 0)
    assert (writer.written, writer.replayed) == ((0, 2) if away else (2, 0))
    assert '"bad"' in (spool / "rejected.jsonl").read_text()
    assert events(logged).count("a call record was set aside") == 1


def test_a_row_that_the_database_itself_refuses_is_found_among_hundreds(url: str, spool: Path):
    write(url, spool)
    with sqlite3.connect(file_of(url)) as connection:
        connection.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON calls WHEN new.id IN ('00007', '00123') "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    names = [f"{n:05}" for n in range(200)]
    writer = write(url, spool, *names)
    assert ids(url) == [name for name in names if name not in {"00007", "00123"}]
    assert (writer.written, writer.rejected, writer.spooled, writer.lost) == (198, 2, 0, 0)


def test_a_record_that_cannot_be_set_aside_yet_waits_with_its_batch(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    write(url, spool)
    bad = answered("bad")
    bad.ended_ms = 2**70
    writer = RecordWriter(url, spool)
    writer.put(answered("a"))
    writer.put(bad)
    (spool / "rejected.jsonl").mkdir()
    writer._turn()
    assert (writer.depth, writer.failing) == (2, True)
    (spool / "rejected.jsonl").rmdir()
    writer._turn()
    finish(writer)
    assert ids(url) == ["a"]
    assert (writer.rejected, writer.lost, writer.failing) == (1, 0, False)
