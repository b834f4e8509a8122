"""Retention of messages and recordings: kept with a row, thrown away, deleted at their time.

All run in the archive's thread. They raise OSError or SQLAlchemyError when the disk or the database
refuses, and can then be called again: each step that was done is found done.
"""

import time
from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

import structlog
from sqlalchemy.engine import Engine

from callrouter.archive import message_rows as messages
from callrouter.archive import recording_rows as recordings
from callrouter.archive.file_store import FileStore, KeptFile, NoAudioError, parse_name
from callrouter.archive.tables import MESSAGES, RECORDINGS, expired
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


class Retention:
    """The files of the archive and their rows. boxes: as the dialplan has them.

    ours: the ids that were placed by this process and are not kept yet.
    """

    def __init__(self, left: FileStore, recorded: FileStore) -> None:
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
        row = _sound(left, taken)
        name, complete = row["id"], row["complete"]
        ways = () if box is None else _ways(box)
        now = time.time()
        row |= {
            "box": left.box,
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
        row = _sound(ended, taken) | {
            "number": ended.number,
            "sides": "stereo" if taken.channels == 2 else "mixed",
            "expires": time.time() + ended.keep_seconds,
        }
        month = time.strftime("%Y-%m", time.gmtime(ended.started))
        if recordings.add(engine, row, month) and not row["complete"]:
            what = "recording kept, but it is not complete"
            _log.warning(what, call=ended.call, recording=row["id"])

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
        old = expired(engine, MESSAGES, now, most)
        for _, file in old:
            self._messages.remove(file)
        if old:
            messages.forget(engine, [key for key, _ in old])
        gone = expired(engine, RECORDINGS, now, most)
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
            if states.get(path.name) == "deleted":
                self._messages.remove(path.name)
        for of, left in self._left_behind(self._messages, states):
            self.message(engine, MessageLeft(box=of, **left))
        for of, left in self._left_behind(self._recordings, recordings.files(engine)):
            self.recording(engine, RecordingInfo(number=of, keep_seconds=_USUAL_KEEP, **left))

    def _left_behind(
        self, folder: FileStore, known: Container[str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """What an earlier process left without a row: whose it is, and all else that is told."""
        for path in folder.orphans():
            name = parse_name(path.name)
            if path.name in known or name.id in self.ours:
                continue
            taken = _found(folder, path.name)
            if taken is not None:
                told = {"file": path, "call": name.call, "caller": name.caller, "complete": True}
                yield name.of, told | {"started": taken.ended - taken.ms / 1000, "ms": taken.ms}


def _sound(ended: MessageLeft | RecordingInfo, taken: KeptFile) -> dict[str, Any]:
    """The columns that the row of every kept sound has."""
    return {
        "id": kept_id(ended.file),
        "call": ended.call,
        "caller": storable(ended.caller),
        "started": ended.started,
        "ms": taken.ms,
        "bytes": taken.bytes,
        "file": taken.name,
        "complete": ended.complete and taken.ms >= ended.ms - _LACKING_MS,
    }


def _found(folder: FileStore, name: str) -> KeptFile | None:
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
