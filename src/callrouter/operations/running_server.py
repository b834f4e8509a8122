"""The running server as a whole, as operators ask for it: status, media pool, drain, reload."""

from typing import Generic, TypeVar

from callrouter.errors import CallrouterError, ConfigError
from callrouter.operations.operation import (
    MOST,
    ConflictError,
    MistakesError,
    NoValues,
    OperationAnswer,
    RunningServer,
    UnavailableError,
)
from callrouter.operations.reload.dialplan_diff import Reloaded


class MediaWorker(OperationAnswer):
    """seconds: its age. From calls on: its last report, nothing before the first. rss: bytes."""

    name: str
    state: str
    pid: int
    port: int
    slots: int
    used: int
    seconds: float
    calls: int | None = None
    players: int | None = None
    recorders: int | None = None
    sessions: int | None = None
    ports: int | None = None
    rss: int | None = None


WorkersT = TypeVar("WorkersT")


class MediaPoolStatus(OperationAnswer, Generic[WorkersT]):
    """missing: why there are no media, "" when there are. nursery: process that starts workers.

    slots: of all workers. refused: reservations so far. lost: workers so far, by why.
    """

    missing: str
    nursery: int
    workers: WorkersT
    slots: int
    used: int
    refused: int
    lost: dict[str, int]


class ServerStatus(OperationAnswer):
    """dialplan: its version. numbers: of it. calls: in progress. since: Unix seconds."""

    dialplan: str
    file: str
    numbers: int
    calls: int
    since: float
    draining: bool
    media: MediaPoolStatus[int]


class DrainStatus(OperationAnswer):
    """calls: in progress."""

    draining: bool
    calls: int


class ChangedNumbers(OperationAnswer):
    """Keys of numbers, the first thousand of each kind."""

    added: list[str]
    removed: list[str]
    altered: list[str]


class ReloadResult(OperationAnswer):
    """before, serving: versions. why: who asked. at: Unix seconds. added to altered: how many.

    last: the reload that brought what serves, when this one changed nothing.
    """

    before: str
    serving: str
    why: str
    at: float
    added: int
    removed: int
    altered: int
    numbers: ChangedNumbers
    last: "ReloadResult | None" = None


async def show_status(running: RunningServer, _request: NoValues) -> ServerStatus:
    """The status of the server."""
    dialplan = running.dialplan()
    media = running.media()
    return ServerStatus(
        dialplan=dialplan.version,
        file=dialplan.file,
        numbers=len(dialplan.numbers),
        calls=len(running.calls),
        since=running.started,
        draining=running.is_draining(),
        media=MediaPoolStatus[int](**{**media, "workers": len(media["workers"])}),
    )


async def show_media(
    running: RunningServer, _request: NoValues
) -> MediaPoolStatus[list[MediaWorker]]:
    """The media pool and its workers."""
    return MediaPoolStatus[list[MediaWorker]].model_validate(running.media())


async def start_drain(running: RunningServer, _request: NoValues) -> DrainStatus:
    """Takes no new calls, and ends the server with the last one."""
    return _drain(running, on=True)


async def cancel_drain(running: RunningServer, _request: NoValues) -> DrainStatus:
    """Takes new calls again."""
    return _drain(running, on=False)


async def reload_dialplan(running: RunningServer, _request: NoValues) -> ReloadResult:
    """Loads the dialplan again and serves new calls by it, if it has no mistake."""
    try:
        return _result(await running.reload())
    except ConfigError as error:
        serving = running.dialplan().version
        raise MistakesError(
            f"the dialplan has mistakes; version {serving} serves on",
            diagnostics=[str(diagnostic) for diagnostic in error.diagnostics],
            serving=serving,
        ) from error
    except CallrouterError as error:
        raise UnavailableError(str(error)) from error


def _drain(running: RunningServer, *, on: bool) -> DrainStatus:
    why = running.drain(on)
    if why:
        raise ConflictError(why)
    return DrainStatus(draining=on, calls=len(running.calls))


def _result(done: Reloaded) -> ReloadResult:
    changes = done.changes
    last = {} if done.last is None else {"last": _result(done.last)}
    return ReloadResult(
        before=done.old,
        serving=done.new,
        why=done.why,
        at=done.at,
        added=len(changes.added),
        removed=len(changes.removed),
        altered=len(changes.altered),
        numbers=ChangedNumbers(
            added=changes.added[:MOST],
            removed=changes.removed[:MOST],
            altered=changes.altered[:MOST],
        ),
        **last,
    )
