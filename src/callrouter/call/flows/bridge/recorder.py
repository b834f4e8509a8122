"""Recordings of a call: where they go, and what became of them (C6).

Rule. What was begun is reported to the archive exactly once, whole or broken, whatever ends it.
"""

from pathlib import Path

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import Call
from callrouter.call.legs.events import Shutdown
from callrouter.call.services.archive import Keeping, RecordingInfo, kept_id
from callrouter.call.services.call_events import CallKept
from callrouter.call.services.media import Recorded
from callrouter.call.services.record import CallRecord, KeptRecord
from callrouter.call.wait import closed
from callrouter.route.values.media_steps import Recording
from callrouter.route.values.refusal_reasons import NOT_RECORDABLE


class Recorder:
    """The recorder of a call's conversation. on: it records now."""

    __slots__ = ("_anchor", "_call", "_file", "_keeping", "_rule", "_started_ms")

    def __init__(
        self, call: Call, anchor: AnchoredMedia, keeping: Keeping, rule: Recording
    ) -> None:
        self._call = call
        self._anchor = anchor
        self._keeping = keeping
        self._rule = rule
        self._file: Path | None = None
        self._started_ms = 0

    @property
    def on(self) -> bool:
        """Say whether something is recorded now."""
        return self._file is not None

    def start(self) -> None:
        """Begin; where there is no room the record says so."""
        call = self._call
        a_session, b_session = self._anchor.a_session, self._anchor.b_session
        if a_session is None or b_session is None:
            return
        record = call.record
        now = record.started + call.ms() / 1000
        rule = self._rule
        self._file = self._keeping.place_recording(
            recorded_for(record), record.id, record.caller, now, rule.quota_seconds
        )
        self._started_ms = call.ms()
        if self._file is None:
            self._failed("full", "full")
        else:
            a_session.slots.record(
                a_session.name, self._file, other=b_session.name, stereo=rule.stereo
            )

    def stop(self) -> None:
        """End it; `Recorded` follows."""
        a_session = self._anchor.a_session
        if a_session is not None and self.on:
            a_session.slots.stop_recording(a_session.name)

    def ended(self, event: Recorded) -> None:
        """The file is closed."""
        if event.file == self._file:
            if event.why == "failed" and not event.ms:
                self._keeping.discard(event.file)
                self._file = None
                self._failed("failed", "the file cannot be written")
                return
            self._report(event.ms, event.complete)

    def broken(self) -> None:
        """The worker was lost, and with it whatever it had not written yet."""
        if self.on:
            self._report(self._call.ms() - self._started_ms, complete=False)

    async def finish(self) -> None:
        """End it, and wait until it is closed."""
        self.stop()
        if self._file is not None:
            event = await closed(self._call, self._file)
            if event is None:
                self.broken()
            else:
                self.ended(event)

    def _failed(self, result: str, why: str) -> None:
        """Nothing is recorded; a call that must not be without ends."""
        call = self._call
        not_recorded(call, result, why)
        if self._rule.required:
            call.record.reason = NOT_RECORDABLE
            call.inbox.post(Shutdown())

    def _report(self, ms: int, complete: bool) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        if not ms:
            self._keeping.discard(file)  # it ended before anything was said
            return
        record = self._call.record
        started = record.started + self._started_ms / 1000
        self._keeping.keep(
            RecordingInfo(
                file=file,
                number=recorded_for(record),
                call=record.id,
                caller=record.caller,
                started=started,
                ms=ms,
                complete=complete,
                keep_seconds=self._rule.keep_seconds,
            )
        )
        result = "complete" if complete else "broken"
        _note(
            self._call, KeptRecord(id=kept_id(file), of=recorded_for(record), ms=ms, result=result)
        )


def recorded_for(record: CallRecord) -> str:
    """Whose recording it is, by which it is counted: the number called, or who calls outside."""
    return record.number or record.extension


def not_recorded(call: Call, result: str, why: str) -> None:
    """A call that was to be recorded is not: say so in its record and in the log."""
    record = call.record
    _note(call, KeptRecord(id="", of=recorded_for(record), ms=0, result=result))
    if call.media.keeping is not None:
        call.media.keeping.not_recorded(recorded_for(record), record.id, why)


def _note(call: Call, kept: KeptRecord) -> None:
    call.record.recordings += (kept,)
    if call.events.recorded.subscribers:
        call.events.recorded.tell(CallKept(call.record, kept, call.ms()))
