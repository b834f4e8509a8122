"""The state that calls share, in the memory of one process.

Theory: everything is a dict that `decide()` reads through one snapshot, so a decision copies
nothing. All changes come from the event loop's thread, between decisions. Each change that has to
outlive the process is told to a journal, which only appends; `restore()` is the way back.

Rules:

- What a call does here costs the same whatever there is already.
- Lines are those of the calls in progress; they end with the process, as the calls do.
- Turns are kept by the rotation's name, so a new dialplan goes on where the old one was.
- A flood of made-up callers drops the callers seen longest ago, never grows.
- A caller that is blocked is not counted: a block ends when it was said to.
"""

import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import isfinite
from typing import Final, NamedTuple

from callrouter.register.bindings import Bindings
from callrouter.route.values.plan import AutoBlock
from callrouter.route.values.snapshot import Override, Snapshot
from callrouter.state.bans import Bans
from callrouter.state.gateway_health import Gateways
from callrouter.state.steady_clock import SteadyClock

CALLERS: Final = 100_000
"""Callers, each with the number called, whose attempts are kept; and blocks of callers."""

BY_HAND: Final = 10_000
"""Blocks made by hand at most."""

_SEEN_AT_ONCE: Final = 2000
_SEED_BITS: Final = 32

Key = tuple[str, ...]
Value = tuple[object, ...] | None
"""Plain values in an order that the kind gives; None: there is no such entry any more."""
Journal = Callable[[str, Key, Value], None]
"""Told (kind, key, value) of each change. Must not block or raise."""


class Block(NamedTuple):
    """A blocked caller. until: steady time, 0 for no end. by_hand: not automatic."""

    number: str
    caller: str
    until: float
    by_hand: bool


