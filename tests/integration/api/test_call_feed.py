"""Who follows the calls: each event once, in order; who is slow or goes costs nobody anything."""

import asyncio
from pathlib import Path

import pytest
from support.controlled import Room
from support.following import Following
from support.observed import answered
from support.polling import until

from callrouter.api.client import AskedError, ControlError, follow
from callrouter.call.services.call_events import (
    CallKept,
    CallMoved,
    FeatureSwitched,
    HoldChanged,
    LegChanged,
)
from callrouter.call.services.record import CallRecord, KeptRecord
from callrouter.operations.call_feed import FOLLOWERS, QUEUE
from callrouter.operations.calls import follow_calls
from callrouter.operations.operation import NoValues
from callrouter.operations.running_server import show_status

NOTHING = NoValues()


async def listens(room: Room, *, anybody: bool) -> None:
    """Wait until somebody is told of events, or nobody."""

    async def look() -> bool:
        return all(bool(topic.subscribers) == anybody for topic in room.events.topics)

    await until(look)


async def test_each_event_is_a_line_with_its_call_as_it_was_then(room: Room) -> None:
    following = await Following.begin(room.path)
    assert following.status == 200
    record = CallRecord("id1", "c1", 1_700_000_000.0)
    record.caller, record.number = "+8675612345", "4000"
    room.events.started.tell(record)
    record.ringing_ms = 20
    room.events.ringing.tell(record)
    ended = answered("id1")
    leg = ended.legs[0]
    leg.ended_ms = None
    room.events.leg.tell(LegChanged(ended, leg))
    room.events.held.tell(HoldChanged(ended, "caller", on=True, ms=2000))
    room.events.moved.tell(CallMoved(ended, 3000))
    room.events.recorded.tell(
        CallKept(ended, KeptRecord(id="r1", of="4000", ms=900, result="complete"), 4000)
    )
    room.events.switched.tell(FeatureSwitched(ended, "presence of 801", "away", 5000))
    leg.ended_ms = 61_500
    room.events.ended.tell(ended)
    lines = await following.until_ended()
    assert [line["event"] for line in lines] == [
        "started",
        "ringing",
        "leg",
        "held",
        "moved",
        "recorded",
        "switched",
        "ended",
    ]
    assert [line["seconds"] for line in lines] == [0.0, 0.02, 1.49, 2.0, 3.0, 4.0, 5.0, 61.5]
    assert [line["call"]["state"] for line in lines] == [
        "routing",
        "ringing",
        *["answered"] * 5,
        "ended",
    ]
    assert [line["call"]["talking"] for line in lines[1:]] == [[], *[["first"]] * 5, []]
    assert (lines[6]["what"], lines[6]["to"]) == ("presence of 801", "away")
    assert lines[0]["call"] == {
        "id": "id1",
        "trunk": "",
        "caller": "+8675612345",
        "called": "",
        "number": "4000",
        "dialplan": "",
        "since": 1_700_000_000.0,
        "state": "routing",
        "talking": [],
    }
    assert lines[2]["leg"] == {
        "target": "first",
        "state": "answered",
        "status": 200,
        "cause": 16,
        "gateway": "",
    }
    assert (lines[3]["by"], lines[3]["on"]) == ("caller", True)
    assert lines[5]["file"] == {"id": "r1", "of": "4000", "ms": 900, "result": "complete"}
    end = lines[-1]["call"]
    assert (end["disposition"], end["status"], end["hung_up_by"]) == ("ANSWERED", 200, "caller")
    following.close()


async def test_nobody_is_told_of_events_before_one_follows_and_after_the_last_has_gone(
    room: Room,
) -> None:
    await listens(room, anybody=False)
    first, second = [await Following.begin(room.path) for _ in range(2)]
    await listens(room, anybody=True)
    first.close()
    room.events.started.tell(CallRecord("id1", "c1", 0.0))
    line = await second.next()
    assert line is not None
    assert line["event"] == "started"
    second.close()
    await listens(room, anybody=False)
    assert room.bugs == []


async def test_who_does_not_read_loses_events_with_their_count_and_others_get_all(
    room: Room,
) -> None:
    slow, quick = await Following.begin(room.path), await Following.begin(room.path)
    records = [CallRecord(f"{number:06}", "c" * 100, 0.0) for number in range(40 * QUEUE)]
    read: list[str] = []
    for start in range(0, len(records), QUEUE // 2):
        for record in records[start : start + QUEUE // 2]:
            room.events.started.tell(record)
        while len(read) < min(start + QUEUE // 2, len(records)):
            line = await quick.next()
            assert line is not None
            assert "lost" not in line
            read.append(line["call"]["id"])
    assert read == [record.id for record in records]
    lost = room.feed.lost
    assert lost > QUEUE
    # Once it reads, it is told how many are missing, and where.
    seen, missing = 0, 0
    while seen + missing < len(records) - lost + missing:
        line = await slow.next()
        assert line is not None
        missing += line.get("lost", 0)
        assert line["call"]["id"] == f"{seen + missing:06}"
        seen += 1
    room.events.ended.tell(records[0])
    line = await slow.next()
    assert line is not None
    assert (line["event"], missing + line.get("lost", 0)) == ("ended", lost)
    slow.close()
    quick.close()
    await listens(room, anybody=False)
    assert room.bugs == []


async def test_who_goes_without_reading_leaves_nothing(room: Room) -> None:
    following = await Following.begin(room.path)
    for number in range(20 * QUEUE):
        room.events.started.tell(CallRecord(f"{number:06}", "c", 0.0))
        if not number % 100:
            await asyncio.sleep(0)  # the server's turn: its buffers fill
    following.close()
    await listens(room, anybody=False)
    assert (await room.ask(show_status, NOTHING)).numbers == 1


async def test_followers_take_nobodys_place_and_one_too_many_is_refused(room: Room) -> None:
    followers = [await Following.begin(room.path) for _ in range(FOLLOWERS)]
    assert {one.status for one in followers} == {200}
    assert (await room.ask(show_status, NOTHING)).numbers == 1
    refused = await room.http("GET", "/v1/calls/events")
    assert (refused.status, refused.body) == (
        503,
        {"code": "unavailable", "error": f"{FOLLOWERS} follow the calls already"},
    )

    def ask() -> None:
        next(follow(room.path, follow_calls, NOTHING))

    with pytest.raises(AskedError, match="follow the calls already"):
        await asyncio.to_thread(ask)
    followers.pop().close()

    async def look() -> bool:
        another = await Following.begin(room.path)
        followers.append(another)
        return another.status == 200

    await until(look)
    for one in followers:
        one.close()
    await listens(room, anybody=False)


async def test_end_of_the_server_ends_the_stream_after_its_last_event(room: Room) -> None:
    came: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for event in follow(room.path, follow_calls, NOTHING):
            loop.call_soon_threadsafe(came.put_nowait, event.event)

    reading = asyncio.create_task(asyncio.to_thread(read))
    await listens(room, anybody=True)
    room.events.started.tell(answered())
    assert await came.get() == "started"
    room.events.ended.tell(answered())
    await room.listener.close()
    await reading
    assert await came.get() == "ended"
    assert came.empty()


async def test_server_that_breaks_off_is_no_end(tmp_path: Path) -> None:
    async def break_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"5\r\n{")
        writer.close()

    path = tmp_path / "s.sock"
    server = await asyncio.start_unix_server(break_off, path)
    with pytest.raises(ControlError, match="did not answer"):
        await asyncio.to_thread(lambda: list(follow(path, follow_calls, NOTHING)))
    server.close()
