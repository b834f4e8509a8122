"""Cache of sounds: a folder of WAV files, made once and named by what they were made from.

Theory: a file appears under its name only when it is complete, and is never written again. So two
processes may make the same one at the same time, and whoever plays it needs no lock.
"""

import hashlib
import itertools
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError
from callrouter.media.sounds import wav
from callrouter.route.rules.prompt_recipes import Sound

KEEP_SECONDS: Final = 30 * 86400.0
"""How long a sound stays that nobody asks for: a dialplan may come back."""

_MOST_REMOVED: Final = 1000
_OURS: Final = re.compile(r"[0-9a-f]{64}\.wav|\.[0-9a-f]{64}\.[0-9a-f]{16}")
"""Sounds, and what is left of one whose maker was killed."""

_MADE_AS: Final = "1"
"""To be changed with the way sounds are made: what was kept before is made again then."""


class SoundError(CallrouterError):
    """A sound that cannot be made. It says why, without the name of its file."""


class NoSpeechError(SoundError):
    """A text that cannot be spoken, because this machine has no program for it."""


class Cache:
    """Cache of sounds: one folder, which is made when it is missing. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.absolute()
        self._asked: set[Path] = set()

    def sound(self, key: str, make: Callable[[Path], None]) -> Sound:
        """Return the sound of a key; make: writes it to a file when there is none yet.

        Raises OSError, and SoundError when it cannot be made.
        """
        name = hashlib.sha256(f"{_MADE_AS} {key}".encode()).hexdigest()
        path = self._folder / f"{name}.wav"
        if not _is_there(path):
            self._write(path, make)
        self._asked.add(path)
        _touch(path)
        return Sound(path=path, ms=wav.samples(path) * 1000 // wav.RATE)

    def sweep(self) -> None:
        """Remove sounds that were not asked for, now or in the last 30 days; 1000 at a time.

        Not while calls go on, as they may still hear them. Raises OSError.
        """
        oldest = time.time() - KEEP_SECONDS
        old = (
            path
            for path in self._folder.iterdir()
            if _OURS.fullmatch(path.name)
            and path not in self._asked
            and path.lstat().st_mtime < oldest
        )
        for path in list(itertools.islice(old, _MOST_REMOVED)):
            path.unlink(missing_ok=True)

    def _write(self, path: Path, make: Callable[[Path], None]) -> None:
        part = path.with_name(f".{path.stem}.{secrets.token_hex(8)}")
        try:
            make(part)
            with part.open("rb") as file:
                os.fsync(file.fileno())  # or a crash may leave the name without the content
            part.chmod(0o644)  # the workers are another user
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _touch(path: Path) -> None:
    """A file's time says when it was asked for last."""
    try:
        os.utime(path)
    except PermissionError:
        # Another user made it, as root did at an earlier start: that one may remove it, too.
        return


def _is_there(path: Path) -> bool:
    try:
        return wav.is_closed(path)
    except FileNotFoundError:
        return False
