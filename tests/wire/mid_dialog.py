"""Parties of wire tests about what happens inside a call: they do what a test tells them."""

from collections.abc import Callable

from support.wire import (
    CALLER,
    SDP,
    Router,
    Wire,
    concluded,
    placed,
)

from callrouter.call.legs.events import Answered, Asked, Cancelled, Event, Failed, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response

NO_TIMERS = PeerProfile()
"""Parties keep to what a test tells them."""
SDP_ROW = "Content-Type: application/sdp\r\n"
DIALPLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]%s}}
gateways:
  desk: {address: "192.0.2.3:5060"%s}
targets:
  desk: {number: "501", via: desk}
  other: {uri: "sip:502@192.0.2.4:5060"}
numbers:
  "4000": {route: [{hunt: [desk], progress: 30s}]}
  "4001": {route: [{hunt: [other], progress: 30s}]}
"""


def description(host: str, extra: str = "") -> bytes:
    """What a party describes of its media."""
    return SDP.replace(b"192.0.2.1", host.encode()) + extra.encode()


class Heard:
    """Hears the responses to one request of a party."""

    def __init__(self, party: "Party") -> None:
        self._party = party

    def on_response(self, _tx: object, response: Response) -> None:
        self._party.responses.append(response)
        leg = self._party.leg
        assert leg is not None
        method = response.cseq()[1]
        if response.status >= 200 and method in {"INVITE", "UPDATE"}:
            concluded(leg, response)
        if 200 <= response.status < 300 and method == "INVITE":
            late = self._party.late if response.body else b""
            leg.send_ack(response.cseq()[0], SDP_ROW if late else "", late)

    def on_failure(self, _tx: object, status: int) -> None:
        self._party.failed.append(status)


class Party:
    """A telephone. asked: the methods it was asked inside its call. extra: rows of its answer.

    refuses: a method it does not take. late: its offer in the answer to an INVITE without one, and
    its answer in the ACK.
    """

    def __init__(self, wire: Wire, host: str, *, extra: str = "", answers: bool = True) -> None:
        self.host = host
        self.wire = wire
        self.stack = wire.stack((host, 5060))
        self.stack.core = self
        self.inbox = Inbox(self.stack.timers)
        self.leg: ALeg | BLeg | None = None
        self.answers = answers
        self.extra = extra
        self.invites: list[Request] = []
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.responses: list[Response] = []
        self.failed: list[int] = []
        self.outcome = ""
        self.body = description(host)
        self.late = b""
        self.refuses = ""
        self.ringing: Callable[[ALeg], None] | None = None
        self.user = "+8613800138000"

    def on_request(self, request: Request, flow: Flow) -> None:
        """Answer a call."""
        self.invites.append(request)
        tx = self.stack.accept(request, flow)
        leg = self.leg = ALeg(self.stack, self.inbox, tx, request, contact_uri(request))
        leg.peer = NO_TIMERS
        self.inbox.start(self._script())
        if self.ringing is not None:
            self.ringing(leg)
        if self.answers:
            self.answer()

    def answer(self) -> None:
        """Pick up."""
        assert isinstance(self.leg, ALeg)
        self.leg.answer(200, "", f"{SDP_ROW}{self.extra}", self.body)

    def call(self, number: str, rows: str = "", body: bytes | None = None) -> None:
        """Place a call through callrouter."""
        body = self.body if body is None else body
        self.leg = placed(
            self.stack,
            self.inbox,
            number,
            body,
            user=self.user,
            host=self.host,
            rows=rows,
            peer=NO_TIMERS,
        )
        self.inbox.start(self._script())

    def ask(self, method: str, rows: str = "", body: bytes = b"") -> None:
        """Send a request inside the call."""
        assert self.leg is not None
        self.leg.ask(method, rows, body, Heard(self))

    def vanish(self) -> None:
        """Be gone without a word."""
        self.wire.remove((self.host, 5060))

    async def _script(self) -> None:
        while True:
            self._on(await self.inbox.event())

    def _on(self, event: Event) -> None:
        match event:
            case Answered():
                self.outcome = "answered"
                event.leg.ack()
            case Failed():
                self.outcome = str(event.status)
            case Cancelled():
                assert isinstance(self.leg, ALeg)
                self.leg.reject(487)
                self.outcome = "cancelled"
            case HungUp() | Lost():
                self.outcome = "over"
            case Asked():
                self.asked.append(event.request.method)
                self.bodies.append(event.request.body)
                if event.request.method == self.refuses:
                    event.leg.respond(event.tx, 405)
                    return
                late = self.late if event.request.method == "INVITE" else b""
                body = self.body if event.request.body else late
                event.leg.respond(event.tx, 200, SDP_ROW if body else "", body)


def between(
    trunk: str = "", gateway: str = "", rows: str = "", extra: str = ""
) -> tuple[Wire, Router, Party, Party]:
    """A caller and a desk that talk to each other; trunk, gateway: more keys of theirs."""
    wire = Wire()
    router = Router(wire, DIALPLAN % (trunk and f", {trunk}", gateway and f", {gateway}"))
    desk = Party(wire, "192.0.2.3", extra=extra)
    caller = Party(wire, CALLER[0])
    caller.call("4000", rows)
    wire.run(1.0)
    return wire, router, caller, desk
