"""Media session: a call, and what it hears and is heard by.

A re-INVITE may give the call another port of PJSIP's bridge, and its end takes it away. So the port
is asked for each time, never kept, and after each change all that is wanted is connected again;
what is connected already stays.
"""

from typing import Any, Final

import pjsua2 as pj

from callrouter.media.worker.audio_taps import AudioTap, AudioTaps
from callrouter.media.worker.inband_dtmf import DtmfDetector
from callrouter.media.worker.pjsip_callbacks import PjsipCall, Player
from callrouter.media.worker.rtp_latching import Latch
from callrouter.media.worker.track_recorder import TrackRecorder

_DOUBT_SECONDS: Final = 0.4
"""Of sound to who has not shown that it is there: 20 packets, 3.4 kB. So long a packet of a party
that answers may take to get here, and so its sound has no gap."""


class WorkerSession:
    """Media session. name: the user of the URI its INVITE is for. call: None until that comes.

    silence: what it hears when there is nothing else. taps: when it listens for tones of keys.
    latch: whose media it takes. recording: that which was asked for by its name.

    trusted: its party is where its media is said to go. Until then it is sent little, and what it
    hears waits for it, so that it loses nothing.

    ending: it was closed, or its call is over. rests_until: when PJSIP has freed all that its call
    had.
    """

    def __init__(
        self, name: str, *, silence: Any, taps: AudioTaps | None, latch: Latch, trusted: bool
    ) -> None:
        self.name = name
        self.latch = latch
        self.trusted = trusted
        self._doubted: float | None = None
        self._waits = False
        self.call: PjsipCall | None = None
        self.player: Player | None = None
        self.recording: TrackRecorder | None = None
        self.ending = False
        self.rests_until = 0.0
        self._silence = silence
        self._feeds: list[tuple[TrackRecorder, bool]] = []
        self._bridged: list[WorkerSession] = []
        self._heard: list[WorkerSession] = []  # whom its party hears, and is not heard by
        self._hearers: list[WorkerSession] = []
        self._tap: AudioTap | None = None
        self._taps = taps
        self._keys = DtmfDetector()

    # Its port.

    def audio(self) -> Any | None:
        """The call's port of the bridge; None while no media flows."""
        if self.call is None or self.ending or not self.call.lives:
            return None
        if not self.call.hasMedia():
            return None
        try:
            return self.call.getAudioMedia(-1)
        except pj.Error:
            # It has some that is no audio.
            return None

    def flows(self) -> bool:
        """Its party can hear us, and has our answer: before that it would lose the first word."""
        if self.call is None or self.audio() is None:
            return False
        # Kept: its media are parts of it, not copies.
        info = self.call.getInfo()
        return info.state == pj.PJSIP_INV_STATE_CONFIRMED and any(
            media.type == pj.PJMEDIA_TYPE_AUDIO and media.dir & pj.PJMEDIA_DIR_ENCODING
            for media in info.media
        )

    def level(self) -> int:
        """How loud its party was in the last 20 ms, 0-255.

        The port transmits to the bridge, so this is its "Tx" level.
        """
        audio = self.audio()
        return 0 if audio is None else int(audio.getTxLevel())

    def connect(self) -> None:
        """Make every wanted connection that is possible now. Raises pj.Error."""
        audio = self.audio()
        if audio is None:
            return
        self._let_hear(audio)
        for recording, second in self._feeds:
            if recording.began and not recording.why:
                audio.startTransmit(recording.track(second=second))
        for other in (*self._bridged, *self._hearers):
            sink = other.audio()
            if sink is not None and not other._waits:
                audio.startTransmit(sink)
        for other in () if self._waits else (*self._bridged, *self._heard):
            source = other.audio()
            if source is not None:
                source.startTransmit(audio)
        if self._taps is not None:
            self._tap = self._tap or self._taps.lend()
            audio.startTransmit(self._tap)

    def _let_hear(self, audio: Any) -> None:
        """Connect what the party hears of ours."""
        if self._waits:
            self._send_silence(False)  # it may be another stream
            return
        # A stream that never pauses: to the party's side a pause looks like a dead call.
        self._silence.startTransmit(audio)
        if self.player is not None:
            if self.flows():
                self.player.startTransmit(audio)
            else:
                self.player.stopTransmit(audio)

    # Whether it may hear.

    def trust(self) -> None:
        """Its party is where its media is said to go: let it hear all. Raises pj.Error."""
        self.trusted = True
        if self._waits:
            self._waits = False
            if self.audio() is not None:
                self._send_silence(True)
        self.connect()

    def doubt(self, now: float) -> None:
        """See whether a party that is not trusted may hear more. Raises pj.Error.

        A player without a listener stands still.
        """
        audio = self.audio()
        if self.latch.spoken:
            self.trust()
        elif audio is not None and not self._waits:
            if self._doubted is None:
                self._doubted = now
            if now - self._doubted >= _DOUBT_SECONDS:
                self._waits = True
                self._send_silence(False)
                self._silence.stopTransmit(audio)
                if self.player is not None:
                    self.player.stopTransmit(audio)
                for other in (*self._bridged, *self._heard):
                    source = other.audio()
                    if source is not None:
                        source.stopTransmit(audio)

    def _send_silence(self, do: bool) -> None:
        """Say whether packets go out that have nothing in them. Raises pj.Error.

        PJSIP makes frames of zeros for a stream that has no source; its detector of silence, off as
        a rule, lets one of them through every 5 s.
        """
        assert self.call is not None  # noqa: S101 - it has audio
        codec = self.call.getStreamInfo(0).audCodecParam
        codec.setting.vad = not do
        self.call.audStreamModifyCodecParam(0, codec)

    # What it hears.

    def give(self, player: Player) -> None:
        """Let its party hear a player, now or as soon as it can. Raises pj.Error."""
        self.player = player
        self.connect()

    def take(self) -> Player | None:
        """Give back its player, silenced."""
        player, self.player = self.player, None
        audio = self.audio()
        if player is not None and audio is not None:
            player.stopTransmit(audio)
        return player

    def bridge(self, other: "WorkerSession") -> None:
        """Let both parties hear each other. Raises pj.Error."""
        if other not in self._bridged:
            self._bridged.append(other)
            other._bridged.append(self)
        self.connect()

    def unbridge(self, other: "WorkerSession") -> None:
        """Part them; nothing when they are not bridged."""
        if other not in self._bridged:
            return
        self._bridged.remove(other)
        other._bridged.remove(self)
        mine, theirs = self.audio(), other.audio()
        if mine is not None and theirs is not None:
            mine.stopTransmit(theirs)
            theirs.stopTransmit(mine)

    def hear(self, other: "WorkerSession") -> None:
        """Let its party hear another one, which does not hear it by that. Raises pj.Error."""
        if other not in self._heard:
            self._heard.append(other)
            other._hearers.append(self)
        self.connect()

    def unhear(self, other: "WorkerSession") -> None:
        """Let its party hear the other one no more; nothing when it does not."""
        if other not in self._heard:
            return
        self._heard.remove(other)
        other._hearers.remove(self)
        mine, theirs = self.audio(), other.audio()
        if mine is not None and theirs is not None:
            theirs.stopTransmit(mine)

    def press(self, digit: str) -> None:
        """Send its party a key. Raises pj.Error when its media cannot carry one."""
        if self.call is None or self.audio() is None:
            raise ValueError(f"session {self.name} has no media to carry a key")
        self.call.dialDtmf(digit)

    # What hears it.

    def feed(self, recording: TrackRecorder, *, second: bool) -> None:
        """Let a recording have its party, as the first or the second of two, once it has begun."""
        self._feeds.append((recording, second))

    def starve(self, recording: TrackRecorder) -> None:
        """The recording takes no more of it: its tracks go."""
        self._feeds = [feed for feed in self._feeds if feed[0] is not recording]

    def pressed(self) -> list[str]:
        """The keys heard in the audio since last time."""
        keys = []
        while self._tap is not None and self._tap.frames:
            keys.append(self._keys.feed(self._tap.frames.popleft()))
        return [key for key in keys if key]

    def deaf(self) -> None:
        """Look for no more keys in the audio: they come in a better way."""
        if self._taps is not None and self._tap is not None:
            self._taps.take_back(self._tap, self.audio())
        self._taps = self._tap = None

    def part(self) -> None:
        """Let go of all that is its own. Its player and recording are the caller's to end."""
        for other in list(self._bridged):
            self.unbridge(other)
        for other in list(self._heard):
            self.unhear(other)
        for other in list(self._hearers):
            other.unhear(self)
        self._feeds.clear()
        self.deaf()
        self.ending = True
