"""The archive as calls see it, and the thread that does its work.

Rules, beside those of `file_store` and `storage.background`:

- What a call asks for by a plain method is answered from memory; all else is a job of the thread.
- A job that the disk or the database refuses is tried again, without holding up the others. Its
  file stays where it is meanwhile, so a process that ends before has lost nothing: what lies in the
  folders without a row is given one at the next start.
- Nothing is recorded when the disk is nearly full: `place_...` says no, and the log says why.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from callrouter.archive import message_rows as messages
from callrouter.archive import recording_rows as recordings
from callrouter.archive.delivery import MessageDelivery
from callrouter.archive.file_store import FileStore
from callrouter.archive.retention import Retention
from callrouter.archive.voicemail_pins import Pins
from callrouter.call.services.archive import (
    MessageLeft,
    MessageList,
    RecordingInfo,
    VoicemailMessage,
    kept_id,
)
from callrouter.metric import Rows, counter
from callrouter.route.rules.mailboxes import Box
from callrouter.storage.background import Outage, TurnThread
from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.engine import StoreError, inode

LEAST_FREE: Final = 64_000_000
"""Bytes on the disk under which nothing is recorded any more."""

_TURN_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 5.0
"""From one look at the disk, at what is expired and at what other processes deleted to the next."""
_EXPIRED_AT_ONCE: Final = 200

Job = Callable[[Engine], None]

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Archive:
    """Archive of messages and recordings; implements `callrouter.call.services.archive.Keeping`.

    Call `serve` with the boxes of each new dialplan, `start` once before calls come and `close`
    once after the last one ended. on_loop: runs what it is given in the thread of the calls.
    """

    def __init__(
        self,
        url: str,
        voicemail: Path,
        recordings: Path,
        on_loop: Callable[[Callable[[], None]], object],
        worker: tuple[int, int] | None = None,
    ) -> None:
        """worker: user and group of the media workers, when these are not ours."""
        self._url = url
        self._on_loop = on_loop
        self._engine: Engine | None = None
        self._inode = 0
        self._messages = FileStore(voicemail, worker)
        self._recordings = FileStore(recordings, worker)
        self._pins = Pins()
        self._retention = Retention(self._messages, self._recordings)
        self._delivery = MessageDelivery(self._messages)
        self._boxes: Mapping[str, Box] = {}
        self._jobs: deque[Job] = deque()
        self._later: list[Job] = []
        self._look_at = 0.0
        self._numbers = count(1)
        # What the thread saw last, for `place_...` to go by.
        self._boxes_used: dict[str, tuple[int, int]] = {}
        self._month = ""
        self._recorded: dict[str, int] = {}
        self._room = True
        self.unrecorded = 0
        self._placed: dict[str, int] = {}  # by box: messages being recorded
        self._refused: set[tuple[str, str]] = set()  # numbers over their quota, by month
        self._outage = Outage(
            "the archive cannot write: messages and recordings wait in their folders",
            "the archive works again",
        )
        self._thread = TurnThread("archive", _TURN_SECONDS, self._turn, self._last_turn)

    def serve(self, boxes: Mapping[str, Box]) -> None:
        """These are the boxes from now on."""
        self._boxes = boxes
        self._retention.boxes = boxes
        self._delivery.boxes = boxes
        self._do(lambda _: self._pins.read(boxes))

    def start(self) -> None:
        """Make the folders, open the database, begin to work.

        A database that is out of reach now is waited for; StoreError is raised for a folder that
        cannot be used. `close` is to be called either way.
        """
        for folder in (self._messages, self._recordings):
            try:
                folder.open()
            except OSError as error:
                raise StoreError(f"the archive's folder cannot be used: {error}") from error
        self._do(self._retention.adopt)
        self._thread.start()

    def close(self) -> None:
        """Return when all that can be kept is; the rest is said, and found at the next start."""
        self._thread.close()
        self._delivery.close()
        if self._engine is not None:
            self._engine.dispose()

    @property
    def failing(self) -> bool:
        """The disk or the database refuses what is to be kept, or there is hardly any room left."""
        return self._outage.on or not self._room

    # What calls ask for.

    def place_message(self, box: str, call: str, caller: str) -> Path | None:
        """See `Keeping`."""
        limits = self._boxes.get(box)
        if limits is None or not self._room:
            return None
        stored, size = self._boxes_used.get(box, (0, 0))
        if stored + self._placed.get(box, 0) >= limits.most_messages or size >= limits.most_bytes:
            _log.warning("no message taken: the box is full", call=call, box=box, messages=stored)
            return None
        self._placed[box] = self._placed.get(box, 0) + 1
        return self._place(self._messages, box, caller, call)

    def message_left(self, message: MessageLeft) -> None:
        """See `Keeping`."""
        self._unplace(message.box)
        self._do(lambda engine: self._keep_message(engine, message))

    def check_pin(self, box: str, digits: str, origin: str) -> bool:
        """See `Keeping`."""
        return self._pins.check(box, digits, origin, time.monotonic())

    def list_messages(self, box: str, post: Callable[[MessageList], None]) -> None:
        """See `Keeping`."""

        def look(engine: Engine) -> None:
            found = MessageList(
                box=box,
                messages=tuple(
                    VoicemailMessage(
                        row["id"],
                        row["caller"],
                        row["started"],
                        row["ms"],
                        self._messages.kept(row["file"]),
                        row["state"] == "heard",
                    )
                    for row in messages.listed(engine, box)
                ),
            )
            self._on_loop(lambda: post(found))

        self._do(look)

    def mark_heard(self, id: str) -> None:
        """See `Keeping`."""
        self._do(lambda engine: messages.heard(engine, id))

    def delete_message(self, id: str) -> None:
        """See `Keeping`."""
        self._do(lambda engine: self._delete_message(engine, id))

    def place_recording(
        self, number: str, call: str, caller: str, now: float, quota_seconds: float
    ) -> Path | None:
        """See `Keeping`."""
        if not self._room:
            return None
        if not self.has_room(number, now, quota_seconds):
            month = month_of(now)
            if (number, month) not in self._refused:  # said once a month, not once a call
                self._refused.add((number, month))
                _log.warning("not recorded: the month's quota is used", call=call, number=number)
            return None
        return self._place(self._recordings, number, caller, call)

    def has_room(self, number: str, now: float, quota_seconds: float) -> bool:
        """See `Keeping`."""
        used = self._recorded.get(number, 0) if month_of(now) == self._month else 0
        return self._room and not (quota_seconds and used >= quota_seconds * 1000)

    def not_recorded(self, number: str, call: str, why: str) -> None:
        """See `Keeping`."""
        self.unrecorded += 1
        if why != "full":  # of which is said when it begins
            _log.warning("not recorded", call=call, number=number, why=why)

    def keep(self, recording: RecordingInfo) -> None:
        """See `Keeping`."""
        self._do(lambda engine: self._keep_recording(engine, recording))

    def discard(self, file: Path) -> None:
        """See `Keeping`."""
        if self._messages.holds(file):
            self._unplace(file.name.partition("~")[0])

        def remove(_: Engine) -> None:
            for folder in (self._messages, self._recordings):
                if folder.holds(file):
                    folder.remove(file.name)
            self._retention.ours.discard(kept_id(file))

        self._do(remove)

    def _place(self, folder: FileStore, of: str, caller: str, call: str) -> Path:
        name = f"{call}-{next(self._numbers)}"
        self._retention.ours.add(name)
        try:
            folder.restore()
        except OSError as error:  # the worker that cannot write says so of its call
            _log.error("the archive's folder cannot be made again", error=str(error))
        return folder.place(of, caller, name)

    def _unplace(self, box: str) -> None:
        self._placed[box] = max(0, self._placed.get(box, 0) - 1)

    def _do(self, job: Job) -> None:
        """Have the thread do it. Never blocks, never raises."""
        self._jobs.append(job)
        self._thread.wake()

    # What the thread does.

    def _keep_message(self, engine: Engine, message: MessageLeft) -> None:
        if self._retention.message(engine, message):
            self._delivery.wake()
        self._boxes_used = messages.usage(engine)
        self._retention.ours.discard(kept_id(message.file))

    def _keep_recording(self, engine: Engine, recording: RecordingInfo) -> None:
        self._retention.recording(engine, recording)
        self._month = month_of(time.time())
        self._recorded = recordings.usage(engine, self._month)
        self._retention.ours.discard(kept_id(recording.file))

    def _delete_message(self, engine: Engine, id: str) -> None:
        self._retention.delete_message(engine, id)
        self._boxes_used = messages.usage(engine)

    def _last_turn(self) -> None:
        self._outage.retry()
        self._turn()
        left = len(self._later) + len(self._jobs)
        if left:
            _log.error("left for the next start: the archive cannot write", jobs=left)

    def _turn(self) -> None:
        if self._outage.waits:
            return
        now = time.monotonic()
        self._jobs.extendleft(reversed(self._later))
        self._later = []
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._jobs.append(self._look)
        while self._jobs:
            job = self._jobs.popleft()
            try:
                job(self._open())
            except (SQLAlchemyError, StoreError) as error:
                self._outage.begin(error)
                self._jobs.appendleft(job)
                return
            except OSError as error:
                # It may be this one file, so the others have their turn.
                self._outage.begin(error)
                self._later.append(job)
            except Exception as error:  # noqa: BLE001 - a bug of ours must cost this one job only
                _log.error("internal error in the archive", exc_info=error)
        if not self._later:
            self._outage.end()

    def _open(self) -> Engine:
        """The database: opened anew when its file is another one than before."""
        if self._engine is not None and self._inode != inode(self._engine):
            self._engine.dispose()
            self._engine = None
            self._jobs.append(self._retention.adopt)
        if self._engine is None:
            self._engine = open_for_writing(self._url)
            self._inode = inode(self._engine)
            self._delivery.serve(self._engine)
        return self._engine

    def _look(self, engine: Engine) -> None:
        """Do what time or other processes bring."""
        room = min(self._messages.free(), self._recordings.free()) >= LEAST_FREE
        if room != self._room:
            self._room = room
            if room:
                _log.info("there is room on the disk again: messages and calls are recorded")
            else:
                _log.error("nothing is recorded: the disk is nearly full", least_bytes=LEAST_FREE)
        now = time.time()
        self._retention.expire(engine, now, _EXPIRED_AT_ONCE)
        self._boxes_used = messages.usage(engine)
        self._month = month_of(now)
        self._recorded = recordings.usage(engine, self._month)


def month_of(now: float) -> str:
    """Write the month of a moment, such as 2026-03 (UTC)."""
    return time.strftime("%Y-%m", time.gmtime(now))


METRICS: Final[Rows[Archive]] = (
    counter(
        "callrouter_recordings_failed",
        "Each call that was to be recorded from its answer on and was not counts one; it "
        "matters where recording is a duty.",
        lambda it: it.unrecorded,
    ),
)
