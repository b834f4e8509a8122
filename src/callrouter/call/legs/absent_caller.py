"""What stands in the place of a caller where nobody has called: its leg, its INVITE."""

from typing import Final

from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.offer import Origin, described
from callrouter.sip.stack import Stack

_ORIGIN_DIGITS: Final = 12
_NOWHERE: Final = "127.0.0.1"
_SILENCE: Final = (
    *(f"c=IN IP4 {_NOWHERE}", "t=0 0", "m=audio 9 RTP/AVP 8 0 101", "a=rtpmap:8 PCMA/8000"),
    *("a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=inactive"),
)


class OwnLeg(Leg):
    """The leg that stands where a caller would. Nothing is sent by it, and nothing comes."""

    def __init__(self, stack: Stack, inbox: Inbox) -> None:
        flow = Flow("UDP", "127.0.0.1", 0, "127.0.0.1", 0, None)
        super().__init__(
            stack, inbox, Dialog(stack.token(), stack.token(), flow), 0, b"", ours=False
        )

    def reject(self, status: int, _extra: str = "") -> None:
        """Nobody was had."""
        self.refused = status
        self._end()

    def hang_up(self, _reason: str = "") -> None:
        """It is over."""
        self._end()


def introducing(who: str, body: bytes) -> Request:
    """Tell of a party: its address, as From has it, and what it has described."""
    headers = {"from": who, "content-type": "application/sdp"}
    return Request("INVITE", "", "SIP/2.0", headers, None, body)


def introducing_silence(who: str, token: str) -> Request:
    """Tell of somebody who is not there yet: media that flow in no direction. token: hex digits."""
    origin = Origin(int(token[:_ORIGIN_DIGITS], 16), _NOWHERE)
    return introducing(f"<sip:{who}@callrouter.invalid>", described(origin, _SILENCE))
