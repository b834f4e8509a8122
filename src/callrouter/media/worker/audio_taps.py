"""Audio taps: ports of the bridge by which Python hears a party. They are lent, never destroyed.

PJSIP's clock thread calls a port for a while after it was told to take it out of the bridge, and
even one that hears nobody now and then: a tap that died meanwhile takes the process with it.
"""

from collections import deque
from typing import Any

import pjsua2 as pj


class AudioTap(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """Audio tap on what is sent to it. frames: 20 ms each, 16 bit at 8 kHz."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: deque[bytes] = deque(maxlen=500)
        form = pj.MediaFormatAudio()
        form.init(pj.PJMEDIA_FORMAT_PCM, 8000, 1, 20_000, 16)
        self.createPort("tap", form)

    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802  # PJSIP's name
        """Called by PJSIP's clock thread every 20 ms; copying takes it 0.25 ms."""
        if frame.size:
            self.frames.append(bytes(frame.buf))


class AudioTaps:
    """Audio taps of a worker: as many as were ever in use at one time."""

    def __init__(self) -> None:
        self._made: list[AudioTap] = []
        self._free: deque[AudioTap] = deque()

    @property
    def idle(self) -> int:
        """Those that wait to be lent."""
        return len(self._free)

    def lend(self) -> AudioTap:
        """One that hears nobody. Raises pj.Error."""
        if not self._free:
            tap = AudioTap()
            self._made.append(tap)
            return tap
        tap = self._free.popleft()
        tap.frames.clear()
        return tap

    def take_back(self, tap: AudioTap, audio: Any | None) -> None:
        """Let it hear no more. audio: the port that it heard, None when that is gone."""
        if audio is not None:
            audio.stopTransmit(tap)
        self._free.append(tap)
