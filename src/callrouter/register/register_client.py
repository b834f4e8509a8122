"""Our registration with one gateway: a REGISTER, again before it expires (section 10.2).

Theory. One request is under way at a time, or one timer waits for the next. Every end of a request
sets that timer: at four fifths of what was granted, or by the back-off. So nothing here can stop,
but by `stop`.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from callrouter.errors import ParseError, SipError
from callrouter.register.digest_credentials import CHALLENGES, DigestCredentials
from callrouter.route.rules.digest_accounts import Login
from callrouter.route.values.gateway_candidates import Gateway
from callrouter.sip.flow import Flow
from callrouter.sip.headers import parse_address, parse_params, split_values
from callrouter.sip.message import Response
from callrouter.sip.render import render_request
from callrouter.sip.stack import Stack
from callrouter.sip.timers import Timer
from callrouter.sip.uri import parse_uri, usual_port

SHORTEST_WAIT: Final = 30.0
LONGEST_WAIT: Final = 1800.0
_LONGEST_EXPIRES: Final = 86400
_REFRESH: Final = 0.8
_TRYING: Final = "trying"
REGISTERED: Final = "registered"
FAILED: Final = "failed"
_STOPPED: Final = "stopped"


class Spot(NamedTuple):
    """The next hop of a REGISTER. host: an IP address. transport: "UDP", "TCP" or "TLS"."""

    transport: str
    host: str
    port: int
    tls_name: str = ""


class CarrierAccount(NamedTuple):
    """An account with a carrier: what is registered where.

    user, domain: of the address of record. uri: the Request-URI. contact: user of our Contact.
    seconds: for how long. peer: the gateway as it is reached. hosts: the only hosts followed to on
    a 3xx.
    """

    gateway: str
    user: str
    domain: str
    uri: str
    contact: str
    seconds: int
    peer: Gateway
    hosts: frozenset[str] = frozenset()


class Registration:
    """Our registration with one gateway.

    state: trying, registered, failed or stopped. why: of its last end, in words.
    until: when it expires, monotonic, 0.0 while there is none.
    """

    __slots__ = (
        "_call_id",
        "_chance",
        "_credentials",
        "_cseq",
        "_find",
        "_flow",
        "_login",
        "_moved_to",
        "_seconds",
        "_stack",
        "_tag",
        "_timer",
        "_tries",
        "_tx",
        "_wait",
        "account",
        "state",
        "until",
        "why",
    )

    def __init__(
        self,
        stack: Stack,
        account: CarrierAccount,
        find: Callable[[], Spot | None],
        login: Login | None,
        chance: Callable[[], float],
    ) -> None:
        """Begin. find: says where the gateway is now, None while nobody knows.

        login: answers its challenges. chance: from 0 to 1, each time another.
        """
        self.account = account
        self.state = _TRYING
        self.why = ""
        self.until = 0.0
        self._stack = stack
        self._login = login
        self._chance = chance
        self._credentials = None if login is None else DigestCredentials(login, stack.token())
        self._call_id = stack.token()
        self._tag = stack.token()
        self._cseq = 0
        self._seconds = account.seconds
        self._find = find
        self._moved_to: Spot | None = None
        self._flow: Flow | None = None
        self._tries = 0
        self._wait = SHORTEST_WAIT
        self._tx: object = None
        self._timer: Timer | None = stack.timers.start(stack.now, self._begin)

    @property
    def login(self) -> Login | None:
        """What it proves itself with."""
        return self._login

    @property
    def left(self) -> float:
        """Seconds for which it still holds."""
        return max(self.until - self._stack.now, 0.0)

    @property
    def standing(self) -> str:
        """The state of this moment: one that has expired is registered no more."""
        return FAILED if self.state == REGISTERED and not self.left else self.state

    def stop(self) -> None:
        """Take the registration back, if there is one; its answer changes nothing."""
        held = self.until > self._stack.now
        self._rest(None)
        self.state = _STOPPED
        self._tx = None
        self.until = 0.0
        if held:
            try:
                self._send(0)
            except SipError:
                return

    def on_response(self, tx: object, response: Response) -> None:
        """What the gateway says."""
        status = response.status
        if tx is not self._tx or status < 200:
            return
        if status < 300:
            self._granted(response)
        elif self._goes_on(status, response):
            self._try()
        else:
            self._failed(f"answered {status}", _retry_after(response))

    def on_failure(self, tx: object, status: int) -> None:
        """Nothing came, or nothing could be sent."""
        if tx is self._tx:
            self._failed("not answered" if status == 408 else "cannot be sent", 0.0)

    def _begin(self, _now: float) -> None:
        self._timer = None
        self._tries = 0
        self._try()

    def _try(self) -> None:
        try:
            self._send(self._seconds)
        except SipError as error:
            self._failed(str(error), 0.0)

    def _send(self, seconds: int) -> None:
        """Send a REGISTER. Raises SipError when there is no way."""
        account, stack = self.account, self._stack
        flow = self._flow
        if flow is None or not flow.open:
            spot = self._moved_to or self._find()
            if spot is None:
                raise SipError("its name is not known to DNS", 503)
            flow = stack.connect(spot.transport, spot.host, spot.port, spot.tls_name)
            self._flow = flow
        self._cseq += 1
        address = f"<sip:{account.user}@{account.domain}>"
        proof = ""
        if self._credentials is not None:
            proof = self._credentials.row("REGISTER", account.uri)
        branch = stack.branch()
        head = (
            f"Max-Forwards: 70\r\nFrom: {address};tag={self._tag}\r\nTo: {address}\r\n"
            f"Call-ID: {self._call_id}\r\nCSeq: {self._cseq} REGISTER\r\n"
            f"Contact: {self._contact(flow)}\r\nExpires: {seconds}\r\n{proof}"
        )
        data = render_request("REGISTER", account.uri, flow, branch, head, b"")
        self._tx = stack.request(flow, branch, data, None if self.state == _STOPPED else self)

    def _contact(self, flow: Flow) -> str:
        return flow.contact.replace("<sip:", f"<sip:{self.account.contact}@", 1)

    def _goes_on(self, status: int, response: Response) -> bool:
        """Say whether what was answered only asks for another request, at once."""
        if status in CHALLENGES:
            return self._proves(response)
        if status == 423:
            return self._longer(response)
        return status < 400 and self._moved(response)

    def _proves(self, response: Response) -> bool:
        if self._credentials is None or not self._credentials.take(response, self._tries):
            return False
        self._tries += 1
        return True

    def _longer(self, response: Response) -> bool:
        """Ask for as long as the gateway wants at least, once (section 10.2.8)."""
        text = response.get("min-expires").strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 7):
            return False
        longer = int(text)
        if not self._seconds < longer <= _LONGEST_EXPIRES:
            return False
        self._seconds = longer
        return True

    def _moved(self, response: Response) -> bool:
        """Go to another of the dialplan's gateways, once for each try (section 8.1.3.4)."""
        before = self._find()
        if self._moved_to is not None or before is None:
            return False
        try:
            contacts = split_values(response.rows("contact"))
            uri = parse_uri(parse_address(contacts[0]).uri) if contacts else None
        except ParseError:
            return False
        if uri is None or uri.host not in self.account.hosts:
            return False
        transport = uri.transport or before.transport
        if before.transport == "TLS" or transport not in {"UDP", "TCP"}:
            return False  # whom its certificate would have to name is not known
        self._moved_to = Spot(transport, uri.host, uri.port or usual_port(transport))
        self._flow = None
        return True

    def _granted(self, response: Response) -> None:
        now = self._stack.now
        seconds = self._seconds_of(response)
        if seconds <= 0:
            self._failed("not granted", 0.0)
            return
        self.state = REGISTERED
        self.why = ""
        self.until = now + seconds
        self._wait = SHORTEST_WAIT
        self._rest(now + seconds * _REFRESH * (0.9 + 0.1 * self._chance()))

    def _seconds_of(self, response: Response) -> int:
        """For how long our contact was granted: as its row says, else Expires, else as asked."""
        for text in split_values(response.rows("contact")):
            try:
                address = parse_address(text)
                found = parse_uri(address.uri).user == self.account.contact
                written = parse_params(address.params).get("expires", "") if found else ""
            except ParseError:
                continue
            if written.isascii() and written.isdecimal() and len(written) < 10:
                return min(int(written), self._seconds)
        text = response.get("expires").strip()
        given = text.isascii() and text.isdecimal() and len(text) < 10
        return min(int(text), self._seconds) if given else self._seconds

    def _failed(self, why: str, retry_after: float) -> None:
        now = self._stack.now
        self.why = why
        if self.until <= now:
            self.state = FAILED
            self.until = 0.0
        wait = self._wait * (0.8 + 0.4 * self._chance())
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        self._moved_to = None
        self._flow = None
        self._rest(now + min(max(wait, retry_after), LONGEST_WAIT))

    def _rest(self, until: float | None) -> None:
        """Wait for the next request; None: there is none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if until is not None:
            self._timer = self._stack.timers.start(until, self._begin)


def _retry_after(response: Response) -> float:
    text = response.get("retry-after").partition(";")[0].partition("(")[0].strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0.0
