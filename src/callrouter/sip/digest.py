"""Digest authentication: challenges, credentials and the hash over them (RFC 7616, RFC 8760).

SHA-256 and MD5, with qop=auth, or without qop as RFC 2069 had it. Quoted values are taken and
hashed as they were sent, escapes and all, so both sides hash the same whatever they think of
escapes.
"""

import hashlib
import re
from hmac import compare_digest
from typing import Final

from callrouter.errors import ParseError
from callrouter.sip.grammar import NAME
from callrouter.sip.uri import equivalent, parse_uri

ALGORITHMS: Final = ("SHA-256", "MD5")
"""In the order they are offered and chosen (RFC 8760 section 2.4)."""

_LONGEST: Final = 2048
_MOST_PARAMETERS: Final = 24
_SCHEME: Final = re.compile(r"digest[ \t]+", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    rf"[ \t]*({NAME})[ \t]*=[ \t]*"
    r'(?:"((?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*)"|'
    rf"({NAME}))[ \t]*(?:,|\Z)"
)
ONLY: Final = 0xFFFFFFFF
"""The highest nc there is."""
_NEEDED: Final = ("username", "realm", "nonce", "uri", "response")
_WITH_QOP: Final = (*_NEEDED, "cnonce", "nc", "qop")
_COUNT: Final = re.compile(r"[0-9A-Fa-f]{8}\Z")


class Challenge:
    """A server's digest challenge. algorithm: one of ALGORITHMS. qop: it wants qop=auth.

    opaque: None when there was none. stale: only the nonce was too old.
    """

    __slots__ = ("algorithm", "nonce", "opaque", "qop", "realm", "stale")

    def __init__(
        self, realm: str, nonce: str, algorithm: str, opaque: str | None, stale: bool, qop: bool
    ) -> None:
        self.realm = realm
        self.nonce = nonce
        self.algorithm = algorithm
        self.opaque = opaque
        self.stale = stale
        self.qop = qop


class Credentials:
    """A client's answer to a challenge of ours. count: its nc. uri: what it says it asks for.

    qop: they have qop=auth. Without, there is no nc that would tell a second use of the nonce from
    a replay: the count is `ONLY` then, with which a nonce is used up.
    """

    __slots__ = ("algorithm", "cnonce", "count", "nonce", "qop", "realm", "response", "uri", "user")

    def __init__(
        self,
        user: str,
        realm: str,
        nonce: str,
        uri: str,
        response: str,
        algorithm: str,
        cnonce: str,
        count: int,
        qop: bool = True,
    ) -> None:
        self.qop = qop
        self.user = user
        self.realm = realm
        self.nonce = nonce
        self.uri = uri
        self.response = response
        self.algorithm = algorithm
        self.cnonce = cnonce
        self.count = count

    def proves(self, password: str, method: str) -> bool:
        """Say whether who wrote them knows the password."""
        proof = digest(self.algorithm, self.user, self.realm, password, method, self.uri)
        right = proof.response(self.nonce, f"{self.count:08x}" if self.qop else "", self.cnonce)
        return compare_digest(right.encode(), self.response.encode("utf-8", "replace"))

    def is_about(self, asked: str, ours: tuple[str, ...]) -> bool:
        """Say whether their `uri` means what the Request-URI does (RFC 7616 section 3.4.6).

        ours: more names of the server, in lower case. A proxy on the way may have put another name
        of ours there (RFC 3261 section 22.4), and parameters; never another user. A `uri` without
        a user is what some sign for all that they ask of a server.
        """
        said = self.uri
        if said == asked:
            return True
        try:
            one, other = parse_uri(said), parse_uri(asked)
        except ParseError:
            return False
        if "tel" in {one.scheme, other.scheme}:
            return equivalent(one, other)
        host = one.host.lower()
        return (
            one.scheme == other.scheme
            and (not one.user or one.decoded_user() == other.decoded_user())
            and (host == other.host.lower() or host in ours)
            and (one.port == other.port or not (one.port and other.port))
        )


class Proof:
    """The hashes of A1 and A2, the same for every nonce: of who it is, and of what is asked."""

    __slots__ = ("_algorithm", "_asked", "_who")

    def __init__(self, algorithm: str, who: str, asked: str) -> None:
        self._algorithm = algorithm
        self._who = who
        self._asked = asked

    def response(self, nonce: str, count: str, cnonce: str) -> str:
        """The response (RFC 7616 section 3.4.1); count "": without qop, as RFC 2069 had it."""
        middle = f"{nonce}:{count}:{cnonce}:auth" if count else nonce
        return _hash(self._algorithm, f"{self._who}:{middle}:{self._asked}")


