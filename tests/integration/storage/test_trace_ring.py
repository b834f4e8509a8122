"""The ring of the SIP trace on a real disk: its bound, its ends, and a disk that refuses."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.full_disk import files_limited_to
from support.polling import PATIENCE

from callrouter.call.services.call_events import DialogBegun
from callrouter.call.services.record import CallRecord
from callrouter.observe.trace.call_trace import CallTrace
from callrouter.observe.trace.trace_entries import MAGIC, TracedMessage
from callrouter.private import is_claimed
from callrouter.sip.flow import Flow
from callrouter.storage import background
from callrouter.storage.trace_reader import TraceError, TraceReader
from callrouter.storage.trace_ring import TraceRing, segments

FLOW = Flow("UDP", "192.0.2.1", 5060, "192.0.2.9", 5062, None)
KEEP = 160_000
"""Bytes: segments of 10,000."""


@contextmanager
def ring(folder: Path, keep: int = KEEP) -> Iterator[TraceRing]:
    made = TraceRing(folder, keep)
    made.start()
    yield made
    made.close()


def message(call_id: str, number: int = 1, size: int = 0) -> bytes:
    return f"INFO sip:x SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: {number} INFO\r\n\r\n".encode() + (
        b"x" * size
    )


def numbers(folder: Path, wanted: str) -> list[int]:
    """The CSeq numbers of the messages that are found."""
    return [number(one) for one in TraceReader(folder, CallTrace(wanted)).history()]


def number(one: TracedMessage) -> int:
    return int(one.data.split(b"CSeq: ")[1].split()[0])


def sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for _, path in segments(folder)]


def wait(done: Callable[[], bool]) -> None:
    """Wait until the ring's thread has done something; it takes a turn every 0.25 s."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        if done():
            return
        pause.wait(0.05)
    raise AssertionError("it was never done")


def record(id: str, call_id: str) -> CallRecord:
    return CallRecord(id, call_id, 1.0)


def test_call_is_found_by_its_id_and_by_each_call_id(tmp_path: Path) -> None:
    with ring(tmp_path / "trace") as it:
        call = record("c1", "a@h")
        it.seen(False, FLOW, message("a@h", 1))
        it.started(call)
        it.begun(DialogBegun(call, "b1", "desk"))
        it.seen(True, FLOW, message("b1", 2))
        it.seen(True, FLOW, message("other", 9))
        it.ended(call)
        it.seen(True, FLOW, message("a@h", 3))
    for wanted in ("c1", "a@h", "b1"):
        trace = CallTrace(wanted)
        found = TraceReader(tmp_path / "trace", trace).history()
        assert [number(one) for one in found] == [1, 2, 3]
        assert [trace.party(one) for one in found] == ["caller", "desk", "caller"]
        assert trace.over
    assert numbers(tmp_path / "trace", "other") == [9]
    with pytest.raises(TraceError, match="there is no trace of b2: no such id"):
        numbers(tmp_path / "trace", "b2")


