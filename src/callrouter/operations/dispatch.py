"""Dispatch of what operators ask of a running server: carried out, and answered.

All but a reload is done at once and in bounded time: lists are cut at `requests.MOST`, and a search
looks at no more than there can be in `state.memory`.
"""

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from callrouter.dialplan.areas.list_files import blocked_by_hand
from callrouter.errors import CallrouterError, ConfigError
from callrouter.operations import bans, gateways
from callrouter.operations.active_calls import ActiveCalls
from callrouter.operations.reload.reloader import Reloaded, Reloader
from callrouter.operations.requests import (
    MOST,
    AddBan,
    AddBlock,
    AnyRequest,
    ClearOverride,
    ClearPresence,
    Drain,
    DrainGateway,
    EnableGateway,
    ListBans,
    ListBlocks,
    ListCalls,
    ListGateways,
    ListOverrides,
    ListPresence,
    ListRegistrations,
    RecordCall,
    Reload,
    RemoveBan,
    RemoveBlock,
    SetOverride,
    SetPresence,
    ShowMedia,
    Status,
)
from callrouter.route.callers.number_lists import Caller
from callrouter.state.memory import Memory

Answer = dict[str, Any]


class OperationRefusedError(CallrouterError):
    """A request that cannot be carried out; the message says why."""


def _reloaded(done: Reloaded) -> Answer:
    changes = done.changes
    numbers = {"added": changes.added, "removed": changes.removed, "altered": changes.altered}
    return {
        "before": done.old,
        "serving": done.new,
        "why": done.why,
        "at": done.at,
        **{name: len(keys) for name, keys in numbers.items()},
        "numbers": {name: keys[:MOST] for name, keys in numbers.items()},
    }


