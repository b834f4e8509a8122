"""The trace of one call: which messages are of it, and with whom each was exchanged.

It is asked for by the call's id, or by the Call-ID of any of its legs, which leads to the call. A
Call-ID that is of no call, such as that of a REGISTER, has its messages all the same.
"""

import re
from typing import Final

from callrouter.call.services.record import bounded
from callrouter.observe.trace.trace_entries import TracedCall, TracedMessage

_CALL_ID: Final = re.compile(rb"(?i)\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)")
_CUT: Final = "… ("
"""Where the rest of a long Call-ID is missing in a record, and so in what is known of a call."""


class CallTrace:
    """What is known of one call while its trace is read.

    wanted: the id that was asked for. calls: the ids of calls that it may be, or is a leg of.
    parties: the columns of a ladder beside ours, by Call-ID, in the order of their messages.
    """

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.calls: set[str] = {wanted}
        self.parties: dict[str, str] = {}
        self._up: dict[str, bool] = {}  # each call that is known, and whether it goes on
        self._dialogs: dict[str, str] = {}  # who is at the other end
        self._short = bounded(wanted)

    @property
    def known(self) -> bool:
        """The id is that of a call, or of a leg of one."""
        return bool(self._dialogs)

    @property
    def over(self) -> bool:
        """The call has ended; of a leg that went from one call to another, both have."""
        return bool(self._up) and not any(self._up.values())

    def learn(self, entry: TracedCall) -> None:
        """Take what is known of a call, if it is this one."""
        if self._short in entry.dialogs:
            self.calls.add(entry.call)
        elif entry.call not in self.calls:
            return
        self._dialogs |= entry.dialogs
        self._up[entry.call] = self._up.get(entry.call, True) and not entry.over

    def names(self) -> list[bytes]:
        """What at least one message of the call has somewhere in it, each a Call-ID."""
        ids = (self.wanted, *self._dialogs)
        return [one.partition(_CUT)[0].encode(errors="surrogateescape") for one in ids]

    def party(self, message: TracedMessage) -> str:
        """With whom a message was exchanged, "" when it is not of this call."""
        found = _CALL_ID.search(message.data)
        if found is None:
            return ""
        call_id = bounded(found[1].decode(errors="surrogateescape").strip(" \t"))
        if call_id not in self.parties:
            if call_id not in self._dialogs and call_id != self._short:
                return ""
            self.parties[call_id] = self._column(self._dialogs.get(call_id, "peer"))
        return self.parties[call_id]

    def _column(self, name: str) -> str:
        """A name that no other column has."""
        taken, count, column = self.parties.values(), 1, name
        while column in taken:
            count += 1
            column = f"{name} {count}"
        return column
