"""Watch on the files that a dialplan was read from.

Theory: editors replace a file, and whoever deploys may exchange a link to its folder. So the
folders are watched, and after anything happens in them the files are looked at: only when one of
them is another, or has another time or size, did something change. A change counts once nothing
happened for a while, since a file may be half written.
"""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog
from watchfiles import watch

_QUIET_MS: Final = 300
_LONGEST_MS: Final = 1500
"""However much goes on, a change is not held back for longer."""
_LOOK_MS: Final = 500
"""How often the thread looks whether it is to end, at least."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Look = tuple[tuple[int, int, int, int] | None, ...]
"""Device, inode, time and size of each file, None for one that is not there."""


class Watcher:
    """Watch on files, in a thread of its own. changed: called in that thread."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._files: tuple[Path, ...] = ()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, files: Iterable[str]) -> None:
        """Watch these files, and no others any more."""
        wanted = tuple(Path(file) for file in files)
        if wanted == self._files:
            return
        self.close()
        self._files = wanted
        self._stop = threading.Event()
        # Looked at before this returns: what changes from now on is noticed.
        argv = (wanted, look(wanted), self._stop)
        self._thread = threading.Thread(target=self._run, args=argv, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more. The thread ends by itself, within half a second."""
        self._stop.set()

    def _run(self, files: tuple[Path, ...], seen: Look, stop: threading.Event) -> None:
        folders = {file.parent for file in files}
        try:
            for _ in watch(
                *folders,
                watch_filter=None,
                recursive=False,
                debounce=_LONGEST_MS,
                step=_QUIET_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                stop_event=stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                now = look(files)
                if now != seen and not stop.is_set():
                    seen = now
                    self._changed()
        except (OSError, RuntimeError) as error:
            _log.error("the dialplan's files are not watched any more", error=str(error))


def look(files: Iterable[Path]) -> Look:
    """Say how the files look now."""
    return tuple(_look_at(file) for file in files)


def _look_at(file: Path) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
