"""The stage: one callrouter, on which all stories of the session play."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.edge import Edge
from support.stage import Stage


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, full: bool
) -> AsyncIterator[Stage]:
    """All collected stories at work."""
    functions = [getattr(item, "function", None) for item in request.session.items]
    stories = [told for function in functions if (told := getattr(function, "story", None))]
    opened = await Stage.open(tmp_path_factory.mktemp("stage"), stories, full=full)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """A callrouter with every transport and a certificate."""
    opened = await Edge.open(tmp_path_factory.mktemp("edge"))
    yield opened
    await opened.serving.stop()
