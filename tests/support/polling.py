"""Waiting for what nobody announces: tables of the kernel, files, pages of metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds for what takes none: a machine with other work stands still for some of them."""

_STEP_SECONDS: Final = 0.05
_LONGEST_STEP_SECONDS: Final = 0.25
_LONGER: Final = 1.1
"""What has not come soon is looked for less often: each look costs whoever is looked at, too."""


async def gone(path: Path) -> None:
    """Wait until a file is no longer there."""

    async def look() -> bool:
        return not path.exists()  # noqa: ASYNC240  # a file of this machine, at once

    await until(look)


async def until(
    look: Callable[[], Awaitable[T]], within: float = PATIENCE, every: float = 0.0
) -> T:
    """Look again and again until there is something; TimeoutError when there is not in time.

    every: seconds between two looks that are dear, such as a command of ours; 0: soon, then later.
    """
    step = every or _STEP_SECONDS
    async with asyncio.timeout(within):
        while not (found := await look()):
            await asyncio.sleep(step)
            step = every or min(step * _LONGER, _LONGEST_STEP_SECONDS)
        return found
