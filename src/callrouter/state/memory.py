"""The state that calls share, in the memory of one process.

Theory: everything is a dict that `decide()` reads through one snapshot, so a decision copies
nothing. All changes come from the event loop's thread, between decisions. Each change that has to
outlive the process is told to a journal, which only appends; `restore()` is the way back.

Rule: what a call does here costs the same whatever there is already.
"""

import random
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from callrouter.billing.number_lives import ACTIVE, compared
from callrouter.call.services.account_port import CallAccounts, NobodyAsks
from callrouter.call.services.shared_state import PortFailures, Shared
from callrouter.register.bindings import Bindings
from callrouter.route.callers.telephone_numbers import written
from callrouter.route.values.snapshot import KnownNumber, Override, Snapshot
from callrouter.state.bans_in_memory import Bans
from callrouter.state.blocks_in_memory import BlocksInMemory
from callrouter.state.extensions_in_memory import ForwardsInMemory, PresenceInMemory
from callrouter.state.gateway_health import Gateways
from callrouter.state.journal import Journal, Key, seconds
from callrouter.state.lines import LinesInMemory
from callrouter.state.outgoing_calls import OutgoingInMemory
from callrouter.state.overrides_in_memory import OverridesInMemory
from callrouter.state.queues_in_memory import QueuesInMemory
from callrouter.state.rotations import RotationsInMemory
from callrouter.state.steady_clock import SteadyClock

_SEED_BITS: Final = 32


class Memory:
    """The shared state in memory: the first implementation of its ports. Not for two threads.

    clock: all times here are its steady ones, but the ends of overrides, which people mean by the
    clock on the wall. bindings: where telephones are. gateways: how they are. bans: addresses that
    are not heard. queues: who waits, and for whom. lives: the states of numbers that take no calls,
    as the database has them; managed: those of all numbers that it has; known: what
    else it says of them. ports: all that calls and operations
    have of it.
    """

    def __init__(self, journal: Journal, seed: int, accounts: CallAccounts | None = None) -> None:
        """accounts: those that are in no memory; None for calls that nobody pays for."""
        self.clock = SteadyClock(journal)
        self.bans = Bans(journal)
        self.bindings = Bindings(journal)
        self.lines = LinesInMemory()
        self.rotations = RotationsInMemory(journal)
        self.blocks = BlocksInMemory(journal)
        self.overrides = OverridesInMemory(journal, self._wall)
        self.presence = PresenceInMemory(journal)
        self.forwards = ForwardsInMemory(journal)
        self.outgoing = OutgoingInMemory(journal)
        self.lives: dict[str, str] = {}
        self.managed: Mapping[str, str] = {}
        self.known: dict[str, KnownNumber] = {}
        self.gateways = Gateways(journal, self.clock.now)
        self.queues = QueuesInMemory(
            self.presence, self.bindings, self.overrides, self.clock.now, self._wall
        )
        self._random = random.Random(seed)
        self._snapshot = Snapshot(
            down=self.gateways.down,
            places=self.gateways.places,
            why=self.gateways.why,
            overrides=self.overrides.switched,
            lines=self.lines.used,
            turns=self.rotations.turns,
            blocks=self.blocks.until,
            by_hand=self.blocks.by_hand,
            begun=self.blocks.begun,
            attempts=self.blocks.attempts,
            away=self.presence.reasons,
            forwards=self.forwards.goals,
            outgoing=self.outgoing.use,
            shown=self.outgoing.shown,
            barred=self.outgoing.guards.barred,
            arrivals=self.lines.arrivals,
            lives=self.lives,
            known=self.known,
        )
        self.ports = Shared(
            lines=self.lines,
            blocks=self.blocks,
            presence=self.presence,
            forwards=self.forwards,
            outgoing=self.outgoing,
            rotations=self.rotations,
            registrations=self.bindings,
            overrides=self.overrides,
            gateways=self.gateways,
            queues=self.queues,
            snapshot=self.snapshot,
            failures=PortFailures(),
            accounts=accounts or NobodyAsks(),
        )

    def snapshot(self) -> Snapshot:
        """The state of the moment, with a new seed."""
        self._snapshot.seed = self._random.getrandbits(_SEED_BITS)
        return self._snapshot

    def live(
        self, states: Mapping[str, str], known: Mapping[str, KnownNumber], country: str
    ) -> None:
        """Take over the states of numbers, and what else is known of any.

        Those that are not active take no calls. country: of numbers whose own is not known.
        """
        self.known.clear()
        for key, number in known.items():
            self.known[written(key, number.country or country) or key] = self.known[key] = number
        self.managed = states
        self.lives.clear()
        self.lives.update((key, state) for key, state in states.items() if state != ACTIVE)

    def compared(self, routed: Collection[str]) -> tuple[list[str], list[str]]:
        """Hold the numbers that are routed against those of the database; see `number_lives`."""
        return compared(self.managed, routed)

    def look_at_clock(self) -> float:
        """See whether the system's clock was put forward or back; returns by how much."""
        step = self.clock.look()
        self._snapshot.ahead = self.clock.ahead
        return step

    def expire(self, now: float) -> None:
        """Forget what has ended by a steady time; decisions do not depend on it.

        Each time it looks at some and goes on where it was: a few milliseconds at most.
        """
        self.bindings.expire(now)
        self.bans.expire(now)
        self.blocks.expire(now)
        self.overrides.expire(self.clock.wall(now))
        self.lines.expire(now)
        self.outgoing.expire(now)

    def restore(self, entries: Iterable[tuple[str, Key, tuple[object, ...]]]) -> None:
        """Take over what an earlier process told its journal: for each key its last value.

        Attempts past the bound are dropped, the oldest first. Raises ValueError or TypeError for
        what no journal of ours was told.
        """
        attempts = []
        for kind, key, value in entries:
            match kind, key, value:
                case "turn", (rotation,), (int(turn),):
                    self.rotations.restore(rotation, turn)
                case "attempts", (_, _), (_, _, *_):
                    attempts.append((key, value))
                case "block", (_, _), (until, bool(by_hand)):
                    self.blocks.restore_block(key, until, by_hand)
                case "override", (schedule,), (bool(open), until):
                    self.overrides.restore(schedule, Override(open=open, until=seconds(until)))
                case "away", (extension,), (str(reason),):
                    self.presence.restore(extension, reason)
                case _:
                    self._restore_part(kind, key, value)
        self.blocks.restore_attempts(attempts)

    def _restore_part(self, kind: str, key: Key, value: tuple[object, ...]) -> None:
        match kind, key, value:
            case "forward", (switch,), (str(goal),):
                self.forwards.restore(switch, goal)
            case "outgoing", (_, _), (_, _, _):
                self.outgoing.restore(key, value)
            case "shown", (called,), (str(caller_id), at):
                self.outgoing.restore_shown(called, caller_id, seconds(at))
            case "spent", (_, _), (str(cost),):
                self.outgoing.restore_spent(key, cost)
            case "country" | "short" | "barred", _, _:
                self.outgoing.guards.restore(kind, key, value)
            case "binding", _, _:
                self.bindings.restore(key, value)
            case "ban", _, _:
                self.bans.restore(key, value)
            case "clock", ("steady",), (ahead, marked):
                self.clock.restore(seconds(ahead), seconds(marked))
                self._snapshot.ahead = self.clock.ahead
            case "drain", (gateway,), (since,):
                self.gateways.restore(gateway, seconds(since))
            case _:
                raise ValueError(f"no such state: {kind} {key} {value}")

    def _wall(self) -> float:
        return self.clock.wall(self.clock.now())
