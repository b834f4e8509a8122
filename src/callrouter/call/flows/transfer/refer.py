"""A REFER, whoever carries it out: who may ask, whom it means, and what the asking party is told.

Rules. Only numbers and extensions of the dialplan are called, at our own address: no transfer makes
an open relay of us. Whoever asks must be allowed to by the trunk that the call came in by.
"""

from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.bridge.connect import resumed
from callrouter.call.flows.hunt.hunt import CallerSide, hunt
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.legs.absent_caller import introducing
from callrouter.call.legs.events import Answered, Asked, Event, HungUp, Lost
from callrouter.call.legs.leg import SETTING_UP, UP, Leg
from callrouter.call.legs.provisional import Silent
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.queue_place import PutInQueue, take_place
from callrouter.call.services.call_events import CallTransferred
from callrouter.call.settle import settle
from callrouter.errors import SipError
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.decide.routing import decide
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import EnterQueue, VoiceStep
from callrouter.route.values.plan import REFUSED, Hunt, Target, Verdict
from callrouter.route.values.q850_causes import cause_of
from callrouter.sip.grammar import reason_phrase
from callrouter.sip.headers import parse_address
from callrouter.sip.message import Request
from callrouter.sip.uri import Uri, canonical_host, parse_uri

_ACTIVE: Final = "active;expires=180"
_OVER: Final = "terminated;reason=noresource"
_FRAGMENT: Final = "Content-Type: message/sipfrag;version=2.0\r\n"
_REFUSED: Final = 603
_NOT_ACCEPTABLE: Final = 488
_FULL: Final = 486
_UNAVAILABLE: Final = 503
_REPLACES: Final = "replaces="


def goal_of(call: Call, asked: Asked) -> Uri | None:
    """Where a REFER asks to go; None for one that was answered, because it may not."""
    leg = asked.leg
    allowed = call.a.peer.transfer
    if allowed == "none" or (leg is call.a and allowed != "both"):
        leg.respond(asked.tx, _REFUSED)
        return None
    if call.a.state == SETTING_UP or (call.b is not None and call.b.state < UP):
        # The caller's answer waits for its PRACK, or the callee's offer for the caller's ACK.
        leg.respond(asked.tx, 500, "Retry-After: 2\r\n")
        return None
    try:
        uri = _referred_to(asked.request)
    except SipError as error:
        leg.respond(asked.tx, error.status)
        return None
    if not _is_us(leg, uri):
        leg.respond(asked.tx, _REFUSED)
        return None
    return uri


def replaces_of(uri: Uri) -> str:
    """The Replaces value in a URI, "" for none."""
    for header in uri.headers.split("&"):
        if header.lower().startswith(_REPLACES):
            return unquote(header[len(_REPLACES) :])
    return ""


def _referred_to(request: Request) -> Uri:
    """Read where a REFER asks to go. Raises SipError 400 for none, or for no call."""
    rows = request.rows("refer-to")
    if len(rows) != 1:
        raise SipError("not one Refer-To", 400)
    uri = parse_uri(parse_address(rows[0]).uri)
    if (uri.param("method") or "INVITE").upper() != "INVITE":
        raise SipError("Refer-To asks for no call", 400)
    return uri


def _is_us(leg: Leg, uri: Uri) -> bool:
    """A URI means this callrouter, by an address or the name that this party knows it by.

    A tel URI has no address: it means a number, of the dialplan or of nobody. Replaces names a call
    of ours or none, whatever name we have there: nobody is called by it.
    """
    if uri.scheme == "tel" or replaces_of(uri):
        return True
    flow = leg.dialog.flow
    known = {canonical_host(flow.local_host)}
    with suppress(SipError):  # what it called us may be anything; then the address alone counts
        known.add(canonical_host(parse_uri(parse_address(leg.dialog.local).uri).host))
    return canonical_host(uri.host) in known


def _passed_over(call: Call, decision: Decision, user: str, *, queues: bool) -> list[Verdict]:
    """Say which steps are left out: who stays is not spoken to. queues: but it may be let wait."""
    number = call.dialplan.numbers.get(decision.number) or call.number
    taken = "queues and the steps that ring" if queues else "the steps that ring"
    why = f"is passed over: this transfer takes only {taken}"
    return [
        Verdict(
            f"transfer to {user}",
            False,
            user,
            f"{step.act.text}: {why}",
            number.file,
            number.line,
            result=REFUSED,
        )
        for step in decision.plan.steps
        if isinstance(step, VoiceStep) and not (queues and isinstance(step.act, EnterQueue))
    ]


