"""Parties on a virtual wire: no socket, no clock but its own, and a test decides what is lost.

Three parties at three addresses: a caller, callrouter itself, and a target. All run callrouter's
own stack; datagrams are numbered in the order they are sent.
"""

from collections.abc import Callable, Coroutine
from functools import lru_cache
from random import Random
from typing import Final

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.legs.events import (
    Answered,
    Asked,
    Cancelled,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
)
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.offer_answer import THEY_ANSWER, THEY_REFUSE
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import Shared
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.pending import Later, Pending, Unavailable
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.peer_profile import UNTIMED, USUAL, PeerProfile
from callrouter.route.values.external_lookup import Lookup, LookupAnswer, said
from callrouter.simulate import virtual_network as virtual
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.framing import Framer, FramingError
from callrouter.sip.message import Request, Response
from callrouter.sip.stack import Stack
from callrouter.state.journal import Key, Value
from callrouter.state.memory import Memory
from callrouter.yamlfile.reader import parse
from support.slow_state import SlowState
from support.told import Told

CALLER: Final = ("192.0.2.1", 5060)
ROUTER: Final = ("192.0.2.2", 5060)
TARGET: Final = ("192.0.2.3", 5060)
DELAY: Final = 0.005
EPOCH: Final = 1_700_000_000.0
SDP: Final = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
)
DIALPLAN: Final = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
numbers: {"4000": {route: [{hunt: [desk], progress: 30s}]}}
"""


class Wire(virtual.Wire):
    """Each datagram takes 5 ms unless told otherwise."""

    def __init__(
        self,
        lost: Callable[[int], bool] = lambda number: False,
        delay: Callable[[], float] = lambda: DELAY,
    ) -> None:
        super().__init__(lost, delay)

    def story(self) -> str:
        """All that was sent, one line each."""
        return "\n".join(map(str, self.sent))


def concluded(leg: Leg, response: Response) -> None:
    """Tell a party's leg what has come of an INVITE or UPDATE of its own inside the dialog."""
    describes = response.status < 300 and bool(response.body)
    leg.step(THEY_ANSWER if describes else THEY_REFUSE, response.body)


class Noted:
    """Keeps every record of a stream of events. up: ids as the journal is told them.

    told: all events. bugs: what should never have happened, as events in no possible order.
    """

    def __init__(self) -> None:
        self.started: list[CallRecord] = []
        self.up: list[str] = []
        self.ended: list[CallRecord] = []
        self.bugs: list[Exception] = []
        self.events = CallEvents(self.bugs.append)
        self.told = Told(self.events)
        self.events.started.subscribe(self.started.append)
        self.events.answered.subscribe(self._is_up)
        self.events.moved.subscribe(lambda event: self._is_up(event.record))
        self.events.ended.subscribe(self.ended.append)
        self.events.broken.subscribe(lambda event: self.bugs.append(event.error))

    def _is_up(self, record: CallRecord) -> None:
        self.up.append(record.id)


def placed(
    stack: Stack,
    inbox: Inbox,
    number: str,
    body: bytes,
    *,
    user: str = "+8613800138000",
    host: str = CALLER[0],
    rows: str = "",
    peer: PeerProfile = USUAL,
) -> BLeg:
    """The leg of a party that calls a number of callrouter's. user: who it says it is."""
    flow = Flow("UDP", host, 5060, *ROUTER, None)
    described = "Content-Type: application/sdp\r\n" if body else ""
    return BLeg(
        stack,
        inbox,
        flow,
        number=1,
        uri=f"sip:{number}@{ROUTER[0]}",
        from_value=f"<sip:{user}@{host}>",
        extra=f"Max-Forwards: 70\r\n{described}{rows}",
        body=body,
        peer=peer,
    )


class Caller:
    """Places one call. outcome: "answered", the final status, or "" while there is none."""

    def __init__(self, wire: Wire) -> None:
        self.stack = wire.stack(CALLER)
        self.inbox = Inbox(self.stack.timers)
        self.outcome = ""
        self.over = False
        self.leg: BLeg | None = None

    def call(self, script: Callable[["Caller"], Coroutine[None, Event, None]]) -> None:
        """Send the INVITE and follow a script."""
        self.leg = placed(self.stack, self.inbox, "4000", SDP, peer=UNTIMED)
        self.inbox.start(script(self))


