"""Players of files, and when they may be destroyed.

PJSIP tells of a file's end from a thread of its own, with a pointer to the player. So a player that
is through is silenced at once, but destroyed only when nothing about it can be on its way any more.
"""

import math
import tempfile
import time
from array import array
from collections import deque
from collections.abc import Sequence
from typing import Final

from callrouter.media.sounds import wav
from callrouter.media.worker.pjsip_callbacks import Events, Player

_REST_SECONDS: Final = 0.5
_LONGEST_TONE: Final = 60.0
_LOUD: Final = 8000
"""A tone's amplitude: 12 dB below the loudest."""

_RAMP: Final = 40
"""Samples (5 ms) in which a tone comes and goes, lest it clicks."""


class Players:
    """All players of a worker."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._playing: set[Player] = set()
        self._resting: deque[tuple[float, Player]] = deque()

    def __len__(self) -> int:
        return len(self._playing) + len(self._resting)

    def files(self, names: Sequence[str], *, loop: bool) -> Player:
        """Make a player of WAV files, one after the other. Raises pj.Error, ValueError, OSError.

        PJSIP's own playlist plays the end of one file again in the next.
        """
        if len(names) == 1:
            return self._player(names[0], loop=loop)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            wav.join(file, names)
            # PJSIP keeps it open; nobody else has to see it.
            return self._player(file.name, loop=loop)

    def tone(self, hertz: int, seconds: float) -> Player:
        """Make a player of one tone. Raises pj.Error, ValueError, OSError."""
        if not (0 < hertz < wav.RATE / 2 and 0 < seconds <= _LONGEST_TONE):
            raise ValueError(f"no tone of {hertz} Hz for {seconds} s")
        samples = _sine(hertz, seconds)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            file.write(wav.header(len(samples), channels=1) + samples.tobytes())
            file.flush()
            return self._player(file.name, loop=False)

    def _player(self, name: str, *, loop: bool) -> Player:
        player = Player(self._events, name, loop=loop)
        self._playing.add(player)
        return player

    def drop(self, player: Player) -> None:
        """Destroy a player that nobody hears any more, later."""
        self._playing.remove(player)
        self._resting.append((time.monotonic() + _REST_SECONDS, player))

    def sweep(self, now: float) -> None:
        """Destroy those that have rested long enough."""
        while self._resting and self._resting[0][0] <= now:
            # The last reference: pjsua2 takes it out of the bridge and closes its file.
            self._resting.popleft()


def _sine(hertz: int, seconds: float) -> "array[int]":
    second = [math.sin(2 * math.pi * hertz * at / wav.RATE) * _LOUD for at in range(wav.RATE)]
    count = int(seconds * wav.RATE)
    # Whole hertz: each second is like the first.
    samples = array("h", (int(second[at % wav.RATE]) for at in range(count)))
    for at in range(min(_RAMP, count // 2)):
        samples[at] = samples[at] * at // _RAMP
        samples[-1 - at] = samples[-1 - at] * at // _RAMP
    return samples
