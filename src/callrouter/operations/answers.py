"""Answers of the shared state to operators, who wait for them a little."""

import asyncio
from typing import Final, TypeVar

from callrouter.operations.operation import RunningServer, UnavailableError
from callrouter.pending import Later, Pending, Unavailable

T = TypeVar("T")

_SECONDS: Final = 2.0


async def answer_of(running: RunningServer, port: str, asked: Later[T]) -> T:
    """Wait for an answer. Raises UnavailableError."""
    answer = asked
    if isinstance(asked, Pending):
        pending = asked
        came = asyncio.Event()
        pending.then(came.set)
        try:
            async with asyncio.timeout(_SECONDS):
                await came.wait()
        except TimeoutError:
            pending.give_up()
        answer = Unavailable("no answer in time") if pending.answer is None else pending.answer
    if isinstance(answer, Pending | Unavailable):
        why = answer.why if isinstance(answer, Unavailable) else ""
        running.shared.failures.add(port, why)
        raise UnavailableError(f"the shared state does not know now: {port}: {why}")
    return answer
