"""Play and gather: the caller's media taken to us, prompts played, keys heard (C2, C3).

Rules. Slots are reserved before the caller is promised anything. Whatever is played, a script waits
no longer than it is long, so a worker that never reports its end holds nobody up.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import AnchoredMedia
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
    anchor = anchor_of(call)
    a_session = anchor.a_session
    if a_session is None:
        a_session = await _open_session_of_caller(call, anchor)
    if not anchor.with_us:
        await _promise(call, anchor, a_session, answer=answer)
        anchor.with_us = True
    elif answer and call.record.answered_ms is None:
        anchor.pick_up(anchor.caller.answer(a_session))
    return a_session


def anchor_of(call: Call) -> AnchoredMedia:
    """The call's anchored media, from now on."""
    if call.anchor is None:
        call.anchor = AnchoredMedia(call)
    return call.anchor


async def _open_session_of_caller(call: Call, anchor: AnchoredMedia) -> MediaSession:
    body = call.caller_body()
    audio = anchor.caller.heard(body) if body else None
    if body and audio is None:
        raise NoMedia
    slots = anchor.reserve(anchor.wanted)
    if slots is None:
        raise NoMedia
    unconfirmed = anchor.unconfirmed(audio)
    trusted = unconfirmed is None or unconfirmed.known
    anchor.a_session = a_session = await open_session(call, anchor, slots, audio, trusted=trusted)
    if unconfirmed is not None:
        unconfirmed.trust = a_session.trust
        if call.a.shown:  # meanwhile
            a_session.trust()
    return a_session


async def open_session(
    call: Call,
    anchor: AnchoredMedia,
    slots: MediaSlots,
    audio: Audio | None,
    *,
    trusted: bool = True,
) -> MediaSession:
    """Open a session and wait until the worker has answered. Raises NoMedia, Over.

    trusted: as `MediaSlots.open` has it; a target is, as it has answered an INVITE of ours.
    """
    try:
        session = anchor.session(slots, audio, trusted=trusted)
    except SipError:
        raise NoMedia from None
    anchor.free.append(session)
    until = call.now + _OPEN_SECONDS
    while call.now < until:
        event = await attend(call, until)
        if isinstance(event, Answered) and event.leg is session.leg:
            if session.opened(event):
                anchor.free.remove(session)
                return session
            break
    anchor.let_go()
    raise NoMedia


async def _promise(
    call: Call, anchor: AnchoredMedia, a_session: MediaSession, *, answer: bool
) -> None:
    """Tell the caller where its media is to go."""
    if call.record.answered_ms is not None:
        answer_body = await reoffer(call, call.a, lambda: anchor.caller.offer(a_session))
        audio = anchor.caller.heard(answer_body) if answer_body else None
        if audio is None:
            anchor.let_go()
            raise NoMedia
        a_session.connect(audio)
    elif anchor.caller.described is not None:
        body = anchor.caller.answer(a_session)
        if answer:
            anchor.pick_up(body)
        else:
            call.a.ring(183, a_session.name, SDP_ROW, body)
    elif answer:
        anchor.pick_up(anchor.caller.offer(a_session))
        await _late_answer(call, anchor, a_session)
    else:
        # An offer in a 183 that is not reliable is no offer (RFC 3262 section 5).
        anchor.let_go()
        raise NoMedia


async def _late_answer(call: Call, anchor: AnchoredMedia, a_session: MediaSession) -> None:
    until = call.now + _ACK_SECONDS
    while call.now < until:
        event = await attend(call, until)
        if isinstance(event, Acknowledged):
            audio = anchor.caller.heard(event.request.body)
            if audio is not None:
                a_session.connect(audio)
                return
            break
    anchor.let_go()
    raise NoMedia


def start_playing(call: Call, names: Sequence[str], *, repeat: bool = False) -> float:
    """Begin to play prompts to the caller; returns for how long, 0 when there are none.

    Raises NoMedia when the caller is not with us.
    """
    anchor, a_session = _with_us(call)
    sounds = anchor.sounds(names)
    if not sounds:
        return 0.0
    for name in names:
        anchor.note("played", name)
    a_session.slots.play(a_session.name, [sound.path for sound in sounds], loop=repeat)
    return sum(sound.ms for sound in sounds) / 1000


def start_playing_files(call: Call, files: Sequence[Path]) -> None:
    """Begin to play files that are no prompts. Raises NoMedia when the caller is not with us."""
    _, a_session = _with_us(call)
    a_session.slots.play(a_session.name, files)


def _with_us(call: Call) -> tuple[AnchoredMedia, MediaSession]:
    """The anchored media and the caller's session. Raises NoMedia when the caller has none."""
    anchor = call.anchor
    if anchor is None or anchor.a_session is None:
        raise NoMedia
    return anchor, anchor.a_session


def _is_ear(call: Call, session: str) -> bool:
    return call.anchor is not None and call.anchor.is_of_caller(session)


def ring_back(call: Call) -> None:
    """Let a caller whose media is with us hear that it rings."""
    if call.anchor is not None and call.anchor.with_us:
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
                anchor_of(call).hush()
            if event.digit == "#" and keys:
                return keys
            keys += event.digit
            if event.digit == "#" or complete(keys):
                return keys
            until = call.now + between_seconds
    return keys
