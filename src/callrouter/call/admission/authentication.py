"""Digest authentication of inbound requests (RFC 3261 section 22, RFC 7616).

Rules. A challenge is answered without any state, so a stranger costs none. ACK and CANCEL never
come here, and requests inside a call are known by its tags. Only a wrong answer to a challenge that
this very address was given counts against it: nobody can have another's address shut out by
sending in its name. Whether the user exists or the password is wrong, the answer is the same.
A trunk that its address or its certificate names is asked for its own password alone, and never
shut out: guessing at telephones' passwords from behind its address must not end a carrier's calls.
Telephones that are bound to an address of a trunk are asked for theirs when they call from there.
"""

from collections.abc import Callable
from typing import Final, Protocol

from callrouter.call.admission.login_throttle import SHUT, LoginThrottle
from callrouter.call.admission.protection_space import (
    PROVEN,
    STALE,
    UNPROVEN,
    WITHOUT_QOP,
    WRONG,
    Guarded,
    ProtectionSpace,
    RequestOrigin,
    asked_of,
    judge,
)
from callrouter.errors import SipError, StrangerError
from callrouter.metric import Rows, counter
from callrouter.route.rules.digest_accounts import Login
from callrouter.route.rules.number_rules import Trunk
from callrouter.sip.digest import Credentials, challenge_rows
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.nonces import Nonces
from callrouter.sip.render import refusal_size
from callrouter.sip.uas import RefusedError, inspect_register
from callrouter.sip.uri import parse_uri

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


class DigestAuthentication:
    """The authenticator, which lets in who proves who it is.

    challenged, failed, dropped: counts of requests.
    without_qop: those with a right password that had no qop, where none may lack it. other_uri:
    those that were signed for another Request-URI. blame: told the address of each wrong password.
    remark: told what is odd about a right one, the address and the user. throttle: who is not heard
    for them. throttled: told the address when that begins, and for how many seconds it is.
    """

    __slots__ = (
        "_nonces",
        "_registrar",
        "_told",
        "blame",
        "challenged",
        "dropped",
        "failed",
        "other_uri",
        "remark",
        "throttle",
        "throttled",
        "without_qop",
    )

    def __init__(
        self, secret: bytes, token: Callable[[], str], registrar: RegisterHandler, told: Told
    ) -> None:
        """secret: of this process alone, 16 bytes or more, random."""
        self._told = told
        self._nonces = Nonces(secret, token)
        self.throttle = LoginThrottle()
        self._registrar = registrar
        self.challenged = 0
        self.failed = 0
        self.dropped = 0
        self.without_qop = 0
        self.other_uri = 0
        self.remark: Callable[[str, str, str], None] = lambda _what, _source, _user: None
        self.blame: Callable[[str], None] = lambda _source: None
        self.throttled: Callable[[str, float], None] = lambda _source, _seconds: None

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
    ) -> RequestOrigin | None:
        """Find out by whom a request comes.

        trunk: that of its address. now: monotonic. at: steady. Returns None
        when there is nothing more to do. Raises SipError 403, RefusedError 401 with a challenge,
        400 for a REGISTER that says nothing, and for credentials of another Request-URI.
        Only for a dialplan that lets somebody come from anywhere, or when there is a trunk.
        """
        registers = request.method == "REGISTER"
        known = trunk is not None
        if trunk is not None and trunk.houses and request.method == "INVITE":
            user = parse_uri(request.from_().uri).decoded_user()
            if dialplan.access.calls_at(user, flow.remote_host):
                trunk = None
        gateway = ""
        if trunk is None and dialplan.access.registered and not registers:
            gateway = self._told.gateway_of(parse_uri(request.uri).user)
        asked = asked_of(
            trunk, registers=registers, gateway=gateway, source=flow.remote_host, dialplan=dialplan
        )
        if asked is None:
            raise StrangerError
        if isinstance(asked, Trunk):
            return RequestOrigin(asked)
        if asked.counts and self._shut(request, flow, now):
            self.dropped += 1
            return None
        if registers:
            inspect_register(request)
        found = self._prove(request, flow, asked, now, known=known)
        if found.trunk:
            return RequestOrigin(dialplan.trunks[found.trunk])
        return self._telephone(request, flow, found, dialplan, at)

    def remember(self, flow: tuple[str, int], users: tuple[str, ...], now: float) -> None:
        """Know who has proven itself, by an address and a port, at a monotonic time."""
        self.throttle.proven(flow[0], (flow[1], *users), now)

    def _shut(self, request: Request, flow: Flow, now: float) -> bool:
        """Say whether a request is not heard for wrong passwords of others at its address."""
        source, throttle = flow.remote_host, self.throttle
        if not throttle.shut(source, now) or throttle.excepts(source, flow.remote_port, now):
            return False
        try:
            user = parse_uri(request.from_().uri).decoded_user()
        except SipError:
            return True  # who says nobody's name has proven nothing
        return not throttle.excepts(source, user, now)

    def _telephone(
        self, request: Request, flow: Flow, found: Login, dialplan: Guarded, at: float
    ) -> RequestOrigin | None:
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
        return RequestOrigin(dialplan.trunks[access.phones_trunk], found.extension)

    def _prove(
        self, request: Request, flow: Flow, asked: ProtectionSpace, now: float, *, known: bool
    ) -> Login:
        """Return the login that a request proves. Raises RefusedError 401, SipError 400."""
        source = flow.remote_host
        credentials = asked.given(request)
        verdict = UNPROVEN
        if credentials is not None:
            nonce = self._nonces.judge(credentials.nonce, credentials.count, source, now)
            login = asked.logins.get(credentials.user)
            verdict = judge(credentials, nonce, login, request.method)
            if verdict == WRONG:
                self.failed += 1
                if asked.counts:
                    self.blame(source)
                    if self.throttle.failed(source, flow.remote_port, credentials.user, now):
                        self.throttled(source, SHUT)
            elif verdict == WITHOUT_QOP:
                self.without_qop += 1
                self.remark(_WITHOUT_QOP, source, credentials.user)
            elif verdict == PROVEN and login is not None:
                self._nonces.use(credentials.nonce, credentials.count)
                self._check_uri(credentials, request, flow, asked.realm)
                if asked.counts:
                    self.remember((source, flow.remote_port), (login.user, login.extension), now)
                return login
        self.challenged += 1
        nonce_value = self._nonces.make(source, now)
        stale = verdict == STALE
        rows = challenge_rows(asked.realm, nonce_value, asked.algorithms, stale=stale)
        if not known and refusal_size(request, flow, 401) + len(rows) > request.size:
            # To an unknown address no more is sent than came from there. What every telephone
            # knows comes last, where it is known at all: MD5.
            least = ("MD5",) if "MD5" in asked.algorithms else asked.algorithms
            rows = challenge_rows(asked.realm, nonce_value, least, stale=stale)
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


METRICS: Final[Rows[DigestAuthentication]] = (
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
        "one; a device of yours that was not let in there before is shut out for a while too.",
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
