"""Ringing: the rounds of a hunt in turn, the targets of one round together.

Theory. A round is a set of branches (RFC 3261 section 16.6). A branch rings one target at a time:
its own, then those it was redirected to. Each has its own ring and progress timer; all wait on one
inbox, whose deadline is the nearest of them. The usual round has one, and is no special case.

Rules. Whatever 18x a target sends, and however often, its ring timeout runs from the INVITE (B8).
The caller hears one early media at a time: the first target that sends SDP has the caller until it
ends, and what the others send meanwhile is kept back (RFC 3960; no ringback over media).
"""

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from operator import attrgetter
from typing import Final

from callrouter.call.call import Call
from callrouter.call.legs.events import Failed, Progress
from callrouter.call.legs.leg import SETTING_UP
from callrouter.call.legs.reply import Wait
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.targets.gateway_feedback import by_another_way, ended, unreached
from callrouter.call.targets.redirects import Redirections
from callrouter.call.targets.registered_contacts import with_phones
from callrouter.route.values.plan import Hunt, Target

_UNAVAILABLE: Final = 480
_NOT_ACCEPTABLE: Final = 488
_delay = attrgetter("delay_seconds")


class Branch:
    """A target that rings.

    others: the same target, as it is tried next when it is not reached so. rest: where it goes on
    when it fails, in order. until: its next deadline, first that of its progress, then
    `ring_until`. withheld: its last provisional response the caller was not given.
    """

    __slots__ = ("others", "rest", "ring_until", "target", "until", "withheld")

    def __init__(
        self,
        target: Target,
        others: Sequence[Target],
        rest: Sequence[Target],
        until: float,
        ring_until: float,
    ) -> None:
        self.target = target
        self.others = others
        self.rest = rest
        self.until = until
        self.ring_until = ring_until
        self.withheld: Progress | None = None