class Referral(CallerSide):
    """A REFER that is carried out: the side of both parties while who is meant is rung.

    also: who asked, and may leave meanwhile. stays: the other one. left: how the asking party left,
    None while it is there. status: what is to be said when it fails. talking: the targets so far.
    told: what the new ones were last told of who stays. place: the leg by which who asked waits in
    a queue itself, None for none.
    """

    __slots__ = ("_also", "_left", "_place", "_status", "_stays", "_talking", "_told")

    ends_by_stop_codes = False

    def __init__(self, call: Call, also: Leg, stays: Leg) -> None:
        self.call = call
        self._also = also
        self._stays = stays
        self._left: HungUp | Lost | None = None
        self._status = 480
        self._talking = call.record.talking()
        self._told = b""
        self._place: Leg | None = None

    def accept(self, asked: Asked) -> None:
        """Say that it is being done."""
        asked.leg.respond(asked.tx, 202)
        self._tell(100, _ACTIVE)

    def failed(self, status: int = 0) -> None:
        """Tell who asked that nobody was connected."""
        self._tell(status or self._status, _OVER)

    def done(self) -> None:
        """Tell who asked that it went well, and hang up on it unless it does first (RFC 5589 6)."""
        call, also = self.call, self._also
        if also is not call.a:
            for entry in self._talking:
                entry.end(call.ms(), NORMAL_CLEARING)
                if call.events.leg.subscribers:
                    call.leg_changed(entry)
        call.moved()
        if call.events.transferred.subscribers:
            event = CallTransferred(call.record, call.party_of(also), call.ms())
            call.events.transferred.tell(event)
        self._tell(200, _OVER)
        also.let_leave()
        if also is not call.a:
            also.release()

    def _unusable(self, leg: Leg) -> None:
        """Who was to come has answered, and cannot be connected with who stays: it is let go."""
        call = self.call
        self._status = _NOT_ACCEPTABLE
        for entry in call.record.talking():
            if entry not in self._talking:
                entry.end(call.ms(), cause_of(_NOT_ACCEPTABLE))
                if call.events.leg.subscribers:
                    call.leg_changed(entry)
        call.moved()
        leg.release()
        leg.hang_up()

    def _tell(self, status: int, state: str) -> None:
        """Send who asked a NOTIFY, if it is still there."""
        leg = self._also
        if leg.reachable():
            rows = (
                f"Event: refer\r\nSubscription-State: {state}\r\n"
                f"Contact: {leg.dialog.contact}\r\n{_FRAGMENT}"
            )
            body = f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode()
            leg.ask("NOTIFY", rows, body, Silent())

    async def _answered(self, user: str) -> Answered | None:
        """Ring a number or an extension; returns the answer of who is to be connected.

        Raises PutInQueue when who stays waits for that in a queue, and Over.
        """
        call = self.call
        asked, decision = self._decide(user)
        if decision is None:
            return None

        def again(facts: Facts) -> Decision:
            return decide(call.dialplan, facts, call.shared.snapshot())

        decision = await settle(call, asked, decision, again, self.asking)
        plan = decision.plan
        self._status = 404 if plan.final is None else plan.final.status or 480
        queues = self._stays is call.a  # whom we have rung ourselves waits for nobody
        left_out = _passed_over(call, decision, user, queues=queues)
        call.record.trace += (*decision.trace, *left_out)
        if plan.steps and len(left_out) == len(plan.steps):
            self._status = _NOT_ACCEPTABLE
        for index, step in enumerate(plan.steps, 1):
            if step.on and call.last_result not in step.on:
                continue
            if isinstance(step, Hunt):
                self.ringing = Ringing(call, step)
                answered = await hunt(self)
                if answered is not None:
                    return answered
                self._status = self.ringing.status or self._status
            elif queues and isinstance(step.act, EnterQueue):
                await self._queued(step.act, plan.steps[index:])
        return None

    async def _queued(self, act: EnterQueue, behind: tuple[Hunt | VoiceStep, ...]) -> None:
        """Let who stays wait in a queue, from now on without who asked. Raises PutInQueue, Over."""
        why = await take_place(self.call, act, self.asking)
        if not why:
            self.done()
            if self._place is not None:
                self._place.post(HungUp(self._place, ""))
            raise PutInQueue(act, behind)
        self._status = _FULL if why == "full" else _UNAVAILABLE

    def _decide(self, user: str) -> tuple[Facts, Decision | None]:
        """What the dialplan says to the number, and by which facts; None for what is no number."""
        call = self.call
        flow = self._also.dialog.flow
        name = self._trunk()
        facts = call.facts
        caller = facts.caller if self._stays is call.a else facts.called
        source = flow.remote_host
        asked = Facts(
            trunk=name,
            source=source,
            caller=caller,
            called=user,
            to_user=user,
            to_ext="",
            at=call.at,
            diversions=facts.diversions + 1,
            extension=self._extension(),
        )
        snapshot = call.shared.snapshot()
        decision = decide(call.dialplan, asked, snapshot)
        if decision.direction:
            return asked, decision
        if decision.number:
            barred = self._barred(decision.number, name)
            if barred is None:
                return asked, decision
            self._status = 404
            call.record.trace += (*decision.trace, barred)
            return asked, None
        self._status = 404
        if numbers.plain(user) not in call.dialplan.extensions:
            return asked, None
        number = call.dialplan.numbers.get(call.record.number)
        if number is None or not number.reads_to:
            return self._decide_inside(asked)
        asked = Facts(
            trunk=facts.trunk,
            source=source,
            caller=caller,
            called=facts.called,
            to_user=user,
            to_ext=user,
            at=call.at,
            diversions=0,
        )
        return asked, decide(call.dialplan, asked, snapshot)

    def _decide_inside(self, asked: Facts) -> tuple[Facts, Decision | None]:
        """What happens when a target of an extension asks for another extension; as `_decide`.

        Not what it may call outside: its place may be a carrier's, and others speak from there.
        """
        call, also = self.call, self._also
        target = also.target if isinstance(also, BLeg) else None
        owners = [
            extension.key
            for extension in call.dialplan.extensions.values()
            if target and any(leaf.target.name == target.name for leaf in extension.rule.leaves)
        ]
        if len(owners) != 1:
            return asked, None
        inside = Facts(
            trunk=call.dialplan.access.phones_trunk or call.record.trunk,
            source=asked.source,
            caller=asked.caller,
            called=asked.called,
            at=asked.at,
            diversions=asked.diversions,
            extension=owners[0],
        )
        return inside, decide(call.dialplan, inside, call.shared.snapshot())

    def _trunk(self) -> str:
        """The trunk that who asks calls by. Whom we called and no trunk has: that of the call."""
        call = self.call
        also = self._also
        if also is call.a:
            return call.record.trunk
        if self._extension() and also is not call.a:
            return call.dialplan.access.phones_trunk
        flow = also.dialog.flow
        trunk = call.dialplan.trunk_of(flow.remote_host, flow.peers)
        return call.record.trunk if trunk is None else trunk.name

    def _extension(self) -> str:
        """The extension whose telephone asks, "" for nobody of ours: what it may call counts."""
        also = self._also
        if isinstance(also, BLeg):
            return "" if also.target is None else also.target.extension
        return self.call.facts.extension if also is self.call.a else ""

    def _barred(self, key: str, trunk: str) -> Verdict | None:
        """Refuse whom a telephone has called what is for telephones alone; None to let it pass."""
        call = self.call
        also = self._also
        number = call.dialplan.numbers[key]
        if (
            number.open_to is None
            or trunk != call.dialplan.access.phones_trunk
            or also is call.a
            or self._extension()
        ):
            return None
        why = "who was called by a telephone is none"
        rule = f"from of {number.hold}"
        return Verdict(rule, False, trunk, why, number.file, number.line, result=REFUSED)

    async def prepare(self, _targets: tuple[Target, ...]) -> bool:
        """Tell the next targets who stays, and what it has described by now."""
        call, stays = self.call, self._stays
        self._told = resumed(stays.theirs)
        call.introduce(introducing(stays.dialog.remote, self._told))
        if call.anchor is not None:
            call.anchor.introducing = self._told
        return True

    def other(self, event: Event) -> Answered | None:
        """Who asked may leave."""
        if isinstance(event, HungUp | Lost) and event.leg is self._also:
            self._left = event
        return None

    async def connect(self, _event: Answered) -> bool:
        """It is left to who carries it out."""
        return True
