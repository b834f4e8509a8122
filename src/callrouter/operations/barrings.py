"""Barred extensions, as operators ask for them: whom fraud guards let call abroad no more."""

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


class LiftBarring(OperationRequest):
    """extension: its key in the dialplan."""

    extension: Name


class BarredExtension(OperationAnswer):
    """why: what a guard has found. since: Unix seconds."""

    extension: str
    why: str
    since: float


class BarringList(OperationAnswer):
    """barred: who may not call abroad, nor what costs more."""

    barred: list[BarredExtension]


class ChangedBarring(ChangeAnswer, BarringList):
    """Who is barred after a change."""


async def list_barrings(running: RunningServer, _request: NoValues) -> BarringList:
    """The extensions that guards against fraud let call abroad no more."""
    return BarringList(barred=await _barred(running))


async def lift_barring(running: RunningServer, request: LiftBarring) -> ChangedBarring:
    """Lets an extension call abroad again."""
    asked = running.shared.outgoing.lift(request.extension)
    if not await running.answer_of("outgoing", asked):
        raise NotFoundError(f"extension {request.extension} is not barred")
    return ChangedBarring(barred=await _barred(running), kept=await running.kept())


async def _barred(running: RunningServer) -> list[BarredExtension]:
    found = await running.answer_of("outgoing", running.shared.outgoing.barrings())
    wall = running.clock.wall
    return [
        BarredExtension(extension=key, why=it.why, since=wall(it.at))
        for key, it in islice(found.items(), MOST)
    ]