def digest(algorithm: str, user: str, realm: str, password: str, method: str, uri: str) -> Proof:
    """Hash what does not depend on the nonce."""
    who = _hash(algorithm, f"{user}:{realm}:{password}")
    return Proof(algorithm, who, _hash(algorithm, f"{method}:{uri}"))


def _hash(algorithm: str, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if algorithm == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    return hashlib.sha256(data).hexdigest()


def parse_challenge(text: str) -> Challenge | None:
    """Read one WWW-Authenticate or Proxy-Authenticate row; None for one we cannot answer.

    Raises ParseError for what no Digest challenge can be.
    """
    values = _parameters(text)
    if values is None:
        return None
    algorithm = _algorithm(values)
    qop = values.get("qop")
    offered = () if qop is None else [word.strip(" \t").lower() for word in qop.split(",")]
    if not algorithm or (offered and "auth" not in offered):
        return None
    for name in ("realm", "nonce"):
        if not values.get(name):
            raise ParseError(f"a challenge without {name}")
    return Challenge(
        values["realm"],
        values["nonce"],
        algorithm,
        values.get("opaque"),
        values.get("stale", "").lower() == "true",
        bool(offered),
    )


def parse_credentials(text: str) -> Credentials | None:
    """Read one Authorization row; None when it is of another scheme or algorithm (section 22.4).

    Raises ParseError for Digest credentials that cannot answer a challenge of ours, with its
    qop=auth or, as RFC 2069 had it, without.
    """
    values = _parameters(text)
    if values is None:
        return None
    algorithm = _algorithm(values)
    if not algorithm:
        return None
    qop = "qop" in values
    if not all(values.get(name) for name in (_WITH_QOP if qop else _NEEDED)):
        raise ParseError("credentials without all that answers a challenge")
    if qop and (values["qop"].lower() != "auth" or not _COUNT.match(values["nc"])):
        raise ParseError("credentials whose qop or nc is none")
    return Credentials(
        user=values["username"],
        realm=values["realm"],
        nonce=values["nonce"],
        uri=values["uri"],
        response=values["response"].lower(),
        algorithm=algorithm,
        cnonce=values["cnonce"] if qop else "",
        count=int(values["nc"], 16) if qop else ONLY,
        qop=qop,
    )


def _algorithm(values: dict[str, str]) -> str:
    """One of ALGORITHMS, "" for another one. Without a word it is MD5 (RFC 7616 section 3.3)."""
    found = values.get("algorithm", "MD5").upper()
    return found if found in ALGORITHMS else ""


def _parameters(text: str) -> dict[str, str] | None:
    """The parameters by name in lower case; None for another scheme. Raises ParseError."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        return None
    if len(text) > _LONGEST:
        raise ParseError("digest parameters longer than any")
    values: dict[str, str] = {}
    position = scheme.end()
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise ParseError(f"not a digest parameter: {text[position : position + 20]!r}")
        name = match[1].lower()
        if name in values or len(values) >= _MOST_PARAMETERS:
            raise ParseError("digest parameters twice, or too many")
        values[name] = match[3] if match[2] is None else match[2]
        position = match.end()
    return values


def challenge_rows(
    realm: str, nonce: str, algorithms: tuple[str, ...] = ALGORITHMS, *, stale: bool
) -> str:
    """The WWW-Authenticate rows of a 401: one for each algorithm, in this order."""
    old = ", stale=true" if stale else ""
    return "".join(
        f'WWW-Authenticate: Digest realm="{realm}", nonce="{nonce}", qop="auth", '
        f"algorithm={algorithm}{old}\r\n"
        for algorithm in algorithms
    )


def credentials_value(
    challenge: Challenge, user: str, password: str, method: str, uri: str, cnonce: str, count: int
) -> str:
    """The value of an Authorization or Proxy-Authorization row. count: from 1 for each nonce."""
    proof = digest(challenge.algorithm, user, challenge.realm, password, method, uri)
    number = f"{count:08x}" if challenge.qop else ""
    value = (
        f'Digest username="{user}", realm="{challenge.realm}", nonce="{challenge.nonce}", '
        f'uri="{uri}", response="{proof.response(challenge.nonce, number, cnonce)}", '
        f"algorithm={challenge.algorithm}"
    )
    if challenge.opaque is not None:
        value += f', opaque="{challenge.opaque}"'
    return f'{value}, cnonce="{cnonce}", qop=auth, nc={number}' if number else value
