"""One call: what its script can do with it, and the record that is filled meanwhile."""

from collections.abc import Callable
from math import inf
from typing import Final

from callrouter.call.anchored_media import AnchoredMedia, Callee, Unfit
from callrouter.call.held_lines import HeldLines
from callrouter.call.interwork.header_policy import (
    passed_reason,
    passed_rows,
    q850_cause_of,
    relayed_status,
)
from callrouter.call.legs.connected_party import answer_of, rows_of
from callrouter.call.legs.events import Answered, Failed, Progress, Shutdown
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.sdp_origin import Identity
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.outgoing_legs import OutgoingLegs
from callrouter.call.payer import Payer
from callrouter.call.services.call_events import CallEvents, CallMoved, LegChanged
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord, Disposition, LegRecord, result_of
from callrouter.call.services.shared_state import Shared
from callrouter.call.targets import gateway_feedback as gateways
from callrouter.call.targets.next_hop import NextHop, next_hop_to
from callrouter.call.targets.outgoing_invite import (
    Forwarding,
    OutgoingInvite,
    forwarding,
    outgoing_invite,
)
from callrouter.call.targets.registered_contacts import hop_to_phone
from callrouter.errors import SipError
from callrouter.register.bindings import Binding
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.number_rules import Number
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import CAUSE_NO_ANSWER, Plan, Refusal, Target, Verdict
from callrouter.route.values.q850_causes import cause_of
from callrouter.route.values.refusal_reasons import UNUSABLE_OFFER
from callrouter.sip.body import SDP_ROW
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack
from callrouter.sip.timers import FarTimer

NORMAL_CLEARING: Final = 16
TOO_LONG: Final = "too_long"
_NON_SELECTED: Final = 26  # "non-selected user clearing": another target was faster
_TIMED_OUT: Final = 408
_ELSEWHERE: Final = 'SIP;cause=200;text="Call completed elsewhere"'  # RFC 3326 section 2
_REFUSED_AFTER_ALL: Final = {487: Disposition.CANCELLED, 480: Disposition.UNAVAILABLE}


