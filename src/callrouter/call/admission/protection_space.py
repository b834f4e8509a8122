"""Protection spaces: what a request has to prove, and what its credentials prove (RFC 7235).

Theory. Both are decided by values alone. Who comes from an address of a trunk without `auth` proves
nothing; a trunk with it is asked for its own password; everybody else for that of a telephone or
of a trunk without addresses. But a call to a Contact that we registered comes from its gateway.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from callrouter.errors import ParseError
from callrouter.route.rules.digest_accounts import Access, Login
from callrouter.route.rules.number_rules import Trunk
from callrouter.sip.digest import Credentials, parse_credentials
from callrouter.sip.message import Request
from callrouter.sip.nonces import FORGED, GOOD

# What credentials prove.
PROVEN: Final = 0
UNPROVEN: Final = 1  # nothing
STALE: Final = 2  # the password, but the nonce is old or forged: it is asked for by another one
WRONG: Final = 3  # there is no such user, or that is not the password
WITHOUT_QOP: Final = 4  # the password, by a form that its account does not take

_MOST_CREDENTIALS: Final = 4


class Guarded(Protocol):
    """The dialplan, as far as authentication is concerned."""

    @property
    def access(self) -> Access:
        """Its accounts."""

    @property
    def trunks(self) -> Mapping[str, Trunk]:
        """Its trunks by name."""


class RequestOrigin(NamedTuple):
    """By whom a request comes. extension: whose telephone it is, "" for no telephone of ours."""

    trunk: Trunk
    extension: str = ""


class ProtectionSpace:
    """What is asked of who comes: one of these logins, proven by one of these algorithms.

    counts: a wrong answer counts against its address.
    """

    __slots__ = ("algorithms", "counts", "logins", "realm")

    def __init__(
        self,
        realm: str,
        algorithms: tuple[str, ...],
        logins: Mapping[str, Login],
        *,
        counts: bool,
    ) -> None:
        self.counts = counts
        self.realm = realm
        self.algorithms = algorithms
        self.logins = logins

    def given(self, request: Request) -> Credentials | None:
        """The credentials for it. What is no credentials counts as none (section 22.4)."""
        for row in request.rows("authorization")[:_MOST_CREDENTIALS]:
            try:
                found = parse_credentials(row)
            except ParseError:
                continue
            if found is None or found.realm != self.realm:
                continue
            if found.algorithm in self.algorithms:
                return found
        return None


def asked_of(
    trunk: Trunk | None, *, registers: bool, gateway: str, source: str, dialplan: Guarded
) -> ProtectionSpace | Trunk | None:
    """What a request has to prove; the trunk that it comes by when that is nothing.

    trunk: that of its address, None for none. gateway: which was told the Contact that it asks for.
    source: IP address. None for a stranger, whom no password would let in.
    """
    access = dialplan.access
    if trunk is not None and not (registers and access.phones):
        if not trunk.guarded:
            return trunk
        login = access.logins.trunks.get(trunk.name)
        logins = {} if login is None else {login.user: login}
        realm = access.trunks[trunk.name].realm
        return ProtectionSpace(realm, access.algorithms, logins, counts=False)
    if gateway and not registers and gateway in access.registered:
        return dialplan.trunks[access.registered[gateway]]
    welcome = access.roaming or (access.phones if registers else access.phones_trunk)
    if not welcome or (trunk is None and not access.admits(source)):
        return None
    return ProtectionSpace(access.realm, access.algorithms, access.logins.anywhere, counts=True)


def judge(credentials: Credentials, nonce: int, login: Login | None, method: str) -> int:
    """What credentials prove. nonce: as `Nonces.judge` has it. login: of their user, or None."""
    if nonce == FORGED:
        return STALE
    # As long for a user that there is not: nobody learns by the time who there is.
    right = credentials.proves("" if login is None else login.password, method)
    if login is None or not right:
        return WRONG
    if not credentials.qop and not login.without_qop:
        return WITHOUT_QOP  # another nonce would not help
    return PROVEN if nonce == GOOD else STALE
