"""The snapshot of what may change between two calls of one dialplan version.

`decide()` reads it and no more.

The mappings may be live: whoever owns them changes them between decisions, never during one.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from callrouter.route.values.fraud_guards import Barring
from callrouter.route.values.gateway_candidates import TransportAddress
from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class KnownNumber(Serializable):
    """A number of ours. text: all that is known, for people. country: by which it is written.

    groups: permissions whose calls may show it, None for all; none for a virtual number.
    """

    text: str
    country: str
    groups: frozenset[str] | None


@dataclass(slots=True, kw_only=True)
class Override(Serializable):
    """A schedule switched by hand. open: what it is switched to. until: Unix seconds, 0: no end."""

    open: bool
    until: float


SPENT_SECONDS: Final = 300
"""What calls have cost is added up by so many seconds."""


class RunningCost(NamedTuple):
    """What a call costs that goes on. plan: a rate plan. number: as it has it. at: its answer."""

    plan: str
    number: str
    at: float


@dataclass(slots=True, kw_only=True)
class OutgoingUse(Serializable):
    """What was called outside lately, by one extension or by all.

    calls: when each began, was answered and ended, 0 for what did not happen yet: Unix times.
    spent: what calls have cost that ended, by the time of it in `SPENT_SECONDS`. running: those
    that go on and cost something.
    """

    calls: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    spent: dict[int, Decimal] = field(default_factory=dict)
    running: dict[str, RunningCost] = field(default_factory=dict)

    def cost(self, since: float) -> Decimal:
        """What calls have cost that ended after a time; a few minutes before it count, too."""
        first = int(since // SPENT_SECONDS)
        return sum((cost for when, cost in self.spent.items() if when >= first), Decimal(0))

    def count(self, since: float) -> int:
        """How many began after a time."""
        return sum(1 for began, _, _ in self.calls.values() if began > since)

    def seconds(self, since: float, now: float) -> float:
        """How long was talked between two times, all calls together."""
        return sum(
            max(0.0, (ended or now) - max(answered, since))
            for _, answered, ended in self.calls.values()
            if answered
        )


@dataclass(slots=True, kw_only=True)
class Snapshot(Serializable):
    """The state of the moment.

    down: gateways that do not work. overrides: by schedule. lines: calls in progress by what they
    hold, such as `number 4000`. turns: how often each rotation was used. blocks: end of a block
    (Unix seconds, 0 for none) by number ("" for all) and caller: its key, or the first digits of
    many with a * behind them, `+86898*`. by_hand: those of them that are not automatic. begun: how
    many characters the first digits among them have. attempts: Unix times of a caller's last
    calls by number and caller, oldest first. away: why an extension is not to be rung, by
    extension. seed: for everything drawn by chance. arrivals: Unix times of the calls that came in
    lately by a trunk that counts them, by what they hold (`trunk lab`), oldest first. places: where
    the gateways and hosts with DNS names are, without those places that are down; None: names are
    not looked up, and each is taken for a place. why: what `down` has, as verdicts say it. ahead:
    seconds to be added to these times and a call's for those of the clock on the wall, by which
    schedules and overrides go. outgoing: what was called out lately, by extension and "" for all.
    forwards: where calls for an extension go on to, "" for nowhere, by extension and when:
    `301 all`, `301 busy`, `301 no_answer`. lives: the states of numbers that take no calls, by key.
    known: what else is known of our numbers, by their keys and in E.164.
    shown: the caller ID that somebody outside was shown last, and when, by their number in E.164.
    barred: extensions whose calls abroad are, by extension.
    """

    down: Set[str] = frozenset()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)
    blocks: Mapping[tuple[str, str], float] = field(default_factory=dict)
    attempts: Mapping[tuple[str, str], Sequence[float]] = field(default_factory=dict)
    away: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    arrivals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    places: Mapping[str, Sequence[TransportAddress]] | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    by_hand: Set[tuple[str, str]] = frozenset()
    begun: Collection[int] = ()
    ahead: float = 0.0
    outgoing: Mapping[str, OutgoingUse] = field(default_factory=dict)
    forwards: Mapping[str, str] = field(default_factory=dict)
    lives: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, KnownNumber] = field(default_factory=dict)
    shown: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    barred: Mapping[str, Barring] = field(default_factory=dict)


DAY: Final = 86400.0
"""Seconds for which who was called sees the same number of ours again."""

ALWAYS: Final = "all"
BUSY: Final = "busy"
NO_ANSWER: Final = "no_answer"
FORWARDS: Final = (ALWAYS, BUSY, NO_ANSWER)
"""When calls for an extension are forwarded."""

DO_NOT_DISTURB: Final = "do not disturb"
"""The reason for which who is away counts as busy."""

NOTHING: Final = Snapshot()
"""Nothing is down, blocked, switched or in use."""
