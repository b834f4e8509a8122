"""Many messages are left: each is kept with its length, its sound and its rows."""

import asyncio
import logging
import sqlite3
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest
from support import hearing
from support.media_load import Load
from support.polling import until
from support.serving import Record

note = logging.getLogger(__name__).info

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

_BEEP_HERTZ = 1000
_AT_ONCE = 15
_WORKERS = 8
_TOLERANCE = 0.1
_PAUSE = 0.2


async def _leave(load: Load, user: str, hertz: int, seconds: float) -> None:
    """Leave a message of one tone."""
    call = load.callers.call("4103", user)
    await call.hears(_BEEP_HERTZ)
    # It is silent for some packets after the beep.
    await call.line.until(lambda packet: not packet.is_loud, time.time())
    # Its last packets may wait for a while in the worker's jitter buffer, which a key does not.
    said = (hearing.sine(hertz, seconds), hearing.silence(_PAUSE))
    await call.line.say(np.concatenate(said))
    await call.line.press("#")
    await call.heard(since=time.time())
    call.hang_up()
    await call.over.wait()


def _rows(database: Path) -> list[Record]:
    base = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        base.row_factory = sqlite3.Row
        return [dict(row) for row in base.execute("SELECT * FROM messages")]
    finally:
        base.close()


async def test_every_message_is_kept_with_its_length_its_sound_and_its_rows(
    tmp_path: Path, full: bool
) -> None:
    count = 1000 if full else 30
    chance = Random(3)
    users = map(str, range(2000, 2000 + count))
    told = {user: (chance.randrange(300, 900), 2 + chance.random()) for user in users}
    load = await Load.start(tmp_path, least=_WORKERS, most=_WORKERS)
    room = asyncio.Semaphore(_AT_ONCE)

    async def leave(user: str) -> None:
        async with room:
            await _leave(load, user, *told[user])

    try:
        await asyncio.gather(*map(leave, told))

        async def kept() -> list[Record]:
            found = _rows(load.serving.place.database)
            return found if len(found) >= count else []

        messages = {row["caller"]: row for row in await until(kept)}
        assert messages.keys() == told.keys()
        off = []
        for record in await load.serving.records("4103", count):
            hertz, seconds = told[record["caller"]]
            message = messages[record["caller"]]
            (left,) = record["voicemail"]
            assert (left["result"], left["id"]) == ("complete", message["id"])
            sound = hearing.load(load.shared / "voicemail" / "kept" / message["file"])
            assert message["ms"] == left["ms"] == len(sound) * 1000 // hearing.RATE
            (tone,) = hearing.tones(sound, [hertz])
            off.append(abs(tone.seconds - seconds))
        note("%d messages, the worst is off by %.3f s", count, max(off))
        assert max(off) < _TOLERANCE, sorted(off)[-5:]
    finally:
        await load.stop()
