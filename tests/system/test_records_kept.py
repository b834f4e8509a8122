"""Records of the running program when the table, the spool or the disk does not take them."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.full_disk import fill, small_disk
from support.phones import Outcome, Phones
from support.polling import gone, until
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(slots=True)
class Lines:
    """A callrouter of its own, its callers and its callees."""

    serving: Serving
    callers: Phones

    async def call(self) -> Outcome:
        """One call that is answered and over."""
        outcome = self.callers.call("6000", 0.0)
        await outcome.over.wait()
        assert outcome.status == 200
        return outcome

    async def count(self, name: str, value: float) -> None:
        """Wait until a metric has this value."""

        async def look() -> bool:
            return (await self.serving.metrics())[f"callrouter_{name}"] == value

        await until(look)

    async def recorded(self, *calls: Outcome) -> None:
        """Wait until these calls, and no others, each have one row."""
        due = sorted(call.call_id for call in calls)

        async def look() -> bool:
            return sorted(row["call_id"] for row in self.serving.place.records("6000")) == due

        await until(look)


def placed(folder: Path) -> tuple[Place, int]:
    """A place where 6000 is answered at a port."""
    port = free_port()
    dialplan = (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets:\n  answers: {{uri: 'sip:service@127.0.0.1:{port}'}}\n"
        "numbers:\n  '6000': {route: [{hunt: [answers]}]}\n"
    )
    return lay_out(folder, dialplan), port


@asynccontextmanager
async def lines(place: Place, port: int) -> AsyncIterator[Lines]:
    """The callrouter of a place, with callers and callees."""
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    try:
        yield Lines(serving, callers)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def test_lines_that_do_not_fit_the_table_stop_neither_replay_nor_live_records(
    tmp_path: Path,
) -> None:
    place, port = placed(tmp_path)
    async with lines(place, port) as up:
        first = await up.call()
        await up.recorded(first)
    (row,) = place.records()
    base = sqlite3.connect(place.database)
    base.row_factory = sqlite3.Row
    good = dict(base.execute("SELECT * FROM calls").fetchone())
    base.close()
    assert row["id"] == good["id"]
    old = {name: value for name, value in good.items() if name not in {"voicemail", "heard"}}
    bad = [
        b'{"id": 1}',
        b"{}",
        b"[]",
        b'"text"',
        b"null",
        b"nothing of JSON",
        json.dumps(good | {"id": "x1", "legs": 5}).encode(),
        json.dumps(good | {"id": "x2", "caller": None}).encode(),
        json.dumps(good | {"id": "x3", "status": "two hundred"}).encode(),
        json.dumps(good | {"id": "x4", "a_later_column": True}).encode(),
        json.dumps(good | {"id": "x5", "ended_ms": 2**64}).encode(),
        json.dumps(good | {"id": "x8", "started": 1e30}).encode(),
        json.dumps(good | {"id": "x9", "started": -1}).encode(),
        json.dumps(good | {"id": "x6", "reason": "x" * (5 << 20)}).encode(),
        json.dumps(good | {"id": "x7"}).encode()[:-20],
    ]
    fit = [
        json.dumps(entry | {"id": f"spooled-{index}", "call_id": f"spooled-{index}@old"}).encode()
        for index, entry in enumerate((good, old))
    ]
    spool = place.folder / "var" / "spool"
    # The last line lacks its end, as a kill leaves it.
    (spool / "records.jsonl").write_bytes(b"\n".join((*bad[:-1], *fit, bad[-1])))
    async with lines(place, port) as up:
        second = await up.call()
        await up.count("records_replayed_total", 2)
        await up.count("records_rejected_total", len(bad))
        await up.count("records_written_total", 1)

        async def all_there() -> bool:
            base = sqlite3.connect(place.database)
            ids = {call_id for (call_id,) in base.execute("SELECT call_id FROM calls")}
            base.close()
            return ids == {first.call_id, second.call_id, "spooled-0@old", "spooled-1@old"}

        await until(all_there)
        await gone(spool / "records.jsonl")
        assert (spool / "rejected.jsonl").read_bytes() == b"\n".join((*bad, b""))
        await up.serving.logged("a call record was set aside")
        assert up.serving.log().count("a call record was set aside") == 1


async def cdr(place: Place, *arguments: str) -> str:
    """What `callrouter cdr` shows."""
    process = await asyncio.create_subprocess_exec(
        *command("cdr", *arguments, "--config", place.config),
        cwd=place.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_line_of_the_journal_past_all_calendars_stops_no_record(tmp_path: Path) -> None:
    place, port = placed(tmp_path)
    spool = place.folder / "var" / "spool"
    async with lines(place, port) as up:
        talking = up.callers.call("6000", 600.0)
        await talking.answered.wait()
        up.serving.signal(signal.SIGKILL)
        await up.serving.ended()
    (path,) = spool.glob("up-*.journal")
    (line,) = (one for one in path.read_bytes().splitlines(True) if one.startswith(b"+"))
    name, values = line.split(b" ", 1)
    bad = b"+0bad [1e308," + values.split(b",", 1)[1]
    with path.open("ab") as file:
        file.write(bad)
    async with lines(place, port) as up:
        outcome = await up.call()
        await up.recorded(talking, outcome)
        await up.count("journal_rejected_total", 1)
        await up.count("calls_lost_total", 1)
        await up.count("store_failing", 0)
        up.serving.signal(signal.SIGTERM)
        assert await up.serving.ended() == 0
    assert (spool / "journal-rejected").read_bytes() == bad
    # A table of an earlier version may have such a row.
    base = sqlite3.connect(place.database)
    base.execute("UPDATE calls SET started = 1e30 WHERE reason = 'lost'")
    base.commit()
    base.close()
    assert "1e+30" in await cdr(place)
    assert "1e+30" in await cdr(place, name[1:].decode())


async def test_stop_with_records_that_are_nowhere_says_so(tmp_path: Path) -> None:
    place, port = placed(tmp_path)
    async with lines(place, port) as up:
        await up.recorded(await up.call())
        (place.folder / "var" / "spool" / "records.jsonl").mkdir()
        base = sqlite3.connect(place.database, isolation_level=None)
        base.execute("BEGIN IMMEDIATE")
        await up.call()
        await up.count("store_failing", 1)
        up.serving.signal(signal.SIGTERM)
        assert await up.serving.ended() == 1
        base.execute("ROLLBACK")
        base.close()
        assert "1 call records are nowhere" in up.serving.log()
    # A call that was answered is in the journal still: the next start writes its record.
    (place.folder / "var" / "spool" / "records.jsonl").rmdir()
    async with lines(place, port) as up:
        await up.count("calls_lost_total", 1)


async def test_record_that_the_table_refuses_costs_no_other_one(tmp_path: Path) -> None:
    place, port = placed(tmp_path)
    async with lines(place, port) as up:
        first = await up.call()
        await up.recorded(first)
        base = sqlite3.connect(place.database)
        base.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON calls WHEN substr(new.call_id, 6, 1) < '4' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
        base.close()
        outcomes = [up.callers.call("6000", 0.0) for _ in range(60)]
        for outcome in outcomes:
            await outcome.over.wait()
        taken = [first, *(it for it in outcomes if it.call_id[5] >= "4")]
        await up.count("records_written_total", len(taken))
        await up.count("records_rejected_total", 61 - len(taken))
        assert 1 < len(taken) < 61
        await up.recorded(*taken)
        metrics = await up.serving.metrics()
        assert metrics["callrouter_records_lost_total"] == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "4m") as folder:
        yield folder


async def test_metrics_say_how_many_calls_a_kill_would_lose_while_the_disk_is_full(
    tmp_path: Path, disk: Path
) -> None:
    place, port = placed(tmp_path)
    (tmp_path / "var").symlink_to(disk)
    failing = 'store_failing{store="journal"}'
    async with lines(place, port) as up:
        await up.count(failing, 0)

        async def talking(count: int) -> None:
            for _ in range(count):
                await up.callers.call("6000", 600.0).answered.wait()

        await talking(1)
        filler = fill(disk)
        await talking(25)  # of which the last page of the file has room for some
        await up.count(failing, 1)
        first = (await up.serving.metrics())["callrouter_journal_waiting"]
        assert 0 < first < 26
        filler.unlink()
        await up.count("journal_waiting", 0)
        await up.count(failing, 0)
        filler = fill(disk)
        await talking(25)
        await up.count(failing, 1)
        metrics = await up.serving.metrics()
        waiting = metrics["callrouter_journal_waiting"]
        assert 0 < waiting < 26
        assert metrics["callrouter_calls_unjournaled_total"] == 0
        up.serving.signal(signal.SIGKILL)
        await up.serving.ended()
    filler.unlink()
    async with lines(place, port) as up:
        await up.count("calls_lost_total", 51 - waiting)


async def test_full_disk_costs_no_record_and_no_state_and_is_said_once(
    tmp_path: Path, disk: Path
) -> None:
    place, port = placed(tmp_path)
    (tmp_path / "var").symlink_to(disk)  # the log, which is a file here, is elsewhere
    async with lines(place, port) as up:
        first = await up.call()
        await up.recorded(first)
        filler = fill(disk)
        outcomes = [await up.call() for _ in range(120)]
        process = await asyncio.create_subprocess_exec(
            *command("block", "add", "+8613800138000", "--config", place.config), cwd=tmp_path
        )
        assert await process.wait() == 0

        failing = (
            "records go to the spool: the database does not take them",
            "the record spool cannot be used",
            "state is not kept on disk: its file cannot be written",
        )

        async def all_fail() -> bool:
            return all(line in up.serving.log() for line in failing)

        await until(all_fail)
        filler.unlink()
        await up.recorded(first, *outcomes)
        await up.count("store_failing", 0)

        async def kept_again() -> bool:
            return "state is kept on disk again" in up.serving.log()

        await until(kept_again)  # it is tried again every few seconds
        log = up.serving.log()
        for line in (*failing, "state is kept on disk again", "the record spool can be used again"):
            assert log.count(line) == 1, line
        assert "Traceback" not in log
