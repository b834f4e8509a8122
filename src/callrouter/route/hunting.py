"""How a hunt is ordered: from strategies and nested groups to the rounds of a plan.

Theory: a hunt is a tree. Its leaves are targets; its branches are orders, each of which arranges
what it holds and gives rounds. Where the tree leaves nothing to chance or turn the rounds are
always the same, and are made once. A target whose gateway is down is left out when they are made.

Rule: a parallel or staggered order is one round, so it holds nothing but targets and parallel
orders; the compiler sees to it.
"""

from collections.abc import Set
from typing import Final

from callrouter.route.chance import Dice
from callrouter.route.plan import Hunt, Target, Verdict

SEQUENTIAL: Final = "sequential"
PARALLEL: Final = "parallel"
STAGGERED: Final = "staggered"
ROUND_ROBIN: Final = "round_robin"
RANDOM: Final = "random"
WEIGHTED: Final = "weighted"

Rounds = tuple[tuple[Target, ...], ...]


class Leaf:
    """A target in a hunt. gateway: the one it is reached by, "" for none. line: the target's."""

    __slots__ = ("file", "gateway", "line", "target")

    def __init__(self, target: Target, gateway: str, file: str, line: int) -> None:
        self.target = target
        self.gateway = gateway
        self.file = file
        self.line = line

    def left_out(self) -> Verdict:
        """Say that its gateway is down."""
        why = f"gateway {self.gateway} is down"
        rule = f"target {self.target.name}"
        return Verdict(rule, False, self.gateway, why, self.file, self.line)


class Order:
    """Targets and further orders. weights: one for each. every_seconds: from one to the next of a
    staggered order.
    """

    __slots__ = ("every_seconds", "holds", "strategy", "weights")

    def __init__(
        self,
        strategy: str,
        holds: tuple["Leaf | Order", ...],
        weights: tuple[int, ...],
        every_seconds: float,
    ) -> None:
        self.strategy = strategy
        self.holds = holds
        self.weights = weights
        self.every_seconds = every_seconds

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
        return any(isinstance(held, Order) and held.changes() for held in self.holds)

    def rounds(self, dice: Dice, turn: int, down: Set[str]) -> Rounds:
        """Arrange what it holds. turn: how often its rotation was used before."""
        if self.strategy in {PARALLEL, STAGGERED}:
            together = self._together(down)
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
                made += held.rounds(dice, turn, down)
            elif held.gateway not in down:
                made.append((held.target,))
        return tuple(made)

    def _together(self, down: Set[str]) -> tuple[Target, ...]:
        made: list[Target] = []
        delay = 0.0
        for held in self.holds:
            if isinstance(held, Order):
                members = held._together(down)
            else:
                members = () if held.gateway in down else (held.target,)
            made += [_delayed(target, delay) for target in members]
            if members:
                delay += self.every_seconds
        return tuple(made)


def _delayed(target: Target, delay_seconds: float) -> Target:
    if not delay_seconds:
        return target
    return Target(
        target.name,
        target.uri,
        target.host,
        target.port,
        target.transport,
        target.ring_seconds,
        target.progress_seconds,
        delay_seconds,
    )


class HuntRule:
    """A hunt as the dialplan has it. hunt: as it is when nothing is down or changes.

    gateways: all that it needs. changes: chance or turn have a part in it.
    """

    __slots__ = ("changes", "count", "gateways", "hunt", "leaves", "order", "text")

    def __init__(self, order: Order, hunt: Hunt) -> None:
        self.order: Final = order
        self.hunt: Final = hunt
        self.leaves: Final = tuple(order.leaves())
        self.count: Final = len(self.leaves)
        self.changes: Final = order.changes()
        self.gateways: Final = frozenset(leaf.gateway for leaf in self.leaves if leaf.gateway)
        self.text: Final = listed(hunt.rounds)

    def at(self, dice: Dice, turn: int, down: Set[str], trace: list[Verdict]) -> Hunt:
        """Make the hunt of one call. It has no rounds when all its gateways are down."""
        if self.gateways.isdisjoint(down):
            if not self.changes:
                return self.hunt
        else:
            trace += [leaf.left_out() for leaf in self.leaves if leaf.gateway in down]
        return with_rounds(self.hunt, self.order.rounds(dice, turn, down), self.hunt.on)


def with_rounds(hunt: Hunt, rounds: Rounds, on: frozenset[str]) -> Hunt:
    """Copy a hunt with other rounds, after other results of the target before."""
    return Hunt(
        hunt.name,
        rounds,
        hunt.total_seconds,
        hunt.stop_codes,
        hunt.redirects,
        hunt.redirect_hosts,
        on,
        hunt.rotation,
    )


def listed(rounds: Rounds) -> str:
    """Write the targets for a verdict: `a for 15 s, b for 15 s with c for 15 s after 2 s`."""
    return ", ".join(" with ".join(_one(target) for target in together) for together in rounds)


def _one(target: Target) -> str:
    after = f" after {target.delay_seconds:g} s" if target.delay_seconds else ""
    return f"{target.name} for {target.ring_seconds:g} s{after}"
