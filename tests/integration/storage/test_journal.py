"""The journal of calls that are up: what a killed process leaves, and what becomes of it."""

from pathlib import Path

import orjson
import pytest
from support.charged import rate_plans, toll_free_call
from support.full_disk import files_limited_to
from support.observed import Lines, answered
from test_writer import events, locked, write

from callrouter.call.services.record import QueueRecord
from callrouter.observe.cdr.crash_recovery import lost_record, up_line
from callrouter.observe.cdr.rows import COLUMNS
from callrouter.storage import active_calls_journal as journals
from callrouter.storage.active_calls_journal import Journal
from callrouter.storage.background_writer import RecordWriter
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.storage.spool import Spool

START = 1_700_000_000.0


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def left_by_a_kill(folder: Path, *names: str, over: tuple[str, ...] = ()) -> None:
    """What is on disk when a process was killed while these calls were up."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)
    journal.open()
    for name in (*names, *over):
        journal.up(up_line(answered(name), 0.0))
    journal.over(over)
    journal.beat()
    journal.close(clean=False)


def calls(url: str) -> dict[str, dict[str, object]]:
    with CdrQuery(url) as found:
        return {str(call["id"]): call for call in found.last(0, Filter())}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("up-*"))


def test_calls_of_a_killed_process_have_their_records_once(
    url: str, spool: Path, logged: Lines
) -> None:
    left_by_a_kill(spool, "01", "02", over=("03",))
    writer = write(url, spool, "04")
    found = calls(url)
    assert sorted(found) == ["01", "02", "04"]
    assert (found["01"]["reason"], found["01"]["cause"]) == ("lost", 41)
    assert found["01"]["caller"] == "+8675612345"
    assert found["04"]["reason"] == ""
    assert writer.calls_lost == 2
    assert events(logged).count("calls were lost: callrouter was killed") == 1
    assert files(spool) == []
    assert write(url, spool).calls_lost == 0


def test_process_killed_while_it_recovers_does_it_again_to_no_effect(url: str, spool: Path) -> None:
    left_by_a_kill(spool, "01")
    left = {path.name: path.read_bytes() for path in spool.iterdir()}
    write(url, spool)
    for name, content in left.items():  # as if it had not come to remove them
        (spool / name).write_bytes(content)
    write(url, spool)
    assert sorted(calls(url)) == ["01"]


def test_record_that_waits_in_the_spool_comes_before_that_of_the_lost_call(
    url: str, spool: Path
) -> None:
    write(url, spool)  # the tables
    with locked(url):
        writer = RecordWriter(url, spool)
        writer.start()
        writer.put(answered("01"))
        writer.close()
    left_by_a_kill(spool, "01", "02")
    write(url, spool)
    found = calls(url)
    assert (found["01"]["reason"], found["02"]["reason"]) == ("", "lost")


def test_lost_calls_wait_in_the_spool_while_the_database_is_away(url: str, spool: Path) -> None:
    write(url, spool)
    left_by_a_kill(spool, "01")
    with locked(url):
        assert write(url, spool).calls_lost == 1
    assert calls(url) == {}
    write(url, spool)
    assert sorted(calls(url)) == ["01"]


def test_two_kills_in_a_row_lose_nothing_and_each_call_ends_with_its_own_process(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, at in (("01", 100.0), ("02", 200.0)):
        monkeypatch.setattr(journals.time, "time", lambda at=at: START + at)
        left_by_a_kill(spool, name)
    write(url, spool)
    found = calls(url)
    assert {name: call["ended_ms"] // 10_000 for name, call in found.items()} == {  # type: ignore[operator]
        "01": 10,
        "02": 20,
    }


def test_rubbish_is_set_aside_said_once_and_counted(url: str, spool: Path, logged: Lines) -> None:
    left_by_a_kill(spool, "01")
    (path,) = (path for path in spool.glob("up-*"))
    good = up_line(answered("02"), 0.0)
    bad = (
        good.replace(b"+02", b"+20").replace(b"]],1700000000.0,", b"]],1e308,"),
        b"\x00\xff\n",
        b"+03 {}\n",
        b'+04 ["x"]\n',
        good.replace(b"+02", b"+05").replace(b",1500,[[", b",1e99,[["),
        good.replace(b"+02", b"+06").replace(b",1500,[[", b",1500,[7,["),
        *(
            good.replace(b"+02 [1700000000.0,", b"+1%d [%b," % (index, started))
            for index, started in enumerate(
                (b"1e308", b"4102444800.0", b"-1.0", b"1e999", b"true", b"null", b'"1"')
            )
        ),
        good[:-40],  # cut off
    )
    with path.open("ab") as file:
        file.writelines((bad[0], good, *bad[1:]))
    assert all(good[4:] not in line for line in bad)
    writer = write(url, spool)
    assert sorted(calls(url)) == ["01", "02"]
    assert writer.journal.rejected == len(bad)
    assert len((spool / "journal-rejected").read_bytes().splitlines()) == len(bad)
    assert events(logged).count("lines of the journal set aside") == 1


def test_lost_call_ends_when_the_process_was_last_alive_and_not_before_its_answer() -> None:
    record = answered("01", START)
    record.legs[0].ended_ms = None
    text = up_line(record, 0.0)[4:]
    found = lost_record("01", text, START + 61.5)
    assert (found.ended_ms, found.legs[0].ended_ms, found.legs[0].cause) == (61_500, 61_500, 41)
    assert lost_record("01", text, START - 100.0).ended_ms == found.answered_ms == 1500
    assert lost_record("01", text, 1e12).ended_ms == (1 << 31) - 1


def test_length_goes_by_the_clock_that_nobody_puts() -> None:
    record = answered("01", START + 7200)  # began after the clock was put two hours ahead
    record.began = 1000.0
    line = up_line(record, START)[4:]
    found = lost_record("01", line, START + 1061.5)
    assert (found.started, found.ended_ms) == (START + 7200, 61_500)
    # A line of the versions that went by the system's clock.
    values = orjson.loads(line)[:-9]
    assert lost_record("01", orjson.dumps(values), START + 7261.5).ended_ms == 61_500


def test_line_of_before_there_were_rate_plans_names_none() -> None:
    record = answered("01", START)
    record.rate_plan, record.legs[0].rate_plan = "hotline", "outbound"
    line = up_line(record, 0.0)[4:]
    found = lost_record("01", line, START + 61.5)
    assert (found.rate_plan, found.legs[0].rate_plan) == ("hotline", "outbound")
    values = orjson.loads(line)[:-8]
    legs = values[-2]
    del legs[0][-1]
    older = lost_record("01", orjson.dumps(values), START + 61.5)
    assert (older.rate_plan, older.legs[0].rate_plan) == ("", "")
    assert (older.ended_ms, older.legs[0].gateway) == (found.ended_ms, found.legs[0].gateway)


def test_lost_call_is_charged_to_its_end(url: str, spool: Path) -> None:
    plans = rate_plans()
    record = toll_free_call("01")
    record.legs[0].ended_ms = None
    spool.mkdir()
    journal = Journal(spool)
    journal.open()
    journal.up(up_line(record, 0.0))
    journal.beat()
    journal.close(clean=False)
    after = RecordWriter(url, spool, plans)
    after.start()
    after.close()
    charged = calls(url)["01"]
    assert (charged["rate_plan"], charged["currency"]) == ("toll_free", "CNY")
    assert [one["plan"] for one in charged["charges"]] == ["toll_free", "outbound"]  # type: ignore[attr-defined]


def test_direction_of_a_lost_call_is_kept_and_that_of_an_older_line_is_inbound() -> None:
    record = answered("01")
    record.direction, record.extension, record.line = "outbound", "105", "main"
    record.account, record.call_back_of = "acme", "02"
    line = up_line(record, 0.0)[4:]
    found = lost_record("01", line, START)
    assert (found.direction, found.extension, found.line) == ("outbound", "105", "main")
    assert (found.account, found.call_back_of) == ("acme", "02")
    before = lost_record("01", line.replace(b',"acme","02","",""]', b"]"), START)
    assert (before.line, before.account, before.call_back_of) == ("main", "", "")
    older = line.replace(b',"outbound","105","main","acme","02","",""]', b"]")
    assert lost_record("01", older, START).direction == "inbound"


def test_lost_call_names_the_queue_it_waited_in_or_came_from() -> None:
    record = answered("01")
    record.queues = (QueueRecord(queue="support", joined_ms=1000),)
    (wait,) = lost_record("01", up_line(record, 0.0)[4:], START + 61.5).queues
    assert (wait.queue, wait.outcome, wait.agent) == ("support", "lost", "")
    assert (wait.joined_ms, wait.left_ms) == (1500, 61_500)
    record.queues[0].agent = "301"
    (wait,) = lost_record("01", up_line(record, 0.0)[4:], START + 61.5).queues
    assert (wait.outcome, wait.agent) == ("answered", "301")


def test_who_was_put_through_last_is_what_the_record_says(url: str, spool: Path) -> None:
    left_by_a_kill(spool, "01")
    journal = Journal(spool)
    journal.open()
    moved = answered("01")
    moved.legs[0].target = "second"
    journal.up(up_line(moved, 0.0))
    journal.close(clean=False)
    write(url, spool)
    assert calls(url)["01"]["legs"][0]["target"] == "second"  # type: ignore[index]


def test_text_that_is_no_utf8_is_storable(url: str, spool: Path) -> None:
    record = answered("01")
    record.caller = b"\xff\x00caller".decode("utf-8", "surrogateescape")
    assert lost_record("01", up_line(record, 0.0)[4:], START).caller == "\\udcff\\x00caller"


def test_files_do_not_grow_with_calls_that_are_over(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "_LARGE", 20_000)
    monkeypatch.setattr(journals, "_BEAT_SECONDS", 0.0)
    spool.mkdir()
    journal = Journal(spool)
    journal._large = 20_000  # as it is made
    journal.open()
    for number in range(5000):
        name = f"{number:05x}"
        journal.up(up_line(answered(name), 0.0))
        if number % 100:
            journal.over([name])
        journal.beat()
        assert sum(path.stat().st_size for path in spool.iterdir()) < 120_000
    journal.close(clean=False)
    after = Journal(spool)
    after.open()
    rows = after.lost()
    assert sorted(str(row[0]) for row in rows) == [f"{n:05x}" for n in range(0, 5000, 100)]
    assert after.rejected == 0


def test_full_disk_keeps_lines_until_there_is_room(spool: Path, logged: Lines) -> None:
    spool.mkdir()
    journal = Journal(spool)
    journal.open()
    with files_limited_to(600):
        for number in range(5):
            journal.up(up_line(answered(f"{number:02}"), 0.0))
            journal.up(up_line(answered(f"{number:02}"), 0.0))  # somebody else talks in it
        assert (journal.waiting, journal.failing) == (4, True)
        journal.over(["01"])
        journal.beat()
        assert (journal.waiting, journal.failing) == (3, True)
    journal.beat()
    journal.up(up_line(answered("05"), 0.0))
    assert (journal.waiting, journal.failing) == (0, False)
    journal.close(clean=False)
    after = Journal(spool)
    after.open()
    assert sorted(str(row[0]) for row in after.lost()) == ["00", "02", "03", "04", "05"]
    assert events(logged).count("the journal of calls cannot be written") == 1


@pytest.mark.usefixtures("log")
def test_call_that_waits_for_a_full_disk_too_long_is_counted(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "_WAITING", 3)
    spool.mkdir()
    journal = Journal(spool)
    journal.open()
    with files_limited_to(100):
        for number in range(5):
            journal.up(up_line(answered(f"{number:02}"), 0.0))
    assert journal.missed == 2


def test_slow_disk_is_left_to_the_thread(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_SLOW_SECONDS", -1.0)
    spool.mkdir()
    journal = Journal(spool)
    journal.open()
    journal.up(up_line(answered("01"), 0.0))
    journal.up(up_line(answered("02"), 0.0))
    (path,) = spool.glob("up-*")
    assert b"+01 " in path.read_bytes()
    assert b"+02 " not in path.read_bytes()
    journal.beat()
    assert b"+02 " in path.read_bytes()
    monkeypatch.setattr(journals, "_SLOW_SECONDS", 5.0)
    journal.up(up_line(answered("03"), 0.0))
    assert b"+03 " in path.read_bytes()


def test_line_says_all_that_a_record_of_it_can_say() -> None:
    record = answered("01", START)
    rows = lost_record("01", up_line(record, 0.0)[4:], START)
    same = set(COLUMNS) - {
        *("ended_ms", "cause", "reason", "hung_up_by", "legs", "trace"),
        *("voicemail", "recordings", "heard"),
        *("currency", "billed_seconds", "cost", "charges"),
    }
    assert {name for name in same if getattr(rows, name) == getattr(record, name)} == same


def test_spool_that_takes_nothing_keeps_the_journal(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_a_kill(spool, "01")
    taken = Spool.append

    def full(_self: Spool, _rows: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "append", full)
    assert write(url, spool).calls_lost == 0
    assert files(spool) != []
    monkeypatch.setattr(Spool, "append", taken)
    assert write(url, spool).calls_lost == 1
    assert sorted(calls(url)) == ["01"]
