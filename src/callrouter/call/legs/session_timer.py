"""Session timers (RFC 4028): a call whose peer has vanished without a BYE comes to an end.

Theory. Each leg has its own: what one side agrees with us is no affair of the other's. An interval
is agreed by each INVITE and UPDATE and their 2xx, and begins anew with it. One of both is the
refresher. When that is us, we refresh at half the interval: by UPDATE where the peer takes it, else
by a re-INVITE with the description it was given last. When nothing has refreshed it in time, the
leg is lost.

With a peer that knows no session timers nothing is agreed. It is asked now and then whether it
still knows the dialog: by UPDATE where it takes that, else by OPTIONS, which disturbs nobody. That
it answers is enough, whatever it says but 481 and 408 (RFC 3261 section 12.2.1.2).
"""

import re
from math import inf
from typing import TYPE_CHECKING, Final

from callrouter.call.legs.events import PEER_GONE, Lost
from callrouter.call.legs.provisional import named_in
from callrouter.call.legs.reinvite import DialogRequest, back_off
from callrouter.route.rules.peer_profile import SessionRule
from callrouter.sip.body import SDP_ROW
from callrouter.sip.message import Message, Request, Response
from callrouter.sip.timers import FarTimer

if TYPE_CHECKING:
    from callrouter.call.legs.leg import Leg

SHORTEST: Final = 90
"""Seconds; no Min-SE is below it (section 5)."""

_EXPIRES: Final = re.compile(r"[ \t]*([0-9]{1,9})[ \t]*(?:;|\Z)")
_REFRESHER: Final = re.compile(r";[ \t]*refresher[ \t]*=[ \t]*(uac|uas)[ \t]*(?:;|\Z)", re.I)
_MOST_TRIES: Final = 3
_AGAIN_SECONDS: Final = 10.0
_GONE: Final = frozenset((408, 481))
EXPIRED: Final = "session_expired"
_UPDATE_REFUSED: Final = frozenset((405, 420, 501))


def interval_of(text: str) -> int:
    """The seconds of a Session-Expires or Min-SE value, 0 when it is none."""
    match = _EXPIRES.match(text)
    return int(match[1]) if match is not None else 0


def too_short(request: Request, rule: SessionRule | None) -> bool:
    """The interval that a request asks for is shorter than we take: 422 (section 9).

    Who does not support timers itself is not refused: a proxy has asked on its behalf.
    """
    if rule is None or "session-expires" not in request.headers:
        return False
    asked = interval_of(request.get("session-expires"))
    return 0 < asked < rule.least and _supports(request)


def least_row(rule: SessionRule) -> str:
    """The row that a 422 carries."""
    return f"Min-SE: {rule.least}\r\n"


def _supports(message: Message) -> bool:
    return named_in(message, "supported", "timer")


