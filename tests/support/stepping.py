"""The clock of the system as one program sees it, put forward or back while the program runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LIBRARIES: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class Stepping:
    """What libfaketime adds to the real time; the monotonic clock is left alone."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.put(0)

    def put(self, seconds: int) -> None:
        """Let the clock be so many seconds from the real one, at once."""
        part = self._file.with_suffix(".part")
        part.write_text(f"{seconds:+d}\n")
        part.replace(self._file)

    @contextmanager
    def seen(self) -> Iterator[None]:
        """What is started meanwhile has this clock."""
        mine = {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        before = {name: os.environ.get(name) for name in mine}
        os.environ.update(mine)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
