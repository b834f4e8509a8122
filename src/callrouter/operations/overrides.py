"""Overrides, as operators ask for them: schedules that are switched open or closed by hand."""

import time
from itertools import islice

from callrouter.operations.operation import (
    MOST,
    BadValueError,
    ChangeAnswer,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
    Switch,
    Until,
)


class SetOverride(OperationRequest):
    """until: Unix seconds, 0 for no end."""

    schedule: Name
    open: Switch
    until: Until = 0.0


class ClearOverride(OperationRequest):
    """schedule: its name in the dialplan."""

    schedule: Name


class ScheduleOverride(OperationAnswer):
    """until: Unix seconds, 0 for no end."""

    schedule: str
    open: bool
    until: float


class OverrideList(OperationAnswer):
    """Those that hold now."""

    overrides: list[ScheduleOverride]


class ChangedOverrides(ChangeAnswer, OverrideList):
    """Those that hold after a change."""


async def list_overrides(running: RunningServer, _request: NoValues) -> OverrideList:
    """The schedules that are switched."""
    return OverrideList(overrides=await _standing(running))


async def set_override(running: RunningServer, request: SetOverride) -> ChangedOverrides:
    """Switches a schedule open or closed, whatever its hours say."""
    schedules = running.dialplan().schedules
    if request.schedule not in schedules:
        known = ", ".join(islice(schedules, 20)) or "none"
        raise NotFoundError(f"the dialplan has no schedule {request.schedule}; it has: {known}")
    if 0 < request.until <= time.time():
        what = "the end of the override has passed already"
        raise BadValueError(what, "until", "a time that is to come, or 0")
    asked = running.shared.overrides.override(request.schedule, request.open, request.until)
    await running.answer_of("overrides", asked)
    return ChangedOverrides(overrides=await _standing(running), kept=await running.kept())


async def clear_override(running: RunningServer, request: ClearOverride) -> ChangedOverrides:
    """Lets a schedule follow its hours again."""
    asked = running.shared.overrides.end(request.schedule)
    if not await running.answer_of("overrides", asked):
        raise NotFoundError(f"schedule {request.schedule} follows its hours already")
    return ChangedOverrides(overrides=await _standing(running), kept=await running.kept())


async def _standing(running: RunningServer) -> list[ScheduleOverride]:
    standing = await running.answer_of("overrides", running.shared.overrides.standing())
    return [
        ScheduleOverride(schedule=schedule, open=override.open, until=override.until)
        for schedule, override in islice(standing.items(), MOST)
    ]
