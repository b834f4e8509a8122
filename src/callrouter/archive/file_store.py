"""File store: a folder of WAV files that media workers fill and we keep.

Theory. A worker writes below `incoming`, the only place it may write to. What it has closed moves
to `kept`, is looked at there, where no worker reaches it any more, and is on disk (fsync) before
its row is written. A file's name says what it is, `box~caller~id.wav` or `number~caller~id.wav`, so
that one without a row, as a crash leaves it, can still be given one.

Rules. No name leads out of the folder, and no link is followed: a worker is what an attacker may
have taken over.
"""

import os
import re
import shutil
import stat
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from callrouter.errors import CallrouterError
from callrouter.media.sounds import wav
from callrouter.private import FILE, FOLDER, tighten_all

_NAME: Final = re.compile(
    r"(?P<of>[A-Za-z0-9+*][A-Za-z0-9_.*+-]{0,67})~(?P<caller>[0-9+*#]{0,32})"
    r"~(?P<id>[A-Za-z0-9_-]{1,80})\.wav"
)
_NOT_OF_CALLERS: Final = re.compile(r"[^0-9+*#]")
_PARTS: Final = ("both", "all", "left", "right")
"""What a worker calls its own unfinished files."""
_PART: Final = re.compile(rf"\.(.+)\.(?:{'|'.join(_PARTS)})\.part\.wav")
_HEADER_BYTES: Final = 44
_MENDED: Final = ".mended"


class NoAudioError(CallrouterError):
    """A file to keep that is not there, is no WAV file of a worker, or has nothing in it."""


class Name(NamedTuple):
    """Parts of a file's name. of: the box or number. caller: its digits. id: of what is kept."""

    of: str
    caller: str
    id: str

    @property
    def call(self) -> str:
        """The record's id of the call."""
        return self.id.rpartition("-")[0]


class KeptFile(NamedTuple):
    """A file that is kept now. name: below `kept`. ended: Unix seconds."""

    name: str
    bytes: int
    ms: int
    channels: int
    ended: float


class FileStore:
    """File store: one folder. `open` makes it; all that touch the disk raise OSError."""

    def __init__(self, path: Path, worker: tuple[int, int] | None = None) -> None:
        """worker: user and group of the workers, when these are not ours."""
        self._worker = worker
        self._base = path.absolute()
        self._incoming = self._base / "incoming"
        self._kept = self._base / "kept"

    def open(self) -> None:
        """Make it. Workers write to `incoming`; of `kept` they can read a file they are told.

        What an earlier version left open to other users is closed to them.
        """
        for path in (self._incoming, self._kept):
            path.mkdir(parents=True, exist_ok=True)
        if self._worker is None:
            self._base.chmod(FOLDER)
            self._incoming.chmod(FOLDER)
            self._kept.chmod(FOLDER)
        else:
            user, group = self._worker
            self._base.chmod(0o711)
            self._incoming.chmod(0o770)
            self._kept.chmod(0o710)
            os.chown(self._incoming, user, group)
            os.chown(self._kept, -1, group)
        tighten_all(self._incoming, FILE)
        tighten_all(self._kept, FILE if self._worker is None else 0o640)

    def restore(self) -> None:
        """Make it again when somebody has removed it."""
        if not (os.path.isdir(self._incoming) and os.path.isdir(self._kept)):
            self.open()

    def place(self, of: str, caller: str, id: str) -> Path:
        """Where a worker is to write. Raises ValueError for a name or an id that cannot be one."""
        digits = _NOT_OF_CALLERS.sub("", caller)[:32]
        return self.placed(f"{of}~{digits}~{id}.wav")

    def placed(self, name: str) -> Path:
        """The path that `place` gave a file. Raises ValueError for a name that is none of ours."""
        parse_name(name)
        return self._incoming / name

    def holds(self, file: Path) -> bool:
        """Whether `place` gave this path."""
        return file.parent == self._incoming

    def kept(self, name: str) -> Path:
        """Where a kept file is. Raises ValueError for a name that is none of ours."""
        parse_name(name)
        return self._kept / name

    def free(self) -> int:
        """Bytes that may still be written."""
        return shutil.disk_usage(self._kept).free

    def take(self, file: Path) -> KeptFile:
        """Move what a worker has written to where it stays, or find it there already.

        What was cut off gets a header that fits. Raises NoAudioError when there is nothing.
        """
        parse_name(file.name)
        final = self._kept / file.name
        if not _is_file(final):
            coming = self._kept / f".{file.name}"
            if not _is_file(coming):
                self._fetch(file.name, coming)
            _close(coming, final)
            if self._worker is not None:
                # Whoever takes a worker over must not change what was said.
                os.chown(final, os.geteuid(), self._worker[1])
                final.chmod(0o640)
            _sync(self._kept)
        self._remove_parts(file.name)
        taken = _measured(final)
        if taken is None:
            final.unlink()
            raise NoAudioError(f"{file.name} is no recording of ours, or is empty")
        return taken

    def orphans(self) -> Iterator[Path]:
        """All that lies here, by the path that `place` gave it; each once."""
        seen = set()
        for folder in (self._incoming, self._kept):
            for path in sorted(folder.iterdir()):
                if path.suffix == _MENDED:  # a copy that was never finished
                    path.unlink()
                    continue
                part = _PART.fullmatch(path.name)
                name = f"{part[1]}.wav" if part is not None else path.name.removeprefix(".")
                if _NAME.fullmatch(name) and name not in seen:
                    seen.add(name)
                    yield self.placed(name)

    def remove(self, name: str) -> None:
        """Remove a file and what a worker left of it. One that is gone already is no error."""
        for folder in (self._kept, self._incoming):
            (folder / name).unlink(missing_ok=True)
        (self._kept / f".{name}").unlink(missing_ok=True)
        self._remove_parts(name)

    def reading(self, name: str) -> IO[bytes]:
        """A kept file, open for reading. Raises ValueError for a name that is none of ours."""
        return os.fdopen(_opened(self.kept(name)), "rb")

    def read(self, name: str) -> bytes:
        """The content of a kept file. Raises ValueError for a name that is none of ours."""
        with self.reading(name) as file:
            return file.read()

    def _fetch(self, name: str, coming: Path) -> None:
        """Bring a worker's file, or the best of what it left unfinished, into `kept`."""
        both, whole, left, right = self._parts(name)
        if _is_file(self._incoming / name):
            (self._incoming / name).replace(coming)
        elif _is_file(left) and _is_file(right):
            _join(left, right, coming)
        else:
            for part in (both, whole, left, right):
                if _is_file(part):
                    part.replace(coming)
                    return
            raise NoAudioError(f"{name} was not written")

    def _parts(self, name: str) -> list[Path]:
        stem = name.removesuffix(".wav")
        return [self._incoming / f".{stem}.{side}.part.wav" for side in _PARTS]

    def _remove_parts(self, name: str) -> None:
        for path in self._parts(name):
            path.unlink(missing_ok=True)


