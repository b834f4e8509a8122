"""Operators and the shared state that answers late: its answer, or why there is none, in time."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from support.controlled import Room

from callrouter.api.client import AskedError
from callrouter.api.unix_socket import ControlListener
from callrouter.operations import operation
from callrouter.operations.operation import RunningServer, UnavailableError
from callrouter.operations.presence import SetPresence, set_presence
from callrouter.pending import Later, Pending, Unavailable


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    opened = Room(tmp_path / "s.sock")
    yield opened
    await opened.reloader.close()


@pytest.fixture
def running(room: Room) -> RunningServer:
    return room.running


def failures(running: RunningServer) -> int:
    return running.shared.failures.counts["presence"]


@pytest.mark.parametrize("answer", [True, False, (), {"801": "away"}])
async def test_answer_at_once_is_given_as_it_is(running: RunningServer, answer: object) -> None:
    assert await running.answer_of("presence", answer) is answer
    assert failures(running) == 0


@pytest.mark.parametrize("answer", [True, False, (), {"801": "away"}])
async def test_answer_that_comes_later_is_waited_for(
    running: RunningServer, answer: object
) -> None:
    pending = Pending[object]()
    asking = asyncio.create_task(running.answer_of("presence", pending))
    await asyncio.sleep(0)
    assert not asking.done()
    pending.settle(answer)
    assert await asking is answer
    assert (failures(running), pending.given_up) == (0, False)


async def test_answer_that_has_come_already_is_not_waited_for(running: RunningServer) -> None:
    pending = Pending[bool]()
    pending.settle(False)
    assert await running.answer_of("presence", pending) is False


@pytest.mark.parametrize("at_once", [True, False])
async def test_refusal_of_the_state_says_which_part_and_why(
    running: RunningServer, at_once: bool
) -> None:
    noted: list[tuple[str, str]] = []
    running.shared.failures.noted = lambda port, why: noted.append((port, why))
    pending = Pending[bool | Unavailable]()
    asked: Later[bool] = Unavailable("no connection") if at_once else pending
    asking = asyncio.create_task(running.answer_of("presence", asked))
    await asyncio.sleep(0)
    if not at_once:
        pending.settle(Unavailable("no connection"))
    with pytest.raises(UnavailableError, match="does not know now: presence: no connection"):
        await asking
    assert (failures(running), noted) == (1, [("presence", "no connection")])


async def test_answer_that_never_comes_is_given_up_and_what_comes_then_is_dropped(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation, "_SECONDS", 0.02)
    pending = Pending[bool | Unavailable]()
    with pytest.raises(UnavailableError, match="presence: no answer in time"):
        await running.answer_of("presence", pending)
    assert (failures(running), pending.given_up) == (1, True)
    pending.settle(True)
    assert pending.answer is None


async def test_operator_who_gives_up_leaves_no_fault_behind(running: RunningServer) -> None:
    pending = Pending[bool | Unavailable]()
    asking = asyncio.create_task(running.answer_of("presence", pending))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    pending.settle(True)
    assert failures(running) == 0


class LatePresence:
    """Presence of a real memory, whose answers come when the test says so."""

    def __init__(self, room: Room) -> None:
        self._real = room.memory.presence
        self.asked: asyncio.Queue[tuple[Pending[object], object]] = asyncio.Queue()

    def away(self) -> Later[Mapping[str, str]]:
        return self._late(dict(self._real.away()))

    def leave(self, extension: str, reason: str) -> Later[bool]:
        return self._late(self._real.leave(extension, reason))

    def come_back(self, extension: str) -> Later[bool]:
        return self._late(self._real.come_back(extension))

    def _late(self, answer: object) -> Pending:  # type: ignore[type-arg]
        pending = Pending[object]()
        self.asked.put_nowait((pending, answer))
        return pending


async def test_operation_over_the_socket_answers_once_the_state_has(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence = LatePresence(room)
    running = replace(room.running, shared=replace(room.running.shared, presence=presence))
    listener = ControlListener(room.path, running)
    await listener.start()
    request = SetPresence(extension="801", reason="on leave")
    asking = asyncio.create_task(room.ask(set_presence, request))
    for _ in range(2):  # to leave, and who is away then
        pending, answer = await presence.asked.get()
        assert not asking.done()
        pending.settle(answer)
    assert [(one.extension, one.reason) for one in (await asking).away] == [("801", "on leave")]
    monkeypatch.setattr(operation, "_SECONDS", 0.02)
    with pytest.raises(AskedError, match="presence: no answer in time") as refused:
        await room.ask(set_presence, request)
    assert refused.value.problem.code == "unavailable"
    await listener.close()
