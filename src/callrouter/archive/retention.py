"""Retention of messages and recordings: kept with a row, thrown away, deleted at their time.

All run in the archive's thread. They raise OSError or SQLAlchemyError when the disk or the database
refuses, and can then be called again: each step that was done is found done.
"""

import time
from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy.engine import Engine

from callrouter.archive import message_rows as messages
from callrouter.archive import recording_rows as recordings
from callrouter.archive.file_store import Folder, KeptFile, NoAudioError, parse_name
from callrouter.call.services.archive import MessageLeft, RecordingInfo, kept_id
from callrouter.printable import storable
from callrouter.route.rules.mailboxes import Box

DELIVER_SECONDS: Final = 3 * 86400.0
"""How long a delivery is tried before it is given up."""

_USUAL_KEEP: Final = 30 * 86400.0
"""For what is found and nobody knows better."""

_LACKING_MS: Final = 500
"""A file that is shorter than was said by more than this has lost something."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Keepsakes:
    """The files of the archive and their rows. boxes: as the dialplan has them.

    ours: the ids that were placed by this process and are not kept yet.
    """

    def __init__(self, left: Folder, recorded: Folder) -> None:
        self.boxes: Mapping[str, Box] = {}
        self.ours: set[str] = set()
        self._messages = left
        self._recordings = recorded

    def message(self, engine: Engine, left: MessageLeft) -> bool:
        """Keep a message; True when it has been kept now and may be delivered."""
        box = self.boxes.get(left.box)
        try:
            taken = self._messages.take(left.file)
        except NoAudioError as error:
            _nothing_there(left, "message", str(error))
            return False
        if box is not None and taken.ms < box.min_seconds * 1000:
            self._messages.remove(taken.name)
            _log.info("message not kept: too short", call=left.call, box=left.box, ms=taken.ms)
            return False
        name = kept_id(left.file)
        complete = left.complete and taken.ms >= left.ms - _LACKING_MS
        ways = () if box is None else _ways(box)
        now = time.time()
        row = {
            "id": name,
            "box": left.box,
            "call": left.call,
            "caller": storable(left.caller),
            "started": left.started,
            "ms": taken.ms,
            "bytes": taken.bytes,
            "file": taken.name,
            "complete": complete,
            "state": "new",
            "expires": now + (_USUAL_KEEP if box is None else box.keep_seconds),
        }
        if not messages.add(engine, row, ways, now, now + DELIVER_SECONDS):
            return False
        say = _log.info if complete else _log.warning
        what = "message kept" if complete else "message kept, but it is not complete"
        say(what, call=left.call, box=left.box, message=name, ms=taken.ms)
        return True

    def recording(self, engine: Engine, ended: RecordingInfo) -> None:
        """Keep a recording."""
        try:
            taken = self._recordings.take(ended.file)
        except NoAudioError as error:
            _nothing_there(ended, "recording", str(error))
            return
        name = kept_id(ended.file)
        complete = ended.complete and taken.ms >= ended.ms - _LACKING_MS
        row = {
            "id": name,
            "number": ended.number,
            "call": ended.call,
            "caller": storable(ended.caller),
            "started": ended.started,
            "ms": taken.ms,
            "bytes": taken.bytes,
            "file": taken.name,
            "sides": "stereo" if taken.channels == 2 else "mixed",
            "complete": complete,
            "expires": time.time() + ended.keep_seconds,
        }
        month = time.strftime("%Y-%m", time.gmtime(ended.started))
        if recordings.add(engine, row, month) and not complete:
            _log.warning("recording kept, but it is not complete", call=ended.call, recording=name)

    def delete_message(self, engine: Engine, id: str) -> bool:
        """Delete a message; False when there is none with this id."""
        row = messages.one(engine, id)
        if row is None or row["state"] == "deleted":
            return False
        # The file first: a row without its file can be deleted again, the other way round it would
        # come back at the next start.
        self._messages.remove(row["file"])
        messages.deleted(engine, id)
        return True

    def delete_recording(self, engine: Engine, id: str) -> bool:
        """Delete a recording; False when there is none with this id."""
        row = recordings.one(engine, id)
        if row is None:
            return False
        self._recordings.remove(row["file"])
        recordings.forget(engine, [id])
        return True

    def expire(self, engine: Engine, now: float, most: int) -> None:
        """Delete what has been kept long enough, `most` of each kind at a time."""
        old = messages.expired(engine, now, most)
        for _, file in old:
            self._messages.remove(file)
        if old:
            messages.forget(engine, [key for key, _ in old])
        gone = recordings.expired(engine, now, most)
        for _, file in gone:
            self._recordings.remove(file)
        if gone:
            recordings.forget(engine, [key for key, _ in gone])
        if old or gone:
            _log.info("kept long enough: deleted", messages=len(old), recordings=len(gone))

    def adopt(self, engine: Engine) -> None:
        """Give rows to files that a process left without, and remove what should be gone."""
        states = messages.states(engine)
        for path in self._messages.orphans():
            name = parse_name(path.name)
            if states.get(path.name) == "deleted":
                self._messages.remove(path.name)
            elif path.name not in states and name.id not in self.ours:
                taken = _found(self._messages, path.name)
                if taken is not None:
                    started = taken.ended - taken.ms / 1000
                    self.message(
                        engine,
                        MessageLeft(
                            path,
                            box=name.of,
                            call=name.call,
                            caller=name.caller,
                            started=started,
                            ms=taken.ms,
                            complete=True,
                        ),
                    )
        known = recordings.files(engine)
        for path in self._recordings.orphans():
            name = parse_name(path.name)
            if path.name not in known and name.id not in self.ours:
                taken = _found(self._recordings, path.name)
                if taken is not None:
                    started = taken.ended - taken.ms / 1000
                    self.recording(
                        engine,
                        RecordingInfo(
                            path,
                            number=name.of,
                            call=name.call,
                            caller=name.caller,
                            started=started,
                            ms=taken.ms,
                            complete=True,
                            keep_seconds=_USUAL_KEEP,
                        ),
                    )


def _found(folder: Folder, name: str) -> KeptFile | None:
    """What an earlier process left, None and removed when there is nothing in it."""
    try:
        taken = folder.take(folder.placed(name))
    except NoAudioError:
        folder.remove(name)
        _log.info("an empty recording of an earlier run was removed", file=name)
        return None
    _log.warning("found without a row, left by an earlier run", file=name, ms=taken.ms)
    return taken


def _ways(box: Box) -> tuple[str, ...]:
    return tuple(way for way in ("mail", "webhook") if getattr(box, way) is not None)


def _nothing_there(ended: MessageLeft | RecordingInfo, kind: str, error: str) -> None:
    if ended.ms or ended.complete:
        _log.error(f"{kind} lost: its file is not there", call=ended.call, error=error)
    else:
        _log.warning(f"no {kind}: nothing was recorded", call=ended.call, error=error)
