"""Sounds made once and kept: a folder of WAV files, named by what they were made from.

Theory: a file appears under its name only when it is complete, and is never written again. So two
processes may make the same one at the same time, and whoever plays it needs no lock.
"""

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError
from callrouter.media import wav
from callrouter.route.prompts import Sound

_MADE_AS: Final = "1"
"""To be changed with the way sounds are made: what was kept before is made again then."""


class SoundError(CallrouterError):
    """A sound that cannot be made. It says why, without the name of its file."""


class NoSpeechError(SoundError):
    """A text that cannot be spoken, because this machine has no program for it."""


class Cache:
    """One folder, which is made when it is missing. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.absolute()

    def sound(self, key: str, make: Callable[[Path], None]) -> Sound:
        """Return the sound of a key; make: writes it to a file when there is none yet.

        Raises OSError, and SoundError when it cannot be made.
        """
        name = hashlib.sha256(f"{_MADE_AS} {key}".encode()).hexdigest()
        path = self._folder / f"{name}.wav"
        if not _is_there(path):
            self._write(path, make)
        return Sound(path, wav.samples(path) * 1000 // wav.RATE)

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


def _is_there(path: Path) -> bool:
    try:
        return wav.is_closed(path)
    except FileNotFoundError:
        return False
