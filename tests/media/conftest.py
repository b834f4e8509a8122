"""A nursery for all tests of media; workers and phones for each."""

from collections.abc import AsyncIterator

import pytest_asyncio
from support.softphone import Maker, Softphone
from support.workers import Nursery, WorkerAtWork


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nursery() -> AsyncIterator[Nursery]:
    """One for all."""
    started = await Nursery.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def worker(nursery: Nursery) -> AsyncIterator[WorkerAtWork]:
    """A worker that lives through the test and holds nothing at its end."""
    spawned = await nursery.spawn()
    yield spawned
    if not spawned.closed:
        await spawned.nothing_is_left()
        await spawned.command("quit")
    assert await nursery.exited(spawned) == 0
    await spawned.close()


@pytest_asyncio.fixture(loop_scope="session")
async def phones() -> AsyncIterator[Maker]:
    """Makes phones, as many as the test wants."""
    made: list[Softphone] = []

    async def make() -> Softphone:
        made.append(await Softphone.start())
        return made[-1]

    yield make
    for phone in made:
        await phone.quit()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(phones: Maker) -> Softphone:
    """One phone."""
    return await phones()
