"""Waiting for what nobody announces: tables of the kernel, files, pages of metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds for what takes none: a machine with other work stands still for some of them."""

_STEP_SECONDS: Final = 0.05


async def gone(path: Path) -> None:
    """Wait until a file is no longer there."""

    async def look() -> bool:
        return not path.exists()  # noqa: ASYNC240  # a file of this machine, at once

    await until(look)


async def until(look: Callable[[], Awaitable[T]], within: float = PATIENCE) -> T:
    """Look again and again until there is something; TimeoutError when there is not in time."""
    async with asyncio.timeout(within):
        while not (found := await look()):  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(_STEP_SECONDS)
        return found
