"""Presence, as operators ask for it: extensions that are away, and are not rung."""

from itertools import islice

from callrouter.operations.operation import (
    MOST,
    ChangeAnswer,
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


class ChangedPresence(ChangeAnswer, PresenceList):
    """Who is not rung after a change."""


async def list_presence(running: RunningServer, _request: NoValues) -> PresenceList:
    """The extensions that are away."""
    return PresenceList(away=await _away(running))


async def set_presence(running: RunningServer, request: SetPresence) -> ChangedPresence:
    """Rings an extension no more."""
    if request.extension not in running.dialplan().extensions:
        raise NotFoundError(f"the dialplan has no extension {request.extension}")
    asked = running.shared.presence.leave(request.extension, request.reason)
    await running.answer_of("presence", asked)
    return ChangedPresence(away=await _away(running), kept=await running.kept())


async def clear_presence(running: RunningServer, request: ClearPresence) -> ChangedPresence:
    """Rings an extension again."""
    asked = running.shared.presence.come_back(request.extension)
    if not await running.answer_of("presence", asked):
        raise NotFoundError(f"extension {request.extension} is not away")
    return ChangedPresence(away=await _away(running), kept=await running.kept())


async def _away(running: RunningServer) -> list[Absence]:
    away = await running.answer_of("presence", running.shared.presence.away())
    return [Absence(extension=key, reason=why) for key, why in islice(away.items(), MOST)]