class SessionTimer:
    """The session timer of one leg. expires: the interval, in seconds."""

    __slots__ = (
        "_ask_every",
        "_by_update",
        "_end",
        "_least",
        "_leg",
        "_ours",
        "_timed",
        "_timer",
        "_tries",
        "expires",
    )

    def __init__(self, leg: "Leg", rule: SessionRule) -> None:
        self._leg = leg
        self.expires = rule.expires
        self._least = rule.least
        self._ask_every = rule.ask_every
        self._timed = not rule.ask_every  # then it is taken to know timers, whatever it says
        self._ours = True
        self._by_update = False
        self._tries = 0
        self._end = 0.0
        self._timer = FarTimer(leg.stack.timers, self)

    def request_rows(self, *, initial: bool = False) -> str:
        """The rows of an INVITE or UPDATE of ours. initial: who refreshes is left to the peer."""
        if not (initial or self._timed):
            return ""
        rows = f"Session-Expires: {self.expires}"
        if not initial:
            rows += f";refresher={'uac' if self._ours else 'uas'}\r\nSupported: timer"
        # The largest Min-SE that was heard of in the dialog goes on being said (section 7.4).
        return f"{rows}\r\nMin-SE: {self._least}\r\n"

    def answer_rows(self, request: Request) -> str:
        """The rows of our 2xx to an INVITE or UPDATE (section 9), "" when nothing is agreed."""
        self._learn(request)
        supported = _supports(request)
        text = request.headers.get("session-expires", "")
        asked = interval_of(text) if text else 0
        if asked:
            # Never below the Min-SE of the request (section 9).
            self.expires = max(asked, self._least)
            named = _REFRESHER.search(text)
            refresher = named[1].lower() if named is not None else "uac"
            self._ours = not supported or refresher == "uas"
        elif supported:
            self.expires = max(self.expires, self._least)
        elif self._timed:
            self._ours = True
        else:
            return ""
        self._timed = True
        rows = f"Session-Expires: {self.expires};refresher={'uas' if self._ours else 'uac'}\r\n"
        return rows if self._ours else f"Require: timer\r\n{rows}"

    def agreed(self, response: Response) -> None:
        """A 2xx to an INVITE or UPDATE of ours: the interval begins anew (section 7.2)."""
        self._learn(response)
        self._tries = 0
        text = response.headers.get("session-expires", "")
        told = interval_of(text) if text else 0
        if told:
            self._timed = True
            self.expires = max(told, SHORTEST)
            named = _REFRESHER.search(text)
            self._ours = named is None or named[1].lower() == "uac"
        else:
            # It knows no timers: who wants them refreshes, or asks.
            self._timed = not self._ask_every
            self._ours = True
        self.begin()

    def raised(self, response: Response) -> bool:
        """A 422 came: ask for as much as it says; False when that leads nowhere."""
        least = interval_of(response.get("min-se"))
        self._tries += 1
        if least <= self._least or self._tries > _MOST_TRIES:
            return False
        self._least = least
        self.expires = max(self.expires, least)
        return True

    def begin(self) -> None:
        """The peer has just shown that it is there."""
        now = self._leg.stack.now
        if not self._timed:
            self._end = inf
            self._timer.set(now, now + self._ask_every)
            return
        # Before the very end, so that the other side still hears our BYE (section 10).
        self._end = now + self.expires - max(32.0, self.expires / 3)
        at = min(now + self.expires / 2, self._end) if self._ours else self._end
        self._timer.set(now, at)

    def stop(self) -> None:
        """The dialog ends."""
        self._timer.cancel()

    def heard(self, status: int) -> None:
        """A final response to a refresh or a question of ours."""
        if status in _GONE:
            self._lost(PEER_GONE)
        elif self._timed:
            self._later(_AGAIN_SECONDS)
        else:
            self._tries = 0
            self.begin()

    def silent(self, status: int) -> None:
        """A refresh or a question of ours has no response: 408 none came, 503 it was not sent."""
        self._tries += 1
        if self._timed or status in _GONE or self._tries >= _MOST_TRIES:
            self._lost(PEER_GONE)
        else:
            self._later(_AGAIN_SECONDS)  # a connection may come back

    def refused(self, response: Response) -> None:
        """The peer did not take a refresh of ours, but is there or not, as its status says."""
        status = response.status
        if status == 422 and self.raised(response):
            self._refresh()
        elif status == 491:
            self._later(back_off(self._leg))
        elif status in _UPDATE_REFUSED and self._by_update:
            self._by_update = False
            self._refresh()
        else:
            self.heard(status)

    def _learn(self, message: Message) -> None:
        headers = message.headers
        allow = headers.get("allow")
        if allow:
            self._by_update = "UPDATE" in allow.upper()
        if "min-se" in headers:
            self._least = max(self._least, interval_of(headers["min-se"]))

    def _later(self, seconds: float) -> None:
        self._arm(min(self._leg.stack.now + seconds, self._end))

    def _arm(self, at: float) -> None:
        self._timer.set(self._leg.stack.now, at)

    def on_due(self, now: float) -> None:
        """Refresh, ask, or give the peer up, as it is time for."""
        if now >= self._end:
            self._lost(EXPIRED)
        elif not self._timed or self._leg.may_offer():
            if self._timed:
                self._arm(self._end)
            self._refresh()
        else:
            self._later(1.0)

    def _refresh(self) -> None:
        leg = self._leg
        if self._by_update or (self._timed and not leg.ours):
            Refresh(leg, self, "UPDATE", b"")
        elif self._timed:
            Refresh(leg, self, "INVITE", leg.ours)
        else:
            Refresh(leg, self, "OPTIONS", b"")

    def _lost(self, why: str) -> None:
        self.stop()
        leg = self._leg
        if leg.inbox is None:
            leg.hang_up()
        else:
            leg.post(Lost(leg, why))


class Refresh:
    """A request of ours that only says that we are still there, or asks whether the peer is."""

    __slots__ = ("_leg", "_method", "_sent", "_session")

    def __init__(self, leg: "Leg", session: SessionTimer, method: str, body: bytes) -> None:
        self._leg = leg
        self._session = session
        self._method = method
        self._sent = DialogRequest(leg, method, SDP_ROW if body else "", body, self)

    def on_provisional(self, _response: Response) -> None:
        """It goes on."""

    def on_final(self, response: Response) -> None:
        """The peer is there, and takes it or not."""
        if response.status < 300 and self._method == "INVITE":
            self._sent.ack()
        if self._leg.session is not self._session:
            return  # the leg ends
        if self._method == "OPTIONS":
            self._session.heard(response.status)
        elif response.status >= 300:
            self._session.refused(response)

    def on_silence(self, status: int) -> None:
        """The peer is silent, or is not reached any more."""
        if self._leg.session is self._session:
            self._session.silent(status)
