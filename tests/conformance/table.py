"""callrouter's stack and calls on a table: parties that write each message, and a clock to turn.

Nothing waits: time passes when a party expects something that has not come. Each party hears what
is sent to its address, over whatever transport; what it says comes from there.
"""

import itertools
from collections import deque
from typing import Final

from support.message import SDP, Message
from support.phone import Phone
from support.wire import Books, Router, left_over

from callrouter.call.services.media_services import MediaServices
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.simulate.silent_sounds import SilentSounds
from callrouter.simulate.virtual_workers import VirtualPool
from callrouter.sip.flow import Flow
from callrouter.sip.framing import Framer, FramingError
from callrouter.sip.stack import Stack

ROUTER: Final = ("192.0.2.2", 5060)
CALLER: Final = ("192.0.2.1", 5060)
DESK: Final = ("192.0.2.3", 5060)
OTHER: Final = ("192.0.2.4", 5060)
STREAM: Final = ("192.0.2.5", 5060)
STRANGER: Final = ("203.0.113.9", 5060)
DIALPLAN: Final = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32, 192.0.2.2/32]}}
targets:
  desk: {uri: "sip:desk@192.0.2.3:5060"}
  other: {uri: "sip:other@192.0.2.4:5060"}
  stream: {uri: "sip:stream@192.0.2.5:5060;transport=tcp"}
  ourselves: {uri: "sip:4009@192.0.2.2:5060"}
numbers:
  "4000": {route: [{hunt: [desk], ring: 90s, progress: 60s}]}
  "4001": {route: [{hunt: [desk, other], ring: 20s}]}
  "4002": {route: [{hunt: [stream], ring: 90s, progress: 60s}]}
  "4003": {route: [{hunt: [desk], redirects: follow}]}
  "4004": {route: [{hunt: [desk, other], strategy: parallel}]}
  "4005": {route: [{hunt: [desk, other, stream], ring: 20s}]}
  "4009": {route: [{hunt: [ourselves]}]}
"""
LONG: Final = 130.0
"""Seconds after which nothing of a call that ended can be known any more."""

WITHIN: Final = 100.0


class Party(Phone):
    """A party of the table. at: when each message of `seen` came."""

    def __init__(self, table: "Table", address: tuple[str, int], transport: str = "UDP") -> None:
        super().__init__(*address, ROUTER)
        self.via_transport = transport
        self.call_id = f"{next(_call_ids)}@{address[0]}"
        self.at: list[float] = []
        self._table = table
        self._flow: Flow | None = None
        self._unread: deque[Message] = deque()
        self._heard: set[bytes] = set()

    def send(self, message: Message) -> None:
        self.raw(message.render())

    def raw(self, data: bytes, source: tuple[str, int] | None = None) -> None:
        """Send bytes as they are, perhaps from another place."""
        address = source or (self.host, self.port)
        self._table.hear(data, address, self.via_transport)

    def take(self, data: bytes, at: float) -> None:
        """Something came."""
        message = Message.parse(data)
        self.seen.append(message)
        self.at.append(at)
        if data not in self._heard and message.status != 100:
            self._heard.add(data)
            self._unread.append(message)

    def hears(self, what: str | int, within: float = WITHIN) -> Message:
        """The next news, as `Phone.expect`; time passes until it comes."""
        end = self._table.now + within
        while not self._unread and self._table.step(end):
            pass
        assert self._unread, f"{what} did not come; there came {[str(one) for one in self.seen]}"
        message = self._unread.popleft()
        found = message.status or message.start.split(" ")[0]
        assert found == what, f"expected {what}, got {message}"
        return message

    def quiet(self) -> bool:
        return not self._unread

    def rest(self) -> list[Message]:
        """All news that nobody has asked for."""
        news = list(self._unread)
        self._unread.clear()
        return news

    def times(self, what: str | int) -> list[float]:
        """When the messages of a method or status came, repeated ones too."""
        found = [one.status or one.start.split(" ")[0] for one in self.seen]
        return [at for at, this in zip(self.at, found, strict=True) if this == what]

    def got(self, what: str | int) -> list[Message]:
        """The messages of a method or status, repeated ones too."""
        return [one for one in self.seen if what in {one.status, one.start.split(" ")[0]}]


class Table:
    """The table. router: what is tested. strays: what was sent to where nobody sits."""

    def __init__(self, dialplan: str = DIALPLAN, directory: Books | None = None) -> None:
        self.now = 0.0
        self._parties: dict[tuple[str, int], Party] = {}
        self._stacks: dict[tuple[str, int], Stack] = {}
        self.strays: list[tuple[bytes, tuple[str, int]]] = []
        # `Router` asks a wire for no more than a stack, and so do workers.
        self.router = Router(self, dialplan, directory)  # type: ignore[arg-type]

    def stack(self, place: tuple[str, int]) -> Stack:
        """A stack of callrouter's: our own, or a worker's."""

        def connect(transport: str, host: str, port: int, _name: str) -> Flow:
            return Flow(transport, *place, host, port, None)

        stack = self._stacks[place] = Stack(Tokens(), connect)
        return stack

    def remove(self, place: tuple[str, int]) -> None:
        """Take a stack away: what is sent there from now on is lost."""
        del self._stacks[place]

    @property
    def ours(self) -> Stack:
        """What is tested."""
        return self._stacks[ROUTER]

    def with_workers(self) -> VirtualPool:
        """Give it media workers, which play by the table's clock."""
        sounds = SilentSounds(self.router.calls.dialplan)
        self.router.calls.dialplan.prompts = sounds.prompts
        pool = VirtualPool(self, self.ours, sounds.lengths)  # type: ignore[arg-type]
        self.router.calls._media = MediaServices(pool, None)
        return pool

    def party(self, address: tuple[str, int], transport: str = "UDP") -> Party:
        """Seat a party."""
        party = self._parties[address] = Party(self, address, transport)
        return party

    def hear(self, data: bytes, source: tuple[str, int], transport: str = "UDP") -> None:
        """Bytes come to us."""
        flow = Flow(transport, *ROUTER, *source, None)
        if not flow.reliable:
            self.ours.receive(data, flow, self.now)
        else:
            try:
                messages = Framer().feed(data)
            except FramingError as error:
                messages = error.before
                self.ours.broken(error, flow, self.now)
            for message in messages:
                self.ours.receive(message, flow, self.now)
        self._deliver()

    def step(self, end: float) -> bool:
        """Go on to the next timer; False when none is due until then."""
        dues = [due for stack in self._stacks.values() if (due := stack.deadline()) is not None]
        due = min(dues, default=end + 1.0)
        if due > end:
            self.now = max(self.now, end)
            return False
        self.now = max(self.now, due)
        for stack in list(self._stacks.values()):
            stack.run_timers(self.now)
        self._deliver()
        return True

    def wait(self, seconds: float) -> None:
        """Time passes."""
        end = self.now + seconds
        while self.step(end):
            pass

    def is_clear(self) -> None:
        """Wait until everything is forgotten: no bug, one record for each call, nothing left."""
        self.wait(LONG)
        noted = self.router.noted
        assert noted.bugs == []
        assert len(noted.started) == len(noted.ended)
        assert left_over(self.ours) == {}
        assert self.router.calls.active == 0

    def _deliver(self) -> None:
        while any(stack.outgoing for stack in self._stacks.values()):
            for place, stack in list(self._stacks.items()):
                outgoing, stack.outgoing = stack.outgoing, []
                for flow, data in outgoing:
                    self._carry(place, flow.address, data)

    def _carry(self, source: tuple[str, int], goal: tuple[str, int], data: bytes) -> None:
        if goal in self._stacks:
            self._stacks[goal].receive(data, Flow("UDP", *goal, *source, None), self.now)
        elif goal in self._parties:
            self._parties[goal].take(data, self.now)
        else:
            self.strays.append((data, goal))