class Ringing:
    """A hunt while it is carried out.

    branches: who rings now; when there is none, the round is over. hunt: as planned. end: when its
    total time is over. until: when `expire` is needed next. status: what came of the target that
    ended last, 0 before one has.
    """

    __slots__ = (
        "_after",
        "_call",
        "_heard",
        "_left",
        "_redirections",
        "_start",
        "_waiting",
        "branches",
        "end",
        "hunt",
        "status",
        "until",
    )

    def __init__(self, call: Call, hunt: Hunt, left: Callable[[BLeg], None] | None = None) -> None:
        """left: told which target is out, before another is rung in its place."""
        self._call = call
        self._left = left
        self.status = 0
        self.hunt = hunt
        self.end = call.now + hunt.total_seconds if hunt.total_seconds else inf
        self.until = 0.0
        self.branches: dict[BLeg, Branch] = {}
        self._redirections: Redirections | None = None
        self._after = ""
        self._start = 0.0
        self._waiting: list[Target] = []
        self._heard: BLeg | None = None

    def reached(self, targets: tuple[Target, ...], wait: Wait) -> Awaitable[tuple[Target, ...]]:
        """The targets of a round, telephones in the places of their extensions."""
        return with_phones(targets, self._call, wait)

    def begin(self, targets: tuple[Target, ...]) -> None:
        """Start a round: ring its targets, each when its delay is over."""
        call = self._call
        self._after = call.last_result
        call.begin_round()
        self._start = now = call.now
        if len(targets) == 1:
            self._dial(targets, now)
            self.rearm()
        else:
            self._waiting = sorted(targets, key=_delay)
            self._dial_due(now)

    def expire(self) -> None:
        """Give up whose time is over, and ring whose time has come."""
        call = self._call
        now = call.now
        for leg, branch in list(self.branches.items()):
            if now < branch.until:
                continue
            if leg.heard and now < branch.ring_until:
                branch.until = branch.ring_until
            else:
                self.status = _UNAVAILABLE
                call.leg_failed(leg, 408, "no_answer" if leg.heard else "unreachable")
                if not leg.heard:
                    unreached(call.shared.gateways, branch.target, 408)
                if leg.heard or not self._again(leg):
                    self._drop(leg)
        self._go_on()

    def progress(self, event: Progress) -> None:
        """Pass a provisional response on, unless the caller listens to another target."""
        leg = event.leg
        if self._heard is not None and self._heard is not leg:
            self.branches[leg].withheld = event
            self._call.progressed(leg)
            return
        if event.response.body:
            self._heard = leg
        self._call.ring(event)

    def failed(self, event: Failed) -> None:
        """A target ended by itself: try it by another way, or go on as it said or was planned."""
        leg = event.leg
        self.status = event.status if event.status >= 400 else _UNAVAILABLE
        ended(self._call.shared.gateways, self.branches[leg].target, event)
        if not (by_another_way(event) and self._again(leg)):
            self._drop(leg, self._followed(event))
        self._go_on()

    def lost(self, leg: BLeg) -> None:
        """A target has hung up before it was connected, or does not know its dialog any more."""
        result = "unreachable" if leg.state == SETTING_UP else "rejected"
        self._end(leg, _UNAVAILABLE, result)

    def unusable(self, leg: BLeg) -> None:
        """A target has answered, and cannot be connected by what it described."""
        if leg in self.branches:
            self._end(leg, _NOT_ACCEPTABLE, "rejected")

    def forget(self, leg: BLeg) -> None:
        """A target has ended: ring what else is left."""
        if leg in self.branches:
            self._drop(leg)
            self._go_on()

    def _end(self, leg: BLeg, status: int, result: str) -> None:
        self.status = status
        self._call.leg_failed(leg, status, result)
        self.forget(leg)

    def _followed(self, event: Failed) -> Sequence[Target]:
        """The targets to go on with after a redirection, as many as the hunt still allows."""
        response = event.response
        if response is None or not self.hunt.redirects or not 300 <= event.status < 400:
            return ()
        if self._redirections is None:
            self._redirections = Redirections(self.hunt)
        call = self._call
        return self._redirections.follow(
            target=self.branches[event.leg].target,
            leg=event.leg.number,
            response=response,
            dialplan=call.dialplan,
            state=call.shared.snapshot(),
            diversions=call.facts.diversions,
            after=self._after,
            at=call.at,
        )

    def _again(self, leg: BLeg) -> bool:
        """Ring who was not reached by another way, while there is one and time for it."""
        branch = self.branches[leg]
        now = self._call.now
        if not branch.others or now >= branch.ring_until:
            return False
        # Whoever is rung now is another line, and nobody rings when there is no way left.
        rings = self._ring(branch.others, branch.rest, branch.ring_until, now)
        if rings:
            del self.branches[leg]
        return rings

    def _drop(self, leg: BLeg, followed: Sequence[Target] = ()) -> None:
        if self._left is not None:
            self._left(leg)
        rest = self.branches.pop(leg).rest
        if followed or rest:
            self._dial((*followed, *rest), self._call.now)

    def _go_on(self) -> None:
        self._dial_due(self._call.now)
        if self._heard is not None and self._heard not in self.branches:
            # Who the caller listened to has ended: the others are heard.
            self._heard = None
            for branch in self.branches.values():
                event = branch.withheld
                if event is not None:
                    branch.withheld = None
                    self.progress(event)

    def _dial_due(self, now: float) -> None:
        """Ring whose delay is over; when nobody rings, also whoever comes next."""
        waiting = self._waiting
        while waiting:
            delay = waiting[0].delay_seconds
            if self.branches and self._start + delay > now:
                break
            while waiting and waiting[0].delay_seconds == delay:
                self._dial((waiting.pop(0),), now)
        self.rearm()

    def rearm(self) -> None:
        """Look for the next deadline anew."""
        until = self._start + self._waiting[0].delay_seconds if self._waiting else inf
        for branch in self.branches.values():
            until = min(until, branch.until)
        self.until = until

    def _dial(self, targets: Sequence[Target], now: float) -> None:
        """Ring the first of these that can be sent to."""
        if now >= self.end:
            return
        for index, target in enumerate(targets):
            ring_until = min(now + target.ring_seconds, self.end)
            if self._ring((target, *target.others), targets[index + 1 :], ring_until, now):
                return

    def _ring(
        self, others: Sequence[Target], rest: Sequence[Target], ring_until: float, now: float
    ) -> bool:
        """Ring a target by the first way that it can be sent to; False when there is none."""
        for index, target in enumerate(others):
            leg = self._call.dial(target)
            if leg is not None:
                until = min(now + target.progress_seconds, ring_until)
                self.branches[leg] = Branch(target, others[index + 1 :], rest, until, ring_until)
                return True
        return False
