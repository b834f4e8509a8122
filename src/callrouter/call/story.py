"""The story of a call: hunt after hunt until one target answers, then the bridge.

Scripts only. What may happen is a `case`; how it is done stands in `Call` and in the legs.
"""

from collections import deque
from enum import Enum
from typing import assert_never

from callrouter.call.b_leg import BLeg
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.events import (
    Acknowledged,
    Answered,
    Asked,
    Cancelled,
    Deadline,
    Failed,
    HungUp,
    Lost,
    Progress,
    Shutdown,
)
from callrouter.call.policy import canonical_host, passed_rows, q850_cause_of, redirect_uris
from callrouter.call.relay import Relay
from callrouter.route.plan import Hunt, Refusal, Target
from callrouter.sip.message import Response
from callrouter.sip.uri import host_port

DRAINED = Refusal("shutting_down", 503, 41)
_RECOVERY_ON_TIMEOUT = 102


class Outcome(Enum):
    """What became of a hunt, or of one target."""

    NEXT = "go on with the next"
    OVER = "the caller has got the final response, or is gone"
    ANSWERED = "connected"


async def run(call: Call) -> None:
    """Carry out the plan."""
    for hunt in call.plan.hunts:
        outcome = await ring_all(call, hunt)
        if outcome is Outcome.ANSWERED:
            await bridge(call)
            return
        if outcome is Outcome.OVER:
            return
    call.refuse_last()


async def ring_all(call: Call, hunt: Hunt) -> Outcome:
    """Ring the targets of one hunt in order, until one answers or the caller leaves."""
    targets = deque(hunt.targets)
    redirects = hunt.redirects
    end = call.now + hunt.total_seconds if hunt.total_seconds else float("inf")
    while targets and call.now < end:
        target = targets.popleft()
        leg = call.dial(target)
        if leg is None:
            continue
        event = await ring_one(call, leg, target, end)
        if isinstance(event, Outcome):
            if event is not Outcome.NEXT:
                return event
            continue
        call.leg_ended(event)
        if event.status in hunt.stop_codes:
            call.refuse_last(relay=True)
            return Outcome.OVER
        if redirects and 300 <= event.status < 400 and event.response is not None:
            followed = redirected(target, event.response, hunt.redirect_hosts)[:redirects]
            redirects -= len(followed)
            targets.extendleft(reversed(followed))
    return Outcome.NEXT


async def ring_one(call: Call, leg: BLeg, target: Target, end: float) -> Outcome | Failed:
    """Ring one target until it answers, fails, or its time is over.

    Whatever 18x it sends, and however often, its ring timeout runs from the INVITE (B8).
    """
    ring_until = min(call.now + target.ring_seconds, end)
    until = min(call.now + target.progress_seconds, ring_until)
    while True:
        event = await call.inbox.next(until)
        match event:
            case Progress():
                call.ring(event)
            case Answered():
                return connect(call, event)
            case Failed():
                return event
            case Deadline() if leg.heard and call.now < ring_until:
                until = ring_until
            case Deadline():
                call.give_up("no_answer" if leg.heard else "unreachable")
                return Outcome.NEXT
            case HungUp() | Lost():
                call.leg_failed(480, "unreachable")
                return Outcome.NEXT
            case Cancelled() | Shutdown():
                leave(call, event)
                return Outcome.OVER
            case Asked():
                ask_other(call, event)
            case Acknowledged():
                pass
            case _:
                assert_never(event)


def connect(call: Call, event: Answered) -> Outcome:
    """Connect the caller with who answered."""
    if event.leg.offered and not event.response.body:
        # An offer that was not answered: no session can come of it (RFC 3261 section 13.2.1).
        event.leg.hang_up()
        call.leg_failed(488, "rejected")
        return Outcome.NEXT
    call.answer(event)
    return Outcome.ANSWERED


def leave(call: Call, event: Cancelled | Shutdown) -> None:
    """End a call that was not answered yet."""
    if isinstance(event, Cancelled):
        call.withdraw(event.reason)
        call.cancelled()
    else:
        call.withdraw("")
        call.refuse(DRAINED)


def redirected(target: Target, response: Response, hosts: frozenset[str]) -> list[Target]:
    """The targets a 3xx names, each with the timers of the one that sent it.

    Only hosts that the dialplan itself knows: a redirection must not make an open relay of us.
    """
    followed: list[Target] = []
    for uri in redirect_uris(response):
        transport = (uri.param("transport") or "udp").lower()
        if canonical_host(uri.host) not in hosts or transport not in {"udp", "tcp"}:
            continue
        port = uri.port or 5060
        place = host_port(uri.host, port)
        text = f"sip:{uri.user}@{place}" if uri.user else f"sip:{place}"
        if transport == "tcp":
            text += ";transport=tcp"
        followed.append(
            Target(
                f"{target.name} -> {place}",
                text,
                uri.host,
                port,
                transport,
                target.ring_seconds,
                target.progress_seconds,
            )
        )
    return followed


async def bridge(call: Call) -> None:
    """Pass everything between the two parties until one of them leaves."""
    while True:
        event = await call.inbox.next()
        match event:
            case HungUp():
                call.hung_up(event.leg, q850_cause_of(event.reason) or NORMAL_CLEARING)
                call.hang_up(event.reason)
                return
            case Lost():
                call.hung_up(event.leg, _RECOVERY_ON_TIMEOUT)
                call.hang_up()
                return
            case Shutdown():
                call.hung_up(None, NORMAL_CLEARING)
                call.hang_up()
                return
            case Asked():
                ask_other(call, event)
            case Acknowledged():
                if call.b is not None:
                    call.b.ack(passed_rows(event.request), event.request.body)
            case Progress() | Answered() | Failed() | Cancelled() | Deadline():
                pass
            case _:
                assert_never(event)


def ask_other(call: Call, asked: Asked) -> None:
    """Pass a request inside the call on to the other party, if it can take one now."""
    other = call.other(asked.leg)
    request = asked.request
    offers = request.method == "INVITE" or bool(request.body and request.method == "UPDATE")
    if other is None or not other.reachable():
        asked.leg.respond(asked.tx, 500, "Retry-After: 2\r\n")
    elif offers and not other.settled():
        asked.leg.respond(asked.tx, 491)
    else:
        Relay(asked.leg, asked.tx, request, other)
