"""Random and damaged datagrams by the hundred thousand, in the middle of calls.

The figure of issue 2 is a million: `pytest tests/fuzz --full`, two minutes. Without that option it
is a hundred thousand. No exception escapes, memory is flat, every call ends with a record that can
be stored, nothing is left over, and a call placed right after goes through.
"""

import gc
import resource
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import pytest
from peers import CALLER, US, Peers, Place, answer, inside, invite
from support.message import Message
from support.wire import Books, hear, left_over

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.observe.cdr.rows import encode
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory

ROOT: Final = Path(__file__).parents[2]
TORTURE: Final = [file.read_bytes() for file in (ROOT / "tests/data/rfc4475").glob("*.dat")]
EPOCH: Final = 1_700_000_000.0
CALLS: Final = 50
"""Calls at once; more are turned away."""

BLOCK: Final = 2_500
"""Datagrams after which all calls are ended, and all that is held is counted."""

STRANGER: Final = ("203.0.113.9", 5060)
"""Not in any trunk of the lab."""

OBJECTS: Final = 5_000
MEMORY: Final = 12 * 1024 * 1024
"""What may come and go with the caches, which forget everything when they are full."""


class Recorder:
    """Stores records as the database would; keeps none of them."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.ended = 0
        self.bugs: list[Exception] = []
        self.events = CallEvents(self.bugs.append)
        self.events.started.subscribe(self.call_started)
        self.events.answered.subscribe(self.call_up)
        self.events.moved.subscribe(lambda event: self.call_up(event.record))
        self.events.ended.subscribe(self.call_ended)
        self.events.broken.subscribe(lambda event: self.bugs.append(event.error))

    def call_started(self, record: CallRecord) -> None:
        self.open.add(record.id)

    def call_up(self, record: CallRecord) -> None:
        assert record.id in self.open

    def call_ended(self, record: CallRecord) -> None:
        self.open.remove(record.id)
        self.ended += 1
        for field in encode(record):
            if isinstance(field, str):
                assert "\0" not in field.encode().decode()


@cache
def dialplan() -> Dialplan:
    """The lab's."""
    return load_dialplan(ROOT / "dialplans" / "lab.yaml")


class Lab:
    """callrouter's core on the lab's dialplan, and everybody it talks to."""

    def __init__(self, seed: int) -> None:
        tokens = Random(seed)
        self.dice = Random(seed)
        self.now = 0.0
        self.stack = Stack(lambda: f"{tokens.getrandbits(64):016x}", self._connect)
        self.recorder = Recorder()
        self.shared = Memory(lambda _kind, _key, _value: None, seed)
        self.calls = Calls(
            stack=self.stack,
            dialplan=dialplan(),
            events=self.recorder.events,
            limit=CALLS,
            epoch=EPOCH,
            shared=self.shared.ports,
            directory=Books({}),
            media=MediaServices(),
        )
        self.peers = Peers(self.dice, [*dialplan().numbers, "4999", "%34000"])

    def hear(self, data: bytes, address: Place, transport: str = "UDP") -> None:
        """Bytes come from somewhere."""
        flow = Flow(transport, *US, *address, None)
        hear(self.stack, data, flow, self.now)
        if flow.reliable and self.dice.random() < 0.5:
            self.stack.flow_failed(flow, self.now)

    def hear_stranger(self, data: bytes) -> None:
        """The same bytes from somebody unknown, who gets one answer at most, and no larger one."""
        self.hear(data, STRANGER)
        said = [answer for answer, goal in self.take() if goal[0] == STRANGER[0]]
        assert len(said) <= 1
        assert all(len(answer) < len(data) + 150 for answer in said)

    def take(self) -> list[tuple[bytes, Place]]:
        """All that callrouter sent since."""
        sent = [(data, flow.address) for flow, data in self.stack.outgoing]
        self.stack.outgoing.clear()
        return sent

    def wait(self, seconds: float) -> list[tuple[bytes, Place]]:
        """Time passes; returns what was sent since."""
        end = self.now + seconds
        sent = self.take()
        while (due := self.stack.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.stack.run_timers(self.now)
            sent += self.take()
        self.now = end
        return sent

    def end(self) -> None:
        """End all calls, and wait until nothing could still be known of them."""
        self.stack.run_timers(self.now)
        self.calls.end_all()
        self.wait(120.0)
        assert left_over(self.stack) == {}
        assert self.recorder.open == set()
        assert self.recorder.bugs == []
        assert self.calls.active == 0
        assert self.shared.snapshot().lines == {}

    def step(self) -> None:
        """One datagram: what a peer would say now, damaged or not, or something else altogether."""
        dice, peers = self.dice, self.peers
        data, address = peers.next(TORTURE)
        if dice.random() < 0.02:
            self.hear_stranger(data)
            return
        transport = "TCP" if dice.random() < 0.05 else "UDP"
        self.hear(data, address, transport)
        for said, goal in self.wait(dice.choice((0.0, 0.01, 0.01, 0.2))):
            peers.heard(said, goal)

    def _connect(self, transport: str, host: str, port: int, _name: str) -> Flow:
        return Flow(transport, *US, host, port, None)


def held() -> tuple[int, int]:
    """The objects that the collector knows, and the bytes of this process in real memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return len(gc.get_objects()), pages * resource.getpagesize()


def place_call(lab: Lab) -> None:
    """A call to 4000 from INVITE to BYE, each message as it should be."""
    asked = invite("4000", "last")
    request = Message.parse(asked)
    lab.hear(asked, CALLER)
    trying, (ours, target) = lab.take()
    assert trying[0].startswith(b"SIP/2.0 100 ")
    assert target == ("127.0.0.1", 5080)
    lab.hear(answer(Message.parse(ours), 180, "callee"), target)
    ((ringing, caller),) = lab.take()
    assert (ringing[:12], caller) == (b"SIP/2.0 180 ", CALLER)
    lab.hear(answer(Message.parse(ours), 200, "callee"), target)
    said = {data.split(b" ", 2)[0 if data[:3] == b"ACK" else 1]: data for data, _ in lab.take()}
    assert set(said) == {b"ACK", b"200"}
    accepted = Message.parse(said[b"200"])
    lab.hear(inside("ACK", request, accepted, 1, "ack"), CALLER)
    assert lab.wait(40.0) == []
    lab.hear(inside("BYE", request, accepted, 2, "bye"), CALLER)
    sent = {data.split(b" ", 1)[0]: data for data, _ in lab.take()}
    assert set(sent) == {b"SIP/2.0", b"BYE"}
    assert sent[b"SIP/2.0"].startswith(b"SIP/2.0 200 ")
    lab.hear(answer(Message.parse(sent[b"BYE"]), 200, "callee"), target)
    lab.wait(40.0)
    assert left_over(lab.stack) == {}


@pytest.mark.parametrize("seed", range(10))
def test_no_datagram_hurts_and_the_next_call_goes_through(seed: int, full: bool) -> None:
    blocks = 40 if full else 4
    lab = Lab(seed)
    counts: list[tuple[int, int]] = []
    for _ in range(blocks):
        for _ in range(BLOCK):
            lab.step()
            assert lab.calls.active <= CALLS
            assert len(lab.stack.servers) + len(lab.stack.clients) < 3000
        lab.end()
        lab.peers.forget()
        counts.append(held())
    assert max(objects for objects, _ in counts) < counts[0][0] + OBJECTS
    assert counts[-1][1] < counts[0][1] + MEMORY
    assert lab.recorder.ended > 20 * blocks
    place_call(lab)
