"""Digest authentication of inbound requests (RFC 3261 section 22, RFC 7616).

Rules. A challenge is answered without any state, so a stranger costs none. ACK and CANCEL never
come here, and requests inside a call are known by its tags. Only a wrong answer to a challenge that
this very address was given counts against it: nobody can have another's address shut out by
sending in its name. Whether the user exists or the password is wrong, the answer is the same.
A trunk that its address or its certificate names is asked for its own password alone, and never
shut out: guessing at telephones' passwords from behind its address must not end a carrier's calls.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from callrouter.call.admission.login_throttle import Failures
from callrouter.errors import ParseError, SipError, StrangerError
from callrouter.metric import Rows, counter
from callrouter.route.rules.digest_accounts import Access, Login
from callrouter.route.rules.number_rules import Trunk
from callrouter.sip.digest import Credentials, challenge_rows, parse_credentials
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.nonces import FORGED, GOOD, Nonces
from callrouter.sip.render import refusal_size
from callrouter.sip.uas import RefusedError, inspect_register
from callrouter.sip.uri import parse_uri

_MOST_CREDENTIALS: Final = 4
_WITHOUT_QOP: Final = "a right password without qop: 'without_qop: true' at its account takes it"
_OTHER_URI: Final = "credentials whose uri is not the Request-URI: answered 400"


class RegisterHandler(Protocol):
    """The registrar, which keeps where telephones are."""

    def register(self, request: Request, flow: Flow, login: Login, now: float) -> None:
        """Answer a REGISTER of who has proven this login, at a steady time. Raises SipError."""


class Told(Protocol):
    """A record of the gateways that were told our Contacts."""

    def gateway_of(self, contact: str) -> str:
        """The gateway that was told this user of a Contact of ours, "" for none."""


class Guarded(Protocol):
    """The dialplan, as far as the door is concerned."""

    @property
    def access(self) -> Access:
        """Its accounts."""

    @property
    def trunks(self) -> Mapping[str, Trunk]:
        """Its trunks by name."""


class Door:
    """The authenticator, which lets in who proves who it is.

    challenged, failed, dropped: counts of requests.
    without_qop: those with a right password that had no qop, where none may lack it. other_uri:
    those that were signed for another Request-URI. blame: told the address of each wrong password.
    remark: told what is odd about a right one, the address and the user.
    """

    __slots__ = (
        "_failures",
        "_nonces",
        "_registrar",
        "_told",
        "blame",
        "challenged",
        "dropped",
        "failed",
        "other_uri",
        "remark",
        "without_qop",
    )

    def __init__(
        self, secret: bytes, token: Callable[[], str], registrar: RegisterHandler, told: Told
    ) -> None:
        """secret: of this process alone, 16 bytes or more, random."""
        self._told = told
        self._nonces = Nonces(secret, token)
        self._failures = Failures()
        self._registrar = registrar
        self.challenged = 0
        self.failed = 0
        self.dropped = 0
        self.without_qop = 0
        self.other_uri = 0
        self.remark: Callable[[str, str, str], None] = lambda _what, _source, _user: None
        self.blame: Callable[[str], None] = lambda _source: None

    def told(self, contact: str) -> bool:
        """Say whether this is the user of a Contact that we registered with a gateway."""
        return bool(self._told.gateway_of(contact))

    def enter(
        self,
        request: Request,
        flow: Flow,
        trunk: Trunk | None,
        dialplan: Guarded,
        now: float,
        at: float,
    ) -> Trunk | None:
        """Find out by whom a request comes.

        trunk: that of its address. now: monotonic. at: steady. Returns the trunk, or None
        when there is nothing more to do. Raises SipError 403, RefusedError 401 with a challenge,
        400 for a REGISTER that says nothing, and for credentials of another Request-URI.
        Only for a dialplan that lets somebody come from anywhere, or when there is a trunk.
        """
        access = dialplan.access
        registers = request.method == "REGISTER"
        itself = trunk is not None and not (registers and access.phones)
        if trunk is not None and itself and trunk.guarded:
            login = access.logins.trunks.get(trunk.name)
            logins: Mapping[str, Login] = {} if login is None else {login.user: login}
            realm = access.trunks[trunk.name].realm
        elif not itself:
            if access.registered and not registers:
                gateway = self._told.gateway_of(parse_uri(request.uri).user)
                if gateway in access.registered:
                    return dialplan.trunks[access.registered[gateway]]
            # Whom no password would let in is not asked for one.
            welcome = access.roaming or (access.phones if registers else access.phones_trunk)
            if not welcome or (trunk is None and not access.admits(flow.remote_host)):
                raise StrangerError
            logins = access.logins.anywhere
            realm = access.realm
        else:
            return trunk
        if not itself and self._failures.shut(flow.remote_host, now):
            self.dropped += 1
            return None
        if registers:
            inspect_register(request)
        asked = _Asked(realm, access.algorithms, logins, counts=not itself)
        found = self._prove(request, flow, asked, now, known=trunk is not None)
        if found.trunk:
            return dialplan.trunks[found.trunk]
        return self._telephone(request, flow, found, dialplan, at)

    def _telephone(
        self, request: Request, flow: Flow, found: Login, dialplan: Guarded, at: float
    ) -> Trunk | None:
        """Take a telephone's REGISTER, or find the trunk that it calls by. Raises SipError 403."""
        access = dialplan.access
        if not access.lets(found.extension, flow.remote_host):
            raise SipError("no place for this telephone", 403)
        if request.method == "REGISTER":
            self._registrar.register(request, flow, found, at)
            return None
        if not access.phones_trunk:
            raise SipError("telephones may not call", 403)
        if parse_uri(request.from_().uri).decoded_user() not in {found.user, found.extension}:
            raise SipError("a telephone calls in another's name", 403)
        return dialplan.trunks[access.phones_trunk]

    def _prove(
        self, request: Request, flow: Flow, asked: "_Asked", now: float, *, known: bool
    ) -> Login:
        source = flow.remote_host
        credentials = asked.given(request)
        stale = False
        if credentials is not None:
            judged = self._nonces.judge(credentials.nonce, credentials.count, source, now)
            stale = judged != GOOD
            if judged != FORGED:
                login = asked.logins.get(credentials.user)
                password = "" if login is None else login.password
                right = credentials.proves(password, request.method)
                if login is None or not right:
                    self.failed += 1
                    if asked.counts:
                        self._failures.failed(source, now)
                        self.blame(source)
                    stale = False
                elif not credentials.qop and not login.without_qop:
                    self.without_qop += 1
                    self.remark(_WITHOUT_QOP, source, login.user)
                    stale = False  # another nonce would not help
                elif not stale:
                    self._nonces.use(credentials.nonce, credentials.count)
                    self._check_uri(credentials, request, flow, asked.realm)
                    return login
        self.challenged += 1
        nonce = self._nonces.make(source, now)
        rows = challenge_rows(asked.realm, nonce, asked.algorithms, stale=stale)
        if not known and refusal_size(request, flow, 401) + len(rows) > request.size:
            # To an unknown address no more is sent than came from there. What every telephone
            # knows comes last, where it is known at all: MD5.
            least = ("MD5",) if "MD5" in asked.algorithms else asked.algorithms
            rows = challenge_rows(asked.realm, nonce, least, stale=stale)
        raise RefusedError("a password is needed", 401, rows)

    def _check_uri(
        self, credentials: Credentials, request: Request, flow: Flow, realm: str
    ) -> None:
        """Refuse what was signed for something else: who is on the way may have changed it."""
        ours = (flow.local_host.lower(), realm.lower())
        if not credentials.is_about(request.uri, ours):
            self.other_uri += 1
            self.remark(_OTHER_URI, flow.remote_host, credentials.user)
            raise SipError("credentials of another Request-URI", 400)


class _Asked:
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


METRICS: Final[Rows[Door]] = (
    counter(
        "callrouter_auth_challenged",
        "Each request that was asked for a password counts one; most devices are asked once for "
        "each of their requests.",
        lambda it: it.challenged,
    ),
    counter(
        "callrouter_auth_failed",
        "Each request with a wrong user or password counts one: somebody guesses, or a device "
        "is set up wrongly.",
        lambda it: it.failed,
    ),
    counter(
        "callrouter_auth_dropped",
        "Each request dropped because its address had given too many wrong passwords counts "
        "one; a device of yours is shut out for a while too.",
        lambda it: it.dropped,
    ),
    counter(
        "callrouter_auth_without_qop",
        "Each request with a right password and no qop counts one where its account does not "
        "take that; see the key without_qop of accounts.",
        lambda it: it.without_qop,
    ),
    counter(
        "callrouter_auth_other_uri",
        "Each request answered 400 because its credentials were for another Request-URI counts "
        "one; something on the way rewrites requests.",
        lambda it: it.other_uri,
    ),
)
