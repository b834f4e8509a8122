"""Tokens for tags and branches, and the lag of the event loop."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

_TOKEN_BYTES: Final = 8
_POOL_BYTES: Final = 8192
_LAG_SECONDS: Final = 0.02


class Tokens:
    """Tokens of 64 random bits as 16 hex digits; the system is asked once for a thousand."""

    __slots__ = ("_pool",)

    def __init__(self) -> None:
        self._pool: list[str] = []

    def __call__(self) -> str:
        """Give the next token."""
        if not self._pool:
            self._pool = os.urandom(_POOL_BYTES).hex(" ", _TOKEN_BYTES).split(" ")
        return self._pool.pop()


class LagProbe:
    """The probe of the loop's lag: every 20 ms, how much later than asked it comes round.

    note: told the lag of each round, in seconds.
    """

    __slots__ = ("_due", "_handle", "_loop", "_note")

    def __init__(self, loop: asyncio.AbstractEventLoop, note: Callable[[float], None]) -> None:
        self._loop = loop
        self._note = note
        self._due = loop.time() + _LAG_SECONDS
        self._handle = loop.call_at(self._due, self._round)

    def close(self) -> None:
        """Measure no more."""
        self._handle.cancel()

    def _round(self) -> None:
        now = self._loop.time()
        self._note(max(0.0, now - self._due))
        self._due = now + _LAG_SECONDS
        self._handle = self._loop.call_at(self._due, self._round)
