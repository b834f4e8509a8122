"""Dialog state and the requests made from it (RFC 3261 section 12)."""

from functools import lru_cache
from typing import Final

from callrouter.errors import ParseError
from callrouter.sip.flow import Flow
from callrouter.sip.headers import parse_address, split_values
from callrouter.sip.message import Message, Request
from callrouter.sip.render import render_request
from callrouter.sip.uri import Uri, parse_uri

_CACHED_LENGTH: Final = 128


class Dialog:
    """One side of a dialog.

    local, remote: the From and To values of our requests, tags included. local_tag and remote_tag
    stand alone as well; remote_tag is "" until the peer has named one. target: the peer's Contact
    URI. routes: the route set, in the order of our requests. local_cseq, remote_cseq: last used;
    remote_cseq is -1 until the peer has sent a request. flow: where the peer was last heard.
    secure: a sips URI began it, so all its requests go over TLS (section 12.1.1). pinned: the peer
    is reached by its flow alone, as one behind NAT (RFC 5626).
    """

    __slots__ = (
        "_contact",
        "call_id",
        "flow",
        "local",
        "local_cseq",
        "local_tag",
        "pinned",
        "remote",
        "remote_cseq",
        "remote_tag",
        "routes",
        "secure",
        "target",
    )

    def __init__(self, call_id: str, local_tag: str, flow: Flow) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = ""
        self.local = ""
        self.remote = ""
        self.target = ""
        self._contact = ""
        self.routes: tuple[str, ...] = ()
        self.local_cseq = 0
        self.remote_cseq = -1
        self.flow = flow
        self.secure = False
        self.pinned = False

    @property
    def contact(self) -> str:
        """Our Contact value in it."""
        return self.flow.sips_contact if self.secure else self.flow.contact

    def refresh_target(self, message: Message) -> None:
        """Take the peer's new Contact (section 12.2.1.2).

        Raises ParseError when there is one that cannot be a remote target. Without one the target
        stays: inside a dialog it is known.
        """
        row = message.headers.get("contact")
        if row and row != self._contact:
            self.target = contact_uri(message)
            self._contact = row

    def begin_again(self, uri: str) -> None:
        """Forget what a peer said that has refused after all. uri: its Request-URI."""
        self.remote = f"<{uri}>"
        self.remote_tag = ""
        self.target = uri
        self._contact = ""

    def take_routes(self, message: Message, *, reverse: bool) -> None:
        """Take the route set from Record-Route: as it stands for a UAS, reversed for a UAC.

        A value that is no route is left out: nothing could ever be sent by it.
        """
        if "record-route" in message.headers:
            values = [
                value for value in split_values(message.rows("record-route")) if _route(value)
            ]
            self.routes = tuple(reversed(values)) if reverse else tuple(values)

    def next_hop(self) -> Uri:
        """The URI whose host the next request is sent to (section 12.2.1.1)."""
        return parse_uri(parse_address(self.routes[0]).uri if self.routes else self.target)

    def request(self, method: str, branch: str, cseq: int, extra: str, body: bytes) -> bytes:
        """Render a request inside the dialog.

        cseq: `local_cseq` counted up by the caller, or the INVITE's own for its ACK. extra: more
        header rows, each with its CRLF.
        """
        uri = self.target
        routes = self.routes
        if routes:
            first = parse_address(routes[0]).uri
            router = parse_uri(first)
            if router.param("lr") is None:
                # A strict router: its URI is the Request-URI, ours goes last (section 12.2.1.1).
                uri = _without_headers(first, router)
                routes = (*routes[1:], f"<{self.target}>")
        rows = "".join(f"Route: {route}\r\n" for route in routes) if routes else ""
        head = (
            f"{rows}Max-Forwards: 70\r\nFrom: {self.local}\r\nTo: {self.remote}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\n{extra}"
        )
        return render_request(method, uri, self.flow, branch, head, body)


def _route(value: str) -> bool:
    try:
        return bool(parse_uri(parse_address(value).uri).host)
    except ParseError:
        return False


def contact_uri(message: Message) -> str:
    """The URI of Contact, "" when there is none.

    A request has one (RFC 3261 section 8.1.1.8); of a response's the first counts. Raises
    ParseError 400 for more in a request, and when it is not a SIP URI. Headers embedded in it are
    cut off: they would become headers of our requests (section 19.1.5).
    """
    row = message.headers.get("contact")
    if not row:
        return ""
    sole = isinstance(message, Request)
    if sole and message.more is not None and "contact" in message.more:
        raise ParseError("more than one Contact in a request that may have one")
    return _usual_contact(row, sole) if len(row) <= _CACHED_LENGTH else _contact_uri(row, sole)


def _contact_uri(row: str, sole: bool) -> str:
    if "," in row:
        values = split_values([row])
        if sole and len(values) > 1:
            raise ParseError("more than one Contact in a request that may have one")
        row = values[0] if values else ""
    uri = parse_address(row).uri
    try:
        parsed = parse_uri(uri)
    except ParseError as error:
        raise ParseError(f"Contact: {error}") from error  # 400, be it of another scheme
    if not parsed.host:
        raise ParseError(f"not a SIP URI in Contact: {uri[:80]!r}")
    return _without_headers(uri, parsed)


# Peers have few Contacts: an address of theirs, and at most an account's name.
_usual_contact = lru_cache(maxsize=1024)(_contact_uri)


def _without_headers(uri: str, parsed: Uri) -> str:
    # A "?" may also stand in the user part.
    return uri.removesuffix(f"?{parsed.headers}")
