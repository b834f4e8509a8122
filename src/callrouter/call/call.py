"""One call: what its script can do with it, and the record that is filled meanwhile."""

from collections.abc import Callable
from typing import Final

from callrouter.call.a_leg import ALeg
from callrouter.call.b_leg import BLeg
from callrouter.call.events import Answered, Failed, Progress
from callrouter.call.inbox import Inbox
from callrouter.call.leg import Leg
from callrouter.call.policy import (
    caller_uri,
    from_value,
    passed_rows,
    q850_cause_of,
    relayed_status,
)
from callrouter.call.record import CallRecord, Disposition, LegRecord
from callrouter.errors import SipError
from callrouter.route.causes import cause_of
from callrouter.route.plan import Plan, Refusal, Target
from callrouter.sip.message import Request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.uas import ALLOW

NORMAL_CLEARING: Final = 16
_BUSY: Final = frozenset((486, 600))
_UNREACHABLE: Final = frozenset((404, 408, 410, 480, 484, 500, 502, 503, 504))
_DISPOSITIONS: Final = {
    "busy": Disposition.BUSY,
    "no_answer": Disposition.NO_ANSWER,
    "unreachable": Disposition.UNAVAILABLE,
    "redirected": Disposition.UNAVAILABLE,
    "rejected": Disposition.REJECTED,
}


