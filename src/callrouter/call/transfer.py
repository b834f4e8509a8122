"""A party asks that the other one be connected with somebody else: REFER (RFC 3515, RFC 5589).

Theory. We do it ourselves, and the party that stays never hears of it: it is offered another
description inside its dialog. To a number of the dialplan the call is rung as a new target (blind);
to a call of ours that Replaces names, its far end is taken over (attended). The party that asked is
told how it went by NOTIFY, and is hung up on when it went well; else the call is as it was.

Rules. Only numbers and extensions of the dialplan are called, at our own address: no transfer makes
an open relay of us. Whoever asks must be allowed to by the trunk that the call came in by.
"""

from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from callrouter.call.attending import Over
from callrouter.call.b_leg import BLeg
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.events import (
    Answered,
    Asked,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
    Progress,
    Taken,
)
from callrouter.call.leg import Leg
from callrouter.call.pairs import Pair, connect, keep, resumed
from callrouter.call.policy import canonical_host
from callrouter.call.prack import Silent
from callrouter.call.record import LegRecord
from callrouter.call.replacing import replaced_leg
from callrouter.call.rounds import Ringing
from callrouter.errors import SipError
from callrouter.route.engine import decide
from callrouter.route.facts import Facts
from callrouter.route.plan import Decision, Hunt, Plan
from callrouter.sip.grammar import reason_phrase
from callrouter.sip.headers import parse_address
from callrouter.sip.message import Request
from callrouter.sip.uri import Uri, parse_uri

_ACTIVE: Final = "active;expires=180"
_OVER: Final = "terminated;reason=noresource"
_FRAGMENT: Final = "Content-Type: message/sipfrag;version=2.0\r\n"
_NO_DIALOG: Final = 481
_NOT_ACCEPTABLE: Final = 488
_REPLACES: Final = "replaces="


async def transfer(call: Call, pair: Pair, asked: Asked) -> None:
    """Answer a REFER and do what it asks for; who talks afterwards is in the pair. Raises Over."""
    leg = asked.leg
    stays = pair.other(leg)
    allowed = call.a.peer.transfer
    if stays is None or allowed == "none" or (leg is call.a and allowed != "both"):
        leg.respond(asked.tx, 603)
        return
    try:
        uri = _referred_to(asked.request)
    except SipError as error:
        leg.respond(asked.tx, error.status)
        return
    if not _is_us(leg, uri):
        leg.respond(asked.tx, 603)
        return
    leg.respond(asked.tx, 202)
    work = _Transfer(call, pair, leg, stays)
    work.tell(100, _ACTIVE)
    await work.carry_out(uri)


def _referred_to(request: Request) -> Uri:
    """Read where a REFER asks to go. Raises SipError 400 for none, or for no call."""
    rows = request.rows("refer-to")
    if len(rows) != 1:
        raise SipError("not one Refer-To", 400)
    uri = parse_uri(parse_address(rows[0]).uri)
    if uri.scheme not in {"sip", "sips"} or (uri.param("method") or "INVITE").upper() != "INVITE":
        raise SipError("Refer-To asks for no call", 400)
    return uri


def _is_us(leg: Leg, uri: Uri) -> bool:
    """A URI means this callrouter, by an address or the name that this party knows it by."""
    flow = leg.dialog.flow
    known = {canonical_host(flow.local_host)}
    with suppress(SipError):  # what it called us may be anything; then the address alone counts
        known.add(canonical_host(parse_uri(parse_address(leg.dialog.local).uri).host))
    return canonical_host(uri.host) in known


def _replaces(uri: Uri) -> str:
    """The Replaces value in a URI, "" for none."""
    for header in uri.headers.split("&"):
        if header.lower().startswith(_REPLACES):
            return unquote(header[len(_REPLACES) :])
    return ""


