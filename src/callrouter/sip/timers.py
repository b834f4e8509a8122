"""All timers of the process (RFC 3261 section 17.1.1.1 and appendix A).

A timer is started with the time it is due, and called back with the time it is run. Timers lie in
slots of 10 ms, so that a hundred thousand of them cost no more to start or to run than ten; one
runs up to 10 ms late for it. Cancelling only empties a timer: it is dropped with its slot.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Final, Protocol

T1: Final = 0.5
"""Round-trip estimate, seconds."""
T2: Final = 4.0
"""Longest interval between retransmissions of non-INVITE requests and INVITE responses."""
T4: Final = 5.0
"""How long the network keeps a message."""
TIMEOUT: Final = 64 * T1
"""Timers B, D (at least), F, H, J, L and M."""

_SLOTS: Final = 100
"""Slots a second."""
_HOP: Final = 60.0
"""Seconds that a far timer lies in one slot at most, and a second more."""


class SlotEntry:
    """What lies in a slot."""

    __slots__ = ()

    def run(self, now: float) -> None:
        """The slot's time has come."""
        raise NotImplementedError


class Timer(SlotEntry):
    """A pending call-back; `cancel` may be called at any time, also after it has run."""

    __slots__ = ("_callback", "_timers")

    def __init__(self, timers: "Timers", callback: Callable[[float], None]) -> None:
        self._timers = timers
        self._callback: Callable[[float], None] | None = callback

    def cancel(self) -> None:
        """Forget the call-back, and with it all that it holds."""
        if self._callback is not None:
            self._callback = None
            self._timers.live -= 1

    def run(self, now: float) -> None:
        """Call back once, unless cancelled."""
        callback = self._callback
        if callback is not None:
            self._callback = None
            self._timers.live -= 1
            callback(now)


class TimerOwner(Protocol):
    """The owner of a timer that may be set anew."""

    def on_due(self, now: float) -> None:
        """The time has come that was set last."""


class Timers:
    """The timers of the process, in slots.

    live: timers that are neither run nor cancelled. earliest: when `run` has work next, inf for
    never; a cancelled timer may still be counted.
    """

    __slots__ = ("_due", "_far", "_far_at", "_slots", "earliest", "live")

    def __init__(self) -> None:
        self._slots: dict[int, list[SlotEntry]] = {}
        self._due: list[int] = []  # a heap of the slots that are there
        self._far: list[SlotEntry] = []  # the slot of far timers, and when it is due
        self._far_at = -inf
        self.earliest = inf
        self.live = 0

    def start(self, when: float, callback: Callable[[float], None]) -> Timer:
        """Call `callback(now)` at the first `run` at or after the end of `when`'s slot."""
        timer = Timer(self, callback)
        self.lay(when, timer)
        return timer

    def lay(self, when: float, entry: SlotEntry) -> None:
        """Run an entry once, as `start` calls back; whatever makes it wait no more counts that."""
        self.live += 1
        # As in `_slot`, which costs a transaction a third more.
        slot = int(when * _SLOTS)
        if slot / _SLOTS < when:
            slot += 1
        try:
            self._slots[slot].append(entry)
        except KeyError:
            self._slots[slot] = [entry]
            self._await(slot)

    def put(self, now: float, when: float, timer: "FarTimer") -> float:
        """Run a far timer at its time, or before; returns when.

        What is further away than the next minute, as nearly all of them are, lies in one slot with
        all others that were put there in this second.
        """
        if self._far_at <= now + _HOP:
            self._far_at = float(int(now + _HOP) + 1)
            self._far = self._slot(self._far_at)
        if self._far_at <= when:
            self._far.append(timer)
            return self._far_at
        self._slot(when).append(timer)
        return when

    def _slot(self, when: float) -> list[SlotEntry]:
        slot = int(when * _SLOTS)
        if slot / _SLOTS < when:
            slot += 1  # never early
        timers = self._slots.get(slot)
        if timers is None:
            timers = self._slots[slot] = []
            self._await(slot)
        return timers

    def _await(self, slot: int) -> None:
        heappush(self._due, slot)
        self.earliest = self._due[0] / _SLOTS

    def deadline(self) -> float | None:
        """As `earliest`, None for never."""
        return self.earliest if self._due else None

    def run(self, now: float) -> None:
        """Run all that is due: slot by slot, and in a slot in the order they were started."""
        due = self._due
        while due and self.earliest <= now:
            slot = heappop(due)
            self.earliest = due[0] / _SLOTS if due else inf
            timers = self._slots.pop(slot)
            try:
                for timer in timers:
                    timer.run(now)
            except BaseException:
                # A bug of one's owner costs the others nothing: what has not run yet runs next.
                if slot not in self._slots:
                    self._await(slot)
                self._slots[slot] = timers + self._slots.get(slot, [])
                raise


class FarTimer(SlotEntry):
    """A timer of minutes or hours, which its owner may set anew at any time.

    It lies in a slot of the next minute at most and is moved on from there, so that nothing of one
    that is cancelled, as most are, lies there for longer. Set later than it was, it stays where it
    lies.
    """

    __slots__ = ("_lies", "_owner", "_timers", "_when")

    def __init__(self, timers: Timers, owner: TimerOwner) -> None:
        self._timers = timers
        self._owner: TimerOwner | None = owner
        self._when = inf  # for as long as it is not set
        self._lies = -inf

    def set(self, now: float, when: float) -> None:
        """Tell the owner at `when`, and at no time that was set before."""
        if self._owner is None:
            return
        if self._when == inf:
            self._timers.live += 1
        self._when = when
        if not now < self._lies <= when:
            self._lies = self._timers.put(now, when, self)

    def cancel(self) -> None:
        """Forget the owner, and with it all that it holds."""
        self._owner = None
        if self._when < inf:
            self._when = inf
            self._timers.live -= 1

    def run(self, now: float) -> None:
        """Tell the owner if it is time, else move on."""
        owner = self._owner
        if owner is None or self._when == inf or now < self._lies:
            return  # cancelled; or it lies in another slot by now
        if now < self._when:
            self._lies = self._timers.put(now, self._when, self)
            return
        self._when = inf
        self._timers.live -= 1
        owner.on_due(now)
