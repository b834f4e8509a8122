"""The time line of a call that was played: one line for each thing that happened.

Most lines are messages. What goes between callrouter and its media workers is left out: what the
caller hears is told from the record. What callrouter does with a target of its own accord (its time
is over, another one was faster) has no message when the target was never heard, so it is told from
the record too; the CANCEL that goes with it is not told again.
"""

from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from callrouter.call.anchor.dtmf import key_of
from callrouter.call.services.record import LegRecord
from callrouter.simulate.simulated_call import SimulatedCall
from callrouter.simulate.virtual_network import Datagram
from callrouter.simulate.virtual_workers import WORKERS
from callrouter.sip.grammar import reason_phrase
from callrouter.sip.message import Request, Response, parse

CALLER: Final = "caller"
_HEARD: Final = {"played": "hears", "menu": "enters menu", "survey": "answers"}
_TERMINATED: Final = 487
_STAYS_MS: Final = 100
"""For so long an agent of a queue must have stayed to be connected, which is nothing to be told."""
_ACTS: Final = {"INVITE": "calls", "CANCEL": "gives up", "BYE": "hangs up"}
_NON_SELECTED: Final = 26


class Moment(NamedTuple):
    """One line. at: seconds from the INVITE. effect: what comes of it, "" when that is plain."""

    at: float
    party: str
    event: str
    effect: str


def timeline(played: SimulatedCall) -> list[Moment]:
    """Everything that happened, in order."""
    return _Teller(played).moments


@dataclass(slots=True, kw_only=True)
class _Leg:
    """A target's leg. told: its end is in the time line. asked: it has to confirm."""

    name: str
    record: LegRecord
    told: bool = False
    asked: bool = False


class _Teller:
    """Goes through the datagrams once."""

    def __init__(self, played: SimulatedCall) -> None:
        self.moments: list[Moment] = []
        self._caller = played.caller
        self._router = played.sent[0].goal
        records = played.record.legs if played.record is not None else []
        pairs = zip(played.legs.items(), records, strict=False)
        self._legs = {call_id: _Leg(name=name, record=record) for (call_id, name), record in pairs}
        self._heard = list(played.record.heard or ()) if played.record is not None else []
        told: set[bytes] = set()
        for datagram in played.sent:
            if WORKERS in {datagram.source[0], datagram.goal[0]}:
                continue
            if datagram.data not in told:  # a retransmission is the same bytes again
                told.add(datagram.data)
                self._tell_heard(_ms(datagram.at))
                self._tell(datagram)
        self._tell_heard(inf)

    def _tell_heard(self, until: float) -> None:
        """Tell what the caller heard before. until: milliseconds."""
        while self._heard and self._heard[0][0] < until:
            ms, what, which = self._heard.pop(0)
            if what in _HEARD:  # its keys are messages
                self._add(ms / 1000, CALLER, f"{_HEARD[what]} {which}")

    def _tell(self, datagram: Datagram) -> None:
        at = datagram.at
        message = parse(datagram.data)
        leg = self._legs.get(message.get("call-id"))
        if datagram.source == self._caller:
            self._own_acts(_ms(at) - 1)
            self._from_caller(at, message)
        elif isinstance(message, Response):
            if message.cseq() != (1, "INVITE") or message.status == 100:
                return
            if leg is not None:
                # A 487 answers our CANCEL, which was before it.
                self._own_acts(_ms(at) - (message.status != _TERMINATED))
                self._from_leg(at, leg, message.status)
            else:
                self._own_acts(_ms(at))
                self._add(at, CALLER, f"gets {_named(message.status)}")
        elif leg is not None and message.method in {"INFO", "BYE"}:
            if datagram.goal == self._router:
                self._own_acts(_ms(at) - 1)
                self._add(at, leg.name, _act(message))
        elif leg is not None and message.method == "INVITE" and not message.to_tag():
            self._own_acts(_ms(at))
            self._go_on(at)
            self._add(at, leg.name, "INVITE")
        elif leg is None and message.method == "BYE":
            self._own_acts(_ms(at))
            self._add(at, CALLER, "is hung up on")

    def _from_caller(self, at: float, message: Request | Response) -> None:
        if isinstance(message, Request) and message.method != "ACK":
            self._add(at, CALLER, _act(message))

    def _from_leg(self, at: float, leg: _Leg, status: int) -> None:
        effect = ""
        if status >= 200:
            if leg.told and status >= 300:
                return  # the 487 that answers our CANCEL
            leg.asked = status < 300 and _goes_on(leg.record, _ms(at))
            leg.told = not leg.asked
            if leg.asked:
                effect = "has to confirm"
            elif status < 300:
                answered = leg.record.result == "answered"
                effect = "connected" if answered else "too late, hung up"
            elif leg.record.result == "cancelled":
                effect = "too late"
            elif self._others_ring(_ms(at), leg):
                effect = "the others ring on"
        self._add(at, leg.name, _named(status), effect)

    def _own_acts(self, until: float) -> None:
        """Tell which targets callrouter has left by itself. until: milliseconds."""
        for leg in self._legs.values():
            record = leg.record
            ended = record.ended_ms
            confirmed = record.answered_ms
            if leg.asked and confirmed is not None and not leg.told and confirmed <= until:
                leg.told = True
                self._add(confirmed / 1000, leg.name, "has confirmed", "connected")
            if leg.told or ended is None or record.result == "answered" or ended > until:
                continue
            leg.told = True
            if record.result == "cancelled":
                event = "cancelled"
                if record.cause == _NON_SELECTED:
                    event += ", answered elsewhere"
            elif leg.asked:
                event = "has not confirmed"
            else:
                what = "answer" if record.result == "no_answer" else "response"
                event = f"no {what} in {(ended - record.started_ms) / 1000:g} s"
            self._add(ended / 1000, leg.name, event)

    def _go_on(self, at: float) -> None:
        """A target is rung: that is what came of the one that failed just now, if any did."""
        last = self.moments[-1]
        if last.at >= at - 0.001 and last.party != CALLER and not last.effect:
            failed = last.event.startswith("no ") or last.event[0] in "3456"
            if failed:
                self.moments[-1] = last._replace(effect="next")

    def _others_ring(self, at_ms: int, but: _Leg) -> bool:
        return any(
            leg is not but
            and not leg.told
            and leg.record.started_ms < at_ms
            and (leg.record.ended_ms is None or leg.record.ended_ms > at_ms)
            for leg in self._legs.values()
        )

    def _add(self, at: float, party: str, event: str, effect: str = "") -> None:
        self.moments.append(Moment(round(at, 3), party, event, effect))


def _goes_on(record: LegRecord, at: int) -> bool:
    """Whether a target that answered was kept, and not connected yet. at: milliseconds."""
    at += _STAYS_MS
    if record.answered_ms is not None:
        return record.answered_ms > at
    return record.ended_ms is not None and record.ended_ms > at


def _act(request: Request) -> str:
    """What a party does by asking this."""
    if request.method == "INFO":
        return f"presses {key_of(request)}"
    return _ACTS.get(request.method, request.method)


def _ms(at: float) -> int:
    return int(at * 1000)  # as records have it


def _named(status: int) -> str:
    return f"{status} {reason_phrase(status)}"