class _Transfer:
    """One of them. also: who asked, and may leave meanwhile."""

    __slots__ = ("_also", "_call", "_left", "_pair", "_status", "_stays")

    def __init__(self, call: Call, pair: Pair, also: Leg, stays: Leg) -> None:
        self._call = call
        self._pair = pair
        self._also = also
        self._stays = stays
        self._left = False
        self._status = 480

    def tell(self, status: int, state: str) -> None:
        """Send who asked a NOTIFY, if it is still there."""
        leg = self._also
        if leg.reachable():
            rows = (
                f"Event: refer\r\nSubscription-State: {state}\r\n"
                f"Contact: {leg.dialog.contact}\r\n{_FRAGMENT}"
            )
            body = f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode()
            leg.ask("NOTIFY", rows, body, Silent())

    async def carry_out(self, uri: Uri) -> None:
        """Do it, and say how it went. Raises Over when nobody is left to talk to."""
        replaces = _replaces(uri)
        new = await (self._attended(replaces) if replaces else self._blind(uri.decoded_user()))
        also = self._also
        if new is None:
            self.tell(self._status, _OVER)
            if self._left:
                self._call.hung_up(None, NORMAL_CLEARING)
                self._pair.hang_up()
                raise Over
            return
        self.tell(200, _OVER)
        self._pair.replace(also, new)
        also.hang_up()
        if also is not self._call.a:
            also.release()

    async def _blind(self, user: str) -> Leg | None:
        call = self._call
        decision = self._decide(user)
        if decision is None:
            return None
        plan = decision.plan
        self._status = 404 if plan.final is None else plan.final.status
        call.record.trace += decision.trace
        call.shared.take(plan.holds)
        own = call.plan
        call.plan = Plan(own.steps, own.final, (*own.holds, *plan.holds), own.voice)
        before = call.b
        for step in plan.steps:
            if isinstance(step, Hunt) and (not step.on or call.last_result in step.on):
                answered = await self._ring(step)
                if answered is not None:
                    return await self._connect_target(answered)
        call.b = before
        return None

    def _decide(self, user: str) -> Decision | None:
        """What the dialplan says to the number; None when it knows it as no number."""
        call = self._call
        flow = self._also.dialog.flow
        trunk = call.dialplan.trunk_of(flow.remote_host, flow.peers)
        name = call.record.trunk if trunk is None else trunk.name
        facts = call.facts
        caller = facts.caller if self._stays is call.a else facts.called
        source = flow.remote_host
        asked = Facts(name, source, caller, user, user, "", call.at, facts.diversions + 1)
        snapshot = call.shared.snapshot
        decision = decide(call.dialplan, asked, snapshot)
        if decision.number:
            return decision
        self._status = 404
        number = call.dialplan.numbers.get(call.record.number)
        if user not in call.dialplan.extensions or number is None or not number.reads_to:
            return None
        asked = Facts(facts.trunk, source, caller, facts.called, user, user, call.at, 0)
        return decide(call.dialplan, asked, snapshot)

    async def _ring(self, hunt: Hunt) -> Answered | None:
        call = self._call
        stays = self._stays
        ringing = Ringing(call, hunt)
        for targets in hunt.rounds:
            call.introduce(_invite(stays))
            ringing.begin(targets)
            while ringing.lines:
                event = await call.inbox.next(ringing.until)
                if isinstance(event, Answered) and event.leg in ringing.lines:
                    if event.response.body:
                        return event
                    call.leg_failed(event.leg, _NOT_ACCEPTABLE, "rejected")
                    ringing.gone(event.leg)
                else:
                    self._meanwhile(ringing, event)
        return None

    def _meanwhile(self, ringing: Ringing, event: Event) -> None:
        match event:
            case Progress() if event.leg in ringing.lines:
                ringing.progress(event)
            case Failed() if event.leg in ringing.lines:
                self._status = event.status if event.status >= 400 else 480
                self._call.leg_ended(event, stops=False)
                ringing.failed(event)
            case Deadline():
                self._status = 408
                ringing.expire()
            case HungUp(leg=BLeg() as leg) | Lost(leg=BLeg() as leg) if leg in ringing.lines:
                ringing.lost(leg)
            case _:
                self._keep(event)

    def _keep(self, event: Event) -> None:
        if isinstance(event, HungUp | Lost) and event.leg is self._also:
            self._left = True
        keep(self._call, self._pair, event, self._also)

    async def _connect_target(self, answered: Answered) -> Leg | None:
        """Connect who stays with the target that has answered."""
        call = self._call
        leg = answered.leg
        self._note_left()
        call.connected(leg, answered.response.status)
        leg.ack()
        return await self._join(leg, answered.response.body, resumed(self._stays.theirs))

    async def _join(self, leg: Leg, body: bytes, known: bytes) -> Leg | None:
        """Connect who stays with another leg, which is hung up on when that fails.

        body: what that one describes. known: what it was told of who stays, b"" for nothing.
        """
        answer = await connect(self._call, self._pair, self._stays, body, self._also)
        if answer and answer != known:
            answer = await connect(self._call, self._pair, leg, answer, self._also)
        if answer:
            return leg
        self._status = _NOT_ACCEPTABLE
        leg.release()
        leg.hang_up()
        return None

    async def _attended(self, replaces: str) -> Leg | None:
        """Take over the far end of the call that is named."""
        call = self._call
        named = replaced_leg(call.stack, replaces)
        far = None
        inbox = None if named is None else named.inbox
        if named is not None and inbox is not None and inbox.pair is not None:
            far = inbox.pair.other(named)
        same = named is not None and self._is_same_party(named)
        if named is None or inbox is None or far is None or not same or not far.reachable():
            self._status = _NO_DIALOG
            return None
        far.inbox = call.inbox
        inbox.post(Taken(named))
        self._note_left()
        entry = LegRecord("transferred", far.dialog.target, call.ms())
        entry.answered_ms = call.ms()
        entry.status = 200
        entry.result = "answered"
        call.record.legs.append(entry)
        return await self._join(far, resumed(far.theirs), b"")

    def _is_same_party(self, named: Leg) -> bool:
        """Only who has both calls may connect them: the same trunk, or the same address."""
        dialplan = self._call.dialplan
        mine, other = self._also.dialog.flow, named.dialog.flow
        trunk = dialplan.trunk_of(mine.remote_host, mine.peers)
        known = trunk is not None and trunk is dialplan.trunk_of(other.remote_host, other.peers)
        return known or mine.remote_host == other.remote_host

    def _note_left(self) -> None:
        """Note that the target which was talked to is out."""
        call = self._call
        if self._also is not call.a:
            for entry in call.record.legs:
                if entry.answered_ms is not None and entry.ended_ms is None:
                    entry.ended_ms = call.ms()
                    entry.cause = NORMAL_CLEARING


def _invite(stays: Leg) -> Request:
    """What the new target is told: who stays, and its media."""
    headers = {"from": stays.dialog.remote, "content-type": "application/sdp"}
    return Request("INVITE", "", "SIP/2.0", headers, None, resumed(stays.theirs))
