"""What stays in the folder of sounds, and what goes."""

import os
import time
from pathlib import Path

import pytest

from callrouter.media.sounds import wav
from callrouter.media.sounds.sound_cache import KEEP_SECONDS, Cache


def make(path: Path) -> None:
    path.write_bytes(wav.header(0, channels=1))


def age(path: Path) -> None:
    then = time.time() - KEEP_SECONDS - 60
    os.utime(path, (then, then))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sounds that nobody asked for of late."""
    cache = Cache(tmp_path)
    for key in ("a", "b"):
        age(cache.sound(key, make).path)
    return tmp_path


def test_old_sound_that_nobody_asks_for_is_removed_and_what_is_asked_for_stays(
    folder: Path,
) -> None:
    cache = Cache(folder)
    asked = cache.sound("a", make).path
    cache.sweep()
    assert list(folder.iterdir()) == [asked]
    Cache(folder).sweep()
    assert list(folder.iterdir()) == [asked], "asked for a moment ago, by another dialplan"


def test_what_a_killed_maker_left_is_removed_and_files_of_others_stay(folder: Path) -> None:
    part = folder / f".{'0' * 64}.{'1' * 16}"
    others = [folder / "notes.txt", folder / f"{'g' * 64}.wav"]
    for path in (part, *others):
        path.write_bytes(b"")
        age(path)
    Cache(folder).sweep()
    assert sorted(folder.iterdir()) == sorted(others)
