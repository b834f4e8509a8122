"""A session at a media worker: one party's media, as a leg of our own to the worker.

Theory. The worker never hears of a party. It gets canonical offers of ours, with the address of
the party's media in them, and its answer is the address that we name to the party (C1). So a party
may be described to the worker before, after and again, while the worker's port stays the same.
"""

from typing import Final

from callrouter.call.legs.events import Answered
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.reinvite import DialogRequest
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.media import MediaLost, MediaSlots
from callrouter.errors import ParseError
from callrouter.route.rules.peer_profile import UNTIMED
from callrouter.sip.body import SDP_ROW
from callrouter.sip.message import Response
from callrouter.sip.offer import EVENT_PT, worker_offer
from callrouter.sip.sdp import CODECS, Audio, parse_sdp, usable_audio
from callrouter.sip.stack import Stack

_OWN: Final = "<sip:callrouter@127.0.0.1>"
_ROWS: Final = f"Max-Forwards: 1\r\n{SDP_ROW}"
_NO_LEG: Final = 0


class MediaSession:
    """One party's media session at a worker. name: as the worker knows it. leg: the SIP to it.

    host, port: where the party is to send its media, "" until the worker has answered. audio: what
    the party said of its own, None before it said anything.
    """

    __slots__ = (
        "_next",
        "_reinvite",
        "_version",
        "audio",
        "host",
        "leg",
        "name",
        "port",
        "slots",
    )

    def __init__(
        self,
        stack: Stack,
        inbox: Inbox,
        slots: MediaSlots,
        audio: Audio | None,
        *,
        inband: bool,
        trusted: bool,
    ) -> None:
        """Dial the worker; the leg posts `Answered` or `Failed`. Raises SipError.

        inband, trusted: as `MediaSlots.open` has them.
        """
        self.slots = slots
        self.audio = audio
        self.host = ""
        self.port = 0
        self._version = 1
        self._reinvite: DialogRequest | None = None
        self._next = False
        self.name = slots.open(inband=inband, trusted=trusted)
        flow = stack.connect("UDP", slots.host, slots.port)
        uri = f"sip:{self.name}@{slots.host}:{slots.port}"
        self.leg = BLeg(
            stack=stack,
            inbox=inbox,
            flow=flow,
            number=_NO_LEG,
            uri=uri,
            from_value=_OWN,
            extra=_ROWS,
            body=self._offer(),
            peer=UNTIMED,
        )

    def opened(self, event: Answered) -> bool:
        """The worker has answered; False when with that nothing can be done."""
        self.leg.ack()
        try:
            audio = usable_audio(parse_sdp(event.response.body))
        except ParseError:
            return False
        if audio is None:
            return False
        self.host, self.port = audio.host, audio.port
        return True

    def connect(self, audio: Audio) -> None:
        """Send the party's media somewhere else, or in another direction, from now on."""
        if audio == self.audio:
            return
        self.audio = audio
        if self._reinvite is not None:
            self._next = True
        else:
            self._ask()

    def trust(self) -> None:
        """Its party is where it says that its media is to go."""
        self.slots.trust(self.name)

    def close(self) -> None:
        """Hang up at the worker, which releases all that the session had."""
        self.leg.release()
        self.leg.hang_up()

    def _offer(self) -> bytes:
        audio = self.audio
        if audio is None:
            return worker_offer(None, tuple(CODECS), EVENT_PT, self._version)
        return worker_offer(audio, audio.codecs, audio.event_pt, self._version)

    def _ask(self) -> None:
        self._version += 1
        self._reinvite = DialogRequest(self.leg, "INVITE", SDP_ROW, self._offer(), self)

    def on_provisional(self, _response: Response) -> None:
        """The worker is at it."""

    def on_final(self, response: Response) -> None:
        """The worker's answer to another offer."""
        reinvite, self._reinvite = self._reinvite, None
        if reinvite is None or response.status >= 300:
            self._lost()
            return
        reinvite.ack()
        if self._next:
            self._next = False
            self._ask()

    def on_silence(self, _status: int) -> None:
        """The worker is silent."""
        self._reinvite = None
        self._lost()

    def _lost(self) -> None:
        self.leg.post(MediaLost(slots=self.slots))
