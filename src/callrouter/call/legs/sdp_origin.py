"""The SDP origin of all that we describe to a party while its dialog lasts (RFC 3264 section 8)."""

import re
from typing import Final

from callrouter.errors import ParseError
from callrouter.sip.offer import Origin, readdressed

_ORIGIN: Final = re.compile(
    rb"^o=(\S+) ([0-9]{1,18}) ([0-9]{1,18}) IN IP[46] ([!-~]{1,255})[ \r]*$", re.MULTILINE
)
_ID_DIGITS: Final = 12  # of 16: an Origin's id stays below 2**63


class Identity:
    """Our identity in SDP towards one party.

    shown: another party's description, as this one was given it last.
    """

    __slots__ = ("origin", "shown")

    def __init__(self, token: str, host: str) -> None:
        """token: hex digits that nobody can guess. host: our address literal."""
        self.origin = Origin(int(token[:_ID_DIGITS], 16), host)
        self.shown = b""

    @classmethod
    def following(cls, body: bytes, token: str, host: str) -> "Identity":
        """Who we go on to be towards a party that was given this description last."""
        identity = cls(token, host)
        match = _ORIGIN.search(body)
        if match is not None:
            identity.origin.user = match[1].decode("latin-1")
            identity.origin.id = int(match[2])
            identity.origin.version = int(match[3])
            identity.origin.host = match[4].decode("ascii")
        return identity

    def show(self, body: bytes) -> bytes:
        """Return another party's description as this one is to see it."""
        try:
            self.shown = readdressed(body, self.origin)
        except ParseError:
            return body
        return self.shown
