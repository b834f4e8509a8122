"""The voicemail script of taking a message (C5).

Rule. The caller is told what became of it: it trusts that a message which is said to be saved is.
"""

from pathlib import Path
from typing import Final

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import attach, gather, say
from callrouter.call.services.archive import Keeping, MessageLeft, kept_id
from callrouter.call.services.call_events import CallKept
from callrouter.call.services.media import Digit, Played, Recorded
from callrouter.call.services.record import KeptRecord
from callrouter.call.teardown import Over
from callrouter.call.wait import NoMedia, attend, closed
from callrouter.route.rules.mailboxes import Box

_BEEP_HERTZ: Final = 1000
_BEEP_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 2.0
_SAYS: Final = {
    "complete": "voicemail_saved",
    "short": "voicemail_empty",
    "empty": "voicemail_empty",
    "broken": "voicemail_failed",
    "failed": "voicemail_failed",
}
"""By what became of the message, as the record has it."""


async def take_message(call: Call, name: str) -> None:
    """Take a message, and hang up. Raises NoMedia when there is no room for one; Over."""
    keeping = call.media.keeping
    box = call.dialplan.boxes.get(name)
    if keeping is None or box is None:
        raise NoMedia
    record = call.record
    file = keeping.place_message(name, record.id, record.caller)
    if file is None:
        _note(call, KeptRecord(id="", of=name, ms=0, result="full"))
        raise NoMedia
    try:
        a_session = await attach(call, answer=True)
        # A caller who knows the greeting presses a key.
        await gather(call, (box.greeting,), 0.0, 0.0, bool)
        if box.beep:
            await _beep(call, a_session)
    except (NoMedia, Over):
        keeping.discard(file)
        raise
    await say(call, (_SAYS[await _record(call, keeping, box, a_session, file)],))


async def _beep(call: Call, a_session: MediaSession) -> None:
    a_session.slots.tone(a_session.name, _BEEP_HERTZ, _BEEP_SECONDS)
    until = call.now + _BEEP_SECONDS + _GRACE_SECONDS
    while call.now < until:
        if isinstance(await attend(call, until), Played):
            return


async def _record(
    call: Call, keeping: Keeping, box: Box, a_session: MediaSession, file: Path
) -> str:
    """Record the caller; returns what became of the message. Raises NoMedia, Over."""
    started = call.ms()
    a_session.slots.record(
        a_session.name, file, max_seconds=box.max_seconds, silence_seconds=box.silence_seconds
    )
    until = call.now + box.max_seconds + _GRACE_SECONDS
    event: Recorded | None = None
    gone: Over | None = None
    try:
        try:
            while event is None and call.now < until:
                heard = await attend(call, until)
                if isinstance(heard, Recorded) and heard.file == file:
                    event = heard
                elif isinstance(heard, Digit) and heard.digit == "#":
                    a_session.slots.stop_recording(a_session.name)
        except Over as over:
            a_session.slots.stop_recording(a_session.name)
            gone = over
        if gone is not None:
            event = await closed(call, file)
    finally:
        result = _kept(call, keeping, box, file, started, event)
    if gone is not None:
        raise gone
    return result


def _kept(
    call: Call, keeping: Keeping, box: Box, file: Path, started: int, event: Recorded | None
) -> str:
    """Give a message to the archive, if it is one; returns what became of it.

    started: ms from the call's start. event: None when the worker did not tell how it ended.
    """
    record = call.record
    ms = call.ms() - started if event is None else event.ms
    if event is None:
        result = "broken"
    elif event.complete:
        result = "empty" if event.quiet else "short" if ms < box.min_seconds * 1000 else "complete"
    else:
        result = "broken" if ms else "empty" if event.why == "closed" else "failed"
    if result in {"empty", "short", "failed"}:
        keeping.discard(file)
    else:
        at = record.started + started / 1000
        complete = result == "complete"
        left = MessageLeft(
            file=file,
            box=box.name,
            call=record.id,
            caller=record.caller,
            started=at,
            ms=ms,
            complete=complete,
        )
        keeping.message_left(left)
    _note(call, KeptRecord(id=kept_id(file), of=box.name, ms=ms, result=result))
    return result


def _note(call: Call, kept: KeptRecord) -> None:
    call.record.voicemail += (kept,)
    if call.events.message.subscribers:
        call.events.message.tell(CallKept(call.record, kept, call.ms()))
