"""The socket: who may listen and open it, and what operations do when they are asked over it."""

import asyncio
import socket
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from support.controlled import OneInProgress, Room

from callrouter.api.client import AskedError, ControlError, ask
from callrouter.api.unix_socket import SocketError
from callrouter.call.services.record import CallRecord
from callrouter.operations.bans import AddBan, RemoveBan, add_ban, remove_ban
from callrouter.operations.blocks import (
    AddBlock,
    ListBlocks,
    RemoveBlock,
    add_block,
    list_blocks,
    remove_block,
)
from callrouter.operations.calls import (
    OneCall,
    list_calls,
    start_recording,
    stop_recording,
)
from callrouter.operations.gateways import OneGateway, drain_gateway, enable_gateway
from callrouter.operations.operation import Newest, NoValues
from callrouter.operations.overrides import (
    ClearOverride,
    SetOverride,
    clear_override,
    set_override,
)
from callrouter.operations.presence import (
    ClearPresence,
    SetPresence,
    clear_presence,
    set_presence,
)
from callrouter.operations.running_server import (
    cancel_drain,
    reload_dialplan,
    show_media,
    show_status,
    start_drain,
)

NOTHING = NoValues()


async def test_only_the_owner_may_open_the_socket_and_it_is_gone_afterwards(room: Room) -> None:
    assert stat.S_IMODE(room.path.stat().st_mode) == 0o600
    await room.listener.close()
    assert not room.path.exists()


async def test_drain_begins_and_ends_or_says_why_not(room: Room) -> None:
    begun = await room.ask(start_drain, NOTHING)
    assert begun.model_dump() == {"draining": True, "calls": 0}
    assert (await room.ask(show_status, NOTHING)).draining
    assert not (await room.ask(cancel_drain, NOTHING)).draining
    room.may_drain = False
    with pytest.raises(AskedError, match="it is stopping already"):
        await room.ask(start_drain, NOTHING)


async def test_status_says_what_serves(room: Room) -> None:
    answer = await room.ask(show_status, NOTHING)
    assert (answer.numbers, answer.calls, answer.file) == (1, 0, "plan.yaml")
    assert answer.media.workers == 1


async def test_worker_that_has_not_reported_yet_says_nothing_of_what_it_holds(room: Room) -> None:
    (worker,) = (await room.ask(show_media, NOTHING)).workers
    assert (worker.name, worker.rss) == ("0-1", None)
    assert "rss" not in worker.model_dump(exclude_unset=True)


async def test_calls_in_progress_are_listed_newest_first_with_their_state(room: Room) -> None:
    for index in range(3):
        record = CallRecord(f"id{index}", f"call{index}", time.time())
        record.ringing_ms = 5 if index else None
        record.answered_ms = 9 if index == 2 else None
        room.calls[record.id] = OneInProgress(record)
    answer = await room.ask(list_calls, Newest(most=2))
    assert [(call.id, call.state) for call in answer.calls] == [
        ("id2", "answered"),
        ("id1", "ringing"),
    ]
    assert answer.all == 3


async def test_recording_of_a_call_is_asked_for_by_its_id(room: Room) -> None:
    asked = await room.ask(start_recording, OneCall(call="id1"))
    assert asked.model_dump() == {"call": "id1", "on": True}
    with pytest.raises(AskedError, match="no call in progress has the id id2") as refused:
        await room.ask(start_recording, OneCall(call="id2"))
    assert refused.value.problem.code == "not_found"
    room.calls["id1"] = OneInProgress(CallRecord("id1", "call1", time.time()))
    with pytest.raises(AskedError) as refused:
        await room.ask(stop_recording, OneCall(call="id1"))
    assert refused.value.problem.code == "conflict"


async def test_caller_is_blocked_in_e164_however_it_is_written(room: Room) -> None:
    await room.ask(add_block, AddBlock(caller="13800138000", seconds=60.0))
    assert set(room.memory.snapshot().blocks) == {("", "+8613800138000")}
    answer = await room.ask(list_blocks, ListBlocks(caller="008613800138000"))
    assert [block.caller for block in answer.blocks] == ["+8613800138000"]
    await room.ask(remove_block, RemoveBlock(caller="+8613800138000"))
    assert not room.memory.snapshot().blocks


@pytest.mark.parametrize("keeps", [True, False])
async def test_each_change_of_the_state_says_whether_it_is_kept(room: Room, keeps: bool) -> None:
    room.keeps = keeps
    for answer in (
        await room.ask(add_block, AddBlock(caller="4001")),
        await room.ask(remove_block, RemoveBlock(caller="4001")),
        await room.ask(add_ban, AddBan(address="192.0.2.1")),
        await room.ask(remove_ban, RemoveBan(address="192.0.2.1")),
        await room.ask(set_override, SetOverride(schedule="office", open=True)),
        await room.ask(clear_override, ClearOverride(schedule="office")),
        await room.ask(set_presence, SetPresence(extension="801")),
        await room.ask(clear_presence, ClearPresence(extension="801")),
        await room.ask(drain_gateway, OneGateway(gateway="gw")),
        await room.ask(enable_gateway, OneGateway(gateway="gw")),
    ):
        assert answer.kept is keeps, answer


async def test_uri_is_a_spelling_of_a_number(room: Room) -> None:
    for typed in (
        "tel:+84-28-3822-0000",
        "SIP:+842838220000@example.com;user=phone",
        " tel:00842838220000 ",
    ):
        added = await room.ask(add_block, AddBlock(caller=typed))
        assert added.callers == ["+842838220000"]
        listed = await room.ask(list_blocks, ListBlocks(caller=typed))
        assert [block.caller for block in listed.blocks] == ["+842838220000"]
        await room.ask(remove_block, RemoveBlock(caller=typed))


