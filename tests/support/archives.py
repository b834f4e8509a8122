"""Voicemail boxes, WAV files and an archive to test with."""

import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callrouter.archive.call_archive import Archive
from callrouter.call.services.archive import (
    MessageLeft,
    MessageList,
    RecordingInfo,
    VoicemailMessage,
)
from callrouter.media.sounds import wav
from callrouter.route.rules.mailboxes import Box

Logged = Callable[[], list[str]]
"""The events that were logged so far."""

STARTED = 1_800_000_000.0
WITHIN = 60.0
"""Seconds that a busy machine may take."""
_made: list[Archive] = []


def box(name: str = "sales", **values: Any) -> Box:
    usual: dict[str, Any] = {
        "beep": True,
        "max_seconds": 60.0,
        "min_seconds": 1.0,
        "silence_seconds": 5.0,
        "keep_seconds": 86400.0,
        "most_messages": 5,
        "most_bytes": 10_000_000,
    }
    return Box(name=name, greeting="voicemail_greeting", **(usual | values))


def audio(ms: int, channels: int = 1) -> bytes:
    """A WAV file as a worker closes it."""
    samples = ms * wav.RATE // 1000
    return wav.header(samples, channels=channels) + b"\x01\x02" * samples * channels


def cut_off(ms: int, channels: int = 1) -> bytes:
    """A WAV file as a worker that was killed leaves it."""
    return wav.header(0, channels=channels) + audio(ms, channels)[44:]


def opened(folder: Path, *boxes: Box) -> Archive:
    """An archive in this folder that has begun to work."""
    archive = unopened(folder, *boxes)
    archive.start()
    return archive


def unopened(folder: Path, *boxes: Box) -> Archive:
    """An archive in this folder, which `close_all` closes when its test did not come to that."""
    archive = Archive(
        url_in(folder), folder / "voicemail", folder / "recordings", lambda step: step()
    )
    archive.serve({one.name: one for one in boxes})
    _made.append(archive)
    return archive


def close_all() -> None:
    """End the threads of a test's archives: they would log into what the next tests print."""
    for archive in _made:
        if archive._thread.alive:
            archive.close()
    _made.clear()


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/calls.db"


def listed(archive: Archive, name: str = "sales") -> tuple[VoicemailMessage, ...]:
    """What is in a box when all that was asked for before has been done."""
    answers: queue.Queue[MessageList] = queue.Queue()
    archive.list_messages(name, answers.put)
    return answers.get(timeout=WITHIN).messages


def leave(
    archive: Archive,
    call: str = "c1",
    *,
    name: str = "sales",
    caller: str = "+8675612345",
    content: bytes | None = None,
    complete: bool = True,
    ms: int = 2000,
) -> Path:
    """Leave a message as a call and its worker do; gives the file where it was recorded."""
    file = archive.place_message(name, call, caller)
    assert file is not None
    file.write_bytes(audio(ms) if content is None else content)
    archive.message_left(
        MessageLeft(
            file, box=name, call=call, caller=caller, started=STARTED, ms=ms, complete=complete
        )
    )
    return file


def record(
    archive: Archive,
    call: str = "c1",
    *,
    number: str = "4000",
    now: float = STARTED,
    quota_seconds: float = 0.0,
    keep_seconds: float = 86400.0,
    ms: int = 3000,
    channels: int = 1,
    complete: bool = True,
) -> bool:
    """Record a call in the same way; False when the archive does not want it."""
    file = archive.place_recording(number, call, "100", now, quota_seconds)
    if file is None:
        return False
    file.write_bytes(audio(ms, channels))
    archive.keep(
        RecordingInfo(
            file,
            number=number,
            call=call,
            caller="100",
            started=now,
            ms=ms,
            complete=complete,
            keep_seconds=keep_seconds,
        )
    )
    return True
