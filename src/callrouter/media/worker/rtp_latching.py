"""RTP latching: a call takes media of one source; whoever else sends to its ports is not heard.

Theory. Ports of RTP can be guessed, and PJSIP believes whoever sends enough. So the kernel lets in
only the place that the party described. Behind NAT that place is not where its packets come from:
if nothing has come from there for a while, the first other source has the line, until the place
that was described speaks after all. While no media are to come nobody is let in. Nor is who was
the party before it was somebody else: it may go on sending until it is hung up on.

To where RTP goes, RTP has come from there: PJSIP sends to the described place, and to another one
when that has sent some packets in a row.
"""

import math
from typing import Any, Final

import pjsua2 as pj

from callrouter.media.worker import socket_filter as sources
from callrouter.media.worker.socket_filter import Place

_PATIENCE: Final = 0.3
"""Seconds in which only the described place is heard."""

_SWITCHED: Final = 15
"""Packets of another source by which PJSIP has begun to send there; it does after 10."""

_NO_HOST: Final = "0.0.0.0"


class Latch:
    """Latch of one call. host: the address that RTP is received at.

    settled: there is nothing to look for. spoken: who gets our media has sent some.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        # None for no media; at first that is not known yet.
        self._described: Place | None = ("", 0)
        self._other: Place | None = None
        # Where the party is, also while it has no media, and where it was before.
        self._party: list[Place] = []
        self._before: list[Place] = []
        self._heard = 0
        self.settled = True
        self.spoken = False
        self._strange = 0
        self._opens = math.inf

    def described(self, call: Any, now: float) -> None:
        """An offer of the call was answered: begin anew when its media come from elsewhere.

        Raises OSError and pj.Error.
        """
        place = _remote(call)
        if place == self._described:
            return
        self._described = place
        self._other = None
        self.settled = place is None
        self._let_in(call)
        if place is not None:
            self._heard = _packets(call)
            self._opens = now + _PATIENCE
            if place not in self._party[:1]:
                self._another(call, place)

    def _another(self, call: Any, place: Place) -> None:
        """The party is another one, or has moved: what is under way of the one before is dropped.

        One packet of that, and PJSIP would send to where it came from.
        """
        self._before = [known for known in self._party if known != place]
        self._party = [place]
        if self._before:
            sources.empty(self._bound(call)[0])

    def look(self, call: Any, now: float) -> None:
        """See who has spoken since last time. Raises OSError and pj.Error."""
        before, self._heard = self._heard, _packets(call)
        if self._heard > before:
            source = _place(call.getMedTransportInfo(0).srcRtpName)
            self._take(call, source)
            self._count(source, self._heard - before)
        elif now >= self._opens:
            self._opens = math.inf
            rtp, rtcp = self._bound(call)
            sources.take_all_but(rtp, self._before)
            sources.take_all_but(rtcp, [])

    def _take(self, call: Any, source: Place) -> None:
        if source == self._described:
            self.settled = True
            self._other = None
            self._let_in(call)
        elif self._opens == math.inf and self._other is None:
            self._other = source
            self._party = [*self._party[:1], source]
            self._let_in(call)

    def _count(self, source: Place, packets: int) -> None:
        if source == self._other:
            self._strange += packets
        if source == self._described or self._strange >= _SWITCHED:
            self.spoken = True

    def _let_in(self, call: Any) -> None:
        places = [place for place in (self._described, self._other) if place is not None]
        rtp, rtcp = self._bound(call)
        sources.take_only(rtp, places)
        # Its port is told by nobody, and not always the next one.
        sources.take_only(rtcp, [(host, 0) for host, _ in places])

    def _bound(self, call: Any) -> tuple[Place, Place]:
        port = _place(call.getMedTransportInfo(0).localRtpName)[1]
        return (self._host, port), (self._host, port + 1)


def _remote(call: Any) -> Place | None:
    """Where the party said that its media come from, None when none are to come."""
    try:
        stream = call.getStreamInfo(0)
    except pj.Error:
        # There is no stream: the media are inactive.
        return None
    place = _place(stream.remoteRtpAddress)
    return place if stream.dir & pj.PJMEDIA_DIR_DECODING and place[0] != _NO_HOST else None


def _packets(call: Any) -> int:
    """How many packets of RTP the call's stream has taken."""
    return int(call.getStreamStat(0).rtcp.rxStat.pkt)


def _place(name: str) -> Place:
    """Of an address and port as PJSIP writes them."""
    host, _, port = name.rpartition(":")
    return host, int(port)
