"""The observer that calls are given: a log line, the counts and the record."""

from typing import Final

from callrouter.call.services.record import CallRecord, KeptRecord
from callrouter.observe.call_metrics import CallMetrics
from callrouter.observe.log import Log
from callrouter.storage.background_writer import RecordWriter

_AS_IT_WAS: Final = frozenset(("short", "empty"))
"""Nothing was lost: there was nothing."""


class Observing:
    """Observer of calls: tells the log, the metrics and the record writer of each.

    Implements `call.services.record.Observer`: it only appends or adds, and one line for a call
    that comes up goes to the kernel, so no call waits.
    """

    __slots__ = ("_log", "_metrics", "_writer")

    def __init__(self, log: Log, metrics: CallMetrics, writer: RecordWriter) -> None:
        self._log = log
        self._metrics = metrics
        self._writer = writer

    def call_started(self, record: CallRecord) -> None:
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

    def call_up(self, record: CallRecord) -> None:
        """Write down who talks, for a kill."""
        self._writer.up(record)

    def call_ended(self, record: CallRecord) -> None:
        """Hand the record over, count it, and log how it went."""
        self._writer.put(record)
        self._metrics.call_ended(record)
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
        for kept in record.voicemail:
            self._tell("message", record, kept)
        for kept in record.recordings:
            self._tell("recording", record, kept)

    def _tell(self, what: str, record: CallRecord, kept: KeptRecord) -> None:
        """Log what was not kept, or not whole."""
        if kept.result == "complete":
            return
        say = self._log.info if kept.result in _AS_IT_WAS else self._log.warning
        say(f"{what} not kept whole", call=record.id, of=kept.of, result=kept.result, ms=kept.ms)

    def call_broken(self, record: CallRecord, error: Exception) -> None:
        """Log the bug with its traceback."""
        self._log.error("internal error", call=record.id, exc_info=error)
