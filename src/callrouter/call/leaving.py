"""The script of taking a message (C5)."""

from pathlib import Path
from typing import Final

from callrouter.call.attending import NoMedia, Over, attend
from callrouter.call.call import Call
from callrouter.call.keeping import Keeping, MessageLeft
from callrouter.call.media import Digit, Played, Recorded
from callrouter.call.record import KeptRecord
from callrouter.call.recording import closed, report_message
from callrouter.call.session import Session
from callrouter.call.speaking import attach, gather, say
from callrouter.route.boxes import Box

_BEEP_HERTZ: Final = 1000
_BEEP_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 2.0


async def take_message(call: Call, name: str) -> None:
    """Take a message, and hang up. Raises NoMedia when there is no room for one; Over."""
    keeping = call.studio.keeping
    box = call.dialplan.boxes.get(name)
    if keeping is None or box is None:
        raise NoMedia
    record = call.record
    file = keeping.place_message(name, record.id, record.caller)
    if file is None:
        record.voicemail += (KeptRecord("", name, 0, "full"),)
        raise NoMedia
    try:
        ear = await attach(call, answer=True)
        # A caller who knows the greeting presses a key.
        await gather(call, (box.greeting,), 0.0, 0.0, bool)
        if box.beep:
            await _beep(call, ear)
    except (NoMedia, Over):
        keeping.discard(file)
        raise
    await _record(call, keeping, box, ear, file)
    await say(call, ("voicemail_saved",))


async def _beep(call: Call, ear: Session) -> None:
    ear.slots.tone(ear.name, _BEEP_HERTZ, _BEEP_SECONDS)
    until = call.now + _BEEP_SECONDS + _GRACE_SECONDS
    while call.now < until:
        if isinstance(await attend(call, until), Played):
            return


async def _record(call: Call, keeping: Keeping, box: Box, ear: Session, file: Path) -> None:
    started = call.ms()
    ear.slots.record(
        ear.name, file, max_seconds=box.max_seconds, silence_seconds=box.silence_seconds
    )
    until = call.now + box.max_seconds + _GRACE_SECONDS
    event: Recorded | None = None
    try:
        while event is None and call.now < until:
            heard = await attend(call, until)
            if isinstance(heard, Recorded) and heard.file == file:
                event = heard
            elif isinstance(heard, Digit) and heard.digit == "#":
                ear.slots.stop_recording(ear.name)
    except Over:
        ear.slots.stop_recording(ear.name)
        event = await closed(call, file)
        raise
    finally:
        ms = call.ms() - started if event is None else event.ms
        complete = event is not None and event.complete
        record = call.record
        at = record.started + started / 1000
        left = MessageLeft(file, box.name, record.id, record.caller, at, ms, complete)
        report_message(call, keeping, left, box.min_seconds)