class Call:
    """A call from its INVITE to its record.

    a: the caller's leg, or that of whom we have rung first. b: the leg the caller talks to; before
    the answer the one heard last, None when none rings. shared: what this call and the others count
    together. events: who wants to know what happens to it. lines: those that it holds. payer: of an
    account that may run out. phones: found for it, by extension and key. anchor: None: never any.
    """

    __slots__ = (
        "_ends",
        "_hops",
        "_invite",
        "_last",
        "_last_cause",
        "_limit",
        "_on_over",
        "_ringing",
        "_started",
        "_telling",
        "a",
        "anchor",
        "b",
        "dialplan",
        "events",
        "facts",
        "inbox",
        "lines",
        "media",
        "outgoing",
        "payer",
        "phones",
        "plan",
        "record",
        "shared",
        "stack",
    )

    def __init__(
        self,
        stack: Stack,
        inbox: Inbox,
        a: Leg,
        invite: Request,
        hops: int,
        plan: Plan,
        record: CallRecord,
        shared: Shared,
        on_over: Callable[["Call"], None],
        events: CallEvents,
        dialplan: Dialplan,
        facts: Facts,
        media: MediaServices,
    ) -> None:
        """invite: the caller's; of a call that we begin, what who is rung for it is told.

        hops: Max-Forwards as it came. on_over: told once, when the record is complete. dialplan,
        facts: what the plan came from.
        """
        self.dialplan = dialplan
        self.facts = facts
        self.media = media
        self.anchor: AnchoredMedia | None = None
        self.stack = stack
        self.inbox = inbox
        self.plan = plan
        self.record = record
        self.shared = shared
        self.lines = HeldLines(shared.lines, shared.failures)
        self.phones: dict[str, Binding] = {}
        self.a = a
        self.b: BLeg | None = None
        self._invite: Request | None = invite
        self._hops = hops
        self._started = stack.now
        self.events = events
        self._on_over = on_over
        self._limit: FarTimer | None = None
        self._ends = inf
        self.outgoing: OutgoingLegs | None = None
        self.payer: Payer | None = None
        self._ringing: dict[BLeg, LegRecord] = {}
        # What counts of the targets so far: the answered one, or the last round's most telling.
        self._last: LegRecord | None = None
        self._last_cause = 0
        self._telling = 0

    @property
    def now(self) -> float:
        """The clock of this step, monotonic seconds."""
        return self.stack.now

    @property
    def at(self) -> float:
        """The time of this step, Unix seconds."""
        return self.facts.at + self.stack.now - self._started

    @property
    def last_result(self) -> str:
        """How the targets before ended, as a hunt's `on` has it; "" when there were none."""
        if self._last is None:
            return ""
        result = self._last.result
        return "unreachable" if result == "redirected" else result

    def ms(self) -> int:
        """Milliseconds since the call started."""
        return int((self.stack.now - self._started) * 1000)

    def begin_round(self) -> None:
        """From here on, what comes of the next targets counts, not of those before."""
        self._telling = 0

    def dial(self, target: Target) -> BLeg | None:
        """Ring a target; None when there is no way to send to it, which is noted as its end."""
        invite = self._invite
        if invite is None:
            return None
        legs = self.record.legs
        entry = gateways.leg_record(target, self.ms())
        if target.gateway:
            self.lines.count(f"gateway {target.gateway}")
        legs.append(entry)
        if target.account:
            if self.outgoing is None:
                self.outgoing = OutgoingLegs(self.shared.outgoing, self.record, self.lines)
            self.outgoing.rung(target, len(legs), self.at)
        peer = self.dialplan.peer_of(target)
        rows = passed_rows(invite, self.a.peer, peer, private=self.a.private)
        callee, identity, body = self._described(invite)
        if body and not invite.body:
            rows += SDP_ROW
        try:
            hop = self._next_hop(target, len(body) + len(rows))
        except SipError as error:
            if callee is not None and self.anchor is not None:
                self.anchor.take_back(callee)
            gateways.unreached(self.shared.gateways, target, error.status)
            self._note(entry, error.status, "unreachable", 0)
            return None
        said = outgoing_invite(
            invite,
            self.a.peer,
            peer,
            hop,
            hops=self._hops,
            reliable=self.a.reliable is not None,
            anchored=self.anchor is not None,
            passing=rows,
            forwarded=self._forwarded(target, peer, hop),
            caller_id=target.caller_id,
        )
        leg = self._leg(target, peer, hop, said, body)
        self._ringing[leg] = entry
        if self.events.leg.subscribers:
            self.leg_changed(entry)
        self.events.dialog_begun(self.record, leg.call_id, target.name)
        leg.identity = identity
        if callee is not None and self.anchor is not None:
            self.anchor.callees[leg] = callee
        if self.b is None:
            self.b = leg
        return leg

    def _leg(
        self, target: Target, peer: PeerProfile, hop: NextHop, said: OutgoingInvite, body: bytes
    ) -> BLeg:
        """Send a target its INVITE."""
        logins = self.dialplan.access.logins.gateways
        leg = BLeg(
            stack=self.stack,
            inbox=self.inbox,
            flow=hop.flow,
            number=len(self.record.legs),
            uri=hop.uri,
            from_value=said.from_value,
            extra=said.rows,
            body=body,
            spare=hop.spare,
            login=logins.get(target.login) if target.login else None,
            peer=peer,
        )
        leg.dialog.pinned = hop.pinned
        leg.target = target
        return leg

    def _described(self, invite: Request) -> tuple[Callee | None, Identity | None, bytes]:
        """What a target is rung with: its session with us, who we are to it, what it is offered."""
        anchor = self.anchor
        if anchor is None:
            return None, None, invite.body
        callee = anchor.next_callee()
        return callee, *anchor.introduced(callee, self.a.dialog.flow.local_host, self.caller_body())

    def _next_hop(self, target: Target, size: int) -> NextHop:
        """Find a target's next hop. size: as `next_hop_to` has it. Raises SipError 480, 503."""
        secure = self.a.dialog.secure
        if target.extension:
            return hop_to_phone(self, self.stack, target, secure=secure)
        return next_hop_to(self.stack, target, size, secure=secure)

    def _forwarded(self, target: Target, peer: PeerProfile, hop: NextHop) -> Forwarding | None:
        """What a target is told of how the call came to it, None for one that is not told."""
        if not (target.diversion or target.history_info):
            return None
        return forwarding(
            target,
            hop.uri,
            len(self.record.legs),
            self.dialplan.called_by(self.facts),
            self.last_result,
            timed=self.plan.timed,
            trusted=peer.trusted,
        )

    def introduce(self, invite: Request) -> None:
        """Let the next targets be told this, now that the caller's own INVITE is forgotten."""
        self._invite = invite

    def caller_body(self) -> bytes:
        """What the caller described last, of what we have; empty before it described anything."""
        if self.anchor is not None and self.anchor.caller.body:
            return self.anchor.caller.body
        return b"" if self._invite is None else self._invite.body

    def progressed(self, leg: BLeg) -> None:
        """Note that a target rings, which the caller hears of later or never."""
        entry = self._ringing[leg]
        if entry.progress_ms is None:
            entry.progress_ms = self.ms()
            if self.events.leg.subscribers:
                self.leg_changed(entry)

    def ring(self, event: Progress) -> None:
        """Pass a target's provisional response on to the caller."""
        response = event.response
        self.progressed(event.leg)
        if self.record.answered_ms is not None and self.anchor is None:
            return  # it talks to somebody, and is transferred
        rows = rows_of(event, self.a)
        body = response.body
        if self.anchor is not None:
            if self.anchor.with_us:
                return  # it hears us, and knows that it rings
            rows, body = self.anchor.early(event, rows)
        if self.record.ringing_ms is None:
            self.rings()
        self.b = event.leg
        self.a.ring(response.status, event.fork, rows, body, event.leg)

    def rings(self) -> None:
        """Note that the caller, who is not answered yet, hears for the first time that it rings."""
        self.record.ringing_ms = self.ms()
        if self.events.ringing.subscribers:
            self.events.ringing.tell(self.record)

    def answer(self, event: Answered) -> None:
        """Connect the caller with the leg that answered; who rings beside it is told so."""
        self.connected(event.leg, event.response.status)
        self.picked_up()
        rows, body = answer_of(event, self.a)
        self.a.answer(200, event.fork, rows, body)
        if not event.leg.owes_answer:
            event.leg.ack()

    def picked_up(self) -> None:
        """Note that the caller is answered now."""
        record = self.record
        record.answered_ms = self.ms()
        record.status = 200
        record.disposition = Disposition.ANSWERED
        if self.events.answered.subscribers:
            self.events.answered.tell(record)
        if self.payer is not None:
            self.payer.answered()
        self._until(self.stack.now + self.number.longest_call)

    def moved(self) -> None:
        """Note that somebody else talks now in the call, which was answered before."""
        if self.events.moved.subscribers:
            self.events.moved.tell(CallMoved(self.record, self.ms()))

    def on_due(self, now: float) -> None:
        """It has lasted as long as a call may."""
        self.record.reason = TOO_LONG
        self.inbox.post(Shutdown())

    def connected(self, leg: BLeg, status: int) -> None:
        """Note that a target answered and is the one; who rings beside it is told so."""
        entry = self._last = self._ringing.pop(leg)
        entry.answered_ms = self.ms()
        entry.status = status
        entry.result = "answered"
        gateways.answered(self.shared.gateways, entry)
        self._invite = None
        self.b = leg
        target = leg.target
        if target is not None and (target.extension or target.account):
            self._talks_to(target, leg.number)
        if self.payer is not None:
            self.payer.leg_answered()
        if self.events.leg.subscribers:
            self.leg_changed(entry)
        if self.record.answered_ms is not None:
            self.moved()
        if self._ringing:
            self.withdraw(_ELSEWHERE, _NON_SELECTED)

    def _talks_to(self, target: Target, number: int) -> None:
        """Take what talking to a target takes: a line of its extension, minutes of who calls it."""
        if target.extension:
            self.lines.count_once(f"extension {target.extension}")
        if self.outgoing is not None:
            self.outgoing.answered(target, number, self.at)
        if target.longest_seconds:
            self._until(self.stack.now + target.longest_seconds)

    def _until(self, when: float) -> None:
        """The call lasts no longer than that, on the clock of its steps."""
        if self._limit is None:
            self._limit = FarTimer(self.stack.timers, self)
        self._ends = min(self._ends, when)
        self._limit.set(self.stack.now, self._ends)

    def leg_ended(self, event: Failed, *, stops: bool) -> None:
        """Note how a target that failed by itself ended. stops: with it ends the whole hunt."""
        reason = passed_reason(event.response) if event.response is not None else ""
        if stops:
            self.begin_round()  # nothing that came before it counts
        result = result_of(event.status)
        self.leg_failed(event.leg, event.status, result, q850_cause_of(reason))

    def leg_failed(self, leg: BLeg, status: int, result: str, cause: int = 0) -> None:
        """A target will not answer: end what is left of it, and note why.

        cause: Q.850, 0 to derive it from the status.
        """
        leg.release()
        leg.hang_up()
        if self.b is leg:
            self.b = None
        self._note(self._ringing.pop(leg), status, result, cause)

    def withdraw(self, reason: str, cause: int = NORMAL_CLEARING) -> None:
        """Stop all that rings. reason: the Reason value to pass on, or "". cause: to be noted."""
        for leg in [*self._ringing]:
            self.leg_withdrawn(leg, reason, cause)

    def leg_withdrawn(self, leg: BLeg, reason: str, cause: int = NORMAL_CLEARING) -> None:
        """Stop one, whether it rings or has answered and was not connected; as `withdraw`."""
        entry = self._ringing.pop(leg)
        leg.release()
        leg.hang_up(reason)
        entry.status, entry.result = 487, "cancelled"
        entry.end(self.ms(), cause)
        if self.events.leg.subscribers:
            self.leg_changed(entry)

    def _note(self, entry: LegRecord, status: int, result: str, cause: int) -> None:
        entry.status = status
        entry.cause = cause or cause_of(status)
        entry.result = result
        entry.ended_ms = self.ms()
        if self.events.leg.subscribers:
            self.leg_changed(entry)
        if entry.telling >= self._telling:
            self._telling = entry.telling
            self._last = entry
            self._last_cause = cause

    def leg_changed(self, entry: LegRecord) -> None:
        """Tell of a target to whom something happened; who listens is to be looked at before."""
        self.events.leg.tell(LegChanged(self.record, entry))

    def last_refusal(self, *, relay: bool = False) -> Refusal:
        """What to answer when no target is left: as the plan says, or what the last target said.

        relay: the last target's status is the answer, whatever the plan says (a stop code).
        """
        entry = self._last
        final = self.plan.final
        words = final is not None and not final.status  # and the target's own answer
        fits = entry is not None or self.unfit is None or not self.plan.steps
        if final is not None and not words and fits and not relay:
            return final
        if entry is None and self.unfit is not None:
            return self.refusal_for(UNUSABLE_OFFER)
        status = 480 if entry is None else relayed_status(entry.status)
        cause = self._last_cause
        if entry is not None and status == _TIMED_OUT and not relay:
            # Once somebody rang it is no 408, which tells a carrier that the route is dead.
            if entry.rang():
                status, cause = 480, cause or CAUSE_NO_ANSWER
            elif any(leg.rang() for leg in self.record.legs):
                status, cause = 480, CAUSE_NO_ANSWER
        cause = cause or cause_of(status)
        if final is None or not words:
            return Refusal(reason="no_target_left", status=status, cause=cause)
        return Refusal(
            reason="no_target_left", status=status, cause=final.cause or cause, prompt=final.prompt
        )

    def refuse_last(self, *, relay: bool = False) -> None:
        """No target is left: answer so."""
        refusal = self.last_refusal(relay=relay)
        if refusal.reason == UNUSABLE_OFFER and self.unfit is not None:
            self.refuse_offer(self.unfit)
            return
        self.refuse(refusal)
        entry = self._last
        if entry is not None:
            congested = entry.status == 503 and entry.result == "unreachable"
            self.record.disposition = Disposition.CONGESTION if congested else entry.disposition

    @property
    def unfit(self) -> Unfit | None:
        """Why our media cannot have what the caller described last, None when it can."""
        return None if self.anchor is None else self.anchor.caller.unfit

    @property
    def number(self) -> Number:
        """The number that it is for, or by what calls go that are for none."""
        return self.dialplan.numbers.get(self.record.number) or self.dialplan.inside

    def refusal_for(self, reason: str) -> Refusal:
        """How the number called answers for one of the dialplan's reasons."""
        return self.number.reasons[reason]

    def refuse_offer(self, unfit: Unfit, reason: str = UNUSABLE_OFFER) -> None:
        """End a call of which nothing can come, since of what the caller describes nothing can.

        The record says what that was. A call that was answered before is hung up on.
        """
        refusal = self.refusal_for(reason)
        why = unfit.row.partition(" ")[2].strip()
        record = self.record
        number = self.number
        why_not = Verdict("offer", False, unfit.said, why, number.file, number.line)
        record.trace = (*record.trace, why_not)
        self.turn_away(refusal, unfit.row)

    def turn_away(self, refusal: Refusal, extra: str = "") -> None:
        """Refuse a call, or hang up on one that was answered before. extra: as `refuse` has it."""
        record = self.record
        if record.answered_ms is None:
            self.refuse(refusal, extra)
            return
        record.reason = refusal.reason
        self.hung_up(None, refusal.cause)
        self.hang_up(f"Q.850;cause={refusal.cause}")

    def refuse(self, refusal: Refusal, extra: str = "") -> None:
        """Answer the caller with a final response that is no 2xx. extra: more rows of it."""
        record = self.record
        record.status = refusal.status
        record.cause = refusal.cause
        record.reason = refusal.reason
        record.disposition = Disposition.REJECTED
        record.hung_up_by = "callrouter"
        self.a.reject(refusal.status, f"Reason: Q.850;cause={refusal.cause}\r\n{extra}")

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
        record.ended_ms = now = self.ms()  # what is closed after that, a recording, is none of it
        record.hung_up_by = "callrouter" if by is None else "caller" if by is self.a else "callee"
        for entry in record.talking():
            entry.end(now, cause)
            if self.events.leg.subscribers:
                self.leg_changed(entry)

    def party_of(self, leg: Leg) -> str:
        """Who talks on a leg, as the record has it: caller or callee."""
        return "caller" if leg is self.a else "callee"

    def disconnect(self) -> None:
        """The target that was just connected is left, before the caller was answered."""
        if self._last is not None and self._last.answered_ms is not None:
            self.hung_up(None, NORMAL_CLEARING)
            if self.b is not None:
                self.b.hang_up()

    def other(self, leg: Leg) -> Leg | None:
        """The other party's leg; None for a target that the caller is not in touch with."""
        return self.b if leg is self.a else self.a if leg is self.b else None

    def hang_up(self, reason: str = "") -> None:
        """End all legs of an answered call; one that has ended, or is about to, stays so."""
        self.a.hang_up(reason)
        if self.b is not None:
            self.b.hang_up(reason)
        pair = self.inbox.pair
        if pair is not None:
            for leg in (pair.one, pair.two):
                if leg is not self.a and leg is not self.b:
                    leg.hang_up(reason)

    def close(self) -> None:
        """Complete the record, report it, and let go of the legs."""
        record = self.record
        if record.answered_ms is None or not record.ended_ms:
            record.ended_ms = self.ms()
        if record.answered_ms is not None and self.a.refused:
            # Its 2xx waited for a PRACK, and was never sent (RFC 3262 section 3).
            record.answered_ms = None
            record.status = self.a.refused
            record.disposition = _REFUSED_AFTER_ALL.get(record.status, Disposition.REJECTED)
        for leg in (self.a, self.b):
            if leg is not None and leg.inbox is self.inbox:  # else it is in another call now
                leg.release()
        self.b = None
        self._invite = None
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if self.outgoing is not None:
            self.outgoing.over(self.at)
        if self.payer is not None:
            self.payer.over()
        self.lines.release()
        if self.anchor is not None:
            self.anchor.let_go()
            self.anchor = None
        self._on_over(self)

    def abort(self) -> None:
        """A bug of ours stopped the script: end whatever stands."""
        if self.record.answered_ms is None:
            self.withdraw("")
            self.refuse(Refusal(reason="internal_error", status=500, cause=cause_of(500)))
        else:
            self.hung_up(None, cause_of(500))
            self.hang_up()
