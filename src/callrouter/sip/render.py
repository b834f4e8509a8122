"""Outgoing messages, written as text once and never changed (RFC 3261 sections 8.1.1, 8.2.6)."""

import re
from typing import Final

from callrouter.sip.flow import Flow
from callrouter.sip.grammar import QUOTED, REASONS, reason_phrase
from callrouter.sip.headers import Via
from callrouter.sip.message import Request

_STATUS_LINES: Final = {
    status: f"SIP/2.0 {status} {phrase}\r\n" for status, phrase in REASONS.items()
}
_RPORT: Final = re.compile(r";[ \t]*rport[ \t]*(?:=[^;,]*)?(?=;|,|\Z)", re.IGNORECASE)
_RECEIVED: Final = re.compile(
    rf";[ \t]*received[ \t]*(?:=[ \t]*(?:{QUOTED}|[^;,\"]*))?(?=;|,|\Z)", re.IGNORECASE
)
_ACK_HEADERS: Final = ("Via:", "Route:", "Max-Forwards:", "From:", "Call-ID:")
_CANCEL_HEADERS: Final = (*_ACK_HEADERS, "To:")


def _top_via(via: Via, flow: Flow) -> str:
    """The top Via with where it really came from (RFC 3261 18.2.1, RFC 3581 section 4)."""
    if via.rport:
        text = _RPORT.sub(f";rport={flow.remote_port}", via.text, count=1)
    elif via.host.strip("[]") != flow.remote_host:
        text = via.text
    else:
        return via.text
    if "received" in text.lower():
        text = _RECEIVED.sub("", text)  # what the sender says of it takes no second place
    return f"{text};received={flow.remote_host}"


def response_flow(request: Request, flow: Flow) -> Flow:
    """Where responses to a request go: RFC 3261 section 18.2.2 and RFC 3581, without maddr."""
    via = request.via()
    if flow.reliable or via.rport:
        return flow
    port = via.port or 5060
    return flow if port == flow.remote_port else flow.towards(port)


def response_head(request: Request, flow: Flow) -> str:
    """The rows that every response to a request has in common: all but To and Content-Length.

    flow: the one the request came on.
    """
    via = request.via()
    vias = f"Via: {_top_via(via, flow)}{via.rest}\r\n"
    more = request.more
    if more is not None and "via" in more:
        vias += "".join(f"Via: {row}\r\n" for row in more["via"])
    headers = request.headers
    routes = ""
    if "record-route" in headers:
        routes = "".join(f"Record-Route: {row}\r\n" for row in request.rows("record-route"))
    return (
        f"{vias}{routes}From: {headers['from']}\r\nCall-ID: {headers['call-id']}\r\n"
        f"CSeq: {headers['cseq']}\r\n"
    )


def render_response(status: int, head: str, to: str, tag: str, extra: str, body: bytes) -> bytes:
    """A response: `response_head`, the To value, its new tag or "", more rows, and the body."""
    line = _STATUS_LINES.get(status) or f"SIP/2.0 {status} {reason_phrase(status)}\r\n"
    tagged = f"{to};tag={tag}" if tag else to
    text = f"{line}{head}To: {tagged}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    return text.encode("utf-8", "surrogateescape") + body


def refusal_size(request: Request, flow: Flow, status: int) -> int:
    """Bytes of a response without state (`Stack.reply`) that has no rows of its own."""
    head = response_head(request, flow)
    return len(render_response(status, head, request.get("to"), "0" * 16, "", b""))


def render_request(method: str, uri: str, flow: Flow, branch: str, head: str, body: bytes) -> bytes:
    """A request. head: every row but Via and Content-Length, each with its CRLF."""
    text = (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/{flow.transport} {flow.sent_by};branch={branch};rport\r\n"
        f"{head}Content-Length: {len(body)}\r\n\r\n"
    )
    return text.encode("utf-8", "surrogateescape") + body


def _derived(method: str, invite: bytes, keep: tuple[str, ...], extra: str) -> bytes:
    """A hop-by-hop request made from the INVITE of ours that it belongs to."""
    start, *rows = invite.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape").split("\r\n")
    kept = "".join(f"{row}\r\n" for row in rows if row.startswith(keep))
    cseq = next(row for row in rows if row.startswith("CSeq:")).split(" ")[1]
    text = (
        f"{method} {start.split(' ')[1]} SIP/2.0\r\n{kept}{extra}CSeq: {cseq} {method}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    return text.encode("utf-8", "surrogateescape")


def ack_of(invite: bytes, to: str) -> bytes:
    """The ACK to a final response that is no 2xx (RFC 3261 section 17.1.1.3). to: its To value."""
    return _derived("ACK", invite, _ACK_HEADERS, f"To: {to}\r\n")


def cancel_of(invite: bytes, reason: str) -> bytes:
    """The CANCEL of an INVITE of ours (section 9.1). reason: a Reason value, or "" (RFC 3326)."""
    return _derived("CANCEL", invite, _CANCEL_HEADERS, f"Reason: {reason}\r\n" if reason else "")
