from pathlib import Path

import pytest
from observed import Lines, answered

from callrouter.observe.cdr import Encoder
from callrouter.observe.database import StoreError
from callrouter.observe.spool import Spool

ROWS = [Encoder().row(answered(f"{n:04}")) for n in range(5)]


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
    assert rows == [ROWS[0], *ROWS[2:]]
    assert [line["event"] for line in logged()] == ["line of the record spool passed over"]
    spool.done(end)
    assert not spool.pending()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Spool(tmp_path / "file")
