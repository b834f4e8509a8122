"""Callers hear what became of their message, and no fault of a disk costs anybody else a call."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.media_load import Load
from support.rtp_callers import Call
from support.serving import Record

pytestmark = pytest.mark.asyncio(loop_scope="session")

_BEEP = 1000
_LONG = 440


@pytest_asyncio.fixture(loop_scope="session")
async def load(tmp_path: Path) -> AsyncIterator[Load]:
    """All calls are on one worker."""
    started = await Load.start(tmp_path, least=1, most=1)
    yield started
    assert (await started.pool())["lost"] == {}, "a worker was lost"
    incoming = started.shared / "voicemail" / "incoming"
    if incoming.exists():
        incoming.chmod(0o770)
    await started.stop()


async def at_the_beep(load: Load) -> Call:
    """A caller who may leave a message now."""
    call = load.callers.call("4103")
    await call.hears(_BEEP)
    return call


async def told(load: Load, call: Call, since: float) -> tuple[str, str, Record]:
    """What a caller heard after a moment, what became of its message, and the record."""
    await call.heard(since)
    await call.over.wait()
    record = await load.serving.record("4103")
    (message,) = record["voicemail"]
    played = [one["which"] for one in record["heard"] if one["what"] == "played"]
    return played[-1], message["result"], record


async def metric(load: Load, name: str) -> float:
    """A count, 0 when nothing was counted yet."""
    return (await load.serving.metrics()).get(name, 0)


def kept(load: Load) -> list[Path]:
    """All sound that lies in the box's folder."""
    return list((load.shared / "voicemail").rglob("*.wav"))


async def test_message_with_words_in_it_is_said_to_be_saved(load: Load) -> None:
    call = await at_the_beep(load)
    await call.line.say(hearing.sine(600, 1.5))
    pressed = time.time()
    await call.line.press("#")
    assert (await told(load, call, pressed))[:2] == ("voicemail_saved", "complete")
    (file,) = kept(load)
    assert hearing.tones(hearing.load(file), [600])


async def test_message_of_silence_is_not_kept_and_the_caller_hears_so(load: Load) -> None:
    call = await at_the_beep(load)
    await call.line.say(hearing.silence(1.5))
    pressed = time.time()
    await call.line.press("#")
    assert (await told(load, call, pressed))[:2] == ("voicemail_empty", "empty")
    assert kept(load) == []
    assert await metric(load, "callrouter_messages_total") == 1
    await load.serving.logged("message not kept whole")


async def test_caller_who_hangs_up_without_a_word_leaves_nothing(load: Load) -> None:
    call = await at_the_beep(load)
    await call.line.say(hearing.silence(1.0))
    call.hang_up()
    (message,) = (await load.serving.record("4103"))["voicemail"]
    assert message["result"] == "empty"
    assert kept(load) == []


def _read_only(folder: Path) -> None:
    folder.chmod(0o550)


def _gone(folder: Path) -> None:
    shutil.rmtree(folder)


def _a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


Spoil = Callable[[Path], None]


@pytest.mark.parametrize(
    ("spoil", "during"),
    [
        (_read_only, False),
        (_a_file, False),  # one that is gone is made again
        (_read_only, True),
        (_gone, True),
        (_a_file, True),
    ],
)
async def test_message_that_cannot_be_written_is_said_to_be_lost_and_other_calls_go_on(
    load: Load, spoil: Spoil, during: bool
) -> None:
    other = load.callers.call("4109", "2002")
    await other.hears(_LONG)
    folder = load.shared / "voicemail" / "incoming"
    (worker,) = await load.workers()
    if not during:
        spoil(folder)
    began = time.time()
    call = await at_the_beep(load)
    if during:
        await call.line.say(hearing.sine(600, 0.5))
        spoil(folder)
        await call.line.say(hearing.sine(600, 1.0))
        began = time.time()
        await call.line.press("#")
    else:
        await call.line.until(lambda packet: not packet.is_loud, began)
        began = time.time()
    said, result, record = await told(load, call, began)
    assert (said, result in {"failed", "broken"}) == ("voicemail_failed", True)
    assert record["disposition"] == "ANSWERED"
    assert await metric(load, "callrouter_media_unwritten_total") == 1
    assert await metric(load, "callrouter_messages_total") == 1
    await load.serving.logged("media not written")
    # Who was on the same worker hears on, and the worker takes calls.
    await other.hears(_LONG, time.time())
    another = load.callers.call("4120", "2003")
    await another.hears(800)
    assert [one["pid"] for one in await load.workers()] == [worker["pid"]]
    other.hang_up()
    await asyncio.gather(other.over.wait(), another.over.wait())
