"""Waiting for what nobody announces: tables of the kernel, files, pages of metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

_STEP_SECONDS: Final = 0.05


async def until(look: Callable[[], Awaitable[T]], within: float) -> T:
    """Look again and again until there is something; TimeoutError when there is not in time."""
    async with asyncio.timeout(within):
        while not (found := await look()):  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(_STEP_SECONDS)
        return found
