"""Many callers at once: how soon each hears the first sound, and that nothing is missing."""

import logging
from functools import partial
from pathlib import Path

import pytest
from support import hearing
from support.media_load import Load, at_best
from support.rtp_line import arrival_gap, first_sound, lost_sound

note = logging.getLogger(__name__).info

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

_LONGEST_GAP = 0.06
_TAKES = 1.0
"""Seconds that are listened to."""


async def _first_sounds(load: Load, number: str, count: int) -> float:
    """Let so many call at once; how much of what they may take the worst figure of all takes."""
    calls = [load.callers.call(number) for _ in range(count)]
    for call in calls:
        call.say(hearing.silence(10.0))  # before the answer, who sends nothing gets little
    for call in calls:
        await call.heard()
    firsts = sorted(first_sound(call.line.heard) - call.invited for call in calls)
    await calls[-1].listen(_TAKES)
    heard = [call.line.heard for call in calls]
    gap = max(map(arrival_gap, heard))
    assert max(map(lost_sound, heard)) < 0.021, "each packet begins where the last one ended"
    for call in calls:
        call.hang_up()
    for call in calls:
        await call.over.wait()
    p95 = firsts[count * 95 // 100]
    note("%s: first sound p95 %.3f s, last %.3f s; gap %.3f s", number, p95, firsts[-1], gap)
    return max(firsts[-1] / (0.6 if count > 20 else 0.3), gap / _LONGEST_GAP)


@pytest.mark.parametrize("number", ["4100", "4101"], ids=["answered", "early"])
async def test_callers_at_once_hear_the_first_sound_in_time_and_without_gaps(
    number: str, tmp_path: Path, full: bool
) -> None:
    count, workers = (100, 25) if full else (20, 6)
    load = await Load.start(tmp_path, least=workers, most=25, answer_after=5.0)
    try:
        measure = partial(_first_sounds, load, number, count)
        assert await at_best(measure, 1.0) <= 1.0
        assert (await load.pool())["refused"] == 0
    finally:
        await load.stop()
