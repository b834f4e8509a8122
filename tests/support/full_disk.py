"""Disks that are full: a small one that is filled, or a limit on the size of our own files."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A folder on a file system of its own, of such a size (64k)."""
    disk = folder / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size={size} tmpfs {disk}"):
        pytest.skip("takes the right to mount")
    yield disk
    os.system(f"umount -l {disk}")


def fill(disk: Path) -> Path:
    """Leave no room on a disk; gives the file that is in the way."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file of this process may grow past `size` bytes: to a writer, a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, usual)
