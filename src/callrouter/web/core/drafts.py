"""Drafts of the dialplan: checked, and compared on past calls, in a process of their own.

It runs the commands `check` and `diff`, so a page says what they say, to the byte; whatever a draft
makes of the memory and the processor is that process's, and ends with it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final, NamedTuple

from callrouter.operations.operation import (
    MistakesError,
    OperationAnswer,
    UnavailableError,
)

_AT_ONCE: Final = 2
_SECONDS: Final = 60.0
_NICE: Final = 10
_MOST: Final = 200
"""Mistakes of one answer."""
_SHOWN: Final = 20
"""Changed calls of one answer."""
_PLACED: Final = re.compile(r"(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): .*")
_COUNTED: Final = re.compile(r"(\d+) calls, (\d+) changed")


class DraftMistake(OperationAnswer):
    """A mistake or a warning. line, column: from 1; 0 when it has no place in the dialplan's file.

    said: as `callrouter check` prints it.
    """

    line: int
    column: int
    warning: bool
    said: str


class DraftCheck(OperationAnswer):
    """ok: it could go live. mistakes: the first 200, with warnings."""

    ok: bool
    mistakes: list[DraftMistake]


class DraftComparison(OperationAnswer):
    """calls: that were replayed. text: the first changed ones, as `callrouter diff` prints them."""

    calls: int
    changed: int
    text: str


class _Ran(NamedTuple):
    code: int
    printed: str
    complained: str


class Drafts:
    """What may stand in the dialplan's file one day. config: the file of the settings."""

    def __init__(self, dialplan: Path, config: Path) -> None:
        self._dialplan = dialplan
        self._config = config
        self._free = BoundedSemaphore(_AT_ONCE)

    def check(self, text: str) -> DraftCheck:
        """What is wrong with a draft. Raises UnavailableError."""
        ran = self._run(text, "check", "--stdin", str(self._dialplan))
        lines = ran.complained.splitlines()
        return DraftCheck(ok=ran.code == 0, mistakes=list(map(self._mistake, lines[:_MOST])))

    def compare(self, text: str, days: int) -> DraftComparison:
        """Which calls of the last days it would decide differently from the file as it is.

        Raises MistakesError, UnavailableError.
        """
        words = ("diff", str(self._dialplan), "-", "--since", f"{days}d", "--limit", str(_SHOWN))
        ran = self._run(text, *words, "--config", str(self._config))
        found = _COUNTED.fullmatch(ran.printed.rpartition("\n\n")[2].strip())
        if found is None:
            lines = ran.complained.splitlines()
            raise MistakesError("the calls cannot be compared", diagnostics=lines[:_MOST])
        calls, changed = map(int, found.groups())
        return DraftComparison(calls=calls, changed=changed, text=ran.printed)

    def _run(self, text: str, *words: str) -> _Ran:
        if not self._free.acquire(timeout=_SECONDS):
            raise UnavailableError("too many dialplans are looked at already: try again")
        try:
            with subprocess.Popen(  # noqa: S603 - every word is ours; the text goes by stdin
                [sys.executable, "-m", "callrouter", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process:
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
                raw = text.encode()
                try:
                    printed, complained = process.communicate(raw, _SECONDS)
                except subprocess.TimeoutExpired as error:
                    process.kill()
                    said = f"it takes longer than {_SECONDS:.0f} seconds: use the commands"
                    raise UnavailableError(said) from error
        finally:
            self._free.release()
        decoded = (output.decode(errors="replace") for output in (printed, complained))
        return _Ran(process.returncode, *decoded)

    def _mistake(self, said: str) -> DraftMistake:
        found = _PLACED.fullmatch(said)
        if found is None or found["file"] != str(self._dialplan):
            return DraftMistake(line=0, column=0, warning=": warning: " in said, said=said)
        line, column = int(found["line"]), int(found["column"])
        warning = f":{column}: warning: " in said
        return DraftMistake(line=line, column=column, warning=warning, said=said)