def test_files_are_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "trace"
    folder.mkdir(mode=0o755)
    old = folder / "trace-000000000007.seg"
    old.write_bytes(MAGIC)
    old.chmod(0o644)
    with ring(folder) as it:
        it.seen(True, FLOW, message("a"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for _, path in segments(folder)] == [0o600, 0o600]
    assert [found for found, _ in segments(folder)] == [7, 8]


def test_oldest_segments_go_before_the_bound_is_passed(tmp_path: Path) -> None:
    folder = tmp_path / "trace"
    with ring(folder) as it:
        for count in range(600):
            it.seen(True, FLOW, message("a", count, 900))
        wait(lambda: it.written == 600)
        assert sum(sizes(folder)) <= KEEP
        assert len(sizes(folder)) > 10
    kept = numbers(folder, "a")
    assert kept == list(range(600 - len(kept), 600))
    assert len(kept) > 100
    with ring(folder) as it:  # what an earlier process left counts as well
        for count in range(600, 700):
            it.seen(True, FLOW, message("a", count, 900))
    assert sum(sizes(folder)) <= KEEP
    assert numbers(folder, "a")[-1] == 699


def test_end_of_a_long_call_leads_to_its_messages_when_its_begin_is_gone(tmp_path: Path) -> None:
    with ring(tmp_path / "trace") as it:
        call = record("c1", "a@h")
        it.started(call)
        it.begun(DialogBegun(call, "b1", "desk"))
        it.seen(True, FLOW, message("b1", 1))
        for count in range(300):
            it.seen(True, FLOW, message("other", count, 900))
        wait(lambda: it.written == 301)
        it.seen(True, FLOW, message("b1", 2))
        it.ended(call)
    assert numbers(tmp_path / "trace", "c1") == [2]


def test_message_larger_than_a_segment_is_kept(tmp_path: Path) -> None:
    with ring(tmp_path / "trace") as it:
        it.seen(True, FLOW, message("a", 1))
        it.seen(True, FLOW, message("a", 2, 60_000))
        it.seen(True, FLOW, message("a", 3))
    assert numbers(tmp_path / "trace", "a") == [1, 2, 3]
    assert sum(sizes(tmp_path / "trace")) <= KEEP


def test_no_credential_reaches_the_disk(tmp_path: Path) -> None:
    secret = message("a").replace(
        b"\r\n\r\n", b"\r\nAuthorization: Digest response=6f1d4c0a8e5b49d2\r\n\r\n"
    )
    with ring(tmp_path / "trace") as it:
        it.seen(False, FLOW, message("a", 1))
        it.seen(False, FLOW, secret)
    data = b"".join(path.read_bytes() for _, path in segments(tmp_path / "trace"))
    assert b"6f1d4c0a8e5b49d2" not in data
    assert b"Authorization: Digest ***\r\n" in data


def test_torn_last_entry_of_a_killed_process_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "trace"
    with ring(folder) as it:
        for count in range(3):
            it.seen(True, FLOW, message("a", count))
    torn = segments(folder)[0][1]
    os.truncate(torn, torn.stat().st_size - 5)
    with ring(folder) as it:
        it.seen(True, FLOW, message("a", 3))
    assert numbers(folder, "a") == [0, 1, 3]


def test_full_disk_costs_messages_and_one_line_and_leaves_no_torn_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)
    folder = tmp_path / "trace"
    with ring(folder) as it:
        it.seen(True, FLOW, message("a", 1))
        wait(lambda: it.written == 1)
        with files_limited_to(sizes(folder)[0] + 50):
            for count in range(2, 5):
                it.seen(True, FLOW, message("a", count))
                wait(lambda count=count: it.lost == count - 1)  # type: ignore[misc]
            assert it.failing
        it.seen(True, FLOW, message("a", 5))
        wait(lambda: it.written == 2)
        assert not it.failing
    assert numbers(folder, "a") == [1, 5]
    assert len(sizes(folder)) == 1
    # Where the log goes, another test of this process may have said.
    assert "".join(capfd.readouterr()).count("the disk does not take it") == 1


def test_folder_that_was_deleted_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "trace"
    with ring(folder) as it:
        it.seen(True, FLOW, message("a", 1))
        wait(lambda: it.written == 1)
        for _, path in segments(folder):
            path.unlink()
        folder.rmdir()
        it.seen(True, FLOW, message("a", 2))
        wait(lambda: it.written == 2)
    assert numbers(folder, "a") == [2]


def test_folder_that_cannot_be_made_costs_messages_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with ring(tmp_path / "file" / "trace") as it:
        it.seen(True, FLOW, message("a", 1))
        wait(lambda: it.lost == 1)
        assert it.failing
    with pytest.raises(TraceError, match="cannot be read: Not a directory"):
        numbers(tmp_path / "file" / "trace", "a")


def test_what_comes_while_one_reads_is_news_once_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "trace"
    with ring(folder) as it:
        call = record("c1", "a@h")
        it.started(call)
        it.seen(True, FLOW, message("a@h", 1))
        wait(lambda: it.written == 1)
        trace = CallTrace("c1")
        reader = TraceReader(folder, trace)
        assert [number(one) for one in reader.history()] == [1]
        assert reader.news() == []
        it.begun(DialogBegun(call, "b1", "desk"))
        for count in range(2, 60):
            it.seen(True, FLOW, message("b1", count, 900))
        wait(lambda: it.written == 59)
        assert [number(one) for one in reader.news()] == list(range(2, 60))
        assert not trace.over
        it.ended(call)
        wait(lambda: not reader.news() and trace.over)


CLAIM = """
import sys
from pathlib import Path
from callrouter.private import Claims
with Claims() as claims:
    claims.folder("trace folder", Path(sys.argv[1]))
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_claim_of_another_process_is_seen(tmp_path: Path) -> None:
    assert not is_claimed(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert is_claimed(tmp_path)
        other.communicate()
    assert not is_claimed(tmp_path)
