from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from support.controlled import Room


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    opened = Room(tmp_path / "var" / "s.sock")
    await opened.listener.start()
    yield opened
    await opened.reloader.close()
    await opened.listener.close()
