"""Calls in progress, as operators ask for them: the list, and the recording of one."""

from itertools import islice
from typing import Annotated, Literal

from pydantic import Field

from callrouter.call.services.supervision import LISTEN
from callrouter.operations.call_feed import FollowedEvent
from callrouter.operations.operation import (
    AnswerStream,
    ConflictError,
    Name,
    Newest,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)

Mode = Annotated[
    Literal["listen", "whisper", "barge"], Field(description="listen, whisper or barge")
]


class ActiveCall(OperationAnswer):
    """state: routing, ringing or answered. since: Unix seconds. dialplan: its version."""

    id: str
    caller: str
    called: str
    number: str
    state: str
    since: float
    seconds: float
    dialplan: str


class CallList(OperationAnswer):
    """all: how many calls there are."""

    calls: list[ActiveCall]
    all: int


class OneCall(OperationRequest):
    """call: its id."""

    call: Name


class HearCall(OperationRequest):
    """call: its id. by: the extension that is rung, and hears it. mode: how it is heard."""

    call: Name
    by: Name
    mode: Mode = LISTEN


class HeardCall(OperationAnswer):
    """by: the extension that is rung. mode: listen, whisper or barge."""

    call: str
    by: str
    mode: str


class EndedCall(OperationAnswer):
    """call: its id."""

    call: str


class RecordingStatus(OperationAnswer):
    """on: it is asked for."""

    call: str
    on: bool


async def list_calls(running: RunningServer, request: Newest) -> CallList:
    """The calls in progress, the newest first."""
    newest = islice(reversed(running.calls.values()), request.most)
    calls = [
        ActiveCall(
            id=record.id,
            caller=record.caller,
            called=record.called,
            number=record.number,
            state=record.state,
            since=record.started,
            seconds=round(running.clock.since(record.began), 1),
            dialplan=record.dialplan,
        )
        for record in (call.record for call in newest)
    ]
    return CallList(calls=calls, all=len(running.calls))


async def follow_calls(running: RunningServer, _request: NoValues) -> AnswerStream[FollowedEvent]:
    """Tells what happens to calls from now on, a line for each event."""
    return running.follow()


async def hear_call(running: RunningServer, request: HearCall) -> HeardCall:
    """Rings an extension, which hears a call once it has answered, and may be heard."""
    why = running.listen(request.call, request.by, request.mode)
    if why:
        raise (ConflictError if request.call in running.calls else NotFoundError)(why)
    return HeardCall(call=request.call, by=request.by, mode=request.mode)


async def end_call(running: RunningServer, request: OneCall) -> EndedCall:
    """Ends a call in progress."""
    if not running.end(request.call):
        raise NotFoundError(f"no call in progress has the id {request.call}")
    return EndedCall(call=request.call)


async def start_recording(running: RunningServer, request: OneCall) -> RecordingStatus:
    """Begins to record a call in progress."""
    return _record(running, request.call, on=True)


async def stop_recording(running: RunningServer, request: OneCall) -> RecordingStatus:
    """Ends the recording of a call in progress."""
    return _record(running, request.call, on=False)


def _record(running: RunningServer, call: str, *, on: bool) -> RecordingStatus:
    why = running.record(call, on)
    if why:
        raise (ConflictError if call in running.calls else NotFoundError)(why)
    return RecordingStatus(call=call, on=on)
