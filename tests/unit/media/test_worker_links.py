"""One worker as the pool sees it, when what it says is nonsense, late or out of turn."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.call.services.media import Digit, MediaEvent, MediaLost, Played, Recorded
from callrouter.media.pool import worker_handle as links
from callrouter.media.pool.reservation import Reservation
from callrouter.media.pool.worker_handle import ENDING, RETIRING, SERVING, WorkerHandle
from callrouter.media.protocol import HUNG_SECONDS, MAX_LINE, LineBuffer

READY = {"do": "ready", "sip_port": 5070, "slots": 4}
EMPTY = {
    **dict.fromkeys(("calls", "players", "recorders", "sessions", "ports"), 0),
    "do": "beat",
    "rss": 1,
}


class Desk:
    """The link's owner, which notes all."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.bugs: list[Exception] = []

    def ready(self, link: WorkerHandle) -> None:
        self.told.append("ready")

    def freed(self, link: WorkerHandle) -> None: ...
    def acknowledged(self, seconds: float) -> None: ...

    def leaks(self, link: WorkerHandle, why: str) -> None:
        self.told.append(f"leaks {why}")
        link.retire()

    def lost(self, link: WorkerHandle, why: str) -> None:
        self.told.append(why)
        link.lose()

    def gone(self, link: WorkerHandle) -> None:
        self.told.append("gone")

    def refused_command(self, link: WorkerHandle, do: str, error: str) -> None:
        self.told.append(f"refused {do}")

    def not_written(self, link: WorkerHandle, file: str, fault: str) -> None:
        self.told.append(f"not written {fault}")

    def step(self, act: Callable[[], None]) -> None:
        try:
            act()
        except ZeroDivisionError as error:
            self.bugs.append(error)


class Far:
    """A worker's end of the channel, played by the test."""

    def __init__(self) -> None:
        ours, self.channel = socket.socketpair()
        self.owner = Desk()
        self.link = WorkerHandle("0-1", 0, ours, self.owner)
        self.heard: list[MediaEvent] = []
        self._lines = LineBuffer()
        self.channel.settimeout(2.0)

    async def say(self, *messages: dict[str, Any] | bytes) -> None:
        for message in messages:
            data = message if isinstance(message, bytes) else orjson.dumps(message) + b"\n"
            self.channel.sendall(data)
        self.link.hear_rest()

    def commands(self) -> list[dict[str, Any]]:
        """All that it was told since the last time."""
        self.channel.setblocking(False)
        found: list[dict[str, Any]] = []
        try:
            while data := self.channel.recv(65536):
                found += self._lines.feed(data)
        except BlockingIOError:
            pass
        self.channel.setblocking(True)
        return found

    def hold(self, count: int = 1) -> Reservation:
        return self.link.reserve(count, self.heard.append)

    def close(self) -> None:
        self.channel.close()
        self.link.abandon()


@pytest.fixture
async def far() -> Any:
    opened = Far()
    await opened.say(READY)
    yield opened
    opened.close()


async def test_events_of_a_session_reach_who_holds_it(far: Far) -> None:
    slots = far.hold()
    name = slots.open()
    slots.record(name, Path("/r/a.wav"))
    await far.say(
        {"do": "digit", "session": name, "digit": "#", "method": "info"},
        {"do": "played", "session": name},
        {
            "do": "recorded",
            "session": name,
            "file": "/r/a.wav",
            "ms": 1200,
            "complete": True,
            "why": "stopped",
            "quiet": False,
        },
        {"do": "digit", "session": "another", "digit": "1", "method": "info"},
    )
    digit, played, recorded = far.heard
    assert isinstance(digit, Digit)
    assert (digit.session, digit.digit, digit.method) == (name, "#", "info")
    assert isinstance(played, Played)
    assert isinstance(recorded, Recorded)
    assert (recorded.file, recorded.ms, recorded.complete) == (Path("/r/a.wav"), 1200, True)


