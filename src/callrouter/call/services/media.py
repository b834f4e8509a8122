"""The media pool: what calls ask of it, and what it tells them.

Theory. A worker is a SIP user agent on loopback. A call reserves slots of one worker, opens a
session for each, and dials it like any other leg: the session's name is the user of the
Request-URI. SIP carries the media's addresses; everything else goes by the pool's control channel,
keyed by session. Events come back by the call's own inbox, in order with all others.

Rules. Slots are reserved before a caller is promised anything. Commands never wait and never fail
towards the call: one that is not acknowledged in time means that its worker hangs, so the worker is
replaced and the call hears `MediaLost`, once. After `release` nothing more is posted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(slots=True, kw_only=True, frozen=True)
class Played:
    """The end of a `play` or `tone` by itself. A stopped or replaced one posts nothing."""

    session: str


@dataclass(slots=True, kw_only=True, frozen=True)
class Digit:
    """A DTMF key that was pressed. digit: 0-9, *, #, A-D. method: rfc4733, info or inband."""

    session: str
    digit: str
    method: str


@dataclass(slots=True, kw_only=True, frozen=True)
class Recorded:
    """A recording that has ended, its file closed.

    ms: its length. complete: False when the worker could not write all of it. why: stopped,
    silence, limit, closed (the session ended) or failed. quiet: nobody said anything.
    """

    session: str
    file: Path
    ms: int
    complete: bool
    why: str
    quiet: bool


@dataclass(slots=True, kw_only=True, frozen=True)
class MediaLost:
    """The loss of the worker with the call's slots: it died or hangs. Its slots are released."""

    slots: "MediaSlots"


MediaEvent = Played | Digit | Recorded | MediaLost


class MediaSlots(Protocol):
    """Slots of one worker. host, port: where it takes INVITEs, by UDP on loopback."""

    host: str
    port: int

    def open(self, *, inband: bool = False, trusted: bool = True) -> str:
        """Name a session, for the user part of the URI to dial. One slot each.

        inband: also find DTMF tones in the audio; costly. trusted: its party is where its media is
        said to go; else what it hears pauses after some 0.4 s, until RTP comes from there or
        `trust` is called.
        """

    def trust(self, session: str) -> None:
        """Its party is where its media is said to go."""

    def play(self, session: str, files: Sequence[Path], *, loop: bool = False) -> None:
        """Play files one after the other, instead of what plays now. As soon as media flows."""

    def tone(self, session: str, hertz: int, seconds: float) -> None:
        """Play a tone, instead of what plays now."""

    def stop(self, session: str) -> None:
        """Stop playing."""

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
        """Record what the session's party says into a WAV file of 8 kHz, 16 bit.

        other: a second session of these slots to be recorded with it; stereo: one channel for
        each, otherwise mixed. The limits end it; 0 is no limit. silence_seconds counts silence at
        the end only.
        """

    def stop_recording(self, session: str) -> None:
        """Close the file; `Recorded` follows."""

    def press(self, session: str, digit: str) -> None:
        """Send the session's party a key as an event of RFC 4733, one after the other.

        Only for a party that has named a payload type for telephone-event.
        """

    def bridge(self, first: str, second: str) -> None:
        """Let two sessions of these slots hear each other."""

    def unbridge(self, first: str, second: str) -> None:
        """Part them again."""

    def hear(self, session: str, other: str) -> None:
        """Let the session's party hear that of another one of this worker, whoever's it is.

        The other one does not hear it by that.
        """

    def unhear(self, session: str, other: str) -> None:
        """Let it hear that one no more."""

    def release(self) -> None:
        """Give the slots back; sessions that still stand are ended by the worker. Idempotent."""


class MediaPool(Protocol):
    """The pool of media workers."""

    def reserve(
        self, count: int, post: Callable[[MediaEvent], None], beside: MediaSlots | None = None
    ) -> MediaSlots | None:
        """Take `count` slots of one worker; None when no worker has as many free now.

        post: gets the events of the slots' sessions. beside: of the worker that these are of.
        """
