"""Forwards of extensions, as operators ask for them: where their calls go on to."""

from typing import Annotated, Literal

from pydantic import Field

from callrouter.operations.operation import (
    MOST,
    ChangeAnswer,
    ConflictError,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)
from callrouter.route.decide.reach import misdirected
from callrouter.route.values.snapshot import FORWARDS

When = Annotated[Literal["all", "busy", "no_answer"], Field(description="all, busy or no_answer")]
Goal = Annotated[str, Field(max_length=64, description="an extension or a number, or nothing")]


class SetForward(OperationRequest):
    """when: `all`, `busy` or `no_answer`. to: an extension, a number outside, or "" for nowhere."""

    extension: Name
    when: When
    to: Goal


class ClearForward(OperationRequest):
    """extension: its key in the dialplan. when: as it was switched."""

    extension: Name
    when: When


class Forward(OperationAnswer):
    """to: where calls go on to, "" for nowhere. said_by: `dialplan`, or `switched`."""

    extension: str
    when: str
    to: str
    said_by: str


class ForwardList(OperationAnswer):
    """forwards: of all extensions, by extension."""

    forwards: list[Forward]


class ChangedForward(ChangeAnswer, ForwardList):
    """All forwards after a change."""


async def list_forwards(running: RunningServer, _request: NoValues) -> ForwardList:
    """Where calls of extensions go on to."""
    return ForwardList(forwards=await _forwards(running))


async def set_forward(running: RunningServer, request: SetForward) -> ChangedForward:
    """Has calls of an extension go on elsewhere."""
    dialplan = running.dialplan()
    extension = dialplan.extensions.get(request.extension)
    if extension is None:
        raise NotFoundError(f"the dialplan has no extension {request.extension}")
    if request.to:
        snapshot, now = running.shared.snapshot(), running.clock.now()
        why = misdirected(dialplan, snapshot, now, extension, request.to)
        if why:
            raise ConflictError(f"calls of {extension.key} cannot go on to {request.to}: {why}")
    asked = running.shared.forwards.forward(extension.key, request.when, request.to)
    await running.answer_of("forwards", asked)
    return ChangedForward(forwards=await _forwards(running), kept=await running.kept())


async def clear_forward(running: RunningServer, request: ClearForward) -> ChangedForward:
    """Lets calls of an extension go as the dialplan says."""
    asked = running.shared.forwards.unswitch(request.extension, request.when)
    if not await running.answer_of("forwards", asked):
        raise NotFoundError(f"no forward '{request.when}' of {request.extension} was switched")
    return ChangedForward(forwards=await _forwards(running), kept=await running.kept())


async def _forwards(running: RunningServer) -> list[Forward]:
    switched = await running.answer_of("forwards", running.shared.forwards.switched())
    found = []
    for key, extension in running.dialplan().extensions.items():
        for when in FORWARDS:
            goal = switched.get(f"{key} {when}")
            said_by = "dialplan" if goal is None else "switched"
            to = extension.forward.get(when) if goal is None else goal
            if to is not None:
                found.append(Forward(extension=key, when=when, to=to, said_by=said_by))
    return found[:MOST]
