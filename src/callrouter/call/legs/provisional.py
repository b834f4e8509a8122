"""Reliable provisional responses (RFC 3262), to a caller and from a target.

Theory. Each leg counts and acknowledges its own. When both sides want it, the caller's PRACK goes
on to the target, with the target's numbers in its RAck, and the answer comes back. When only the
target does, we acknowledge to it ourselves; when only the caller requires it, ours are reliable.
"""

import re
from collections import deque
from typing import Final, NamedTuple, Protocol

from callrouter.errors import SipError
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.sip.headers import split_tokens
from callrouter.sip.message import Message, Request, Response
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.timers import T1, TIMEOUT, Timer
from callrouter.sip.uas import RACK

_RSEQ: Final = re.compile(r"[ \t]*([0-9]{1,10})[ \t]*\Z")
_FIRST_DIGITS: Final = 7
"""Hex digits of the first RSeq, which is below 2**31 (section 3)."""
REL: Final = "100rel"


def named_in(message: Message, header: str, extension: str = REL) -> bool:
    """A message names an extension in Require or Supported, in any case (RFC 3261 7.3.1).

    extension: in lower case, as nearly everybody writes it.
    """
    if header not in message.headers:
        return False
    tags = split_tokens(message.rows(header))
    return extension in tags or extension in map(str.lower, tags)


def wanted_by(request: Request, peer: PeerProfile) -> tuple[bool, bool]:
    """Whether a caller takes reliable responses, and whether it takes no others."""
    required = named_in(request, "require")
    return peer.reliable and (required or named_in(request, "supported")), required


class Acknowledger(Protocol):
    """A B-leg: `unpracked` is the RAck value that its last response waits for, "" for none."""

    unpracked: str


class _Waiting(NamedTuple):
    """A provisional response to be sent. source, rack: whose it is, and its own RAck value.

    offers: its description is an offer, which its PRACK has to answer (section 5).
    """

    status: int
    extra: str
    body: bytes
    source: Acknowledger | None
    rack: str
    offers: bool


class Answering(Protocol):
    """The A-leg, as far as it sends these."""

    stack: Stack

    def never_pracked(self) -> None:
        """The caller has not acknowledged for 32 s (section 3)."""


class Provisionals:
    """The reliable provisional responses to one INVITE. required: the caller takes no others.

    relayed: the target that the PRACK which came last is for, and the RAck for it; None for us.
    offer: what it has to answer, b"" for nothing.
    """

    __slots__ = (
        "_cseq",
        "_data",
        "_interval",
        "_leg",
        "_queue",
        "_rseq",
        "_stop_at",
        "_timer",
        "_tx",
        "offer",
        "relayed",
        "required",
    )

    def __init__(self, leg: Answering, tx: ServerTransaction, cseq: int, *, required: bool) -> None:
        """cseq: of the INVITE."""
        self._leg = leg
        self._tx = tx
        self._cseq = cseq
        self.required = required
        self.relayed: tuple[Acknowledger, str] | None = None
        self.offer = b""
        self._rseq = int(leg.stack.token()[:_FIRST_DIGITS], 16)
        self._queue: deque[_Waiting] = deque()  # the first of them is out
        self._data = b""
        self._interval = T1
        self._stop_at = 0.0
        self._timer: Timer | None = None

    @property
    def open(self) -> bool:
        """A description is not acknowledged yet, so that a 2xx has to wait (section 3)."""
        return any(waiting.body for waiting in self._queue)

    def send(
        self, status: int, extra: str, body: bytes, source: Acknowledger | None, *, offers: bool
    ) -> None:
        """Send a response reliably, as soon as the one before is acknowledged."""
        rack = "" if source is None else source.unpracked
        if source is not None:
            source.unpracked = ""  # the caller's PRACK goes there
        source = source if rack else None
        self._queue.append(_Waiting(status, extra, body, source, rack, offers))
        if len(self._queue) == 1:
            self._send_first()

    def acknowledged(self, request: Request) -> bool:
        """A PRACK has come; False when it acknowledges nothing."""
        match = RACK.match(request.get("rack"))
        if match is None or not self._queue or match[3] != "INVITE":
            return False
        if (int(match[1]), int(match[2])) != (self._rseq, self._cseq):
            return False
        done = self._queue.popleft()
        self.offer = done.body if done.offers else b""
        self.relayed = None if done.source is None else (done.source, done.rack)
        self.stop()
        if self._queue:
            self._send_first()
        return True

    def stop(self) -> None:
        """Nothing is sent again any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send_first(self) -> None:
        first = self._queue[0]
        self._rseq += 1
        rows = f"Require: {REL}\r\nRSeq: {self._rseq}\r\n{first.extra}"
        self._data = self._tx.respond(first.status, rows, first.body)
        if not self._data:
            self._queue.clear()
            return
        stack = self._leg.stack
        self._interval = T1
        self._stop_at = stack.now + TIMEOUT
        self._timer = stack.timers.start(stack.now + T1, self._on_timer)

    def _on_timer(self, now: float) -> None:
        self._timer = None
        if not self._tx.pending:
            return
        if now >= self._stop_at:
            self._leg.never_pracked()
            return
        stack = self._leg.stack
        stack.resend(self._tx.flow, self._data)
        self._interval *= 2
        self._timer = stack.timers.start(min(now + self._interval, self._stop_at), self._on_timer)


class Received:
    """The reliable responses of a target, by the tag of each fork."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, response: Response) -> str:
        """The RAck value for a response; "" when it repeats, or when one before it is missing.

        Raises SipError for an RSeq that is none.
        """
        match = _RSEQ.match(response.get("rseq"))
        if match is None:
            raise SipError("not an RSeq")
        number = int(match[1])
        tag = response.to_tag()
        last = self._last.get(tag)
        if last is not None and number != last + 1:
            return ""
        self._last[tag] = number
        return f"{number} {response.cseq()[0]} INVITE"


def is_reliable(response: Response) -> bool:
    """A provisional response has to be acknowledged."""
    return "rseq" in response.headers and named_in(response, "require")


class Silent:
    """The user of a PRACK of ours, which ignores its end: the INVITE tells all that matters."""

    __slots__ = ()

    def on_response(self, tx: object, response: Response) -> None:
        """Nothing."""

    def on_failure(self, tx: object, status: int) -> None:
        """Nothing."""
