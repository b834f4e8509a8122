"""Files and folders that are ours alone: no other user reads them, no other callrouter writes them.

What is kept is callers' data: their numbers, their voices, the ways they took. A file is 0600 and a
folder 0700 whatever the umask was when an earlier version made it; `privileges.keep_to_ourselves`
sees to what is made by others' code.

A claim is a POSIX lock on a file of its own, beside the file or in the folder: the kernel lets it
go with the process, however that ends, and a forked worker does not inherit it. SQLite has locks of
this kind on its own files, which would be lost if we opened one of these ourselves.
"""

import fcntl
import os
import stat
from pathlib import Path
from typing import IO, Final, Self

import structlog

from callrouter.errors import CallrouterError

FILE: Final = 0o600
FOLDER: Final = 0o700
LOCK: Final = "lock"
"""The name of the file that a claimed folder is locked by."""

_SQLITE: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite's files are called: the database's name and these."""
_PID_BYTES: Final = 20

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class ClaimError(CallrouterError):
    """A folder or file that another callrouter has, or that cannot be used at all."""


def own_folder(path: Path) -> None:
    """Make a folder with those above it, or take from it what others may do. Raises OSError."""
    path.mkdir(parents=True, exist_ok=True)
    tighten(path, FOLDER)


def new_file(path: Path, mode: int = FILE) -> IO[bytes]:
    """Begin a file that is not there yet. Raises OSError, FileExistsError when it is."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, mode), "wb")


def own_database(path: Path) -> None:
    """Make a SQLite file with the folders above it, or close one to others. Raises OSError.

    SQLite gives what it puts beside a file the mode of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        new_file(path).close()
    except FileExistsError:
        if path.is_file():
            for suffix in _SQLITE:
                tighten(path.with_name(path.name + suffix), FILE)


def tighten(path: Path, mode: int) -> None:
    """Let others do no more than the mode says with what is ours and no link. Raises OSError.

    What is missing, or another user's, stays as it is; the latter is said when others can read it.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    has = stat.S_IMODE(found.st_mode)
    if not has & ~mode & 0o077 or stat.S_ISLNK(found.st_mode):
        return
    if os.geteuid() in {0, found.st_uid}:
        path.chmod(has & (mode | ~0o077))
    elif has & stat.S_IROTH:
        _log.warning("every user of this machine can read what is kept here", file=str(path))


def tighten_all(folder: Path, mode: int) -> None:
    """Tighten all files that lie in a folder. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                tighten(Path(entry.path), mode)


def is_claimed(folder: Path) -> bool:
    """Whether another process has claimed a folder."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        os.lockf(descriptor, os.F_TEST, 0)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Claims:
    """Claims of this process to files and folders, until they are closed or the process ends.

    The same folder may be claimed twice: that is one claim.
    """

    def __init__(self) -> None:
        # None is closed before all are: that would let go what another of the same file holds.
        self._locks: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def folder(self, what: str, path: Path) -> None:
        """Claim a folder, which is made when it is missing. Raises ClaimError.

        what: what it is for, for the error.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ClaimError(f"the {what} {path} cannot be used: {error}") from error
        self._lock(f"{what} {path}", path / LOCK)

    def file(self, what: str, path: Path) -> None:
        """Claim a file, whether it is there or not, by one beside it. Raises ClaimError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ClaimError(f"the {what} {path} cannot be used: {error}") from error
        self._lock(f"{what} {path}", path.with_name(f"{path.name}.{LOCK}"))

    def close(self) -> None:
        """Let all of it go."""
        for descriptor in self._locks:
            os.close(descriptor)
        self._locks.clear()

    def _lock(self, named: str, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, FILE)
        except OSError as error:
            raise ClaimError(f"the {named} cannot be used: {error}") from error
        self._locks.append(descriptor)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:  # POSIX allows either
            holder = os.pread(descriptor, _PID_BYTES, 0).decode(errors="replace").strip()
            who = f"process {holder}" if holder.isdecimal() else "it"
            raise ClaimError(
                f"another callrouter is using the {named} ({who} has locked {path})"
            ) from error
        except OSError as error:
            raise ClaimError(f"the {named} cannot be locked: {error}") from error
        os.fchmod(descriptor, FILE)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