class Memory:
    """The shared state in memory.

    Implements `callrouter.call.services.state.Shared`. Not for two threads.

    dropped: callers whose attempts or blocks were let go because there were too many. bindings:
    where telephones are. gateways: how they are. bans:
    addresses that are not heard. clock: all times here are its steady ones, but the ends of
    overrides, which people mean by the clock on the wall.
    """

    def __init__(self, journal: Journal, seed: int) -> None:
        self.dropped = 0
        self.clock = SteadyClock(journal)
        self.bindings = Bindings(journal)
        self.bans = Bans(journal)
        self._journal = journal
        self._random = random.Random(seed)
        self._lines: dict[str, int] = {}
        self._turns: dict[str, int] = {}
        # Ordered ones, since the first entry of a dict is slow to find once others were before it.
        self._blocks: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._by_hand: set[tuple[str, str]] = set()
        self._begun: Counter[int] = Counter()  # by the length of the first digits that are blocked
        self._unseen: list[tuple[str, str]] = []  # blocks that `expire` has yet to look at
        # The caller who called longest ago is first.
        self._attempts: OrderedDict[tuple[str, str], tuple[float, ...]] = OrderedDict()
        self._window = 0.0  # the longest that any rule has looked back
        self._overrides: dict[str, Override] = {}
        self._away: dict[str, str] = {}
        self._arrivals: dict[str, list[float]] = {}
        self.gateways = Gateways(journal, self.clock.now)
        self._snapshot = Snapshot(
            down=self.gateways.down,
            places=self.gateways.places,
            why=self.gateways.why,
            overrides=self._overrides,
            lines=self._lines,
            turns=self._turns,
            blocks=self._blocks,
            by_hand=self._by_hand,
            begun=self._begun,
            attempts=self._attempts,
            away=self._away,
            arrivals=self._arrivals,
        )

    # What calls do.

    @property
    def snapshot(self) -> Snapshot:
        """The live state, with a new seed."""
        self._snapshot.seed = self._random.getrandbits(_SEED_BITS)
        return self._snapshot

    def take(self, holds: tuple[str, ...]) -> None:
        """Hold one line of each; `give` is called once for it."""
        lines = self._lines
        for hold in holds:
            lines[hold] = lines.get(hold, 0) + 1

    def give(self, holds: tuple[str, ...]) -> None:
        """Give one line of each back. What nobody holds is not counted at all."""
        lines = self._lines
        for hold in holds:
            left = lines.get(hold, 0) - 1
            if left > 0:
                lines[hold] = left
            else:
                lines.pop(hold, None)

    def arrived(self, trunk: str, at: float, most: int) -> None:
        """Count a call that a trunk (what it holds, `trunk lab`) was let in with, at a steady time.

        most: calls a second that it may come with; about twice as many times are kept.
        """
        times = self._arrivals.setdefault(trunk, [])
        times.append(at)
        if len(times) > 2 * most:
            del times[:-most]

    def turned(self, rotation: str) -> None:
        """A hunt with this rotation is about to be carried out."""
        turn = self._turns.get(rotation, 0) + 1
        self._turns[rotation] = turn
        self._journal("turn", (rotation,), (turn,))

    def attempted(self, number: str, caller: str, at: float, rule: AutoBlock) -> None:
        """Count a call of a caller at a steady time, and block them when it is one too often."""
        key = (number, caller)
        blocked = self._blocks.get(key)
        if blocked is not None and (blocked == 0 or at < blocked):
            return
        within = rule.within_seconds
        self._window = max(self._window, within)
        known = self._attempts.pop(key, ())
        since = at - within
        times = (*(time for time in known if time > since), at)
        if len(times) >= rule.calls:
            if known:
                self._journal("attempts", key, None)
            self._block(key, at + rule.for_seconds, by_hand=False)
            return
        if len(self._attempts) >= CALLERS:
            self._forget_attempts(next(iter(self._attempts)))
            self.dropped += 1
        self._attempts[key] = times
        self._journal("attempts", key, (self._window, *times))

    def tried(self, gateway: str, place: str, why: str, rest_seconds: float) -> None:
        """A gateway took a call at one of its places, or not; see `Gateways.tried`."""
        self.gateways.tried(gateway, place, why, rest_seconds)

    # What operators do.

    def blocks(self, now: float) -> Iterator[Block]:
        """The blocks that have not ended by a steady time, the newest first."""
        for key in reversed(self._blocks):
            until = self._blocks[key]
            if until == 0 or now < until:
                yield Block(*key, until, key in self._by_hand)

    def block(self, number: str, caller: str, until: float) -> bool:
        """Refuse a caller at a number ("": at all of them) until a steady time, 0 for ever.

        caller: its key, or the first digits of many with a * behind them: `+86898*`.

        False when there are too many such blocks already.
        """
        if len(self._by_hand) >= BY_HAND:
            return False
        self._block((number, caller), until, by_hand=True)
        return True

    def unblock(self, number: str, caller: str) -> bool:
        """Release a caller and forget the attempts; False when the caller was not blocked."""
        key = (number, caller)
        if key in self._attempts:
            self._forget_attempts(key)
        if key not in self._blocks:
            return False
        self._forget_block(key)
        return True

    def overrides(self) -> dict[str, Override]:
        """The schedules that are switched by hand."""
        return dict(self._overrides)

    def override(self, schedule: str, open: bool, until: float) -> None:
        """Switch a schedule. until: Unix seconds of the wall's clock, 0 for no end."""
        self._overrides[schedule] = Override(open, until)
        self._journal("override", (schedule,), (open, until))

    def end_override(self, schedule: str) -> bool:
        """Let a schedule follow its hours again; False when it did."""
        if self._overrides.pop(schedule, None) is None:
            return False
        self._journal("override", (schedule,), None)
        return True

    def away(self) -> dict[str, str]:
        """Why each extension that is away is so."""
        return dict(self._away)

    def leave(self, extension: str, reason: str) -> None:
        """Ring an extension no more."""
        self._away[extension] = reason
        self._journal("away", (extension,), (reason,))

    def come_back(self, extension: str) -> bool:
        """Ring an extension again; False when it was not away."""
        if self._away.pop(extension, None) is None:
            return False
        self._journal("away", (extension,), None)
        return True

    # Time and restarts.

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
        if not self._unseen:
            self._unseen = list(self._blocks)
        for key in self._unseen[-_SEEN_AT_ONCE:]:
            if 0 < self._blocks.get(key, 0.0) <= now:
                self._forget_block(key)
        del self._unseen[-_SEEN_AT_ONCE:]
        wall = self.clock.wall(now)
        over = [name for name, it in self._overrides.items() if 0.0 < it.until <= wall]
        for schedule in over:
            self.end_override(schedule)
        for trunk in [name for name, times in self._arrivals.items() if times[-1] < now - 1.0]:
            del self._arrivals[trunk]
        since = now - self._window
        for key, times in list(islice(self._attempts.items(), _SEEN_AT_ONCE)):
            if times[-1] > since:
                break
            self._forget_attempts(key)

    def restore(self, entries: Iterable[tuple[str, Key, tuple[object, ...]]]) -> None:
        """Take over what an earlier process told its journal: for each key its last value.

        Attempts and blocks past the bound are dropped, the oldest first. Raises ValueError or
        TypeError for what no journal of ours was told.
        """
        attempts: list[tuple[tuple[str, str], list[float]]] = []
        for kind, key, value in entries:
            match kind, key, value:
                case "turn", (rotation,), (int(turn),):
                    self._turns[rotation] = turn
                case "attempts", (number, caller), (window, first, *later):
                    times = [_seconds(time) for time in (first, *later)]
                    attempts.append(((number, caller), times))
                    self._window = max(self._window, _seconds(window))
                case "block", (number, caller), (until, bool(by_hand)):
                    pair = (number, caller)
                    self._blocks[pair] = _seconds(until)
                    if by_hand:
                        self._add_by_hand(pair)
                case "override", (schedule,), (bool(open), until):
                    self._overrides[schedule] = Override(open, _seconds(until))
                case "away", (extension,), (str(reason),):
                    self._away[extension] = reason
                case _:
                    self._restore_part(kind, key, value)
        attempts.sort(key=lambda pair: pair[1][-1])
        for pair, _ in attempts[:-CALLERS]:
            self._journal("attempts", pair, None)
        self._attempts.update((pair, tuple(times)) for pair, times in attempts[-CALLERS:])

    def _restore_part(self, kind: str, key: Key, value: tuple[object, ...]) -> None:
        match kind, key, value:
            case "binding", _, _:
                self.bindings.restore(key, value)
            case "ban", _, _:
                self.bans.restore(key, value)
            case "clock", ("steady",), (ahead, marked):
                self.clock.restore(_seconds(ahead), _seconds(marked))
                self._snapshot.ahead = self.clock.ahead
            case "drain", (gateway,), (since,):
                self.gateways.restore(gateway, _seconds(since))
            case _:
                raise ValueError(f"no such state: {kind} {key} {value}")

    def _block(self, key: tuple[str, str], until: float, *, by_hand: bool) -> None:
        self._blocks.pop(key, None)
        if len(self._blocks) >= CALLERS:
            self._make_room()
        self._blocks[key] = until
        self._drop_by_hand(key)
        if by_hand:
            self._add_by_hand(key)
        self._journal("block", key, (until, by_hand))

    def _make_room(self) -> None:
        """Drop the oldest automatic block; what was blocked by hand goes to the end of the line."""
        for key in list(islice(self._blocks, len(self._by_hand) + 1)):
            if key not in self._by_hand:
                self._forget_block(key)
                self.dropped += 1
                return
            self._blocks[key] = self._blocks.pop(key)

    def _forget_block(self, key: tuple[str, str]) -> None:
        del self._blocks[key]
        self._drop_by_hand(key)
        self._journal("block", key, None)

    def _add_by_hand(self, key: tuple[str, str]) -> None:
        self._by_hand.add(key)
        if key[1].endswith("*"):
            self._begun[len(key[1]) - 1] += 1

    def _drop_by_hand(self, key: tuple[str, str]) -> None:
        if key not in self._by_hand:
            return
        self._by_hand.discard(key)
        length = len(key[1]) - 1
        if key[1].endswith("*"):
            self._begun[length] -= 1
            if not self._begun[length]:
                del self._begun[length]

    def _forget_attempts(self, key: tuple[str, str]) -> None:
        del self._attempts[key]
        self._journal("attempts", key, None)


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and isfinite(value):
        return float(value)
    raise TypeError(f"expected seconds, found {value!r}")