@pytest.mark.parametrize(
    "typed", ["tel:", "sip:alice@example.com", "sip:", "-1", "-13800138000", "tel:-1"]
)
async def test_what_is_no_number_nor_a_uri_of_one_blocks_nobody(room: Room, typed: str) -> None:
    with pytest.raises(AskedError) as refused:
        await room.ask(add_block, AddBlock(caller=typed))
    problem = refused.value.problem
    assert (problem.code, problem.field) == ("bad_value", "caller")
    assert problem.expected == "a number or its first digits"
    assert not room.memory.snapshot().blocks


async def test_blocks_of_a_caller_are_those_of_its_first_digits_too(room: Room) -> None:
    await room.ask(add_block, AddBlock(caller="0898*"))
    await room.ask(add_block, AddBlock(caller="5*"))
    await room.ask(add_block, AddBlock(caller="13800138000"))

    async def blocks_of(caller: str) -> set[str]:
        listed = await room.ask(list_blocks, ListBlocks(caller=caller))
        return {block.caller for block in listed.blocks}

    assert await blocks_of("089812345678") == {"+86898*"}
    assert await blocks_of("13800138000") == {"+8613800138000"}
    assert await blocks_of("5001") == {"5*"}
    assert await blocks_of("02012345678") == set()


async def test_list_of_the_dialplan_that_refuses_a_caller_is_named(room: Room) -> None:
    for caller, why in (
        ("+86 139 0013 9000", ["is in the list"]),
        ("089812345678", ["begins with +86898"]),
        ("13900139001", []),
    ):
        listed = await room.ask(list_blocks, ListBlocks(caller=caller))
        assert [(one.list, one.why) for one in listed.lists] == [("nuisance", it) for it in why]
    assert (await room.ask(list_blocks, ListBlocks())).lists == []


async def test_reload_that_finds_mistakes_names_them_and_what_serves_on(room: Room) -> None:
    room.plan.write_text("country: CN\nnumbers: {'4000': {route: [{hunt: [nobody]}]}}\n")
    with pytest.raises(AskedError, match="the dialplan has mistakes; version") as refused:
        await room.ask(reload_dialplan, NOTHING)
    problem = refused.value.problem
    assert (problem.code, problem.serving) == (
        "dialplan_mistakes",
        room.reloader.dialplan.version,
    )
    assert any("nobody" in line for line in problem.diagnostics)


@pytest.mark.parametrize(
    ("operation", "request_", "code", "said"),
    [
        (add_block, AddBlock(caller="1", number="4999"), "not_found", "no number 4999"),
        (add_block, AddBlock(caller="anonymous"), "bad_value", "expected a number such as"),
        (
            remove_block,
            RemoveBlock(caller="1"),
            "not_found",
            "1 is not blocked at all numbers",
        ),
        (
            remove_block,
            RemoveBlock(caller="1", number="4000"),
            "not_found",
            "1 is not blocked at number 4000",
        ),
        (
            set_override,
            SetOverride(schedule="offie", open=True),
            "not_found",
            "no schedule offie; it has: office",
        ),
        (
            set_override,
            SetOverride(schedule="office", open=True, until=1.0),
            "bad_value",
            "passed already",
        ),
        (
            clear_override,
            ClearOverride(schedule="office"),
            "not_found",
            "office follows its hours already",
        ),
        (set_presence, SetPresence(extension="809"), "not_found", "no extension 809"),
        (clear_presence, ClearPresence(extension="801"), "not_found", "801 is not away"),
        (add_ban, AddBan(address="moon"), "bad_value", "moon is not an IP address"),
        (add_ban, AddBan(address="127.0.0.1"), "conflict", "belongs to trunk lab"),
        (remove_ban, RemoveBan(address="::1"), "not_found", ":: is not banned"),
        (drain_gateway, OneGateway(gateway="gx"), "not_found", "no gateway gx; it has: gw"),
        (enable_gateway, OneGateway(gateway="gw"), "conflict", "gw is not drained"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    room: Room, operation: Any, request_: Any, code: str, said: str
) -> None:
    with pytest.raises(AskedError, match=said) as refused:
        await room.ask(operation, request_)
    problem = refused.value.problem
    assert problem.code == code
    assert bool(problem.field and problem.expected) == (code == "bad_value")


async def test_second_server_at_the_same_path_is_refused(room: Room) -> None:
    with pytest.raises(SocketError, match="another callrouter is listening"):
        await Room(room.path).listener.start()
    assert (await room.ask(show_status, NOTHING)).numbers == 1


async def test_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    room = Room(path)
    await room.listener.start()
    assert (await room.ask(show_status, NOTHING)).numbers == 1
    await room.listener.close()


async def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    path.write_text("mine")
    room = Room(path)
    with pytest.raises(SocketError, match="cannot listen"):
        await room.listener.start()
    await room.listener.close()
    assert path.read_text() == "mine"


async def test_end_of_the_server_waits_for_no_reload(room: Room) -> None:
    room.reloads.clear()
    asked = asyncio.create_task(room.ask(reload_dialplan, NOTHING))
    await room.reload_began.wait()
    began = time.monotonic()
    await room.listener.close()
    assert time.monotonic() - began < 5.0
    with pytest.raises(ControlError, match="did not answer"):
        await asked
    room.reloads.set()


def test_no_server_is_said_in_so_many_words(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=f"no callrouter is listening at {tmp_path}/s.sock"):
        ask(tmp_path / "s.sock", show_status, NOTHING)
