"""Hunt strategies, the order of a hunt: from strategies and nested groups to the rounds of a plan.

Theory: a hunt is a tree. Its leaves are targets; its branches are orders, each of which arranges
what it holds and gives rounds. Where the tree leaves nothing to chance or turn the rounds are
always the same, and are made once. A target whose gateway is down is left out when they are made.

Rule: a parallel or staggered order is one round, so it holds nothing but targets and parallel
orders; the compiler sees to it.
"""

from dataclasses import dataclass, replace
from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.route.values.gateway_candidates import GatewayCandidate, arranged, by_chance
from callrouter.route.values.plan import REFUSED, Hunt, Target, Verdict
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import BUSY, DO_NOT_DISTURB, NO_ANSWER, Snapshot
from callrouter.serializable import Serializable

SEQUENTIAL: Final = "sequential"
PARALLEL: Final = "parallel"
STAGGERED: Final = "staggered"
ROUND_ROBIN: Final = "round_robin"
RANDOM: Final = "random"
WEIGHTED: Final = "weighted"

Rounds = tuple[tuple[Target, ...], ...]


@dataclass(slots=True, kw_only=True)
class Leaf(Serializable):
    """A target in a hunt. gateway: the one it is reached by, "" for none. line: the target's.

    candidates: gateways to it when there are several, or DNS says where it is; gateway is "" then.
    lines: of the extension whose telephones it is, 0 for any number.
    """

    target: Target
    gateway: str
    file: str
    line: int
    candidates: tuple[GatewayCandidate, ...] = ()
    lines: int = 0

    def gateways(self) -> tuple[str, ...]:
        """All that it is reached by."""
        if self.candidates:
            return tuple(it.gateway for it in self.candidates)
        return (self.gateway,) if self.gateway else ()

    def rung(self, dice: Dice, state: Snapshot) -> tuple[Target, ...]:
        """Return the target as it is rung now; nothing when no way to it is up, or nobody there."""
        if self.target.extension and self.absence(state):
            return ()
        if self.candidates:
            target = arranged(self.candidates, dice, state.down, state.places)
            return () if target is None else (target,)
        return () if self.gateway in state.down else (self.target,)

    def left_out(self, state: Snapshot) -> list[Verdict]:
        """Say which of its gateways are down, or why its telephones are not rung."""
        rule = f"target {self.target.name}"
        why = self.absence(state) if self.target.extension else ""
        if why:
            extension = self.target.extension
            return [Verdict(rule, False, extension, why, self.file, self.line, result=REFUSED)]
        return [
            Verdict(
                rule, False, gateway, _down(gateway, state), self.file, self.line, result=REFUSED
            )
            for gateway in self.gateways()
            if gateway in state.down
        ]

    def absence(self, state: Snapshot) -> str:
        """Say why the telephones of its extension are not rung now, "" when they are."""
        extension = self.target.extension
        away = state.away.get(extension)
        if away is not None:
            return f"extension {extension} is away: {away}"
        if self.lines and state.lines.get(f"extension {extension}", 0) >= self.lines:
            return f"extension {extension} has no line free"
        return ""

    def busy(self, state: Snapshot) -> bool:
        """Say whether its telephones are not rung because they are on calls or want none."""
        away = state.away.get(self.target.extension, DO_NOT_DISTURB)
        return away == DO_NOT_DISTURB and bool(self.absence(state))


def _down(gateway: str, state: Snapshot) -> str:
    return f"gateway {gateway} {state.why.get(gateway, 'is down')}"


