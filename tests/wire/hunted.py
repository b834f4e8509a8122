"""Calls whose plan a test writes down itself, played with scripted targets on the virtual wire."""

from collections.abc import Iterator
from typing import Any

import pytest
from support import by_hand
from support.compiled import replaced
from support.wire import CALLER, DELAY, EPOCH, ROUTER, TARGET, Router, Wire, left_over

from callrouter.call.services.record import CallRecord
from callrouter.route.values.decision import Decision, NeedLines
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import AutoBlock, Hold, Hunt, Plan, Refusal, Target
from callrouter.simulate.caller import SimulatedCaller
from callrouter.simulate.target_script import Legs, read_legs
from callrouter.simulate.virtual_network import Datagram
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response, parse

FACTS = Facts("lab", CALLER[0], "+8613800138000", "4000", at=EPOCH)
HOLDS = ("number 4000", "trunk lab")


def target(name: str, ring: float = 15.0, delay: float = 0.0, progress: float = 5.0) -> Target:
    host, port = TARGET
    return by_hand.target(
        name,
        f"sip:{name}@{host}:{port}",
        host=host,
        port=port,
        ring_seconds=ring,
        progress_seconds=progress,
        delay_seconds=delay,
    )


def hunt(*rounds: tuple[Target, ...], total: float = 0.0, redirects: int = 5, **more: Any) -> Hunt:
    return by_hand.hunt(
        *rounds,
        total_seconds=total,
        stop_codes=frozenset((603, 604, 606)),
        redirects=redirects,
        redirect_hosts=frozenset((TARGET[0],)),
        **more,
    )


def together(*names: str, **options: float) -> Hunt:
    """A hunt of one round."""
    return hunt(tuple(target(name, **options) for name in names))


def decided(
    monkeypatch: pytest.MonkeyPatch,
    *hunts: Hunt,
    final: Refusal | None = None,
    rule: AutoBlock | None = None,
) -> None:
    """From here on every call gets this plan."""
    holds = tuple(Hold(name, 0) for name in HOLDS)
    plan, needs = Plan(hunts, final, holds), (NeedLines(holds, ()),)
    decision = Decision("4000", plan, (), needs, FACTS.caller, rule)
    replaced(monkeypatch, "callrouter.call.admission.admitted_calls.decide", lambda *_: decision)


class World:
    """One call between a caller, the router and its targets."""

    def __init__(
        self, *scripts: str, cancel_after: float | None = None, delay: float = DELAY
    ) -> None:
        self.wire = Wire(delay=lambda: delay)
        self.router = Router(self.wire)
        self.legs = Legs(self.wire.stack(TARGET), read_legs(scripts), self._dialled)
        flow = Flow("UDP", *CALLER, *ROUTER, None)
        self.caller = SimulatedCaller(self.wire.stack(CALLER), flow, FACTS, cancel_after)

    def _dialled(self, index: int) -> str:
        return self.router.noted.started[0].legs[index].target

    def play(self) -> CallRecord:
        """Run to the end; nothing may be left over, and every line is given back."""
        self.wire.run()
        story = self.wire.story()
        assert self.router.noted.bugs == [], story
        (record,) = self.router.noted.ended
        assert left_over(self.router.stack) == {}, story
        assert self.lines == {}, story
        return record

    @property
    def lines(self) -> dict[str, int]:
        return dict(self.router.shared.snapshot().lines)

    def messages(self, source: str, goal: str) -> Iterator[tuple[Datagram, Request | Response]]:
        """What one party sent to another, each message once. Parties: caller, router, a target."""
        seen = set()
        for datagram in self.wire.sent:
            message = parse(datagram.data)
            call_id = message.get("call-id")
            target = self.legs.names.get(call_id, "caller")
            ends = (target, "router") if datagram.goal == ROUTER else ("router", target)
            if ends == (source, goal) and datagram.data not in seen:
                seen.add(datagram.data)
                yield datagram, message

    def asked(self, target: str) -> list[str]:
        """The methods of what a target was sent, in order."""
        return [
            message.method
            for _, message in self.messages("router", target)
            if isinstance(message, Request)
        ]

    def told(self) -> list[Response]:
        """The responses to the INVITE that the caller was sent, but for the 100."""
        return [
            message
            for _, message in self.messages("router", "caller")
            if isinstance(message, Response)
            and message.status > 100
            and message.cseq()[1] == "INVITE"
        ]

    def rung(self) -> list[tuple[str, float]]:
        """Each target and when its INVITE was sent, to the tenth of a second."""
        return [
            (name, round(datagram.at, 1))
            for name in dict.fromkeys(self.legs.names.values())
            for datagram, message in self.messages("router", name)
            if isinstance(message, Request) and message.method == "INVITE"
        ]


def results(record: CallRecord) -> list[tuple[str, str, int]]:
    return [(leg.target, leg.result, leg.status) for leg in record.legs]
