"""Introductions: what a target is told as an INVITE, where no caller has sent one to pass on."""

from typing import Final

from callrouter.sip.message import Request
from callrouter.sip.offer import Origin, described

_ORIGIN_DIGITS: Final = 12
_NOWHERE: Final = "127.0.0.1"
_SILENCE: Final = (
    *(f"c=IN IP4 {_NOWHERE}", "t=0 0", "m=audio 9 RTP/AVP 8 0 101", "a=rtpmap:8 PCMA/8000"),
    *("a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=inactive"),
)


def introducing(who: str, body: bytes) -> Request:
    """Tell of a party: its address, as From has it, and what it has described."""
    headers = {"from": who, "content-type": "application/sdp"}
    return Request("INVITE", "", "SIP/2.0", headers, None, body)


def introducing_silence(who: str, token: str) -> Request:
    """Tell of somebody who is not there yet: media that flow in no direction. token: hex digits."""
    origin = Origin(int(token[:_ORIGIN_DIGITS], 16), _NOWHERE)
    return introducing(f"<sip:{who}@callrouter.invalid>", described(origin, _SILENCE))