@dataclass(slots=True, kw_only=True)
class Order(Serializable):
    """Targets and further orders.

    weights: one for each. every_seconds: from one to the next of a staggered order.
    """

    strategy: str
    holds: tuple["Leaf | Order", ...]
    weights: tuple[int, ...]
    every_seconds: float

    def leaves(self) -> list[Leaf]:
        """All targets, as written."""
        found: list[Leaf] = []
        for held in self.holds:
            if isinstance(held, Leaf):
                found.append(held)
            else:
                found += held.leaves()
        return found

    def changes(self) -> bool:
        """Say whether chance or turn have a part in it."""
        if self.strategy in {RANDOM, WEIGHTED, ROUND_ROBIN}:
            return True
        return any(
            held.changes() if isinstance(held, Order) else by_chance(held.candidates)
            for held in self.holds
        )

    def rounds(self, dice: Dice, turn: int, state: Snapshot) -> Rounds:
        """Arrange what it holds. turn: how often its rotation was used before."""
        if self.strategy in {PARALLEL, STAGGERED}:
            together = self._together(dice, state)
            return (together,) if together else ()
        holds = self.holds
        if self.strategy == ROUND_ROBIN:
            first = turn % len(holds)
            holds = holds[first:] + holds[:first]
        elif self.strategy != SEQUENTIAL:
            holds = tuple(holds[position] for position in dice.order(self.weights))
        made: list[tuple[Target, ...]] = []
        for held in holds:
            if isinstance(held, Order):
                made += held.rounds(dice, turn, state)
            else:
                made += [(target,) for target in held.rung(dice, state)]
        return tuple(made)

    def _together(self, dice: Dice, state: Snapshot) -> tuple[Target, ...]:
        made: list[Target] = []
        delay = 0.0
        for held in self.holds:
            if isinstance(held, Order):
                members = held._together(dice, state)
            else:
                members = held.rung(dice, state)
            made += [_delayed(target, delay) for target in members]
            if members:
                delay += self.every_seconds
        return tuple(made)


def _delayed(target: Target, delay_seconds: float) -> Target:
    if not delay_seconds:
        return target
    made = target.copied()
    made.delay_seconds = delay_seconds
    return made


@mypyc_attr(allow_interpreted_subclasses=True)
class HuntRule(Serializable):
    """A hunt as the dialplan has it. hunt: as it is when nothing is down or changes.

    gateways: all that it needs. extensions: whose telephones it rings. changes: chance, turn or the
    lines of an extension have a part in it.
    """

    __slots__ = (
        "changes",
        "count",
        "extensions",
        "gateways",
        "hunt",
        "leaves",
        "order",
        "text",
    )

    def __init__(self, order: Order, hunt: Hunt) -> None:
        self.order = order
        self.hunt = hunt
        self.leaves = tuple(order.leaves())
        self.count = len(self.leaves)
        self.changes = order.changes() or any(leaf.lines for leaf in self.leaves)
        self.extensions = frozenset(
            leaf.target.extension for leaf in self.leaves if leaf.target.extension
        )
        self.gateways = frozenset(gateway for leaf in self.leaves for gateway in leaf.gateways())
        self.text = listed(hunt.rounds)

    def at(self, dice: Dice, turn: int, state: Snapshot, trace: list[Verdict]) -> Hunt:
        """Make the hunt of one call. It has no rounds when all its targets are out of reach."""
        if self.gateways.isdisjoint(state.down) and not self.someone_absent(state):
            if not self.changes:
                return self.hunt
        else:
            for leaf in self.leaves:
                trace += leaf.left_out(state)
        return replace(self.hunt, rounds=self.order.rounds(dice, turn, state))

    def someone_absent(self, state: Snapshot) -> bool:
        """Say whether the telephones of an extension are not rung now."""
        if not self.extensions:
            return False
        return any(leaf.target.extension and leaf.absence(state) for leaf in self.leaves)

    def missed(self, state: Snapshot) -> str:
        """Why none of its targets is rung: busy when one of them is, no answer, "" for no way."""
        if not self.someone_absent(state):
            return ""
        busy = any(leaf.target.extension and leaf.busy(state) for leaf in self.leaves)
        return BUSY if busy else NO_ANSWER


def listed(rounds: Rounds) -> str:
    """Write the targets for a verdict: `a for 15 s, b for 15 s with c for 15 s after 2 s`."""
    return ", ".join(" with ".join(_one(target) for target in together) for together in rounds)


def _one(target: Target) -> str:
    after = f" after {target.delay_seconds:g} s" if target.delay_seconds else ""
    return f"{target.name} for {target.ring_seconds:g} s{after}"
