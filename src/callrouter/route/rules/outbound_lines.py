"""Outbound lines: by which an extension calls out, and what it is permitted to call."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, NamedTuple

from callrouter.route.callers.destinations import Carriers
from callrouter.route.rules.hunt_strategies import HuntRule, Leaf, Order
from callrouter.route.rules.number_rules import ListUse
from callrouter.route.values.external_lookup import Lookup
from callrouter.route.values.fraud_guards import FraudGuards, WatchedCall
from callrouter.route.values.plan import Target
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import NOTHING
from callrouter.serializable import Serializable

NOTHING_SPENT: Final = Decimal(0)


@dataclass(slots=True, kw_only=True)
class CallingLimits(Serializable):
    """How much may be called out, 0 for any amount.

    calls, minutes: in an hour. international: calls abroad at the same time. spend_hour, spend_day:
    what calls may cost, in the currency of their rate plans.
    """

    calls: int = 0
    minutes: int = 0
    international: int = 0
    spend_hour: Decimal = NOTHING_SPENT
    spend_day: Decimal = NOTHING_SPENT

    def of_spend(self) -> bool:
        """Say whether what calls cost is limited."""
        return bool(self.spend_hour or self.spend_day)


class Shown(NamedTuple):
    """The number that a called party is shown.

    caller_id: "" for the caller's own. to: who is to see the same one again, in E.164, "" for
    nobody. rotation: the name its turn is counted by, "" when it has none.
    """

    caller_id: str
    to: str = ""
    rotation: str = ""


@dataclass(slots=True, kw_only=True)
class CallerId(Serializable):
    """A number that may be shown. carrier: that it is with.

    key: under `numbers`, "" when it is not there. suspended: it takes no calls there.
    """

    number: str
    carrier: str
    key: str
    suspended: bool


@dataclass(slots=True, kw_only=True)
class OutboundLine(Serializable):
    """A line, by which calls go out.

    prefixes: what is dialled in front of a number to go by it. caller_id: the number that is shown,
    "" for the caller's own. rule: rings a number by its gateway, once one is put into it.
    """

    name: str
    prefixes: tuple[str, ...]
    caller_id: str
    rule: HuntRule
    file: str
    line: int
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = f"line {self.name}"

    def dials(
        self,
        dialled: str,
        shows: Shown,
        account: str,
        longest: float,
        watched: WatchedCall | None = None,
    ) -> HuntRule:
        """Return the hunt that rings a number.

        account: the extension that calls. longest: seconds from the answer on, 0 for any time.
        watched: see `Target`.
        """
        order = self.rule.order
        (leaf,) = order.leaves()

        def filled(target: Target) -> Target:
            made = target.copied()
            made.uri = made.uri.replace("@", f"{dialled}@", 1)
            made.caller_id = shows.caller_id
            made.shown_to = shows.to
            made.account = account
            made.longest_seconds = longest
            made.watched = watched
            return made

        candidates = tuple(replace(it, target=filled(it.target)) for it in leaf.candidates)
        made = Leaf(
            target=filled(leaf.target),
            gateway=leaf.gateway,
            file=leaf.file,
            line=leaf.line,
            candidates=candidates,
        )
        only = Order(strategy=order.strategy, holds=(made,), weights=(1,), every_seconds=0.0)
        rounds = only.rounds(Dice(0), 0, NOTHING)
        return HuntRule(only, replace(self.rule.hunt, rounds=rounds, rotation=shows.rotation))


@dataclass(slots=True, kw_only=True)
class Permission(Serializable):
    """What those extensions may call that have it.

    lines: by which, None for all. countries: abroad, None for all. kinds: of those that are barred
    otherwise. deny: numbers that they may not call. longest: seconds that a call abroad lasts.
    supervise: they may hear conversations of others. caller_ids: numbers that are shown of them.
    """

    name: str
    lines: frozenset[str] | None
    countries: frozenset[str] | None
    kinds: frozenset[str]
    deny: tuple[ListUse, ...]
    limits: CallingLimits
    longest: float
    file: str
    line: int
    supervise: bool = False
    caller_ids: tuple[CallerId, ...] = ()
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = f"permission {self.name}"


@dataclass(slots=True, kw_only=True)
class Outbound(Serializable):
    """All lines of a dialplan. default: for numbers without a prefix, None for no line.

    emergency: the lines that emergency calls go by, one after the other. numbers: what is called in
    an emergency beside the numbers of the country. company: limits of all extensions together.
    permissions: of extensions, by extension; who has none calls nobody outside. carriers: of those
    who are called, carrier_lookup: who is asked before, None for nobody. guards: against fraud,
    None for none. named: the names of all permissions.
    """

    lines: Mapping[str, OutboundLine]
    default: OutboundLine | None
    emergency: tuple[OutboundLine, ...]
    numbers: frozenset[str]
    permissions: Mapping[str, Permission]
    company: CallingLimits
    carriers: Carriers
    file: str
    line: int
    guards: FraudGuards | None = None
    carrier_lookup: Lookup | None = None
    named: frozenset[str] = frozenset()
    by_prefix: tuple[tuple[str, OutboundLine], ...] = field(init=False)

    def __post_init__(self) -> None:
        self.by_prefix = tuple(
            (prefix, line) for line in self.lines.values() for prefix in line.prefixes
        )

    def chosen(self, dialled: str) -> tuple[OutboundLine | None, str]:
        """Return the line that a prefix chooses, or the default, and what is dialled behind it."""
        for prefix, line in self.by_prefix:
            if dialled.startswith(prefix) and len(dialled) > len(prefix):
                return line, dialled[len(prefix) :]
        return self.default, dialled


@dataclass(slots=True, kw_only=True)
class BalanceCall(Serializable):
    """Who is called when the balance of an account is low.

    number: as it is dialled. by: the line, and what is shown. prompt: played.
    """

    name: str
    account: str
    number: str
    by: OutboundLine
    prompt: str
