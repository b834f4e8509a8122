"""The socket: what it takes, what it refuses, and who may listen."""

import asyncio
import socket
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from callrouter.api.client import AskedError, ControlError, ask
from callrouter.api.unix_socket import ControlListener, SocketError
from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.observe.log import open_log
from callrouter.operations.active_calls import ActiveCalls
from callrouter.operations.dispatch import Dispatcher
from callrouter.operations.reload.reloader import Reloader
from callrouter.operations.requests import (
    AddBlock,
    ClearPresence,
    Drain,
    ListBlocks,
    ListCalls,
    RecordCall,
    RemoveBlock,
    SetOverride,
    SetPresence,
    Status,
)
from callrouter.state.memory import Memory
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@127.0.0.1:5081"}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
extensions: {"801": {targets: [a]}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""


class Nobody:
    """Observes nothing."""

    def call_started(self, record: CallRecord) -> None: ...
    def call_up(self, record: CallRecord) -> None: ...
    def call_ended(self, record: CallRecord) -> None: ...
    def call_broken(self, record: CallRecord, error: Exception) -> None: ...


class Room:
    """A listener over a real socket, and what it acts on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.draining = False
        self.may_drain = True
        self.memory = Memory(lambda *_: None, seed=1)
        self.live = ActiveCalls(Nobody(), time.monotonic)
        dialplan = compile_dialplan(parse(PLAN, "plan.yaml"))
        reloader = Reloader(dialplan, path, lambda _: None, open_log("text", "error"))
        desk = Dispatcher(
            self.memory,
            self.live,
            reloader,
            0.0,
            lambda: {"workers": []},
            self.record,
            dict,
            self.drain,
            lambda: self.draining,
        )
        self.listener = ControlListener(path, desk)

    def drain(self, on: bool) -> str:
        self.draining = on
        return "" if self.may_drain else "it is stopping already"

    def record(self, call: str, on: bool) -> str:
        return "" if call == "id1" and on else f"no call in progress has the id {call}"

    async def ask(self, request: Any) -> dict[str, Any]:
        return await asyncio.to_thread(ask, self.path, request)

    async def raw(self, line: bytes) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(line)
        answer: dict[str, Any] = orjson.loads(await reader.read())
        writer.close()
        return answer


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    opened = Room(tmp_path / "var" / "s.sock")
    await opened.listener.start()
    yield opened
    opened.listener.close()


async def test_only_the_owner_may_open_the_socket_and_it_is_gone_afterwards(room: Room) -> None:
    assert stat.S_IMODE(room.path.stat().st_mode) == 0o600
    room.listener.close()
    assert not room.path.exists()


async def test_drain_begins_and_ends_or_says_why_not(room: Room) -> None:
    assert await room.ask(Drain()) == {"ok": True, "draining": True, "calls": 0}
    assert (await room.ask(Status()))["draining"]
    assert not (await room.ask(Drain(on=False)))["draining"]
    room.may_drain = False
    with pytest.raises(AskedError, match="it is stopping already"):
        await room.ask(Drain())


async def test_status_says_what_serves(room: Room) -> None:
    answer = await room.ask(Status())
    assert (answer["numbers"], answer["calls"], answer["file"]) == (1, 0, "plan.yaml")


async def test_calls_in_progress_are_listed_newest_first_with_their_state(room: Room) -> None:
    for index in range(3):
        record = CallRecord(f"id{index}", f"call{index}", time.time())
        record.ringing_ms = 5 if index else None
        record.answered_ms = 9 if index == 2 else None
        room.live.call_started(record)
    answer = await room.ask(ListCalls(most=2))
    assert [(call["id"], call["state"]) for call in answer["calls"]] == [
        ("id2", "answered"),
        ("id1", "ringing"),
    ]
    assert answer["all"] == 3


async def test_recording_of_a_call_is_asked_for_by_its_id(room: Room) -> None:
    assert await room.ask(RecordCall(call="id1", on=True)) == {
        "ok": True,
        "call": "id1",
        "on": True,
    }
    with pytest.raises(AskedError, match="no call in progress has the id id2"):
        await room.ask(RecordCall(call="id2", on=True))


async def test_caller_is_blocked_in_e164_however_it_is_written(room: Room) -> None:
    await room.ask(AddBlock(caller="13800138000", seconds=60.0))
    assert set(room.memory.snapshot.blocks) == {("", "+8613800138000")}
    answer = await room.ask(ListBlocks(caller="008613800138000"))
    assert [block["caller"] for block in answer["blocks"]] == ["+8613800138000"]
    await room.ask(RemoveBlock(caller="+8613800138000"))
    assert not room.memory.snapshot.blocks


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (AddBlock(caller="1", number="4999"), "no number 4999"),
        (AddBlock(caller="anonymous"), "expected a number such as"),
        (RemoveBlock(caller="1"), "1 is not blocked at all numbers"),
        (RemoveBlock(caller="1", number="4000"), "1 is not blocked at number 4000"),
        (SetOverride(schedule="offie", open=True), "no schedule offie; it has: office"),
        (SetOverride(schedule="office", open=True, until=1.0), "passed already"),
        (SetPresence(extension="809"), "no extension 809"),
        (ClearPresence(extension="801"), "801 is not away"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    room: Room, request_: Any, said: str
) -> None:
    with pytest.raises(AskedError, match=said):
        await room.ask(request_)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"moon\n",
        b'{"do": "moon"}\n',
        b'{"do": "status", "more": 1}\n',
        b'{"do": "block add", "caller": ""}\n',
        b'{"do": "calls", "most": 100000}\n',
        b"\xff\xfe\n",
        b"[" * 10_000 + b"\n",
    ],
)
async def test_line_that_is_no_request_gets_an_error_and_the_next_one_is_served(
    room: Room, line: bytes
) -> None:
    answer = await room.raw(line)
    assert answer["ok"] is False
    assert answer["error"]
    assert (await room.ask(Status()))["ok"]


async def test_endless_request_is_refused_at_its_bound(room: Room) -> None:
    answer = await room.raw(b"x" * 40_000)
    assert "longer than" in answer["error"]


async def test_connections_that_say_nothing_do_not_keep_others_out_for_long(room: Room) -> None:
    silent = [await asyncio.open_unix_connection(str(room.path)) for _ in range(16)]
    with pytest.raises(AskedError, match="too many commands"):
        await room.ask(Status())
    for _, writer in silent:
        writer.close()
    for reader, _ in silent:
        await reader.read()
    assert (await room.ask(Status()))["ok"]


async def test_second_server_at_the_same_path_is_refused(room: Room) -> None:
    with pytest.raises(SocketError, match="another callrouter is listening"):
        await Room(room.path).listener.start()
    assert (await room.ask(Status()))["ok"]


async def test_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    room = Room(path)
    await room.listener.start()
    assert (await room.ask(Status()))["ok"]
    room.listener.close()


async def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    path.write_text("mine")
    with pytest.raises(SocketError, match="cannot listen"):
        await Room(path).listener.start()
    assert path.read_text() == "mine"


def test_no_server_is_said_in_so_many_words(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=f"no callrouter is listening at {tmp_path}/s.sock"):
        ask(tmp_path / "s.sock", Status())
