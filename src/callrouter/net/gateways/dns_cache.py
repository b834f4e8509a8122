"""A cache of DNS names, looked up ahead of calls: each again when its answer is over."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from callrouter.net.gateways.dns_resolver import ResolvedName, ResolveError
from callrouter.route.values.gateway_candidates import GatewayAddress, TransportAddress

_SOONEST_SECONDS: Final = 5.0
_LATEST_SECONDS: Final = 3600.0
_AGAIN_SECONDS: Final = 60.0
"""The longest wait after a question that failed; the first is the soonest, then twice as long."""

Told = Callable[[GatewayAddress, tuple[TransportAddress, ...], str], None]
"""Told where a goal is, or why DNS does not say so ("" for no reason)."""


class Finder(Protocol):
    """A resolver of names."""

    async def find(self, goal: GatewayAddress) -> ResolvedName:
        """Return where a goal is. Raises ResolveError."""


class DnsCache:
    """Names and their places, looked up by a task each. on_bug: told of our own faults."""

    def __init__(self, finder: Finder, told: Told, on_bug: Callable[[Exception], None]) -> None:
        self._finder = finder
        self._told = told
        self._on_bug = on_bug
        self._tasks: dict[GatewayAddress, asyncio.Task[None]] = {}

    def watch(self, goals: Iterable[GatewayAddress]) -> None:
        """Look these up from now on, and no others."""
        wanted = set(goals)
        for goal in self._tasks.keys() - wanted:
            self._tasks.pop(goal).cancel()
        for goal in wanted - self._tasks.keys():
            self._tasks[goal] = asyncio.create_task(self._follow(goal))

    async def close(self) -> None:
        """Look nothing up any more."""
        tasks = list(self._tasks.values())
        self.watch(())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, goal: GatewayAddress) -> None:
        failures = 0
        while True:
            try:
                found = await self._finder.find(goal)
            except ResolveError as error:
                self._told(goal, (), str(error))
                failures += 1
            except Exception as error:  # noqa: BLE001  # no answer may end the looking up for good
                self._on_bug(error)
                failures += 1
            else:
                self._told(goal, found.places, "")
                failures = 0
            await asyncio.sleep(again_after(found.ttl) if not failures else after_failure(failures))


def again_after(ttl: float) -> float:
    """Say in how many seconds a name is looked up again."""
    return min(max(ttl, _SOONEST_SECONDS), _LATEST_SECONDS)


def after_failure(failures: int) -> float:
    """The same after so many questions in a row that failed."""
    return min(_SOONEST_SECONDS * 2.0 ** min(failures - 1, 8), _AGAIN_SECONDS)
