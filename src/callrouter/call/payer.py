"""The payer of one call: the money that is reserved for it slice by slice, and its end.

Rules.

- A slice is asked for some seconds before the last runs out. One that is refused is asked for again
  by the block, so that no money is left unused. After a block that is refused comes a warning tone,
  where the worker has the media, and the call ends with what is paid.
- A call costs nothing beyond what is paid: what ends it comes a few milliseconds late, and its
  record does not.
- A leg that begins to cost something is paid for at once, or the call ends.
- Without an answer the call goes on, and owes what it costs, or ends with what is paid, as its
  account says. Where it goes on, it is asked again.
"""

from collections.abc import Callable
from typing import Final, Protocol

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.legs.events import Shutdown
from callrouter.call.legs.inbox import Inbox
from callrouter.call.services.account_port import NO_END, Credit, NoCredit
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import Shared
from callrouter.pending import LATE, Pending, Unavailable
from callrouter.route.values.plan import Refusal
from callrouter.sip.stack import Stack
from callrouter.sip.timers import Timer

_AHEAD_MS: Final = 5000
"""How long before the end of a slice the next is asked for, and the caller warned."""
_SLICE_MS: Final = 30_000
"""How long a slice is at least; it ends with a block."""
_BLOCK_MS: Final = 1
"""That of a slice of one block."""
_AGAIN_MS: Final = 10_000
"""How long after a question without an answer the next is asked."""
_ANSWER_SECONDS: Final = 2.0
_TONE_HERTZ: Final = 1400
_TONE_SECONDS: Final = 0.5


class PaidCall(Protocol):
    """The call, as far as it matters here."""

    inbox: Inbox
    record: CallRecord
    shared: Shared
    anchor: AnchoredMedia | None
    stack: Stack

    def ms(self) -> int:
        """Milliseconds since the call started."""


class Payer:
    """The payer of a call that ends when the money does."""

    __slots__ = (
        "_again",
        "_answer",
        "_call",
        "_due",
        "_first_ms",
        "_go_on",
        "_late",
        "_limit_ms",
        "_refusal",
        "_reserved",
        "_slice_ms",
        "_urgent",
    )

    def __init__(
        self, call: PaidCall, granted: Credit, asked_ms: int, refusal: Refusal, *, go_on: bool
    ) -> None:
        """granted: the first slice, as if the caller was answered at `asked_ms`.

        refusal: what ends the call. go_on: it goes on without an answer.
        """
        self._call = call
        self._reserved = granted.reserved
        self._first_ms = granted.until_ms - asked_ms
        self._refusal = refusal
        self._go_on = go_on
        self._limit_ms = NO_END
        self._slice_ms = _SLICE_MS
        self._answer: Pending[Credit | NoCredit | Unavailable] | None = None
        self._late: Timer | None = None
        self._due: Timer | None = None
        self._urgent = False
        self._again = False

    def answered(self) -> None:
        """The caller is answered: from now on it costs something."""
        if self._first_ms > 0:
            self._limit_ms = (self._call.record.answered_ms or 0) + self._first_ms
        self._cover()

    def leg_answered(self) -> None:
        """Another leg is answered, which may cost something too."""
        if self._call.record.answered_ms is not None:
            self._cover()

    def over(self) -> None:
        """The call is over: it lasted no longer than was paid for."""
        self._stop()
        record = self._call.record
        pending = self._answer
        if pending is not None:
            self._answer = None
            self._give_up(pending)
        limit = self._limit_ms
        if limit == NO_END or record.ended_ms <= limit:
            return
        record.ended_ms = limit
        for leg in record.legs:
            if leg.ended_ms is not None and leg.ended_ms > limit:
                leg.ended_ms = limit

    def _cover(self) -> None:
        """Have what the call costs already reserved, up to the end of the slice."""
        if self._answer is not None:
            self._again = True  # asked as soon as the question before is answered
            return
        limit = self._limit_ms
        self._ask(limit if limit != NO_END else self._call.ms() + 1, urgent=True)

    def _ask(self, until_ms: int, *, urgent: bool) -> None:
        self._stop()
        call = self._call
        self._urgent = urgent
        asked = call.shared.accounts.reserve(call.record, until_ms, self._reserved)
        if not isinstance(asked, Pending):
            self._take(asked)
            return
        self._answer = asked
        self._late = call.stack.timers.start(call.stack.now + _ANSWER_SECONDS, self._unanswered)
        asked.then(self._came)

    def _came(self) -> None:
        pending = self._answer
        if pending is not None and pending.answer is not None:
            self._answer = None
            self._take(pending.answer)

    def _unanswered(self, _now: float) -> None:
        pending = self._answer
        if pending is not None:
            self._answer = None
            self._give_up(pending)
            self._take(LATE)

    def _give_up(self, pending: Pending[Credit | NoCredit | Unavailable]) -> None:
        """Want the answer no more; what it reserves goes back."""
        call, reserved = self._call, self._reserved
        accounts, record = call.shared.accounts, call.record
        pending.give_up(lambda answer: accounts.unwanted(record, reserved, answer))

    def _take(self, answer: Credit | NoCredit | Unavailable) -> None:
        """Go on by an answer."""
        self._stop()
        again, self._again = self._again, False
        if isinstance(answer, Credit):
            self._reserved = answer.reserved
            self._limit_ms = answer.until_ms
            if again:
                self._cover()
            elif answer.until_ms != NO_END:
                self._at(answer.until_ms - _AHEAD_MS, self._next)
            return
        call = self._call
        if isinstance(answer, Unavailable):
            call.shared.failures.add("accounts", answer.why)
            if self._go_on:
                self._limit_ms = NO_END
                self._at(call.ms() + _AGAIN_MS, self._next)
                return
        if self._urgent or again or self._limit_ms == NO_END:
            self._limit_ms = call.ms() if self._limit_ms == NO_END else self._limit_ms
            self._cut(0.0)
        elif isinstance(answer, NoCredit) and self._slice_ms != _BLOCK_MS:
            self._slice_ms = _BLOCK_MS
            self._next(0.0)
        else:
            self._warn()
            self._at(self._limit_ms, self._cut)

    def _next(self, _now: float) -> None:
        """Ask for the next slice."""
        limit = self._limit_ms
        known = limit != NO_END
        self._ask((limit if known else self._call.ms()) + self._slice_ms, urgent=not known)

    def _warn(self) -> None:
        """Let both parties hear that the call ends soon, where they hear the worker."""
        anchor = self._call.anchor
        if anchor is None:
            return
        for session in (anchor.a_session, anchor.b_session):
            if session is not None:
                session.slots.tone(session.name, _TONE_HERTZ, _TONE_SECONDS)

    def _cut(self, _now: float) -> None:
        """The money is at its end, and so is the call."""
        self._stop()
        self._call.record.reason = self._refusal.reason
        self._call.inbox.post(Shutdown(cause=self._refusal.cause))

    def _at(self, ms: int, do: Callable[[float], None]) -> None:
        stack = self._call.stack
        self._due = stack.timers.start(stack.now + (ms - self._call.ms()) / 1000, do)

    def _stop(self) -> None:
        for timer in (self._due, self._late):
            if timer is not None:
                timer.cancel()
        self._due = self._late = None
