"""The shared state behind a bad line: by chance an answer comes late, is a refusal, or is lost."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Final, TypeVar

from callrouter.call.services.shared_state import (
    Block,
    Granted,
    LineReservation,
    PortFailures,
    Shared,
)
from callrouter.pending import Later, Pending, Unavailable
from callrouter.register.bindings import Binding, Change, Changed
from callrouter.route.values.fraud_guards import Barring, WatchedCall
from callrouter.route.values.plan import AutoBlock, Hold
from callrouter.route.values.snapshot import Override, RunningCost, Snapshot
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory

T = TypeVar("T")

SLOWEST: Final = 0.4
"""Seconds from a question to its answer; calls wait for half of that."""
_LEASE: Final = 1.0


class SlowState:
    """Ports of a memory that is far away. fates: how often each fate was met, by name.

    A question may be answered at once; be refused; be lost, so that nothing is done; be answered
    later; or be done, and its answer be lost. Lines that were granted by a lost answer are taken
    back when their question is given up, as a store does by leases. What is told may be lost too.
    """

    def __init__(self, memory: Memory, stack: Stack, dice: Random) -> None:
        self._memory = memory
        self._stack = stack
        self._dice = dice
        self.fates: Counter[str] = Counter()
        self.unclaimed = 0
        self.ports = Shared(
            lines=self,
            blocks=_Blocks(self, memory),
            presence=_Presence(self, memory),
            forwards=_Forwards(self, memory),
            outgoing=_Outgoing(self, memory),
            rotations=_Rotations(self, memory),
            registrations=_Registrations(self, memory),
            overrides=_Overrides(self, memory),
            gateways=_Gateways(self, memory),
            queues=memory.queues,
            snapshot=self._snapshot,
            failures=PortFailures(),
        )

    def answer(self, do: Callable[[], T]) -> Later[T]:
        """What becomes of a question that is answered by doing this."""
        fate = self._dice.choice(("at once", "refused", "lost", "late", "late", "late", "unheard"))
        self.fates[fate] += 1
        if fate == "at once":
            return do()
        if fate == "refused":
            return Unavailable("refused")
        pending = Pending[T | Unavailable]()
        if fate != "lost":
            seconds = self._dice.uniform(0.0, SLOWEST)

            def done(_now: float) -> None:
                answer = do()
                if fate == "late":
                    self._after(seconds / 2, lambda _now: pending.settle(answer))
                elif isinstance(answer, LineReservation):
                    self.unclaimed += 1
                    self._reap(pending, answer)

            self._after(seconds / 2, done)
        return pending

    def told(self, do: Callable[[], None]) -> None:
        """What becomes of what is only told."""
        if self._dice.random() < 0.8:
            self._after(self._dice.uniform(0.0, SLOWEST), lambda _now: do())

    def reserve(self, holds: tuple[Hold, ...]) -> Later[Granted]:
        return self.answer(lambda: self._memory.lines.reserve(holds))

    def count(self, names: Iterable[str]) -> Later[Mapping[str, int]]:
        return self.answer(lambda: self._memory.lines.count(names))

    def arrived(self, trunk: str, at: float, most: int) -> None:
        self.told(lambda: self._memory.lines.arrived(trunk, at, most))

    def _snapshot(self) -> Snapshot:
        """The state as it was a while ago: it knows of no line in use."""
        snapshot = self._memory.snapshot()
        return Snapshot(
            down=snapshot.down,
            overrides=snapshot.overrides,
            turns=snapshot.turns,
            blocks=snapshot.blocks,
            attempts=snapshot.attempts,
            away=snapshot.away,
            forwards=snapshot.forwards,
            outgoing=snapshot.outgoing,
            barred=snapshot.barred,
            seed=snapshot.seed,
            by_hand=snapshot.by_hand,
            begun=snapshot.begun,
        )

    def _after(self, seconds: float, do: Callable[[float], None]) -> None:
        self._stack.timers.start(self._stack.now + seconds, do)

    def _reap(self, pending: Pending[T], reservation: LineReservation) -> None:
        if pending.given_up:
            reservation.release()
            self.unclaimed -= 1
        else:
            self._after(_LEASE, lambda _now: self._reap(pending, reservation))


class _Part:
    def __init__(self, state: SlowState, memory: Memory) -> None:
        self._state = state
        self._memory = memory


class _Blocks(_Part):
    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        self._state.told(lambda: self._memory.blocks.attempted(number, caller, at, rule))

    def newest(self, now: float) -> Later[Sequence[Block]]:
        return self._state.answer(lambda: self._memory.blocks.newest(now))

    def block(self, number: str, caller: str, until: float) -> Later[bool]:
        return self._state.answer(lambda: self._memory.blocks.block(number, caller, until))

    def unblock(self, number: str, caller: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.blocks.unblock(number, caller))


class _Presence(_Part):
    def away(self) -> Later[Mapping[str, str]]:
        return self._state.answer(self._memory.presence.away)

    def leave(self, extension: str, reason: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.presence.leave(extension, reason))

    def come_back(self, extension: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.presence.come_back(extension))


class _Forwards(_Part):
    def switched(self) -> Later[Mapping[str, str]]:
        return self._state.answer(self._memory.forwards.switched)

    def forward(self, extension: str, when: str, goal: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.forwards.forward(extension, when, goal))

    def unswitch(self, extension: str, when: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.forwards.unswitch(extension, when))


class _Outgoing(_Part):
    def began(self, extension: str, call: str, at: float, watched: WatchedCall | None) -> None:
        self._state.told(lambda: self._memory.outgoing.began(extension, call, at, watched))

    def answered(self, extension: str, call: str, at: float, running: RunningCost | None) -> None:
        self._state.told(lambda: self._memory.outgoing.answered(extension, call, at, running))

    def ended(
        self, extension: str, call: str, at: float, watched: WatchedCall | None, cost: Decimal
    ) -> None:
        self._state.told(lambda: self._memory.outgoing.ended(extension, call, at, watched, cost))

    def showed(self, called: str, caller_id: str, at: float) -> None:
        self._state.told(lambda: self._memory.outgoing.showed(called, caller_id, at))

    def barrings(self) -> Later[Mapping[str, Barring]]:
        return self._state.answer(self._memory.outgoing.barrings)

    def lift(self, extension: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.outgoing.lift(extension))


class _Overrides(_Part):
    def standing(self) -> Later[Mapping[str, Override]]:
        return self._state.answer(self._memory.overrides.standing)

    def override(self, schedule: str, open: bool, until: float) -> Later[bool]:
        return self._state.answer(lambda: self._memory.overrides.override(schedule, open, until))

    def end(self, schedule: str) -> Later[bool]:
        return self._state.answer(lambda: self._memory.overrides.end(schedule))


class _Registrations(_Part):
    def of(self, extension: str, now: float) -> Later[tuple[Binding, ...]]:
        return self._state.answer(lambda: self._memory.bindings.of(extension, now))

    def change(self, extension: str, changes: Sequence[Change], now: float) -> Later[Changed]:
        return self._state.answer(lambda: self._memory.bindings.change(extension, changes, now))

    def all(self, now: float) -> Later[Sequence[tuple[str, Binding]]]:
        return self._state.answer(lambda: self._memory.bindings.all(now))


class _Rotations(_Part):
    def turned(self, rotation: str) -> None:
        self._state.told(lambda: self._memory.rotations.turned(rotation))


class _Gateways(_Part):
    def tried(self, name: str, place: str, why: str, rest_seconds: float) -> None:
        self._state.told(lambda: self._memory.gateways.tried(name, place, why, rest_seconds))
