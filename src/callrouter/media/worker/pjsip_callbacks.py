"""Callbacks of PJSIP: objects that note what happened, for the worker's loop to see to.

A callback runs while PJSIP holds its locks, at times in a thread of its own, and an exception that
leaves it ends the process. So it puts an event into the worker's queue, and does only what must not
wait until our answer has gone out (`PjsipCall.agreed`). PJSIP does not keep these objects alive;
who makes one holds it until PJSIP is through with it.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pjsua2 as pj

_METHODS: Final = {
    pj.PJSUA_DTMF_METHOD_RFC2833: "rfc4733",
    pj.PJSUA_DTMF_METHOD_SIP_INFO: "info",
}
_FORBIDDEN: Final = 403
_NOT_ACCEPTABLE: Final = 488
_FORMATS: Final = 8
"""More than callrouter writes into one media line."""


class Arrived(NamedTuple):
    """An INVITE that came. request: all of it, as text."""

    call: "PjsipCall"
    request: str


class StateChanged(NamedTuple):
    """Change of the call's state; by now it may be another again."""

    call: "PjsipCall"


class MediaChanged(NamedTuple):
    """Answer to an offer: the call's media may start, stop or go elsewhere.

    error: why that cannot be agreed to, None for nothing.
    """

    call: "PjsipCall"
    error: Exception | None


class Pressed(NamedTuple):
    """A key. method: as `call.media.Digit` has it."""

    call: "PjsipCall"
    digit: str
    method: str


class Finished(NamedTuple):
    """End of a player's last file."""

    player: "Player"


Event = Arrived | StateChanged | MediaChanged | Pressed | Finished
Events = deque[Event]


def is_plain(offer: str) -> bool:
    """Give whether an offer has one stream of audio by RTP over IPv4: all that callrouter writes.

    Each media line more costs PJSIP two sockets, and for those that are too many it aborts. A
    stream that is refused (port 0) and has no address makes it read where nothing is.
    """
    lines = offer.splitlines()
    media = [line.split(" ") for line in lines if line.startswith("m=")]
    if len(media) != 1 or len(media[0]) < 4:
        return False
    kind, port, profile, *formats = media[0]
    return (
        (kind, profile) == ("m=audio", "RTP/AVP")
        and port != "0"
        and len(formats) <= _FORMATS
        and any(line.startswith("c=IN IP4 ") for line in lines)
    )


class PjsipAccount(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """The one account of a worker, which takes all calls."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """PJSIP refuses a call for which nobody has made an object when this returns."""
        call = PjsipCall(self, self._events, prm.callId)
        self._events.append(Arrived(call, prm.rdata.wholeMsg))


class PjsipCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """One call. To be held until its state is disconnected.

    lives: until then. PJSIP asks by a number, which the next call may have at once: so who asks it
    for a call that is over may be told of another, or end that. agreed: called with the monotonic
    time whenever offer and answer are settled, before our answer tells the peer of our ports.
    """

    def __init__(self, account: PjsipAccount, events: Events, call_id: int) -> None:
        super().__init__(account, call_id)
        self._events = events
        self.agreed: Callable[[float], None] = lambda _now: None
        self.lives = True

    def onCallState(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """RFC 3261 section 13 and 15 have taken a step."""
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.lives = False
        self._events.append(StateChanged(self))

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """RFC 3264: offer and answer are settled, and our answer has not gone out yet."""
        error: Exception | None = None
        try:
            self.agreed(time.monotonic())
        except (pj.Error, OSError) as caught:
            error = caught
        self._events.append(MediaChanged(self, error))

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """Once for each key: PJSIP joins the packets of one event of RFC 4733."""
        self._events.append(Pressed(self, prm.digit, _METHODS.get(prm.method, "info")))

    def onCallRxOffer(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """Refuse a second offer with more in it than the first may have: PJSIP would make room."""
        if not is_plain(prm.offer.wholeSdp):
            prm.statusCode = _NOT_ACCEPTABLE

    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """Nobody tells a worker to call somebody: PJSIP would, by itself."""
        prm.statusCode = _FORBIDDEN

    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        """Nor to give a call to another."""
        prm.statusCode = _FORBIDDEN


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]  # pjsua2 has no types
    """Player of a file. To be held for a while after its last frame: see `file_players`."""

    def __init__(self, events: Events, file: str, *, loop: bool) -> None:
        super().__init__()
        self._events = events
        self._loop = loop
        self.createPlayer(file, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)

    def onEof2(self) -> None:  # noqa: N802  # PJSIP's name
        """Called by PJSIP's event thread, at the end of each round too."""
        if not self._loop:
            self._events.append(Finished(self))