class Dispatcher:
    """Dispatcher of operators' requests.

    start: when the server started, Unix seconds. media: tells how the media pool is. record: begins
    or ends the recording of a call, or returns why not. registrations: tells of them. drain: begins
    or ends the drain, or returns why not. is_draining: whether it is on.
    """

    def __init__(
        self,
        memory: Memory,
        live: ActiveCalls,
        reloader: Reloader,
        start: float,
        media: Callable[[], Answer],
        record: Callable[[str, bool], str],
        registrations: Callable[[], Answer],
        drain: Callable[[bool], str],
        is_draining: Callable[[], bool],
    ) -> None:
        self._drain = drain
        self._is_draining = is_draining
        self._registrations = registrations
        self._memory = memory
        self._live = live
        self._reloader = reloader
        self._start = start
        self._media = media
        self._record = record

    async def answer(self, request: AnyRequest) -> Answer:
        """Do what is asked. Never raises on account of the request."""
        try:
            if isinstance(request, Reload):
                return {"ok": True, **await self._reload()}
            return {"ok": True, **self._at_once(request)}
        except ConfigError as error:
            lines = [str(diagnostic) for diagnostic in error.diagnostics]
            serving = self._reloader.dialplan.version
            what = f"the dialplan has mistakes; version {serving} serves on"
            return {"ok": False, "error": what, "diagnostics": lines, "serving": serving}
        except CallrouterError as error:
            return {"ok": False, "error": str(error)}

    async def _reload(self) -> Answer:
        done = await self._reloader.reload("asked for")
        last = self._reloader.last
        # Saved and loaded by itself before somebody asked: what that changed is asked for.
        before = {"last": _reloaded(last)} if last is not None and last is not done else {}
        return {**_reloaded(done), **before}

    def _at_once(self, request: AnyRequest) -> Answer:
        match request:
            case Status() | Drain():
                found = self._whole(request)
            case ListCalls():
                found = self._calls(request.most)
            case ShowMedia():
                found = self._media()
            case ListRegistrations():
                found = self._registrations()
            case RecordCall():
                found = self._record_call(request)
            case ListBlocks() | AddBlock() | RemoveBlock():
                found = self._block(request)
            case SetOverride() | ClearOverride() | ListOverrides():
                found = self._override(request)
            case SetPresence() | ClearPresence() | ListPresence():
                found = self._presence(request)
            case ListBans() | AddBan() | RemoveBan():
                found = bans.answer(request, self._memory, self._reloader.dialplan)
            case ListGateways() | DrainGateway() | EnableGateway():
                found = gateways.answer(request, self._memory, self._reloader.dialplan)
            case Reload():
                raise OperationRefusedError("a reload takes its time")
        return found

    def _record_call(self, request: RecordCall) -> Answer:
        why = self._record(request.call, request.on)
        if why:
            raise OperationRefusedError(why)
        return {"call": request.call, "on": request.on}

    def _whole(self, request: Status | Drain) -> Answer:
        """What concerns the server as a whole."""
        if isinstance(request, Status):
            return self._status()
        why = self._drain(request.on)
        if why:
            raise OperationRefusedError(why)
        return {"draining": request.on, "calls": len(self._live)}

    def _status(self) -> Answer:
        dialplan = self._reloader.dialplan
        media = self._media()
        return {
            "dialplan": dialplan.version,
            "file": dialplan.file,
            "numbers": len(dialplan.numbers),
            "calls": len(self._live),
            "since": self._start,
            "draining": self._is_draining(),
            "media": {**media, "workers": len(media["workers"])},
        }

    def _calls(self, most: int) -> Answer:
        calls = []
        for record in islice(self._live.newest(), most):
            state = "routing"
            if record.answered_ms is not None:
                state = "answered"
            elif record.ringing_ms is not None:
                state = "ringing"
            calls.append(
                {
                    "id": record.id,
                    "caller": record.caller,
                    "called": record.called,
                    "number": record.number,
                    "state": state,
                    "since": record.started,
                    "seconds": round(self._live.age(record), 1),
                    "dialplan": record.dialplan,
                }
            )
        return {"calls": calls, "all": len(self._live)}

    def _block(self, request: ListBlocks | AddBlock | RemoveBlock) -> Answer:
        memory = self._memory
        if isinstance(request, ListBlocks):
            found = list(memory.blocks(memory.clock.now()))
            if request.caller is not None:
                wanted = self._known_callers(request.caller)
                found = [block for block in found if block.caller in wanted]
            blocks = [
                block._asdict() | {"until": memory.clock.wall(block.until)}
                for block in found[: request.most]
            ]
            return {"blocks": blocks, "all": len(found)}
        number = request.number or ""
        if isinstance(request, RemoveBlock):
            where = f"at number {number}" if number else "at all numbers"
            released = [
                caller
                for caller in self._known_callers(request.caller)
                if memory.unblock(number, caller)
            ]
            if not released:
                raise OperationRefusedError(f"{request.caller} is not blocked {where}")
            return {"number": number, "callers": released}
        callers = self._callers(request.caller)
        if number and number not in self._reloader.dialplan.numbers:
            raise OperationRefusedError(f"the dialplan has no number {number}")
        until = memory.clock.now() + request.seconds if request.seconds else 0.0
        if not all(memory.block(number, caller, until) for caller in callers):
            raise OperationRefusedError("too many callers are blocked by hand already: use a list")
        return {"number": number, "callers": callers, "until": memory.clock.wall(until)}

    def _override(self, request: SetOverride | ClearOverride | ListOverrides) -> Answer:
        memory = self._memory
        memory.expire(memory.clock.now())
        if isinstance(request, SetOverride):
            if request.schedule not in self._reloader.dialplan.schedules:
                known = ", ".join(islice(self._reloader.dialplan.schedules, 20)) or "none"
                raise OperationRefusedError(
                    f"the dialplan has no schedule {request.schedule}; it has: {known}"
                )
            if 0 < request.until <= time.time():
                raise OperationRefusedError("the end of the override has passed already")
            memory.override(request.schedule, request.open, request.until)
        elif isinstance(request, ClearOverride) and not memory.end_override(request.schedule):
            raise OperationRefusedError(f"schedule {request.schedule} follows its hours already")
        return {
            "overrides": [
                {"schedule": schedule, "open": override.open, "until": override.until}
                for schedule, override in islice(memory.overrides().items(), MOST)
            ]
        }

    def _presence(self, request: SetPresence | ClearPresence | ListPresence) -> Answer:
        memory = self._memory
        if isinstance(request, SetPresence):
            if request.extension not in self._reloader.dialplan.extensions:
                raise OperationRefusedError(f"the dialplan has no extension {request.extension}")
            memory.leave(request.extension, request.reason)
        elif isinstance(request, ClearPresence) and not memory.come_back(request.extension):
            raise OperationRefusedError(f"extension {request.extension} is not away")
        away = memory.away()
        listed = islice(away.items(), MOST)
        return {"away": [{"extension": key, "reason": why} for key, why in listed]}

    def _callers(self, text: str) -> tuple[str, ...]:
        """What a block of these callers is kept by; read as in lists."""
        try:
            return blocked_by_hand(text, self._reloader.dialplan.country)
        except ValueError as error:
            raise OperationRefusedError(str(error)) from error

    def _known_callers(self, text: str) -> tuple[str, ...]:
        """What a block may be kept by: of those made automatically, names are some."""
        try:
            return (*self._callers(text), text)
        except OperationRefusedError:
            return (Caller(text, self._reloader.dialplan.country).key, text)