def parse_name(name: str) -> Name:
    """Read a file's name. Raises ValueError when it is none of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"not the name of a kept file: {name[:100]!r}")
    return Name(found["of"], found["caller"], found["id"])


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)


def _close(coming: Path, final: Path) -> None:
    """Give a file its last name when all of it is on disk, with a header that says what it has."""
    descriptor = _opened(coming)
    with os.fdopen(descriptor, "rb") as file:
        head = file.read(_HEADER_BYTES)
        size = os.fstat(descriptor).st_size
        if _fits(head, size) or _channels(head) == 0:
            os.fsync(descriptor)
            coming.replace(final)
            return
        # Copied and not mended in place: the file may be a worker's own.
        channels = _channels(head)
        mended = coming.with_suffix(_MENDED)
        with mended.open("wb") as copy:
            copy.write(wav.header((size - _HEADER_BYTES) // (2 * channels), channels=channels))
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(copy.fileno())
    # The date says when it was recorded.
    os.utime(mended, (0, coming.lstat().st_mtime))
    mended.replace(final)
    coming.unlink()


def _measured(path: Path) -> KeptFile | None:
    """What the file has, None when it is no audio of a worker or has none in it."""
    descriptor = _opened(path)
    try:
        head = os.read(descriptor, _HEADER_BYTES)
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    channels = _channels(head)
    if not channels or found.st_size <= _HEADER_BYTES:
        return None
    samples = (found.st_size - _HEADER_BYTES) // (2 * channels)
    ms = samples * 1000 // wav.RATE
    return KeptFile(path.name, found.st_size, ms, channels, found.st_mtime)


def _channels(head: bytes) -> int:
    """How many channels a header of ours names, 0 when it is none."""
    for channels in (1, 2):
        sample = wav.header(0, channels=channels)
        if len(head) == _HEADER_BYTES and (head[:4], head[8:40]) == (sample[:4], sample[8:40]):
            return channels
    return 0


def _fits(head: bytes, size: int) -> bool:
    return len(head) == _HEADER_BYTES and struct.unpack_from("<I", head, 40)[0] == max(
        0, size - _HEADER_BYTES
    )


def _join(left: Path, right: Path, coming: Path) -> None:
    """Two tracks that a dead worker left, as one file whose header still wants mending."""
    both = [array("h"), array("h")]
    for track, path in zip(both, (left, right), strict=True):
        with os.fdopen(_opened(path), "rb") as file:
            data = file.read()[_HEADER_BYTES:]
        track.frombytes(data[: len(data) // 2 * 2])
    longest = max(map(len, both))
    joined = array("h", bytes(4 * longest))
    for side, track in enumerate(both):
        joined[side : 2 * len(track) : 2] = track
    with coming.open("wb") as file:
        file.write(wav.header(0, channels=2) + joined.tobytes())


def _sync(folder: Path) -> None:
    """A new name is on disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
