"""The prompts that are always there: their names, and when a caller hears each.

Their texts and sounds are in media/sounds/builtin, one folder per language; a test keeps these
together. A dialplan that has a prompt of the same name hears its own instead.
"""

from collections.abc import Mapping
from typing import Final

_DIGITS: Final = {f"digit_{digit}": f"the digit {digit}, as in a count" for digit in range(10)}

BUILTIN: Final[Mapping[str, str]] = {
    "not_authorised": "the caller may not call this number",
    "busy": "the number is busy",
    "out_of_hours": "the number is closed now",
    "lines_busy": "all lines of the number are in use",
    "unknown_number": "nobody has this number",
    "no_answer": "nobody can answer",
    "suspended": "the number takes no calls",
    "invalid_choice": "a menu has nothing for this key",
    "no_input": "a menu waited for a key in vain",
    "goodbye": "before hanging up",
    "voicemail_greeting": "before a message is recorded",
    "voicemail_too_long": "a message reached its limit",
    "voicemail_saved": "a message was saved",
    "voicemail_empty": "nothing was said, or too little: no message is kept",
    "voicemail_failed": "a message could not be saved, or not all of it",
    "voicemail_pin": "before the PIN of a mailbox",
    "voicemail_wrong_pin": "the PIN was wrong",
    "voicemail_you_have": "before the count of messages",
    "voicemail_message": "after the count, when it is one",
    "voicemail_messages": "after the count, when it is another",
    "voicemail_no_messages": "a mailbox is empty",
    "voicemail_first": "before the first message",
    "voicemail_next": "before each further message",
    "voicemail_keys": "after a message: what can be done with it",
    "voicemail_deleted": "a message was deleted",
    "voicemail_end": "after the last message",
    "recording_notice": "the call will be recorded",
    "accept_call": "before a target is connected that has to confirm",
    "ringback": "targets ring while the caller's media is with us",
    "survey_question": "after the call, to be answered with a key from 1 to 5",
    "survey_thanks": "after the answer",
    "presence_away": "the caller's own extension is away from now on",
    "presence_back": "the caller's own extension is back",
    "forward_on": "calls for the caller's own extension go on elsewhere from now on",
    "forward_off": "calls for the caller's own extension ring it again",
    "override_open": "a schedule was switched open",
    "override_closed": "a schedule was switched closed",
    "override_cleared": "a schedule follows its hours again",
    "queue_position": "before the place of a caller in a queue, from 1 to 9",
    "queue_position_many": "the caller has a place behind the ninth",
    "queue_wait": "before the expected wait in minutes, from 1 to 9",
    "queue_wait_many": "the expected wait is longer",
    **_DIGITS,
}
"""By name."""
