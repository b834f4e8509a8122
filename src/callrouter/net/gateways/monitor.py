"""The monitor of the serving dialplan's gateways: it looks names up, probes, and ends rests."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, Protocol

from callrouter.net.gateways.dns_cache import DnsCache, Finder
from callrouter.net.gateways.options_ping import Prober
from callrouter.net.transport.driver import Driver
from callrouter.route.values.gateway_candidates import Gateway, GatewayAddress, TransportAddress

_LOOK_SECONDS: Final = 1.0


class Book(Protocol):
    """The record of gateway health."""

    def serve(self, gateways: Mapping[str, Gateway]) -> None:
        """Watch these, and no others."""

    def resolved(self, goal: GatewayAddress, places: Iterable[TransportAddress], why: str) -> None:
        """DNS says where a goal is, or why it does not."""

    def probed(self, name: str, place: TransportAddress, why: str) -> None:
        """A place answered a probe (""), or not."""

    def expire(self) -> None:
        """End the rests that are over."""

    def probes(self) -> list[tuple[Gateway, TransportAddress]]:
        """Who is to be probed, and where."""


class GatewayWatch:
    """The monitor of the gateways, which keeps a book up to date from `serve` to `close`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        driver: Driver,
        book: Book,
        finder: Finder,
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._loop = loop
        self._driver = driver
        self._book = book
        self._prober = Prober(driver.stack, book.probed)
        self._names = DnsCache(finder, self._resolved, on_bug)
        self._handle: asyncio.TimerHandle | None = None

    def serve(self, gateways: Mapping[str, Gateway]) -> None:
        """Watch these from now on; the listeners must be open."""
        self._book.serve(gateways)
        self._names.watch(it.goal for it in gateways.values() if it.named)
        self._probe(self._book.probes())
        if self._handle is None:
            self._look()

    def rest(self) -> None:
        """Probe no more: nobody is asked while callrouter ends."""
        self._probe([])

    async def close(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        await self._names.close()

    def _resolved(
        self, goal: GatewayAddress, places: tuple[TransportAddress, ...], why: str
    ) -> None:
        self._book.resolved(goal, places, why)
        self._probe(self._book.probes())

    def _probe(self, wanted: list[tuple[Gateway, TransportAddress]]) -> None:
        self._driver.step(partial(self._prober.watch, wanted))

    def _look(self) -> None:
        self._book.expire()
        self._handle = self._loop.call_later(_LOOK_SECONDS, self._look)
