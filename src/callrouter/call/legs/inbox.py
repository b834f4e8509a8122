"""The inbox, the one place where a call waits: its events in order, and its script's driver.

A script is an `async def` that awaits nothing but `Inbox.next`. There is no task and no loop turn
behind it: `post` resumes it at once, or leaves the event in the queue while it is running.
"""

from collections import deque
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING

from callrouter.call.legs.events import Deadline, Event
from callrouter.sip.timers import Timer, Timers

if TYPE_CHECKING:
    from callrouter.call.legs.pair import Pair

_DEADLINE = Deadline()


class Inbox:
    """Events of one call. Nothing is delivered after the script has ended.

    pair: the two who talk end to end, None while nobody does. anchored: those who talk through the
    worker, so. queued: its caller waits in a queue.
    """

    __slots__ = (
        "_queue",
        "_running",
        "_script",
        "_timer",
        "_timers",
        "_until",
        "anchored",
        "pair",
        "queued",
    )

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._queue: deque[Event] | None = None
        self._script: Coroutine[None, Event, None] | None = None
        self._running = False
        self._timer: Timer | None = None
        self._until = 0.0
        self.pair: Pair | None = None
        self.anchored: Pair | None = None
        self.queued = False

    def start(self, script: Coroutine[None, Event, None]) -> None:
        """Run the script until it first waits."""
        self._script = script
        self._resume(None)

    def post(self, event: Event) -> None:
        """Deliver an event, at once or as soon as the script waits again."""
        if self._script is None:
            return
        if not self._running:
            self._resume(event)
        elif self._queue is None:
            self._queue = deque((event,))
        else:
            self._queue.append(event)

    @property
    def empty(self) -> bool:
        """Nothing has come that was not taken yet."""
        return not self._queue

    @coroutine
    def next(self, until: float = 0.0) -> Generator[None, Event, Event]:
        """Await the next event, or `Deadline` at `until` (monotonic seconds; 0 is never)."""
        # By `yield`, for a coroutine that waits for another keeps the frames of both: this is what
        # each call in progress stands in.
        if self._queue:
            return self._queue.popleft()
        if until != self._until:
            self._arm(until)
        return (yield)

    async def event(self, until: float = 0.0) -> Event:
        """Await the same in a script outside `call/`: a simulated party's, a test's.

        Such a script is not compiled, and cannot wait for what `next` gives when that is.
        """
        return await self.next(until)

    def _resume(self, event: Event | None) -> None:
        script = self._script
        if script is None:
            return
        self._running = ended = True
        try:
            script.send(event)  # type: ignore[arg-type]  # the first send must be None
            ended = False
        except StopIteration:
            pass
        finally:
            self._running = False
            if ended:
                self._arm(0.0)
                self._script = None
                self._queue = None

    def _arm(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._until = until
        if until:
            self._timer = self._timers.start(until, self._on_deadline)

    def _on_deadline(self, _now: float) -> None:
        self._timer = None
        self._until = 0.0
        self.post(_DEADLINE)
