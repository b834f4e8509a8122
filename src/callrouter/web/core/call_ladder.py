"""The ladder of a call: who took part, and every SIP message between them and us, in order."""

from pathlib import Path
from typing import Final

from pydantic import Field

from callrouter.observe.trace.call_trace import CallTrace
from callrouter.observe.trace.ladder import words
from callrouter.observe.trace.trace_entries import TracedMessage
from callrouter.operations.operation import OperationAnswer
from callrouter.printable import printable
from callrouter.sip.uri import host_port
from callrouter.storage.trace_reader import TraceError, TraceReader

US: Final = "callrouter"
MOST: Final = 1000
"""Messages of one ladder."""
_SECOND: Final = 1_000_000_000


class LadderParty(OperationAnswer):
    """A column beside ours. place: its transport and address. call_id: of its leg."""

    name: str
    place: str
    call_id: str


class LadderMessage(OperationAnswer):
    """A message. ms: from the first one. source, target: parties, or callrouter.

    status: of a response, 0 for a request. text: all of it, with escapes for what is not printable.
    """

    ms: float
    source: str
    target: str
    words: str
    status: int
    transport: str
    text: str


class CallLadder(OperationAnswer):
    """The ladder of one call. missing: why there is none, "" when there is. at: Unix seconds.

    all: messages that there are; the first thousand are here.
    """

    missing: str = ""
    at: float = 0
    all: int = 0
    parties: list[LadderParty] = Field(default_factory=list)
    messages: list[LadderMessage] = Field(default_factory=list)


def ladder_of(folder: Path | None, id: str) -> CallLadder:
    """The ladder of the call with this id, from the trace in a folder; None: none is kept."""
    if folder is None:
        return CallLadder(missing="no trace is kept: there is no `trace` in the settings")
    call = CallTrace(id)
    try:
        messages = TraceReader(folder, call).history()
    except TraceError as error:
        return CallLadder(missing=str(error))
    began, shown = messages[0].at, messages[:MOST]
    steps = [_message(call, message, began) for message in shown]
    ids = {party: call_id for call_id, party in call.parties.items()}
    places = {call.party(one): f"{one.transport} {host_port(*one.remote)}" for one in shown}
    return CallLadder(
        at=began / _SECOND,
        all=len(messages),
        parties=[
            LadderParty(name=name, place=place, call_id=printable(ids[name]))
            for name, place in places.items()
        ],
        messages=steps,
    )


def _message(call: CallTrace, message: TracedMessage, began: int) -> LadderMessage:
    party = call.party(message)
    source, target = (US, party) if message.sent else (party, US)
    said, status = words(message.data)
    lines = message.data.decode(errors="surrogateescape").replace("\r\n", "\n").split("\n")
    return LadderMessage(
        ms=round((message.at - began) / 1_000_000, 1),
        source=source,
        target=target,
        words=said,
        status=status,
        transport=message.transport,
        text="\n".join(map(printable, lines)).rstrip(),
    )
