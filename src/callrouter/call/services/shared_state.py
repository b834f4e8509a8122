"""The ports of calls: the state that they share with each other, and the directory outside.

Theory. A decision reads one snapshot, which is in this process and at most a second old. What must
be true everywhere, or is to be changed, is asked of a port, and the answer may come later. `state/`
is the first implementation, and answers at once.

Rules. Nobody waits for a port without a limit, and a call has an outcome without its answer:

| port | asked for | without an answer |
|---|---|---|
| lines | a line, before anything is rung | the call goes on, if the snapshot has a line free |
| blocks, rotations, gateways | told, never asked, by calls | nothing is missed |
| presence, forwards, overrides | a change by a feature code | the caller hears no confirmation |
| queues | a place; whether an agent is still reserved | the route goes on; it is let go |
| outgoing | told, never asked, by calls | a call by a line more or less in an hour, no alarm |
| accounts | money, slice by slice | it goes on, or ends with what is paid, as its account says |
| registrations | where telephones are, and to be there | not reached; a REGISTER is answered 503 |

What an operator asks is refused, with the reason. Each time is counted and logged (`PortFailures`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

from callrouter.call.services.account_port import CallAccounts, NobodyAsks
from callrouter.call.services.queue_port import CallQueues
from callrouter.metric import Rows, counter
from callrouter.pending import Later
from callrouter.queues.call_back_book import CallBackJob
from callrouter.register.bindings import Registrations
from callrouter.route.values.external_lookup import Lookup, LookupAnswer
from callrouter.route.values.fraud_guards import Barring, WatchedCall
from callrouter.route.values.plan import AutoBlock, Hold
from callrouter.route.values.snapshot import Override, RunningCost, Snapshot

PORTS: Final = (
    *("lines", "blocks", "presence", "forwards", "overrides", "registrations", "queues"),
    "outgoing",
    "accounts",
    "call_backs",
)
"""Those that are asked, and not only told."""
SECONDS: Final = 0.2
"""How long a call waits for a port."""


class Busy(NamedTuple):
    """The answer that no line is free. name: of what, one of those that were asked for."""

    name: str


class LineReservation:
    """Lines that are held until they are given back, which happens once. holds: what they are of.

    give: takes them back.
    """

    __slots__ = ("_give", "holds")

    def __init__(self, holds: tuple[Hold, ...], give: Callable[[tuple[Hold, ...]], None]) -> None:
        self.holds = holds
        self._give: Callable[[tuple[Hold, ...]], None] | None = give

    def release(self) -> None:
        """Give them back, if that has not been done."""
        give = self._give
        if give is not None:
            self._give = None
            give(self.holds)


Granted = LineReservation | Busy


class Lines(Protocol):
    """Lines in use, and the pace of trunks."""

    def reserve(self, holds: tuple[Hold, ...]) -> Later[Granted]:
        """Take one line of each, or none at all. What has no limit is never busy."""

    def count(self, names: Iterable[str]) -> Later[Mapping[str, int]]:
        """How many lines are in use of each."""

    def arrived(self, trunk: str, at: float, most: int) -> None:
        """A trunk, `trunk lab`, was let in with a call at a steady time, of `most` in a second."""


class Block(NamedTuple):
    """A blocked caller. until: steady time, 0 for no end. by_hand: not automatic."""

    number: str
    caller: str
    until: float
    by_hand: bool


class Blocks(Protocol):
    """Blocked callers."""

    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        """A caller (E.164) called a number (its key) at a steady time; perhaps once too often."""

    def newest(self, now: float) -> Later[Sequence[Block]]:
        """The blocks that have not ended by a steady time, the newest first."""

    def block(self, number: str, caller: str, until: float) -> Later[bool]:
        """Refuse a caller at a number ("": at all of them) until a steady time, 0 for ever.

        caller: its key, or the first digits of many with a * behind them: `+86898*`. False when
        there are too many such blocks already.
        """

    def unblock(self, number: str, caller: str) -> Later[bool]:
        """Release a caller and forget the attempts; False when the caller was not blocked."""


class Presence(Protocol):
    """Presence of extensions."""

    def away(self) -> Later[Mapping[str, str]]:
        """Why each extension that is away is so."""

    def leave(self, extension: str, reason: str) -> Later[bool]:
        """Ring an extension no more. True."""

    def come_back(self, extension: str) -> Later[bool]:
        """Ring it again; False when it was not away."""


class Forwards(Protocol):
    """Calls of extensions that go on elsewhere, as it was switched; the dialplan has others."""

    def switched(self) -> Later[Mapping[str, str]]:
        """Where calls go on to, "" for nowhere, by extension and when: `301 all`."""

    def forward(self, extension: str, when: str, goal: str) -> Later[bool]:
        """Have calls go on, all or when `busy` or `no_answer`; goal: "" for nowhere. True."""

    def unswitch(self, extension: str, when: str) -> Later[bool]:
        """Let calls go as the dialplan says; False when they do already."""


class OutgoingCalls(Protocol):
    """How much extensions call outside. All times are steady ones."""

    def began(self, extension: str, call: str, at: float, watched: WatchedCall | None) -> None:
        """A call of an extension goes out by a line. call: of which call, / and of which leg."""

    def answered(self, extension: str, call: str, at: float, running: RunningCost | None) -> None:
        """It is answered. running: what it costs from now on, None for nothing that counts."""

    def ended(
        self, extension: str, call: str, at: float, watched: WatchedCall | None, cost: Decimal
    ) -> None:
        """It is over, after it was answered. cost: 0 for nothing that counts."""

    def barrings(self) -> Later[Mapping[str, Barring]]:
        """The extensions whose calls abroad a guard against fraud has barred."""

    def lift(self, extension: str) -> Later[bool]:
        """Let one call abroad again; False when it may."""

    def showed(self, called: str, caller_id: str, at: float) -> None:
        """Somebody outside (E.164) is shown a number of ours, and is to see it again."""


class Overrides(Protocol):
    """Schedules that are switched by hand."""

    def standing(self) -> Later[Mapping[str, Override]]:
        """The schedules that are switched now."""

    def override(self, schedule: str, open: bool, until: float) -> Later[bool]:
        """Switch a schedule, until a time of the clock on the wall; 0 for no end. True."""

    def end(self, schedule: str) -> Later[bool]:
        """Let a schedule follow its hours again; False when it does already."""


class Rotations(Protocol):
    """Turns of rotations."""

    def turned(self, rotation: str) -> None:
        """A hunt with this rotation is about to be carried out."""


class GatewayHealth(Protocol):
    """The health of gateways, as calls find it."""

    def tried(self, name: str, place: str, why: str, rest_seconds: float) -> None:
        """A gateway took a call at one of its places, or not. why: "" when it did.

        rest_seconds: how long it asked to be left alone, 0 when it did not.
        """


class Directory(Protocol):
    """Who is responsible for a caller, and the carrier of a number, as systems outside know it.

    What has failed is an answer, too: it says why nobody is known.
    """

    def find(self, lookup: Lookup, number: str) -> Later[LookupAnswer]:
        """Say who is responsible for this caller, or which carrier this number is with."""


class CallBackStore(Protocol):
    """Call-backs on disk, so that none is lost and none done twice.

    What is put is written in the order in which it was put. An attempt begins only when its claim
    was granted, which is so for one process of all that have the same jobs. Nobody waits for it but
    who claims a job, or asks for the list.
    """

    def start(self, found: Callable[[Sequence[CallBackJob]], None]) -> None:
        """Begin, if that was not done. found: told of jobs that somebody else has left."""

    def put(self, job: CallBackJob) -> None:
        """Write down a job as it is now."""

    def claim(self, job: CallBackJob) -> Later[bool]:
        """Write down that an attempt begins; False when the job is another one by now."""

    def newest(self, most: int) -> Later[Sequence[CallBackJob]]:
        """The jobs whose calls were missed last, those that have ended too."""


class PortFailures:
    """Questions that a port did not answer, or could not. noted: told of each, by port."""

    __slots__ = ("counts", "noted")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(PORTS, 0)
        self.noted: Callable[[str, str], None] = _nobody

    def add(self, port: str, why: str) -> None:
        """Count one."""
        self.counts[port] += 1
        self.noted(port, why)


def _nobody(_port: str, _why: str) -> None:
    """Nobody wants to know."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Shared:
    """All ports. snapshot: the state of the moment, for one decision."""

    lines: Lines
    blocks: Blocks
    presence: Presence
    forwards: Forwards
    outgoing: OutgoingCalls
    rotations: Rotations
    registrations: Registrations
    overrides: Overrides
    gateways: GatewayHealth
    queues: CallQueues
    snapshot: Callable[[], Snapshot]
    failures: PortFailures
    accounts: CallAccounts = field(default_factory=NobodyAsks)


METRICS: Final[Rows[PortFailures]] = (
    counter(
        "callrouter_shared_state_unanswered",
        "Each question to the shared state that had no answer in time adds one, by what it was "
        "about; it grows when the state is away, and calls go on without it.",
        lambda it: it.counts,
        "port",
    ),
)