async def test_after_release_nothing_is_posted_and_the_slot_waits_for_closed(far: Far) -> None:
    slots = far.hold(2)
    name = slots.open()
    slots.release()
    assert far.link.used == 1
    assert [command["do"] for command in far.commands()] == ["open", "close"]
    await far.say(
        {"do": "played", "session": name},
        {"do": "closed", "session": name},
        {"do": "closed", "session": name},
    )
    assert far.heard == []
    assert far.link.used == 0


async def test_end_of_what_was_stopped_or_replaced_is_not_taken_for_the_next(far: Far) -> None:
    slots = far.hold()
    name = slots.open()
    slots.play(name, [Path("a.wav")])
    _, play = far.commands()
    await far.say({"ack": play["id"]})
    slots.tone(name, 440, 1.0)
    (tone,) = far.commands()
    await far.say({"do": "played", "session": name})  # of a.wav: it crossed the tone
    assert far.heard == []
    await far.say({"ack": tone["id"]}, {"do": "played", "session": name})
    assert [type(event) for event in far.heard] == [Played]


async def test_command_that_fails_ends_what_waits_for_it(far: Far) -> None:
    slots = far.hold()
    name = slots.open()
    slots.play(name, [Path("missing.wav")])
    slots.record(name, Path("/full/a.wav"))
    for command in far.commands()[1:]:
        await far.say({"ack": command["id"], "error": "no such file"})
    played, recorded = far.heard
    assert isinstance(played, Played)
    assert isinstance(recorded, Recorded)
    assert (recorded.complete, recorded.why, recorded.ms) == (False, "failed", 0)
    assert far.owner.told == ["ready", "refused play", "refused record"]


async def test_session_that_cannot_be_opened_takes_no_slot_after_the_release(far: Far) -> None:
    slots = far.hold()
    slots.open()
    (command,) = far.commands()
    await far.say({"ack": command["id"], "error": "full"})
    slots.release()
    assert far.link.used == 0


async def test_file_that_it_was_not_given_is_not_taken_from_it(far: Far) -> None:
    slots = far.hold()
    name = slots.open()
    slots.record(name, Path("/r/a.wav"))
    for file in ("/etc/passwd", "/r/../r/a.wav", "/r/a.wav", "/r/a.wav"):
        await far.say(
            {
                "do": "recorded",
                "session": name,
                "file": file,
                "ms": 0,
                "complete": True,
                "why": "stopped",
                "quiet": False,
            }
        )
    assert len(far.heard) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"no json\n",
        b"[]\n",
        b"null\n",
        b'"do"\n',
        b"{}\n",
        b'{"do": "become root"}\n',
        b'{"do": "digit", "session": "x", "digit": "12", "method": "info"}\n',
        b'{"do": "digit", "session": "x", "digit": "1\\n", "method": "info"}\n',
        b'{"do": "digit", "session": "x", "digit": "1", "method": "voice"}\n',
        b'{"do": "beat", "calls": -1}\n',
        b'{"do": "ready", "sip_port": 99999, "slots": 4}\n',
        b'{"do": "recorded", "session": "x", "file": "a", "ms": -1, "complete": true, "why": ""}\n',
        b'{"ack": "1"}\n',
        b"x" * (MAX_LINE + 1),
        b"[" * 5000 + b"\n",
    ],
)
async def test_nonsense_costs_the_worker_its_life(far: Far, nonsense: bytes) -> None:
    slots = far.hold()
    for at in range(0, len(nonsense), 65536):
        if far.link.state == SERVING:
            await far.say(nonsense[at : at + 65536])
    assert far.owner.told == ["ready", "broken"]
    assert [event.slots for event in far.heard if isinstance(event, MediaLost)] == [slots]


