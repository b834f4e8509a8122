"""The profile of a trunk or a gateway beyond its address: trust, timers, headers, transfers.

Rule: whoever says nothing in the dialplan is `USUAL`, the one object, so that the usual case is an
identity test.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from callrouter.serializable import Serializable


class SessionRule(NamedTuple):
    """The session timer of a leg, by which it finds out that its peer has vanished.

    expires, least: seconds of the session interval that is asked for, and of the shortest one that
    is taken (RFC 4028). ask_every: seconds from one question to the next to a peer that knows no
    session timers, 0 to refresh its session as if it did.
    """

    expires: int
    least: int
    ask_every: int


@dataclass(slots=True, kw_only=True, eq=False)
class PeerProfile(Serializable):
    """One trunk or gateway.

    trusted: it belongs to our trust domain (RFC 3325). caller_is_asserted: its callers are known by
    P-Asserted-Identity. timer: None never to ask whether it is still there. reliable:
    provisional responses may be acknowledged (RFC 3262). transfer: who of its calls may transfer
    them: the `callee`, `both` or `none`. passed: headers beside the usual ones that pass from it
    and to it, each the key that it is read by, and its name. removed: keys of those that do not.
    rows: header rows that we add to what goes to it, each with its CRLF.
    """

    trusted: bool = False
    caller_is_asserted: bool = False
    timer: SessionRule | None = None
    reliable: bool = True
    transfer: str = "callee"
    passed: tuple[tuple[str, str], ...] = ()
    removed: frozenset[str] = frozenset()
    rows: str = ""


TIMED: Final = SessionRule(1800, 90, 300)
USUAL: Final = PeerProfile(timer=TIMED)
UNTIMED: Final = PeerProfile()
"""A worker of ours: others see whether it is there."""
