"""Who follows the calls is told of messages and recordings, which real workers write."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.following import Following, told
from support.media_load import MENU_HERTZ, Load

pytestmark = pytest.mark.asyncio(loop_scope="session")

_BEEP = 1000


@pytest_asyncio.fixture(loop_scope="session")
async def load(tmp_path: Path) -> AsyncIterator[Load]:
    started = await Load.start(tmp_path, least=1, most=1)
    yield started
    await started.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def following(load: Load) -> AsyncIterator[Following]:
    begun = await Following.begin(load.serving.place.folder / "var" / "callrouter.sock")
    yield begun
    begun.close()


async def test_message_after_a_menu(load: Load, following: Following) -> None:
    call = load.callers.call("5100")
    await call.hears(MENU_HERTZ[0])
    await call.line.press("9")  # no entry of the menu
    await call.hears(_BEEP, within=120.0)
    await call.line.say(hearing.sine(600, 1.5))
    await call.line.press("#")
    await call.over.wait()
    assert told(await following.until_ended()) == [
        "started",
        "answered",
        "message plain complete",
        "ended by callrouter",
    ]


async def test_recording(load: Load, following: Following) -> None:
    call = load.callers.call("4104")
    await call.answered.wait()
    await call.listen(1.0)
    call.hang_up()
    await call.over.wait()
    assert told(await following.until_ended()) == [
        "started",
        "ringing",
        "leg uas dialled",
        "leg uas ringing",
        "leg uas answered",
        "answered",
        "leg uas ended",
        "recorded 4104 complete",
        "ended by caller",
    ]
