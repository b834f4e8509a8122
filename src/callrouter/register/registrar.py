"""The registrar of telephones (RFC 3261 section 10.3, with RFC 3327 Path and RFC 5626 flows).

Rules. A REGISTER is done as a whole or not at all. One that is older than what it would change is
refused; one that nobody can keep is answered 503, since a telephone that believes to be registered
and is not would wait in vain. Who asks is known by now: a telephone registers for its own extension
and no other.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final, TypeVar

from callrouter.errors import ParseError, SipError
from callrouter.pending import Later, Pending, Unavailable, wait
from callrouter.register.bindings import Binding, Change, Changed, Registrations
from callrouter.route.rules.digest_accounts import Login
from callrouter.sip.flow import Flow
from callrouter.sip.headers import parse_address, parse_params, split_tokens, split_values
from callrouter.sip.message import Request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.uas import RefusedError
from callrouter.sip.uri import Uri, parse_uri

SHORTEST: Final = 60
LONGEST: Final = 3600
_USUAL: Final = 3600
_LONGEST_URI: Final = 512
_LONGEST_HOST: Final = 255
_MOST_CONTACTS: Final = 20
_MOST_PATHS: Final = 4
_LONGEST_AGENT: Final = 100
_EXTENSIONS: Final = frozenset(("path", "outbound"))
_SUPPORTED: Final = "Supported: path, outbound\r\n"
_SECONDS: Final = 2.0
"""How long a telephone waits for the registrations; it asks again after half a second."""
_LATER: Final = "Retry-After: 5\r\n"
_OUTBOUND: Final = "Require: outbound\r\n"  # RFC 5626 section 6


T = TypeVar("T")


class _Wish:
    """One Contact of a REGISTER. seconds: 0 to remove it. outbound: it has a flow of its own."""

    __slots__ = ("key", "outbound", "parsed", "seconds", "uri")

    def __init__(self, uri: str, params: dict[str, str], seconds: int) -> None:
        self.uri = uri
        self.parsed: Uri = parse_uri(uri)
        self.seconds = seconds
        instance, number = params.get("+sip.instance", ""), params.get("reg-id", "")
        # Without a flow of its own a telephone is told by its URI (RFC 5626 section 6).
        self.outbound = bool(instance and number)
        self.key = f"{instance} {number}" if self.outbound else uri


class Registrar:
    """The registrar, which answers REGISTERs.

    failed: told why the registrations gave no answer.
    """

    __slots__ = ("_failed", "_registrations", "_stack")

    def __init__(
        self, stack: Stack, registrations: Registrations, failed: Callable[[str], None]
    ) -> None:
        self._stack = stack
        self._registrations = registrations
        self._failed = failed

    def register(self, request: Request, flow: Flow, login: Login, now: float) -> None:
        """Answer a REGISTER of a telephone at a steady time, which `inspect_register` has taken.

        login: the one it has proven.

        Raises SipError or RefusedError for one that is refused as a whole; nothing has changed.
        """
        extension = login.extension
        if parse_uri(request.to().uri).decoded_user() not in {extension, login.user}:
            raise SipError("a telephone registers for another extension", 403)
        _check_required(request)
        wishes: list[_Wish] | None = None
        contacts = split_values(request.rows("contact"))
        if contacts != ["*"]:
            wishes = _wishes(request, contacts)
        path = () if wishes is None else _path(request)
        _Asked(self._stack, self._registrations, self._failed, request, flow, now).carry_out(
            extension, wishes, path
        )


class _Asked:
    """A REGISTER that is carried out: what is known of its extension, its changes, the answer.

    It gets a transaction as soon as it has to wait, so that it is not carried out twice.
    """

    __slots__ = (
        "_extension",
        "_failed",
        "_flow",
        "_now",
        "_path",
        "_registrations",
        "_request",
        "_stack",
        "_tx",
        "_wishes",
    )

    def __init__(
        self,
        stack: Stack,
        registrations: Registrations,
        failed: Callable[[str], None],
        request: Request,
        flow: Flow,
        now: float,
    ) -> None:
        self._stack = stack
        self._registrations = registrations
        self._failed = failed
        self._request = request
        self._flow = flow
        self._now = now
        self._extension = ""
        self._wishes: list[_Wish] | None = None
        self._path: tuple[str, ...] = ()
        self._tx: ServerTransaction | None = None

    def carry_out(self, extension: str, wishes: list[_Wish] | None, path: tuple[str, ...]) -> None:
        """Do what it asks for. wishes: None to remove all there is. Raises SipError."""
        self._extension = extension
        self._wishes = wishes
        self._path = path
        self._ask(self._registrations.of(extension, self._now), self._change)

    def _ask(self, asked: Later[T], do: Callable[[T], None]) -> None:
        """Go on with an answer of the registrations. Raises SipError when it came at once."""

        def go_on(answer: T | Unavailable) -> None:
            try:
                if isinstance(answer, Unavailable):
                    self._failed(answer.why)
                    raise RefusedError("the registrations do not answer", 503, _LATER)
                do(answer)
            except SipError as error:
                if self._tx is None:
                    raise
                self._tx.respond(error.status, getattr(error, "extra", ""))

        if isinstance(asked, Pending) and self._tx is None:
            self._tx = self._stack.accept(self._request, self._flow)
        wait(self._stack.timers, self._stack.now + _SECONDS, asked, go_on)

    def _change(self, bindings: tuple[Binding, ...]) -> None:
        known = {binding.key: binding for binding in bindings}
        request = self._request
        changes: list[Change]
        if self._wishes is None:
            _in_order(request, known.values())
            changes = [(key, None) for key in known]
        else:
            _in_order(request, [known[it.key] for it in self._wishes if it.key in known])
            changes = [(it.key, self._binding(it) if it.seconds else None) for it in self._wishes]
        self._ask(self._registrations.change(self._extension, changes, self._now), self._done)

    def _binding(self, wish: _Wish) -> Binding:
        return _binding(self._request, self._flow, wish, self._path, self._now)

    def _done(self, changed: Changed) -> None:
        if not changed.done:
            raise SipError("too many contacts", 403)
        rows = _SUPPORTED
        if any(wish.outbound for wish in self._wishes or ()):
            rows = f"{rows}{_OUTBOUND}"
        rows += "".join(f"Path: {route}\r\n" for route in self._path)
        for binding in changed.bindings:
            rows += f"Contact: <{binding.uri}>;expires={int(binding.expires - self._now)}\r\n"
        tx = self._tx or self._stack.accept(self._request, self._flow)
        tx.respond(200, rows)


def _check_required(request: Request) -> None:
    required = split_tokens(request.rows("require"))
    unknown = [tag for tag in required if tag.lower() not in _EXTENSIONS]
    if unknown:
        raise RefusedError("unsupported", 420, f"Unsupported: {','.join(unknown)}\r\n")


def _in_order(request: Request, touched: Iterable[Binding]) -> None:
    """Refuse a request that a later one has overtaken (section 10.3 step 7)."""
    call_id, number = request.get("call-id"), request.cseq()[0]
    for binding in touched:
        if binding.call_id == call_id and number <= binding.cseq:
            raise SipError("older than what it would change", 500)


def _wishes(request: Request, contacts: list[str]) -> list[_Wish]:
    """Read the contacts. Raises SipError, 423 with Min-Expires for one that is too short."""
    if len(contacts) > _MOST_CONTACTS:
        raise SipError("too many contacts", 400)
    usual = _seconds(request.get("expires"), _USUAL)
    wishes = []
    for text in contacts:
        address = parse_address(text)
        if len(address.uri) > _LONGEST_URI or "?" in address.uri:
            raise ParseError("a contact with headers, or too long")
        params = parse_params(address.params)
        seconds = min(_seconds(params.get("expires", ""), usual), LONGEST)
        if 0 < seconds < SHORTEST:
            raise RefusedError("too short", 423, f"Min-Expires: {SHORTEST}\r\n")
        wish = _Wish(address.uri, params, seconds)
        if not wish.parsed.host:
            raise ParseError("a contact that is no SIP URI")
        wishes.append(wish)
    return wishes


def _seconds(text: str, usual: int) -> int:
    """A time as written; the usual one when there is none, or it is none (section 10.3)."""
    text = text.strip(" \t")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else usual


def _path(request: Request) -> tuple[str, ...]:
    """The Path (RFC 3327). Raises ParseError."""
    routes = split_values(request.rows("path"))
    if len(routes) > _MOST_PATHS:
        raise ParseError("a path that is too long")
    for route in routes:
        parse_uri(parse_address(route).uri)
    return tuple(routes)


def _binding(
    request: Request, flow: Flow, wish: _Wish, path: tuple[str, ...], now: float
) -> Binding:
    place = (
        flow.transport,
        flow.local_host,
        flow.local_port,
        flow.remote_host,
        flow.remote_port,
    )
    return Binding(
        key=wish.key,
        uri=wish.uri,
        expires=now + wish.seconds,
        call_id=request.get("call-id"),
        cseq=request.cseq()[0],
        place=place,
        path=path,
        pinned=_pinned(request, flow, wish),
        agent=request.get("user-agent")[:_LONGEST_AGENT],
        domain=_domain(request),
        flow=flow,
    )


def _domain(request: Request) -> str:
    """By which name the telephone knows us: that of its address of record."""
    uri = parse_uri(request.to().uri)
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    if len(host) > _LONGEST_HOST:
        return ""
    return f"{host}:{uri.port}" if uri.port else host


def _pinned(request: Request, flow: Flow, wish: _Wish) -> bool:
    """Say whether the telephone is reached by its flow alone.

    So it is behind NAT (its Via or Contact has another address than it sends from), over a
    connection, and where it asks for it.
    """
    if flow.reliable or wish.outbound or wish.parsed.param("ob") is not None:
        return True
    hosts = {wish.parsed.host, request.via().host.strip("[]")}
    return {str(_address(host)) for host in hosts} != {str(_address(flow.remote_host))}


def _address(host: str) -> object:
    try:
        return ip_address(host)
    except ValueError:
        return host
