"""Blocks of callers in memory, and the attempts that bring automatic ones about.

Rules:

- A flood of made-up callers drops the callers seen longest ago, never grows.
- A caller that is blocked is not counted: a block ends when it was said to.
"""

from collections import Counter, OrderedDict
from itertools import islice
from types import MappingProxyType
from typing import Final

from callrouter.call.services.shared_state import Block
from callrouter.route.values.plan import AutoBlock
from callrouter.state.journal import Journal, Key, seconds

CALLERS: Final = 100_000
"""Callers, each with the number called, whose attempts are kept; and blocks of callers."""

BY_HAND: Final = 10_000
"""Blocks made by hand at most."""

_SEEN_AT_ONCE: Final = 2000


class BlocksInMemory:
    """Blocks and attempts. Implements `Blocks`. All times are steady ones.

    dropped: callers whose attempts or blocks were let go because there were too many. until, begun,
    by_hand, attempts: as the snapshot has them.
    """

    def __init__(self, journal: Journal) -> None:
        self.dropped = 0
        self._journal = journal
        # Ordered ones, since the first entry of a dict is slow to find once others were before it.
        self._blocks: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._by_hand: set[tuple[str, str]] = set()
        self._begun: Counter[int] = Counter()  # by the length of the first digits that are blocked
        self._unseen: list[tuple[str, str]] = []  # blocks that `expire` has yet to look at
        # The caller who called longest ago is first.
        self._attempts: OrderedDict[tuple[str, str], tuple[float, ...]] = OrderedDict()
        self._window = 0.0  # the longest that any rule has looked back
        self.until = MappingProxyType(self._blocks)
        self.by_hand = self._by_hand
        self.begun = MappingProxyType(self._begun)
        self.attempts = MappingProxyType(self._attempts)

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

    def newest(self, now: float) -> list[Block]:
        """The blocks that have not ended by a steady time, the newest first."""
        return [
            Block(*key, until, key in self._by_hand)
            for key, until in reversed(self._blocks.items())
            if until == 0 or now < until
        ]

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

    def expire(self, now: float) -> None:
        """Forget some of what has ended, and go on there the next time."""
        if not self._unseen:
            self._unseen = list(self._blocks)
        for key in self._unseen[-_SEEN_AT_ONCE:]:
            if 0 < self._blocks.get(key, 0.0) <= now:
                self._forget_block(key)
        del self._unseen[-_SEEN_AT_ONCE:]
        since = now - self._window
        for key, times in list(islice(self._attempts.items(), _SEEN_AT_ONCE)):
            if times[-1] > since:
                break
            self._forget_attempts(key)

    def restore_block(self, key: Key, until: object, by_hand: bool) -> None:
        """It was blocked when the last process ended. Raises ValueError, TypeError."""
        number, caller = key
        self._blocks[number, caller] = seconds(until)
        if by_hand:
            self._add_by_hand((number, caller))

    def restore_attempts(self, entries: list[tuple[Key, tuple[object, ...]]]) -> None:
        """Take over attempts; those past the bound are dropped, the oldest first.

        Raises ValueError or TypeError for what no journal of ours was told.
        """
        attempts: list[tuple[tuple[str, str], tuple[float, ...]]] = []
        for (number, caller), (window, first, *later) in entries:
            times = tuple(seconds(time) for time in (first, *later))
            attempts.append(((number, caller), times))
            self._window = max(self._window, seconds(window))
        attempts.sort(key=lambda pair: pair[1][-1])
        for pair, _ in attempts[:-CALLERS]:
            self._journal("attempts", pair, None)
        self._attempts.update(attempts[-CALLERS:])

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
