"""Many callers in menus at once: each hears its own, and each key does what it is for."""

import asyncio
import logging
import time
from pathlib import Path
from random import Random

import pytest
from support import hearing
from support.media_load import KEY_HERTZ, MENU_HERTZ, Load
from support.polling import until
from support.rtp_callers import Call
from support.rtp_line import sound_of

note = logging.getLogger(__name__).info

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

_MOST_BYTES = 4 * 1024 * 1024
"""Of memory for a slot."""


async def _choose(load: Load, menu: int, key: int, wait: float) -> Call:
    """Go through a menu and hang up when the key's prompt plays."""
    call = load.callers.call(f"50{menu:02}")
    await call.heard()
    await call.listen(wait)
    pressed = time.time()
    await call.line.press(str(key + 1))
    await call.hears(KEY_HERTZ[key], since=pressed)
    await call.listen(0.1)
    call.hang_up()
    await call.over.wait()
    return call


def _fault(call: Call, menu: int, key: int) -> str:
    """What it heard, when that is not what it should have."""
    tones = hearing.tones(sound_of(call.line.heard), (*MENU_HERTZ, *KEY_HERTZ))
    heard = [tone.hertz for tone in tones]
    wanted = [MENU_HERTZ[menu], KEY_HERTZ[key]]
    return "" if heard == wanted else f"{wanted} expected, {heard} heard"


async def test_callers_in_menus_at_once_hear_their_own_and_their_keys_are_taken(
    tmp_path: Path, full: bool
) -> None:
    count, rounds, workers = (100, 10, 25) if full else (24, 1, 7)
    chance = Random(7)
    load = await Load.start(tmp_path, least=workers, most=25)
    try:
        pressed = []
        for _ in range(rounds):
            drawn = [(chance.randrange(8), chance.randrange(8)) for _ in range(count)]
            calls = (_choose(load, *one, 0.3 + chance.random()) for one in drawn)
            held, *over = await asyncio.gather(load.memory(), *calls)
            faults = [_fault(call, *one) for call, one in zip(over, drawn, strict=True)]
            assert not any(faults), list(filter(None, faults))
            pressed += drawn
            await until(load.is_idle)
            each = held.bytes / held.slots
            note("%.0f bytes for each of %d slots", each, held.slots)
            assert each <= _MOST_BYTES
        for menu in range(8):
            keys = sorted(str(key + 1) for of, key in pressed if of == menu)
            records = await load.serving.records(f"50{menu:02}", len(keys))
            notes = [note for row in records for note in row["heard"]]
            taken = [note["which"] for note in notes if note["what"] == "key"]
            assert sorted(taken) == keys
        assert (await load.pool())["refused"] == 0
    finally:
        await load.stop()
