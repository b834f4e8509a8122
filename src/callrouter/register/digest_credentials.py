"""Digest credentials for the challenges of a target with a login (RFC 3261 section 22.2, RFC 7616).

Rules. Only the target that the login was written for is ever answered, and only for its realm: a
target that passes on another's challenge would have us prove our password to a stranger
(CVE-2021-41158). A request is sent again once for a challenge, and once more when only its nonce
was too old; whoever challenges on gets its refusal counted as any other. Later requests of the
dialog carry the credentials unasked, with the next nc.
"""

from typing import Final

from callrouter.errors import ParseError
from callrouter.route.rules.digest_accounts import Login
from callrouter.sip.digest import ALGORITHMS, Challenge, credentials_value, parse_challenge
from callrouter.sip.message import Response

CHALLENGES: Final = frozenset((401, 407))
_MOST_CHALLENGES: Final = 8
"""In one response; there is one for each algorithm as a rule."""


class DigestCredentials:
    """The credentials of one dialog, or one registration, for its target's challenges."""

    __slots__ = ("_challenge", "_cnonce", "_count", "_header", "_login", "_realm")

    def __init__(self, login: Login, cnonce: str) -> None:
        """cnonce: any token of ours; it need not change from request to request."""
        self._login = login
        self._realm = login.realm
        self._cnonce = cnonce
        self._count = 0
        self._header = ""
        self._challenge: Challenge | None = None

    def take(self, response: Response, tries: int) -> bool:
        """Take a 401 or 407 to a request of ours; say whether it is to be sent again.

        tries: how often this request was sent again already.
        """
        proxy = response.status == 407
        rows = response.rows("proxy-authenticate" if proxy else "www-authenticate")
        found = self._best(rows[:_MOST_CHALLENGES])
        if found is None or tries > (1 if found.stale else 0):
            return False
        # Without a realm of its own the login is for the one this target named first.
        self._realm = found.realm
        self._challenge = found
        self._count = 0
        self._header = "Proxy-Authorization" if proxy else "Authorization"
        return True

    def row(self, method: str, uri: str) -> str:
        """The header row for a request, with its CRLF; "" before the first challenge."""
        challenge = self._challenge
        if challenge is None:
            return ""
        self._count += 1
        login = self._login
        value = credentials_value(
            challenge,
            user=login.user,
            password=login.password,
            method=method,
            uri=uri,
            cnonce=self._cnonce,
            count=self._count,
        )
        return f"{self._header}: {value}\r\n"

    def _best(self, rows: list[str]) -> Challenge | None:
        best: Challenge | None = None
        for text in rows:
            try:
                found = parse_challenge(text)
            except ParseError:
                continue
            if found is None or (self._realm and found.realm != self._realm):
                continue
            if best is None or _rank(found) < _rank(best):
                best = found
        return best


def _rank(challenge: Challenge) -> int:
    return ALGORITHMS.index(challenge.algorithm)