class Call:
    """A call from its INVITE to its record.

    a: the caller's leg. b: the target's leg that is ringing or answered, None between two.
    """

    __slots__ = (
        "_entry",
        "_hops",
        "_invite",
        "_last_cause",
        "_last_status",
        "_on_over",
        "_started",
        "a",
        "b",
        "inbox",
        "plan",
        "record",
        "stack",
    )

    def __init__(
        self,
        stack: Stack,
        tx: ServerTransaction,
        invite: Request,
        target: str,
        hops: int,
        plan: Plan,
        record: CallRecord,
        on_over: Callable[["Call"], None],
    ) -> None:
        """target: the caller's Contact URI. hops: Max-Forwards as it came.

        on_over: told once, when the record is complete.
        """
        self.stack = stack
        self.inbox = Inbox(stack.timers)
        self.plan = plan
        self.record = record
        self.a = ALeg(stack, self.inbox, tx, invite, target)
        self.b: BLeg | None = None
        self._invite: Request | None = invite
        self._hops = hops
        self._started = stack.now
        self._on_over = on_over
        self._entry: LegRecord | None = None
        self._last_status = 480
        self._last_cause = 0

    @property
    def now(self) -> float:
        """The clock of this step, monotonic seconds."""
        return self.stack.now

    def _ms(self) -> int:
        return int((self.stack.now - self._started) * 1000)

    # Verbs on the way to an answer.

    def dial(self, target: Target) -> BLeg | None:
        """Ring a target; None when there is no way to send to it, which is noted as its end."""
        invite = self._invite
        if invite is None:
            return None
        self._entry = LegRecord(target.name, target.uri, self._ms())
        self.record.legs.append(self._entry)
        try:
            flow = self.stack.connect(target.transport.upper(), target.host, target.port)
        except SipError as error:
            self.leg_failed(error.status, "unreachable")
            return None
        address = invite.from_()
        self.b = BLeg(
            self.stack,
            self.inbox,
            flow,
            len(self.record.legs),
            target.uri,
            from_value(address, caller_uri(address), flow.sent_by),
            f"Max-Forwards: {self._hops - 1}\r\n{ALLOW}{passed_rows(invite)}",
            invite.body,
        )
        return self.b

    def ring(self, event: Progress) -> None:
        """Pass a target's provisional response on to the caller."""
        response = event.response
        if self._entry is not None and self._entry.progress_ms is None:
            self._entry.progress_ms = self._ms()
        if self.record.ringing_ms is None:
            self.record.ringing_ms = self._ms()
        self.a.ring(response.status, event.fork, passed_rows(response), response.body)

    def answer(self, event: Answered) -> None:
        """Connect the caller with the leg that answered."""
        response = event.response
        record = self.record
        record.answered_ms = self._ms()
        record.status = 200
        record.disposition = Disposition.ANSWERED
        if self._entry is not None:
            self._entry.answered_ms = record.answered_ms
            self._entry.status = response.status
            self._entry.result = "answered"
        self._invite = None
        self.a.answer(200, event.fork, passed_rows(response), response.body)
        if event.leg.offered:
            event.leg.ack()

    def leg_ended(self, event: Failed) -> None:
        """Note how a target that failed by itself ended."""
        status = event.status
        if status in _BUSY:
            result = "busy"
        elif status in _UNREACHABLE:
            result = "unreachable"
        elif status < 400:
            result = "redirected"
        else:
            result = "rejected"
        reason = event.response.get("reason") if event.response is not None else ""
        self.leg_failed(status, result, q850_cause_of(reason))

    def leg_failed(self, status: int, result: str, cause: int = 0) -> None:
        """Note a target's end. cause: Q.850, 0 to derive it from the status."""
        self._last_status = status
        self._last_cause = cause
        entry = self._entry
        if entry is not None:
            entry.status = status
            entry.cause = cause or cause_of(status)
            entry.result = result
            entry.ended_ms = self._ms()
        self.b = None

    def give_up(self, result: str) -> None:
        """Stop ringing the target that is ringing."""
        if self.b is not None:
            self.b.cancel()
            self.leg_failed(408, result)

    def withdraw(self, reason: str) -> None:
        """The caller is gone: stop ringing. reason: the Reason value to pass on, or ""."""
        if self.b is not None:
            self.b.cancel(reason)
            self.leg_failed(487, "cancelled")

    # Ends.

    def refuse_last(self, *, relay: bool = False) -> None:
        """No target is left: answer as the plan says, or with what the last target said.

        relay: the last target's status is the answer, whatever the plan says (a stop code).
        """
        record = self.record
        entry = self._entry
        final = None if relay else self.plan.final
        if final is None:
            status = relayed_status(self._last_status)
            cause = self._last_cause or cause_of(status)
            final = Refusal("no_target_left", status, cause)
        self.refuse(final)
        if entry is not None:
            congested = entry.status == 503 and entry.result == "unreachable"
            record.disposition = (
                Disposition.CONGESTION if congested else _DISPOSITIONS[entry.result]
            )

    def refuse(self, refusal: Refusal) -> None:
        """Answer the caller with a final response that is no 2xx."""
        record = self.record
        record.status = refusal.status
        record.cause = refusal.cause
        record.reason = refusal.reason
        record.disposition = Disposition.REJECTED
        record.hung_up_by = "callrouter"
        self.a.reject(refusal.status, f"Reason: Q.850;cause={refusal.cause}\r\n")

    def cancelled(self) -> None:
        """The caller gave up before an answer."""
        record = self.record
        record.status = 487
        record.cause = NORMAL_CLEARING
        record.disposition = Disposition.CANCELLED
        record.hung_up_by = "caller"
        self.a.reject(487)

    def hung_up(self, by: Leg | None, cause: int) -> None:
        """An answered call ends. by: the leg whose party ended it, None for ourselves."""
        record = self.record
        record.cause = cause
        record.hung_up_by = "callrouter" if by is None else "caller" if by is self.a else "callee"
        if self._entry is not None:
            self._entry.cause = cause
            self._entry.ended_ms = self._ms()

    def other(self, leg: Leg) -> Leg | None:
        """The other party's leg."""
        return self.b if leg is self.a else self.a

    def hang_up(self, reason: str = "") -> None:
        """End both legs of an answered call; a leg that has ended stays so."""
        self.a.hang_up(reason)
        if self.b is not None:
            self.b.hang_up(reason)

    def close(self) -> None:
        """Complete the record, report it, and let go of the legs."""
        record = self.record
        record.ended_ms = self._ms()
        self.a.release()
        if self.b is not None:
            self.b.release()
        self.b = None
        self._invite = None
        self._on_over(self)

    def abort(self) -> None:
        """A bug of ours stopped the script: end whatever stands."""
        if self.record.answered_ms is None:
            self.withdraw("")
            self.refuse(Refusal("internal_error", 500, cause_of(500)))
        else:
            self.hung_up(None, cause_of(500))
            self.hang_up()
