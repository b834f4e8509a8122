"""The archive of voicemail and recordings: what calls ask of it, and what it tells them.

Theory. A media worker writes a WAV file to the path that the archive has named. When the worker
has closed it, the script says so and goes on: what happens to the file then, on the disk, in the
database and on its way by mail, is no call's business.

Rules. Nothing here waits. A file that was named and never reported (the process died) is found at
the next start. One that is reported as incomplete is kept as far as it goes, and marked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


class MessageLeft(NamedTuple):
    """A caller's message, which has ended. file: as named by `place_message`, closed by the worker.

    call: the record's id. started: Unix seconds. ms: what the worker says of its length. complete:
    the worker could write all of it.
    """

    file: Path
    box: str
    call: str
    caller: str
    started: float
    ms: int
    complete: bool


class RecordingInfo(NamedTuple):
    """A recording that ended. file: as named by `place_recording`. number: the dialplan's key.

    The rest is as in `MessageLeft`. keep_seconds: from its end to its deletion.
    """

    file: Path
    number: str
    call: str
    caller: str
    started: float
    ms: int
    complete: bool
    keep_seconds: float


class VoicemailMessage(NamedTuple):
    """A message in a box. started: Unix seconds. heard: somebody has listened to it."""

    id: str
    caller: str
    started: float
    ms: int
    file: Path
    heard: bool


@dataclass(slots=True, kw_only=True, frozen=True)
class MessageList:
    """The messages of a box, the new ones first, each group oldest first."""

    box: str
    messages: tuple[VoicemailMessage, ...]


def kept_id(file: Path) -> str:
    """The id under which what was placed at this path is kept."""
    return file.stem.rpartition("~")[2]


class Keeping(Protocol):
    """The archive, as a call sees it."""

    def place_message(self, box: str, call: str, caller: str) -> Path | None:
        """Where to record a message; None when the box or the disk is full, or no box has the
        name.
        """

    def message_left(self, message: MessageLeft) -> None:
        """Keep it and deliver it. One that is shorter than the box wants is thrown away."""

    def check_pin(self, box: str, digits: str, origin: str) -> bool:
        """Whether this is the PIN of the box. One that has none cannot be opened.

        origin: the trunk or the telephone that tries it; wrong ones count for each apart.
        """

    def list_messages(self, box: str, post: Callable[[MessageList], None]) -> None:
        """Look them up; `post` is called once, later, in the thread of the calls."""

    def mark_heard(self, id: str) -> None:
        """Somebody has listened to this message."""

    def delete_message(self, id: str) -> None:
        """Remove this message and its file."""

    def place_recording(
        self, number: str, call: str, caller: str, now: float, quota_seconds: float
    ) -> Path | None:
        """Where to record a call; None when the disk is full or the number has had its quota of
        this month (UTC; 0 is no quota), which is logged.
        """

    def has_room(self, number: str, now: float, quota_seconds: float) -> bool:
        """Whether `place_recording` would find a place."""

    def not_recorded(self, number: str, call: str, why: str) -> None:
        """A call that was to be recorded is not, which is logged and counted."""

    def keep(self, recording: RecordingInfo) -> None:
        """Keep a recording."""

    def discard(self, file: Path) -> None:
        """Throw away what was placed: the call ended before anything was recorded."""
