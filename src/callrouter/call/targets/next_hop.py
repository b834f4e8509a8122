"""The next hop of an INVITE to a target: over which transport, to which URI."""

from typing import Final

from callrouter.errors import SipError
from callrouter.route.values.plan import Target
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack

_DATAGRAM: Final = 1300
"""Bytes; a larger request should not go by UDP (RFC 3261 section 18.1.1)."""
_USUAL_HEAD: Final = 400
"""Bytes of an INVITE's rows that every one has, beside the Request-URI in two of them."""


class NextHop:
    """The next hop of an INVITE. uri: its Request-URI. spare: where it goes when `flow` fails.

    routes: its Route rows. pinned: all requests of the dialog go by this flow. host: what stands
    for us in URIs: the name by which the target knows us, else our address.
    """

    __slots__ = ("flow", "host", "pinned", "routes", "spare", "uri")

    def __init__(
        self,
        uri: str,
        flow: Flow,
        spare: Flow | None = None,
        *,
        routes: str = "",
        pinned: bool = False,
        host: str = "",
    ) -> None:
        self.routes = routes
        self.pinned = pinned
        self.uri = uri
        self.flow = flow
        self.spare = spare
        self.host = host or flow.sent_by


def next_hop_to(stack: Stack, target: Target, size: int, *, secure: bool) -> NextHop:
    """Find the next hop to a target.

    size: bytes of the body and the rows that pass. secure: the caller asked for TLS on every hop.
    Raises SipError 503 when there is none, 480 when there is none by TLS for who asked for it
    (RFC 5630 section 5.3).
    """
    transport = target.transport
    host, port = target.host, target.port
    if secure and transport != "tls":
        raise SipError("the target is not reached by TLS", 480)
    if transport != "auto":
        flow = stack.connect(transport.upper(), host, port, target.tls_name)
        return NextHop(_sips(target.uri) if secure else target.uri, flow)
    datagrams = stack.connect("UDP", host, port)
    if size + _USUAL_HEAD + 2 * len(target.uri) <= _DATAGRAM:
        return NextHop(target.uri, datagrams)
    try:
        return NextHop(target.uri, stack.connect("TCP", host, port), datagrams)
    except SipError:
        return NextHop(target.uri, datagrams)


def _sips(uri: str) -> str:
    """The same resource, by TLS on every hop; the scheme says what the parameter said."""
    if uri.startswith("sip:"):
        uri = f"sips:{uri[4:]}"
    return uri.replace(";transport=tls", "")
