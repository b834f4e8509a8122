"""Callers and callees in numbers, on callrouter's own stack and legs over a real UDP socket.

They keep every rule that the scripted phone leaves to the test: they retransmit, give up, and
acknowledge again. So they get through where datagrams are lost, and make calls by the hundred.
"""

import asyncio
from typing import Final, Self

from callrouter.call.a_leg import ALeg
from callrouter.call.b_leg import BLeg
from callrouter.call.events import Answered, Cancelled, Deadline, Failed, HungUp, Lost, Progress
from callrouter.call.inbox import Inbox
from callrouter.call.leg import ENDED
from callrouter.net.clock import Tokens
from callrouter.net.pump import Pump
from callrouter.net.udp import UdpListener, listen_udp
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.stack import Stack
from support.message import SDP

_SDP: Final = SDP.encode()
_SDP_TYPE: Final = "Content-Type: application/sdp\r\n"


class Outcome:
    """What a caller saw of its call.

    status: 200, or the refusal's; 0 while there is none. closed: the BYE of either side was
    answered; ended: when that was, on the loop's clock. retry_after: of a refusal.
    """

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.status = 0
        self.retry_after = ""
        self.hung_up_on = False
        self.closed = False
        self.ended = 0.0
        self.ringing = asyncio.Event()
        self.answered = asyncio.Event()
        self.over = asyncio.Event()


class Phones:
    """One socket with any number of phones. A callee whose URI says "rings" never answers.

    bugs: what their stack raised.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.bugs: list[Exception] = []
        self._stack = Stack(Tokens(), lambda *_: self._way)
        self._stack.core = self
        self._pump = Pump(self._loop, self._stack, self.bugs.append)
        self._listener: UdpListener
        self._way: Flow

    @classmethod
    async def open(cls, server: tuple[str, int], port: int = 0, contact: int = 0) -> Self:
        """Open the socket. server: where callrouter is, or a relay to it.

        contact: the port they say they are at, when it is not theirs.
        """
        phones = cls()
        phones._listener = await listen_udp(phones._pump, "127.0.0.1", port)
        phones._way = phones._listener.flow(*server)
        if contact:
            phones._way.contact = f"<sip:127.0.0.1:{contact}>"
        return phones

    @property
    def port(self) -> int:
        """The socket's port."""
        return self._listener.port

    async def close(self) -> None:
        """Close the socket."""
        self._pump.close()
        self._listener.close()

    # Callers.

    def call(self, number: str, hold: float) -> Outcome:
        """Call a number; hang up so many seconds after the answer."""
        self._stack.now = self._loop.time()
        inbox = Inbox(self._stack.timers)
        leg = _Caller(self._stack, inbox, self._way, number)
        inbox.start(_talk(leg, inbox, hold))
        self._pump.flush()
        return leg.outcome

    async def calls(self, number: str, count: int, rate: float, hold: float) -> list[Outcome]:
        """Make so many calls, so many a second, and wait until all are over."""
        began = self._loop.time()
        made = []
        for index in range(count):
            await asyncio.sleep(began + index / rate - self._loop.time())
            made.append(self.call(number, hold))
        for outcome in made:
            await outcome.over.wait()
        return made

    # Callees.

    def on_request(self, request: Request, flow: Flow) -> None:
        """An INVITE from callrouter: ring, answer, and wait for its end."""
        if request.method != "INVITE":
            self._stack.reply(request, flow, 481)
            return
        tx = self._stack.accept(request, flow)
        inbox = Inbox(self._stack.timers)
        leg = ALeg(self._stack, inbox, tx, request)
        leg.ring(180, "", "", b"")
        if "rings" not in request.uri:
            leg.answer(200, "", _SDP_TYPE, _SDP)
        inbox.start(_listen(leg, inbox))


class _Caller(BLeg):
    """A caller's leg, which tells when it is over."""

    def __init__(
        self, stack: Stack, inbox: Inbox, flow: Flow, number: str
    ) -> None:
        host = f"{flow.remote_host}:{flow.remote_port}"
        rows = f"Max-Forwards: 70\r\n{_SDP_TYPE}"
        super().__init__(
            stack, inbox, flow, 1, f"sip:{number}@{host}", "<sip:1001@127.0.0.1>", rows, _SDP
        )
        self.outcome = Outcome(self.call_id)

    def on_response(self, tx: object, response: Response) -> None:
        if response.status >= 300:
            self.outcome.retry_after = response.get("retry-after")
        super().on_response(tx, response)
        self._look(closed=response.status == 200)

    def on_failure(self, tx: object, status: int) -> None:
        super().on_failure(tx, status)
        self._look(closed=False)

    def look(self) -> None:
        """The other side has hung up."""
        self._look(closed=True)

    def _look(self, *, closed: bool) -> None:
        outcome = self.outcome
        if self.state == ENDED and not outcome.over.is_set():
            outcome.closed = closed and outcome.status == 200
            outcome.ended = self.stack.now
            outcome.over.set()


async def _talk(leg: _Caller, inbox: Inbox, hold: float) -> None:
    """A caller's story."""
    outcome = leg.outcome
    until = 0.0
    while True:
        match await inbox.next(until):
            case Progress():
                outcome.ringing.set()
            case Answered():
                outcome.status = 200
                outcome.answered.set()
                leg.ack()
                until = leg.stack.now + hold
            case Failed() as failed:
                outcome.status = failed.status
                return
            case Deadline():
                leg.hang_up()
                return
            case HungUp():
                outcome.hung_up_on = True
                leg.look()
                return
            case Lost():
                return


async def _listen(leg: ALeg, inbox: Inbox) -> None:
    """A callee's story."""
    while True:
        match await inbox.next():
            case Cancelled():
                leg.reject(487)
                return
            case HungUp() | Lost():
                return
