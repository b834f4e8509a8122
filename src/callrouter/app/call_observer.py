"""The observers of calls: the log, the metrics, the records and their journal, on one stream."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from callrouter.call.services.call_events import (
    CallBroken,
    CallEvents,
    CallKept,
    FeatureSwitched,
)
from callrouter.call.services.record import CallRecord
from callrouter.observe.call_metrics import CallMetrics
from callrouter.observe.log import Log
from callrouter.queues.queue_events import Transition
from callrouter.route.values.fraud_guards import Alarm
from callrouter.storage.background_writer import RecordWriter
from callrouter.storage.queue_history import QueueHistory
from callrouter.webhooks.call_teller import CallTeller

_AS_IT_WAS: Final = frozenset(("short", "empty"))
"""Nothing was lost: there was nothing."""


def observe(
    events: CallEvents,
    log: Log,
    metrics: CallMetrics,
    writer: RecordWriter,
    teller: CallTeller | None = None,
) -> None:
    """Have all of them hear of calls from now on.

    They only append or add, and one line for a call that comes up goes to the kernel, so no call
    waits. teller: tells others of calls, and gives the writer the records then.
    """
    lines = CallLog(log)
    if log.informs:
        events.started.subscribe(lines.started)
    # Written down for a kill before the caller hears of it.
    events.answered.subscribe(writer.up)
    events.moved.subscribe(lambda event: writer.up(event.record))
    events.message.subscribe(metrics.message_ended)
    events.message.subscribe(lines.message_ended)
    events.recorded.subscribe(metrics.recording_ended)
    events.recorded.subscribe(lines.recording_ended)
    events.broken.subscribe(lines.broken)
    if teller is None:
        events.ended.subscribe(writer.put)
    else:
        teller.subscribe(events)
    events.ended.subscribe(metrics.call_ended)
    if log.informs:
        events.ended.subscribe(lines.ended)


class CallLog:
    """The lines that the log has of each call."""

    __slots__ = ("_log",)

    def __init__(self, log: Log) -> None:
        self._log = log

    def started(self, record: CallRecord) -> None:
        """Log who calls whom."""
        self._log.info(
            "call started",
            call=record.id,
            trunk=record.trunk,
            source=record.source,
            caller=record.caller,
            called=record.called,
            number=record.number,
        )

    def ended(self, record: CallRecord) -> None:
        """Log how it went."""
        self._log.info(
            "call ended",
            call=record.id,
            disposition=record.disposition._value_,
            status=record.status,
            reason=record.reason,
            hung_up_by=record.hung_up_by,
            legs=len(record.legs),
            ms=record.ended_ms,
        )

    def message_ended(self, event: CallKept) -> None:
        """Log a message that was not kept, or not whole."""
        self._tell("message", event)

    def recording_ended(self, event: CallKept) -> None:
        """Log a recording that was not kept, or not whole."""
        self._tell("recording", event)

    def _tell(self, what: str, event: CallKept) -> None:
        kept = event.kept
        if kept.result == "complete":
            return
        say = self._log.info if kept.result in _AS_IT_WAS else self._log.warning
        say(
            f"{what} not kept whole",
            call=event.record.id,
            of=kept.of,
            result=kept.result,
            ms=kept.ms,
        )

    def broken(self, event: CallBroken) -> None:
        """Log the bug with its traceback."""
        self._log.error("internal error", call=event.record.id, exc_info=event.error)


class QueueLog:
    """What log and database have of each transition of a queue: its whole history."""

    __slots__ = ("_history", "_log", "_wall")

    def __init__(self, log: Log, history: QueueHistory, wall: Callable[[float], float]) -> None:
        """wall: of a steady time, that of the clock on the wall."""
        self._log = log
        self._history = history
        self._wall = wall

    def noted(self, row: Transition) -> None:
        """Note one, whose time is steady; the log leaves out what it has nothing of."""
        self._history.put(row._replace(at=self._wall(row.at)))
        known = {"queue": row.queue, "call": row.call, "agent": row.agent, "why": row.why}
        said: dict[str, str | float] = {key: value for key, value in known.items() if value}
        if row.waited_seconds:
            said["waited"] = round(row.waited_seconds, 3)
        self._log.info(f"queue: {row.kind.replace('_', ' ')}", **said)


class GuardLog:
    """The line that the log has of each alarm of a guard against fraud, and who else is told."""

    __slots__ = ("_log", "_teller", "_wall")

    def __init__(self, log: Log, teller: CallTeller | None, wall: Callable[[float], float]) -> None:
        """wall: of a steady time, that of the clock on the wall."""
        self._log = log
        self._teller = teller
        self._wall = wall

    def noted(self, alarm: Alarm) -> None:
        """Note one."""
        self._log.warning(
            f"fraud guard: {alarm.kind.replace('_', ' ')}",
            extension=alarm.extension,
            call=alarm.call,
            what=alarm.what,
            barred=alarm.barred,
        )
        if self._teller is not None:
            self._teller.alarmed(alarm, self._wall(alarm.at))


class FeatureLog:
    """The line that the log has of each feature code, once it is known whether it is kept."""

    __slots__ = ("_asking", "_kept", "_log")

    def __init__(self, log: Log, kept: Callable[[], Awaitable[bool]]) -> None:
        """kept: as `RunningServer` has it."""
        self._log = log
        self._kept = kept
        self._asking: set[asyncio.Task[None]] = set()

    def switched(self, event: FeatureSwitched) -> None:
        """Log what it switched, and that a restart undoes it where it does."""
        telling = self._tell(event.record.id, event.what, event.to)
        task = asyncio.get_running_loop().create_task(telling)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _tell(self, call: str, what: str, to: str) -> None:
        if await self._kept():
            self._log.info("feature code carried out", call=call, what=what, to=to)
        else:
            said = "feature code carried out, but not kept on disk: a restart undoes it"
            self._log.warning(said, call=call, what=what, to=to)
