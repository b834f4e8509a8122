"""The voicemail script of hearing the messages of a box, after its PIN (C5)."""

from collections.abc import Sequence
from typing import Final

from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import (
    anchor_of,
    attach,
    gather,
    say,
    start_playing_files,
)
from callrouter.call.legs.events import Deadline
from callrouter.call.services.archive import Keeping, MessageList, VoicemailMessage
from callrouter.call.wait import NoMedia, attend

_PIN_TRIES: Final = 3
_PIN_WAIT: Final = 8.0
_PIN_BETWEEN: Final = 4.0
_KEY_WAIT: Final = 8.0
_LIST_SECONDS: Final = 5.0
_AGAIN, _NEXT, _DELETE = "1", "2", "3"
_MOST_ROUNDS: Final = 200


async def hear_messages(call: Call, box: str) -> None:
    """Play the messages of a box to who knows its PIN. Raises NoMedia, Over."""
    keeping = call.media.keeping
    if keeping is None:
        raise NoMedia
    await attach(call, answer=True)
    if not await _let_in(call, keeping, box):
        await say(call, ("goodbye",))
        return
    messages = await _listed(call, keeping, box)
    if not messages:
        await say(call, ("voicemail_no_messages", "goodbye"))
        return
    noun = "voicemail_message" if len(messages) == 1 else "voicemail_messages"
    digits = [f"digit_{digit}" for digit in str(len(messages))]
    await gather(call, ("voicemail_you_have", *digits, noun), 0.0, 0.0, bool)
    place = rounds = 0
    while place < len(messages) and rounds < _MOST_ROUNDS:
        rounds += 1
        before = "voicemail_first" if place == 0 else "voicemail_next"
        if await _one(call, keeping, messages[place], before) != _AGAIN:
            place += 1
    await say(call, ("voicemail_end", "goodbye"))


async def _let_in(call: Call, keeping: Keeping, box: str) -> bool:
    """Ask for the PIN."""
    notes = anchor_of(call).notes
    for _ in range(_PIN_TRIES):
        before = len(notes)
        pin = await gather(call, ("voicemail_pin",), _PIN_WAIT, _PIN_BETWEEN, _never)
        # What was dialled is a secret, and stays out of the record.
        notes[before:] = [note for note in notes[before:] if note[1] != "key"]
        if pin and keeping.check_pin(box, pin, _origin(call)):
            return True
        if pin:
            await say(call, ("voicemail_wrong_pin",))
    return False


def _origin(call: Call) -> str:
    """The trunk a call came by; of a telephone, which has proven whose it is, its user too."""
    trunk = call.facts.trunk
    return f"{trunk} {call.facts.caller}" if trunk == call.dialplan.access.phones_trunk else trunk


def _never(_keys: str) -> bool:
    return False


async def _listed(call: Call, keeping: Keeping, box: str) -> Sequence[VoicemailMessage]:
    keeping.list_messages(box, call.inbox.post)
    until = call.now + _LIST_SECONDS
    while True:
        event = await attend(call, until)
        if isinstance(event, MessageList) and event.box == box:
            return event.messages
        if isinstance(event, Deadline):
            raise NoMedia


async def _one(call: Call, keeping: Keeping, message: VoicemailMessage, before: str) -> str:
    """Play one message and what can be done with it; returns the key for it."""
    await gather(call, (before,), 0.0, 0.0, bool)
    start_playing_files(call, [message.file])
    key = await gather(call, (), message.ms / 1000, 0.0, bool)
    if not key:
        keeping.mark_heard(message.id)
        key = await gather(call, ("voicemail_keys",), _KEY_WAIT, 0.0, bool)
    if key == _DELETE:
        keeping.delete_message(message.id)
        await say(call, ("voicemail_deleted",))
    return key
