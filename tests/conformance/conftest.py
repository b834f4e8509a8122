"""A callrouter with every transport, for what only sockets show."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from program import Program, open_program


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """One for all; it has met no bug of ours."""
    opened = await open_program(tmp_path_factory.mktemp("conformance"))
    yield opened
    await opened.serving.stop()
    assert "internal error" not in opened.serving.log()
    assert "Traceback" not in opened.serving.log()


@pytest_asyncio.fixture(loop_scope="session")
async def program(running: Program) -> AsyncIterator[Program]:
    """The same, without the phones of the test before."""
    yield running
    await running.close_phones()
