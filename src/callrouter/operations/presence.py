"""Presence, as operators ask for it: extensions that are away, and are not rung."""

from itertools import islice

from callrouter.operations.operation import (
    MOST,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)


class SetPresence(OperationRequest):
    """reason: shown in the records of calls for it."""

    extension: Name
    reason: Name = "away"


class ClearPresence(OperationRequest):
    """extension: its key in the dialplan."""

    extension: Name


class Absence(OperationAnswer):
    """reason: why it is away."""

    extension: str
    reason: str


class PresenceList(OperationAnswer):
    """away: who is not rung."""

    away: list[Absence]


async def list_presence(running: RunningServer, _request: NoValues) -> PresenceList:
    """The extensions that are away."""
    away = await running.answer_of("presence", running.shared.presence.away())
    listed = islice(away.items(), MOST)
    return PresenceList(away=[Absence(extension=key, reason=why) for key, why in listed])


async def set_presence(running: RunningServer, request: SetPresence) -> PresenceList:
    """Rings an extension no more."""
    if request.extension not in running.dialplan().extensions:
        raise NotFoundError(f"the dialplan has no extension {request.extension}")
    asked = running.shared.presence.leave(request.extension, request.reason)
    await running.answer_of("presence", asked)
    return await list_presence(running, NoValues())


async def clear_presence(running: RunningServer, request: ClearPresence) -> PresenceList:
    """Rings an extension again."""
    asked = running.shared.presence.come_back(request.extension)
    if not await running.answer_of("presence", asked):
        raise NotFoundError(f"extension {request.extension} is not away")
    return await list_presence(running, NoValues())