@given(data=st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_of_a_worker_raise(data: list[bytes]) -> None:
    async def run() -> None:
        far = Far()
        await far.say(READY)
        slots = far.hold(2)
        slots.open()
        for piece in data:
            if far.link.state == SERVING:
                await far.say(piece + b"\n")
        assert far.link.used in {0, 2}
        far.close()

    asyncio.run(run())


async def test_second_ready_changes_nothing(far: Far) -> None:
    far.hold(4)
    await far.say({**READY, "slots": 1000, "sip_port": 1})
    assert (far.link.slots, far.link.port, far.owner.told) == (4, 5070, ["ready"])


async def test_bug_of_one_call_does_not_cost_another_its_events(far: Far) -> None:
    def broken(_: MediaEvent) -> None:
        raise ZeroDivisionError

    one, two = far.link.reserve(1, broken), far.hold()
    names = [one.open(), two.open()]
    await far.say(*({"do": "played", "session": name} for name in names))
    far.channel.close()
    far.link.hear_rest()
    assert [type(event) for event in far.heard] == [Played, MediaLost]
    assert len(far.owner.bugs) == 2


async def test_call_may_let_go_of_slots_that_are_being_lost(far: Far) -> None:
    held: list[Reservation] = []
    for _ in range(3):
        held.append(far.link.reserve(1, lambda _: [slots.release() for slots in held]))  # type: ignore[func-returns-value]
    far.channel.close()
    far.link.hear_rest()
    assert far.link.used == 0
    assert far.owner.told == ["ready", "died"]


async def test_command_without_acknowledgement_means_that_it_hangs(far: Far) -> None:
    slots = far.hold()
    slots.open()
    now = asyncio.get_running_loop().time()
    await far.say(EMPTY)
    far.link.check(now + HUNG_SECONDS - 0.1)
    assert far.owner.told == ["ready"]
    far.link._heard = now + HUNG_SECONDS  # it beats on
    far.link.check(now + HUNG_SECONDS + 0.1)
    assert far.owner.told == ["ready", "hung"]


async def test_players_without_calls_are_a_leak_when_they_stay(far: Far) -> None:
    slots = far.hold()
    slots.open()
    full = {**EMPTY, "players": 1}
    await far.say(*[full] * 5)
    slots.release()
    await far.say({"do": "closed", "session": far.commands()[0]["session"]})
    await far.say(full, full, EMPTY, full, full)
    assert far.owner.told == ["ready"]
    await far.say(full)
    assert far.owner.told == ["ready", "leaks sessions"]
    assert far.link.state == ENDING
    assert far.commands()[-1]["do"] == "quit"


async def test_what_short_sessions_leave_for_a_moment_is_no_leak(far: Far) -> None:
    rests = {**EMPTY, "players": 1, "ports": 1}
    for _ in range(links._LEAKS + 1):
        slots = far.hold()
        name = slots.open()
        slots.release()
        await far.say({"do": "closed", "session": name}, rests)
    assert far.owner.told == ["ready"]
    assert far.link.state == SERVING
    await far.say(*[rests] * (links._LEAKS - 1))
    assert far.owner.told == ["ready", "leaks sessions"]


async def test_session_that_is_never_closed_retires_its_worker(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, slots = far.hold(), far.hold()
    slots.open()
    slots.release()
    for command in far.commands():
        await far.say({"ack": command["id"]})
    now = asyncio.get_running_loop().time()
    monkeypatch.setattr(links, "_CLOSE_SECONDS", 0.0)
    far.link.check(now + 0.1)
    assert far.owner.told == ["ready", "leaks sessions"]
    assert far.link.state == RETIRING
    other.release()
    assert far.link.state == ENDING


async def test_more_than_the_socket_takes_is_sent_when_there_is_room(far: Far) -> None:
    slots = far.hold()
    name = slots.open()
    for _ in range(200):
        slots.play(name, [Path("x" * 200)] * 100)
    found = far.commands()
    while len(found) < 201:
        await asyncio.sleep(0)
        found += far.commands()
    assert [command["id"] for command in found] == list(range(1, 202))


async def test_call_that_opens_more_sessions_than_it_has_slots_is_a_bug(far: Far) -> None:
    slots = far.hold(1)
    name = slots.open()
    with pytest.raises(ValueError, match="1 slots are reserved"):
        slots.open()
    await far.say({"do": "closed", "session": name})
    assert slots.open() != name
