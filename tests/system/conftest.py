"""What serves tests of more than one module: the stage, on which all stories play, and others."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.edge import Edge
from support.office import Office
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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running_office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """A callrouter with media workers, for the tests of one module."""
    async with Office.open(tmp_path_factory.mktemp("office")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def office(running_office: Office) -> AsyncIterator[Office]:
    """It, with nobody in it."""
    yield running_office
    await running_office.close()
