"""Directory of what other systems know of a number: asked once, remembered for a while.

Rules: of one number there is one question under way, whoever waits for it. What failed is asked
again by the next call; what was answered, be it "nobody", is remembered as long as the look-up
says. Nothing here grows without a bound.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import structlog

from callrouter.lookup.http_query import Reply, ask, open_session
from callrouter.pending import Later, Pending, Unavailable
from callrouter.recent_cache import RecentCache
from callrouter.route.values.external_lookup import Lookup, LookupAnswer

REMEMBERED: Final = 50_000
"""Numbers whose answers are kept at most: the half that was asked for last, at least."""

UNDER_WAY: Final = 1000
"""Questions at the same time at most."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Key = tuple[str, str]
"""The look-up's URL and the number: a reload does not bring back what another system said."""


class _Known(NamedTuple):
    answer: LookupAnswer
    until: float


class HttpDirectory:
    """Directory by HTTP, of one event loop. Implements `call.services.shared_state.Directory`.

    step: runs what an answer sets off, as a step of the calls.
    """

    def __init__(self, step: Callable[[Callable[[], None]], None]) -> None:
        self._step = step
        self._loop = asyncio.get_running_loop()
        self._session = open_session()
        self._known = RecentCache[Key, _Known](REMEMBERED)
        self._waiting: dict[Key, list[Pending[LookupAnswer | Unavailable]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, lookup: Lookup, number: str) -> Later[LookupAnswer]:
        """LookupAnswer from memory, or ask; see `Directory`."""
        key = (lookup.url, number)
        known = self._known.get(key)
        if known is not None and self._loop.time() < known.until:
            return known.answer
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= UNDER_WAY:
                return LookupAnswer(
                    named="", why=f"{UNDER_WAY} questions wait for their answers already"
                )
            waiting = self._waiting[key] = []
            task = self._loop.create_task(self._ask(key, lookup))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        pending = Pending[LookupAnswer | Unavailable]()
        waiting.append(pending)
        return pending

    async def close(self) -> None:
        """Give up all questions; whoever waits hears nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _ask(self, key: Key, lookup: Lookup) -> None:
        number = key[1]
        began = self._loop.time()
        try:
            reply = await ask(self._session, lookup, number)
        finally:
            waiting = self._waiting.pop(key)
        now = self._loop.time()
        self._remember(key, lookup, reply, now)
        if not reply.sound:
            ms = round((now - began) * 1000)
            why = reply.answer.why
            _log.warning("look-up failed", lookup=lookup.name, number=number, why=why, ms=ms)
        for pending in waiting:
            self._step(partial(pending.settle, reply.answer))

    def _remember(self, key: Key, lookup: Lookup, reply: Reply, now: float) -> None:
        answer = reply.answer
        seconds = lookup.known_seconds if answer.named else lookup.unknown_seconds
        if not reply.sound or not seconds:
            return
        known = LookupAnswer(named=answer.named, why=f"{answer.why}, as it said before")
        self._known.put(key, _Known(known, now + seconds))
