"""The live calls: one subscription to the server's events, for all browsers that look.

A thread reads the events; the table of calls is touched by the event loop alone. Who looks is woken
by each change and reads the table as it is then, or takes the events themselves from a queue of
their own. While nobody looks, nothing is subscribed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from threading import Thread, current_thread
from time import sleep
from typing import Any, Final

from callrouter.api.client import AskedError, ControlError, Followed, ask
from callrouter.operations.call_feed import QUEUE, EventCall, FollowedEvent
from callrouter.operations.calls import ActiveCall, follow_calls, list_calls
from callrouter.operations.operation import MOST, Newest, NoValues
from callrouter.web.core.asked_server import AskedServer

_AGAIN_SECONDS: Final = 0.5
_QUIET_SECONDS: Final = 5.0
"""How long the subscription is kept when the last one looks away: a page that is loaded again."""
_UP: Final = frozenset(("dialled", "ringing"))


@dataclass(slots=True, kw_only=True, frozen=True)
class LiveCall:
    """A call in progress. since: Unix seconds. legs: targets that ring. talking: to whom."""

    id: str
    trunk: str = ""
    caller: str
    called: str
    number: str
    state: str
    since: float
    legs: tuple[str, ...] = ()
    talking: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Listener:
    """One who listens to the events. lost: that came while `waiting` was full."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: deque[FollowedEvent] = field(default_factory=deque)
    lost: int = 0

    async def take(self, seconds: float) -> list[FollowedEvent]:
        """Wait for events, no longer than this, and take all that there are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        self.woken.clear()
        taken = list(self.waiting)
        self.waiting.clear()
        if taken and self.lost:
            taken[0] = taken[0].model_copy(update={"lost": taken[0].lost + self.lost})
            self.lost = 0
        return taken


class LiveCalls:
    """The table of live calls. calls: by id, the newest last. connected: the server answers.

    version: another one after each change.
    """

    def __init__(self, core: AskedServer) -> None:
        self.calls: dict[str, LiveCall] = {}
        self.connected = False
        self.closed = False
        self.version = 0
        self._core = core
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._followed: Followed[FollowedEvent] | None = None
        self._resting: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """Listen, until the end of `with`; the first to listen has the server followed."""
        listener = Listener()
        self._listeners.add(listener)
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._follow, name="live calls", daemon=True)
            self._thread.start()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._loop is not None:
                self._resting = self._loop.call_later(_QUIET_SECONDS, self._rest)

    def close(self) -> None:
        """End: whoever listens is told."""
        self.closed = True
        self._rest()
        for listener in self._listeners:
            listener.woken.set()

    def _rest(self) -> None:
        self._thread = None
        if self._followed is not None:
            self._followed.stop()
        self._lose()

    def _follow(self) -> None:
        """Read the events, again and again, until nobody wants them; in a thread of its own."""
        while self._thread is current_thread():
            try:
                with closing(Followed(self._core.control, follow_calls, NoValues())) as followed:
                    self._tell(self._begin, followed)
                    listed = ask(self._core.control, list_calls, Newest(most=MOST))
                    self._tell(self._list, listed.calls)
                    for event in followed:
                        self._tell(self._hear, event)
            except (ControlError, AskedError):
                pass  # it is not there now, and looked for again
            self._tell(self._lose)
            sleep(_AGAIN_SECONDS)

    def _tell(self, step: Callable[..., None], *told: object) -> None:
        """Have the event loop do a step; nothing once that has ended."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(self._step, current_thread(), step, told)

    def _step(self, thread: Thread, step: Callable[..., None], told: tuple[Any, ...]) -> None:
        """Do a step of the thread that follows now; one that is wanted no more is told to end."""
        if thread is self._thread:
            step(*told)
        elif step == self._begin:
            told[0].stop()

    def _begin(self, followed: Followed[FollowedEvent]) -> None:
        self._followed = followed

    def _list(self, listed: Iterable[ActiveCall]) -> None:
        self.connected = True
        self.calls = {
            call.id: LiveCall(
                id=call.id,
                caller=call.caller,
                called=call.called,
                number=call.number,
                state=call.state,
                since=call.since,
            )
            for call in reversed(list(listed))
        }
        self._changed()

    def _lose(self) -> None:
        self._followed = None
        self.connected = False
        self.calls = {}
        self._changed()

    def _hear(self, event: FollowedEvent) -> None:
        if event.event == "ended":
            self.calls.pop(event.call.id, None)
        else:
            self.calls[event.call.id] = _after(self.calls.get(event.call.id), event)
        for listener in self._listeners:
            if len(listener.waiting) < QUEUE:
                listener.waiting.append(event)
            else:
                listener.lost += 1
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        for listener in self._listeners:
            listener.woken.set()


def _after(known: LiveCall | None, event: FollowedEvent) -> LiveCall:
    """A call after an event."""
    legs = () if known is None else known.legs
    if event.leg is not None:
        legs = tuple(target for target in legs if target != event.leg.target)
        legs += (event.leg.target,) * (event.leg.state in _UP)
    return replace(_of(event.call), legs=legs)


def _of(call: EventCall) -> LiveCall:
    return LiveCall(
        id=call.id,
        trunk=call.trunk,
        caller=call.caller,
        called=call.called,
        number=call.number,
        state=call.state,
        since=call.since,
        talking=tuple(call.talking),
    )
