from pathlib import Path

import orjson
import pytest
from support.observed import Lines, answered

from callrouter.observe.cdr.rows import COLUMNS, Row, encode
from callrouter.storage.engine import StoreError
from callrouter.storage.spool import Spool

ROWS = [encode(answered(f"{n:04}")) for n in range(5)]


def test_rows_come_back_in_order_and_the_file_goes_with_the_last(tmp_path: Path):
    spool = Spool(tmp_path)
    assert not spool.pending()
    spool.append(ROWS[:3])
    spool.append(ROWS[3:])
    rows, end = spool.next(4)
    assert rows == ROWS[:4]
    spool.done(end)
    assert spool.pending()
    rows, end = spool.next(4)
    assert rows == ROWS[4:]
    spool.done(end)
    assert not spool.pending()
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_replay_that_was_not_done_come_again(tmp_path: Path):
    spool = Spool(tmp_path)
    spool.append(ROWS)
    assert spool.next(5) == spool.next(5)


def test_a_last_line_torn_by_a_crash_costs_only_itself(tmp_path: Path, logged: Lines):
    spool = Spool(tmp_path / "spool")
    spool.append(ROWS[:2])
    file = tmp_path / "spool" / "records.jsonl"
    file.write_bytes(file.read_bytes()[:-30])
    spool.append(ROWS[2:])
    rows, end = spool.next(10)
    assert rows == [ROWS[0]]
    spool.done(end)
    rows, end = spool.next(10)
    assert rows == ROWS[2:]
    spool.done(end)
    assert not spool.pending()
    assert [line["event"] for line in logged()] == ["a call record was set aside"]
    assert spool.rejected == 1


def line_of(row: Row, **values: object) -> bytes:
    return orjson.dumps(dict(zip(COLUMNS, row, strict=True)) | values)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "input data is empty"),
        (b"[]", "expected an object"),
        (b"{}", "id: expected a value"),
        (b"\xff{}", "not valid UTF-8"),
        (b"[" * 5000, "depth limit exceeded"),
        (line_of(ROWS[0], id=""), "id: expected text"),
        (line_of(ROWS[0], id=["x"]), "id: expected text"),
        (line_of(ROWS[0], caller=None), "caller: expected a value"),
        (line_of(ROWS[0], caller="1\0"), "caller: expected text"),
        (line_of(ROWS[0], started="now"), "started: expected seconds from 0 to 4102444800"),
        (line_of(ROWS[0], started=4_102_444_800), "started: expected seconds from 0 to 4102444800"),
        (line_of(ROWS[0], started=-0.5), "started: expected seconds from 0 to 4102444800"),
        (line_of(ROWS[0], started=True), "started: expected seconds from 0 to 4102444800"),
        (line_of(ROWS[0], status="200"), "status: expected an integer of 31 bits"),
        (line_of(ROWS[0], status=2**31), "status: expected an integer of 31 bits"),
        (line_of(ROWS[0], ended_ms=2**63), "ended_ms: expected an integer of 63 bits"),
        (line_of(ROWS[0], ended_ms=1.5), "ended_ms: expected an integer of 63 bits"),
        (line_of(ROWS[0], legs="[1]"), "legs: expected a list of its objects as JSON"),
        (line_of(ROWS[0], legs='[{"target": "x"}]'), "legs: expected a list of its objects"),
        (line_of(ROWS[0], trace="no"), "trace: expected a list of its objects as JSON"),
        (line_of(ROWS[0], legs=[]), "legs: expected a list of its objects as JSON"),
        (line_of(ROWS[0], later=1), "unknown column 'later': of a later version?"),
        (line_of(ROWS[0], reason="x" * (4 << 20)), "expected a record of less than 4194304 bytes"),
    ],
)
def test_a_line_that_is_no_row_is_set_aside_whole_and_the_others_come(
    tmp_path: Path, logged: Lines, line: bytes, why: str
):
    spool = Spool(tmp_path)
    file = tmp_path / "records.jsonl"
    file.write_bytes(b"\n".join((line_of(ROWS[0]), line, line_of(ROWS[1]), line, b"")))
    found = []
    while spool.pending():
        rows, end = spool.next(10)
        found += rows
        spool.done(end)
    assert found == ROWS[:2]
    assert spool.rejected == 2
    assert (tmp_path / "rejected.jsonl").read_bytes() == b"\n".join((line, line, b""))
    (told,) = logged()
    assert why in str(told["why"])
    assert told["offset"] == len(line_of(ROWS[0])) + 1


def test_rows_of_an_earlier_version_have_none_of_the_later_columns(tmp_path: Path):
    spool = Spool(tmp_path)
    entry = dict(zip(COLUMNS[:20], ROWS[0], strict=False))
    (tmp_path / "records.jsonl").write_bytes(orjson.dumps(entry) + b"\n")
    assert spool.next(10)[0] == [(*ROWS[0][:20], *[None] * (len(COLUMNS) - 20))]


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Spool(tmp_path / "file")