async def talk_and_hang_up(caller: Caller) -> None:
    """Wait for the answer, talk for two seconds, hang up."""
    leg = caller.leg
    assert leg is not None
    until = 0.0
    while True:
        match await caller.inbox.event(until):
            case Answered():
                caller.outcome = "answered"
                leg.ack()
                until = caller.stack.now + 2.0
            case Failed() as failed:
                caller.outcome = str(failed.status)
                break
            case Deadline():
                leg.hang_up()
                break
            case HungUp() | Lost():
                break
    caller.over = True


class Target:
    """Takes every call. answer_after: seconds of ringing."""

    def __init__(self, wire: Wire, answer_after: float = 1.0) -> None:
        self.stack = wire.stack(TARGET)
        self.stack.core = self
        self.answer_after = answer_after
        self.calls = 0

    def on_request(self, request: Request, flow: Flow) -> None:
        self.calls += 1
        tx = self.stack.accept(request, flow)
        inbox = Inbox(self.stack.timers)
        leg = ALeg(self.stack, inbox, tx, request, contact_uri(request))
        inbox.start(self._take(leg, inbox))

    async def _take(self, leg: ALeg, inbox: Inbox) -> None:
        leg.ring(180, "", "", b"")
        until = self.stack.now + self.answer_after
        while True:
            match await inbox.event(until):
                case Deadline():
                    until = 0.0
                    leg.answer(200, "", "Content-Type: application/sdp\r\n", SDP)
                case Cancelled():
                    leg.reject(487)
                    return
                case HungUp() | Lost():
                    return
                case Asked() as asked:
                    leg.respond(asked.tx, 200, "Content-Type: application/sdp\r\n", SDP)


class Router:
    """callrouter's core between the two. far: what becomes of questions to the shared state."""

    def __init__(
        self,
        wire: Wire,
        dialplan_text: str = DIALPLAN,
        directory: "Books | None" = None,
        far: Random | None = None,
    ) -> None:
        self.stack = wire.stack(ROUTER)
        self.noted = Noted()
        dialplan = compiled(dialplan_text)
        self.shared = Memory(_forget, seed=1)
        self.directory = directory or Books({})
        ports = ports_of(self.shared, self.stack, far)
        self.calls = core(self.stack, self.noted, dialplan, ports, self.directory)


@lru_cache(maxsize=64)
def compiled(text: str) -> Dialplan:
    """The dialplan of a text: a compiled one is never changed, so many routers have the same."""
    return compile_dialplan(parse(text, "wire.yaml"))


def core(
    stack: Stack,
    noted: Noted,
    dialplan: Dialplan,
    ports: Shared,
    directory: "Books",
    media: MediaServices | None = None,
) -> Calls:
    """The calls of a stack, whose core they become."""
    return Calls(
        stack=stack,
        dialplan=dialplan,
        events=noted.events,
        limit=1000,
        epoch=EPOCH,
        shared=ports,
        directory=directory,
        media=media or MediaServices(),
    )


def ports_of(memory: Memory, stack: Stack, far: Random | None) -> Shared:
    """The ports of a memory, or of one that is far away."""
    return memory.ports if far is None else SlowState(memory, stack, far).ports


class Books:
    """A directory: who is in it is known at once; others wait until the test answers `asked`."""

    def __init__(self, owners: dict[str, str]) -> None:
        self.owners = owners
        self.asked: list[tuple[str, Pending[LookupAnswer | Unavailable]]] = []

    def find(self, lookup: Lookup, caller: str) -> Later[LookupAnswer]:
        if caller in self.owners:
            return said(self.owners[caller])
        pending = Pending[LookupAnswer | Unavailable]()
        self.asked.append((caller, pending))
        return pending

    @property
    def given_up(self) -> int:
        return sum(pending.given_up for _, pending in self.asked)


def _forget(_kind: str, _key: Key, _value: Value) -> None:
    """No test is about what is kept over a restart."""


def hear(stack: Stack, data: bytes, flow: Flow, now: float) -> None:
    """Bytes come to a stack, as a datagram or on a stream of their own."""
    if not flow.reliable:
        stack.receive(data, flow, now)
        return
    try:
        messages = Framer().feed(data)
    except FramingError as error:
        messages = error.before
        stack.broken(error, flow, now)
    for message in messages:
        stack.receive(message, flow, now)


def left_over(stack: Stack) -> dict[str, int]:
    """All that a stack still holds; empty when nothing does."""
    held = {
        "clients": len(stack.clients),
        "servers": len(stack.servers),
        "merged": len(stack.merged),
        "dialogs": len(stack.dialogs),
        "timers": stack.timers.live,
    }
    return {name: count for name, count in held.items() if count}
