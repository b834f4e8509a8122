"""The parties of the demo's call, on callrouter's own stack: each a socket, a leg and a story.

A phone tells of every message that passes its socket, so the whole call is seen without a word
from the server. The stories are scripts on an inbox, as the server's own are (`call.flows`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final

from callrouter.call.legs.events import Answered, Cancelled, Deadline, Event, Failed, HungUp
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.errors import SipError
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.sip.body import SDP_ROW
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack

HOST: Final = "127.0.0.1"
_RINGS: Final = 0.4
_TALKS: Final = 0.6
"""Seconds: long enough to be seen in the ladder, short enough to be waited for."""
_SDP: Final = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0\r\n"
)

Story = Callable[[ALeg, Inbox], Coroutine[None, Event, None]]
Passed = Callable[["Phone", bool, Flow, bytes], None]
"""Told of each message that a phone sends or gets, as a tap is."""


class Phone:
    """One party. name: its column in the ladder. port: its own, on 127.0.0.1, once it is open.

    story: what it does when it is called; None refuses every call. passed: told of each message.
    on_bug: told of an exception that is our own fault.
    """

    def __init__(
        self, name: str, story: Story | None, passed: Passed, on_bug: Callable[[Exception], None]
    ) -> None:
        self.name = name
        self.port = 0
        self._story = story
        self._loop = asyncio.get_running_loop()
        self._listeners = Listeners()
        self._stack = Stack(Tokens(), self._listeners.connect)
        self._stack.core = self
        self._driver = Driver(self._loop, self._stack, on_bug)
        self._driver.taps = (partial(passed, self),)

    async def open(self) -> None:
        """Take a free port. Raises ListenError."""
        self.port = await self._listeners.listen(self._driver, "udp", HOST, 0)

    def close(self) -> None:
        """Give the port back."""
        self._driver.close()
        self._listeners.close()

    @property
    def in_call(self) -> bool:
        """It calls, is called, or waits for the answer to its BYE."""
        return bool(self._stack.dialogs)

    def call(
        self, number: str, port: int, caller: str = "1001", talks: float = _TALKS, waits: float = 0
    ) -> None:
        """Call a number at a port of 127.0.0.1, talk for a while if it answers, and hang up.

        caller: who calls. talks, waits: seconds; who has waited so long gives up, 0 for never.
        """
        stack = self._stack
        stack.run_timers(self._loop.time())  # sets the stack's clock
        inbox = Inbox(stack.timers)
        leg = BLeg(
            stack,
            inbox,
            stack.connect("UDP", HOST, port),
            number=1,
            uri=f"sip:{number}@{HOST}:{port}",
            from_value=f"<sip:{caller}@{HOST}:{self.port}>",
            extra=f"Max-Forwards: 70\r\n{SDP_ROW}",
            body=_SDP,
        )
        inbox.start(_calls(leg, inbox, talks, waits))
        self._driver.flush()

    def on_request(self, request: Request, flow: Flow) -> None:
        """A request outside any dialog: a call. Raises SipError for what it does not take."""
        if request.method != "INVITE" or self._story is None:
            raise SipError("this phone does not do that", 480)
        tx = self._stack.accept(request, flow)
        inbox = Inbox(self._stack.timers)
        leg = ALeg(self._stack, inbox, tx, request, contact_uri(request))
        inbox.start(self._story(leg, inbox))


async def _calls(leg: BLeg, inbox: Inbox, talks: float, waits: float) -> None:
    """The caller: talks to who answers, and hangs up."""
    given_up = leg.stack.now + waits if waits else 0.0
    event = await _wait(inbox, Answered, Failed, until=given_up)
    if isinstance(event, Answered):
        leg.ack()
        if isinstance(await _wait(inbox, HungUp, until=leg.stack.now + talks), Deadline):
            leg.hang_up()
    elif isinstance(event, Deadline):
        leg.cancel()


async def busy(leg: ALeg, _inbox: Inbox) -> None:
    """A phone whose owner is talking."""
    leg.reject(486)


async def silent(leg: ALeg, inbox: Inbox) -> None:
    """A phone that is reached, but never rings: it says 100 and no more."""
    leg.ring(100, "", "", b"")
    await _wait(inbox, Cancelled)
    leg.reject(487)


async def answers(leg: ALeg, inbox: Inbox) -> None:
    """A phone that rings, is answered, and lets the caller hang up."""
    leg.ring(180, "", "", b"")
    if isinstance(await _wait(inbox, Cancelled, until=leg.stack.now + _RINGS), Cancelled):
        leg.reject(487)
        return
    leg.answer(200, "", SDP_ROW, _SDP)
    await _wait(inbox, HungUp)


async def rings(leg: ALeg, inbox: Inbox) -> None:
    """A phone that rings, and nobody comes."""
    leg.ring(180, "", "", b"")
    await _wait(inbox, Cancelled)
    leg.reject(487)


async def _wait(inbox: Inbox, *kinds: type[Event], until: float = 0.0) -> Event:
    """The next event of one of these kinds, or Deadline at `until`; others are passed over."""
    while True:
        event = await inbox.event(until)
        if isinstance(event, (*kinds, Deadline)):
            return event