_call_ids = itertools.count(1)


def ringing(
    table: Table, number: str = "4000", *rows: tuple[str, str]
) -> tuple[Party, Party, Message]:
    """A caller, the desk that rings, and the INVITE it has."""
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite(number, SDP, *rows)
    invite = desk.hears("INVITE")
    desk.reply(invite, 180)
    caller.hears(180)
    return caller, desk, invite


def connected(table: Table, *rows: tuple[str, str], number: str = "4000") -> tuple[Party, Party]:
    """A caller and the desk, who talk."""
    caller, desk, invite = ringing(table, number, *rows)
    desk.reply(invite, 200, SDP)
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    return caller, desk


def hang_up(caller: Party, callee: Party) -> None:
    """The caller ends the call."""
    caller.request("BYE")
    caller.hears(200)
    callee.reply(callee.hears("BYE"), 200)


def request(
    method: str, *rows: tuple[str, str], uri: str = "sip:4000@192.0.2.2", body: str = ""
) -> Message:
    """A request of the caller outside any dialog; rows replace those of their name."""
    usual = {
        "Via": "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKrequest",
        "Max-Forwards": "70",
        "From": "<sip:1001@192.0.2.1>;tag=theirs",
        "To": "<sip:4000@192.0.2.2>",
        "Call-ID": f"{next(_call_ids)}@request",
        "CSeq": f"1 {method}",
        "Contact": "<sip:1001@192.0.2.1:5060>",
    }
    if body:
        usual["Content-Type"] = "application/sdp"
    kept = [(name, value) for name, value in usual.items() if name not in dict(rows)]
    return Message(f"{method} {uri} SIP/2.0", [*kept, *rows], body)


def answer_to(message: Message, transport: str = "UDP") -> Message:
    """The only final answer to a request outside any dialog, on a table of its own."""
    table = Table()
    caller = table.party(CALLER, transport)
    caller.send(message)
    finals = [one for one in caller.seen if one.status >= 200]
    assert len(finals) == 1, [str(one) for one in caller.seen]
    table.is_clear()
    return finals[0]
