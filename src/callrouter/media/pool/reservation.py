"""Slots of one worker that a call has reserved."""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from callrouter.call.services.media import Digit, MediaEvent, MediaLost, Played, Recorded
from callrouter.media.pool.worker_reports import Closed, SaysDigit, SaysPlayed, SessionReport

_NAME_BYTES: Final = 8
"""Of a session's name: who can send to loopback cannot guess it."""
_ENDS_PLAYING: Final = frozenset(("play", "tone", "stop"))


class Holder(Protocol):
    """The worker whose slots they are."""

    host: str
    port: int

    def command(self, do: str, session: str, **fields: Any) -> None:
        """Send a command."""

    def opened(self, session: str, slots: "Reservation") -> None:
        """A session begins."""

    def given_back(self, slots: "Reservation") -> None:
        """The call needs the slots no more; those of sessions that stand are free later."""


class Reservation:
    """Slots of one worker, a `MediaSlots`. count: as reserved. sessions: those that stand.

    Once it is released or lost, its commands do nothing and nothing is posted.
    """

    __slots__ = ("_files", "_holder", "_post", "_stale", "count", "host", "port", "sessions")

    def __init__(self, holder: Holder, count: int, post: Callable[[MediaEvent], None]) -> None:
        self.host = holder.host
        self.port = holder.port
        self.count = count
        self.sessions: set[str] = set()
        self._holder: Holder | None = holder
        self._post = post
        self._files: set[str] = set()
        self._stale: dict[str, int] = {}

    def open(self, *, inband: bool = False, trusted: bool = True) -> str:
        """Name a session. Raises ValueError for more sessions than slots, a bug of the call's."""
        session = secrets.token_hex(_NAME_BYTES)
        if self._holder is not None:
            if len(self.sessions) >= self.count:
                raise ValueError(f"{self.count} slots are reserved, and all of them are open")
            self.sessions.add(session)
            self._holder.opened(session, self)
            self._holder.command("open", session, inband=inband, trusted=trusted)
        return session

    def trust(self, session: str) -> None:
        """Let its party hear everything."""
        self._send("trust", session)

    def play(self, session: str, files: Sequence[Path], *, loop: bool = False) -> None:
        """Play files one after the other."""
        self._send("play", session, files=[str(file) for file in files], loop=loop)

    def tone(self, session: str, hertz: int, seconds: float) -> None:
        """Play a tone."""
        self._send("tone", session, hertz=hertz, seconds=seconds)

    def stop(self, session: str) -> None:
        """Stop playing."""
        self._send("stop", session)

    def record(
        self,
        session: str,
        file: Path,
        *,
        other: str = "",
        stereo: bool = False,
        max_seconds: float = 0.0,
        silence_seconds: float = 0.0,
    ) -> None:
        """Record into a file."""
        self._files.add(str(file))
        self._send(
            "record",
            session,
            file=str(file),
            other=other,
            stereo=stereo,
            max_seconds=max_seconds,
            silence_seconds=silence_seconds,
        )

    def stop_recording(self, session: str) -> None:
        """Close the file."""
        self._send("stop_recording", session)

    def press(self, session: str, digit: str) -> None:
        """Send a key."""
        self._send("press", session, digit=digit)

    def bridge(self, first: str, second: str) -> None:
        """Let two sessions hear each other."""
        self._send("bridge", first, other=second)

    def unbridge(self, first: str, second: str) -> None:
        """Part them again."""
        self._send("unbridge", first, other=second)

    def hear(self, session: str, other: str) -> None:
        """Let its party hear another one."""
        self._send("hear", session, other=other)

    def unhear(self, session: str, other: str) -> None:
        """Let its party hear the other one no more."""
        self._send("unhear", session, other=other)

    @property
    def holder(self) -> Holder | None:
        """The worker whose slots they are, None once they are released or lost."""
        return self._holder

    def release(self) -> None:
        """Give the slots back."""
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.given_back(self)

    # What the worker says.

    def says(self, report: SessionReport) -> None:
        """Post what it says of a session, unless the call has let go."""
        if isinstance(report, Closed):
            self.sessions.discard(report.session)
        elif self._holder is None:
            return
        elif isinstance(report, SaysPlayed):
            # Said before it knew the last command: what that one stopped or replaced posts nothing.
            if report.session not in self._stale:
                self._post(Played(session=report.session))
        elif isinstance(report, SaysDigit):
            self._post(Digit(session=report.session, digit=report.digit, method=report.method))
        elif report.file in self._files:
            self._files.remove(report.file)
            file = Path(report.file)
            recorded = Recorded(
                session=report.session,
                file=file,
                ms=report.ms,
                complete=report.complete,
                why=report.why,
                quiet=report.quiet,
            )
            self._post(recorded)

    def acknowledged(self, do: str, session: str) -> None:
        """The worker knows a command; what it says of the session from now on was said after it."""
        if do in _ENDS_PLAYING:
            self._stale[session] -= 1
            if not self._stale[session]:
                del self._stale[session]

    def refused(self, do: str, session: str, file: str) -> None:
        """A command did not do anything: what waits for its end need not wait."""
        if self._holder is None:
            return
        if do in {"play", "tone"}:
            self._post(Played(session=session))
        elif do == "record" and file in self._files:
            self._files.remove(file)
            self._post(
                Recorded(
                    session=session, file=Path(file), ms=0, complete=False, why="failed", quiet=True
                )
            )

    def lost(self) -> None:
        """The worker is gone; said once."""
        if self._holder is not None:
            self._holder = None
            self._post(MediaLost(slots=self))

    def _send(self, do: str, session: str, **fields: Any) -> None:
        if self._holder is not None:
            if do in _ENDS_PLAYING:
                self._stale[session] = self._stale.get(session, 0) + 1
            self._holder.command(do, session, **fields)
