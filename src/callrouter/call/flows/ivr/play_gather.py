"""Play and gather: the caller's media taken to us, prompts played, keys heard (C2, C3).

Rules. Slots are reserved before the caller is promised anything. Whatever is played, a script waits
no longer than it is long, so a worker that never reports its end holds nobody up.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import Speech
from callrouter.call.call import Call
from callrouter.call.legs.events import Acknowledged, Answered
from callrouter.call.services.media import Digit, MediaSlots, Played
from callrouter.call.wait import NoMedia, attend, reoffer
from callrouter.errors import SipError
from callrouter.sip.body import SDP_ROW
from callrouter.sip.sdp import Audio

_OPEN_SECONDS: Final = 2.0
"""How long a worker may take to answer; it is on this machine."""
_ACK_SECONDS: Final = 32.0
_GRACE_SECONDS: Final = 2.0
_RINGBACK: Final = "ringback"


async def attach(call: Call, *, answer: bool) -> MediaSession:
    """Take the caller's media to us. answer: answer the call, if it is not yet.

    Raises NoMedia when that cannot be, and Over when the caller leaves meanwhile.
    """
    speech = speech_of(call)
    ear = speech.ear
    if ear is None:
        ear = await _open_ear(call, speech)
    if not speech.with_us:
        await _promise(call, speech, ear, answer=answer)
        speech.with_us = True
    elif answer and call.record.answered_ms is None:
        speech.pick_up(speech.caller.answer(ear))
    return ear


def speech_of(call: Call) -> Speech:
    """The call's speech, from now on."""
    if call.speech is None:
        call.speech = Speech(call)
    return call.speech


async def _open_ear(call: Call, speech: Speech) -> MediaSession:
    body = call.caller_body()
    audio = speech.caller.heard(body) if body else None
    if body and audio is None:
        raise NoMedia
    slots = speech.reserve(speech.wanted)
    if slots is None:
        raise NoMedia
    unconfirmed = speech.unconfirmed(audio)
    trusted = unconfirmed is None or unconfirmed.known
    speech.ear = ear = await open_session(call, speech, slots, audio, trusted=trusted)
    if unconfirmed is not None:
        unconfirmed.trust = ear.trust
        if call.a.shown:  # meanwhile
            ear.trust()
    return ear


async def open_session(
    call: Call, speech: Speech, slots: MediaSlots, audio: Audio | None, *, trusted: bool = True
) -> MediaSession:
    """Open a session and wait until the worker has answered. Raises NoMedia, Over.

    trusted: as `MediaSlots.open` has it; a target is, as it has answered an INVITE of ours.
    """
    try:
        session = speech.session(slots, audio, trusted=trusted)
    except SipError:
        raise NoMedia from None
    speech.free.append(session)
    until = call.now + _OPEN_SECONDS
    while call.now < until:
        event = await attend(call, until)
        if isinstance(event, Answered) and event.leg is session.leg:
            if session.opened(event):
                speech.free.remove(session)
                return session
            break
    speech.let_go()
    raise NoMedia


async def _promise(call: Call, speech: Speech, ear: MediaSession, *, answer: bool) -> None:
    """Tell the caller where its media is to go."""
    if call.record.answered_ms is not None:
        answer_body = await reoffer(call, call.a, lambda: speech.caller.offer(ear))
        audio = speech.caller.heard(answer_body) if answer_body else None
        if audio is None:
            speech.let_go()
            raise NoMedia
        ear.connect(audio)
    elif speech.caller.described is not None:
        body = speech.caller.answer(ear)
        if answer:
            speech.pick_up(body)
        else:
            call.a.ring(183, ear.name, SDP_ROW, body)
    elif answer:
        speech.pick_up(speech.caller.offer(ear))
        await _late_answer(call, speech, ear)
    else:
        # An offer in a 183 that is not reliable is no offer (RFC 3262 section 5).
        speech.let_go()
        raise NoMedia


async def _late_answer(call: Call, speech: Speech, ear: MediaSession) -> None:
    until = call.now + _ACK_SECONDS
    while call.now < until:
        event = await attend(call, until)
        if isinstance(event, Acknowledged):
            audio = speech.caller.heard(event.request.body)
            if audio is not None:
                ear.connect(audio)
                return
            break
    speech.let_go()
    raise NoMedia


def start_playing(call: Call, names: Sequence[str], *, repeat: bool = False) -> float:
    """Begin to play prompts to the caller; returns for how long, 0 when there are none.

    Raises NoMedia when the caller is not with us.
    """
    speech, ear = _with_us(call)
    sounds = speech.sounds(names)
    if not sounds:
        return 0.0
    for name in names:
        speech.note("played", name)
    ear.slots.play(ear.name, [sound.path for sound in sounds], loop=repeat)
    return sum(sound.ms for sound in sounds) / 1000


def start_playing_files(call: Call, files: Sequence[Path]) -> None:
    """Begin to play files that are no prompts. Raises NoMedia when the caller is not with us."""
    _, ear = _with_us(call)
    ear.slots.play(ear.name, files)


def _with_us(call: Call) -> tuple[Speech, MediaSession]:
    """The call's speech and the caller's session. Raises NoMedia when the caller has none."""
    speech = call.speech
    if speech is None or speech.ear is None:
        raise NoMedia
    return speech, speech.ear


def _is_ear(call: Call, session: str) -> bool:
    return call.speech is not None and call.speech.is_ear(session)


def ring_back(call: Call) -> None:
    """Let a caller whose media is with us hear that it rings."""
    if call.speech is not None and call.speech.with_us:
        start_playing(call, (_RINGBACK,), repeat=True)
        if call.record.ringing_ms is None and call.record.answered_ms is None:
            call.rings()


async def say(call: Call, names: Sequence[str]) -> None:
    """Play prompts to their end, whatever is pressed. Raises NoMedia, Over."""
    until = call.now + start_playing(call, names) + _GRACE_SECONDS
    while names and call.now < until:
        event = await attend(call, until)
        if isinstance(event, Played) and _is_ear(call, event.session):
            return


async def gather(
    call: Call,
    names: Sequence[str],
    first_seconds: float,
    between_seconds: float,
    complete: Callable[[str], bool],
) -> str:
    """Play prompts and return the keys that are pressed; a key stops the prompts (barge-in).

    first_seconds: from the end of the prompts. complete: says whether nothing more can follow. The
    key # ends the keys, and is not among them unless it is the only one.
    """
    playing = start_playing(call, names)
    until = call.now + playing + (_GRACE_SECONDS if playing else first_seconds)
    keys = ""
    while call.now < until:
        event = await attend(call, until)
        if isinstance(event, Played) and _is_ear(call, event.session) and not keys:
            until = call.now + first_seconds
            playing = 0.0
        elif isinstance(event, Digit) and _is_ear(call, event.session):
            if not keys and playing:
                speech_of(call).hush()
            if event.digit == "#" and keys:
                return keys
            keys += event.digit
            if event.digit == "#" or complete(keys):
                return keys
            until = call.now + between_seconds
    return keys
