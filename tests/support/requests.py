"""Requests and responses as the call room gets them, read by our own parser."""

from callrouter.sip.message import Request, Response, parse


def read(first: str, rows: str = "", body: bytes = b"") -> Request | Response:
    """A message that came. rows: header rows, one a line, that take the place of the usual ones."""
    said = [line.strip() for line in rows.strip().split("\n") if line.strip()]
    named = {line.partition(":")[0].strip().lower() for line in said}
    method = first.partition(" ")[0]
    usual = {
        "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKread",
        "From": "<sip:1001@192.0.2.1>;tag=theirs",
        "To": "<sip:4000@192.0.2.2>",
        "Call-ID": "read@192.0.2.1",
        "CSeq": f"1 {'INVITE' if method.startswith('SIP') else method}",
    }
    if not method.startswith("SIP"):
        usual |= {"Contact": "<sip:1001@192.0.2.1:5060>", "Max-Forwards": "70"}
    if body:
        usual["Content-Type"] = "application/sdp"
    lines = [
        first,
        *(f"{name}: {value}" for name, value in usual.items() if name.lower() not in named),
    ]
    lines += [line for line in said if line.partition(":")[2].strip() != "-"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return parse(head.encode("utf-8", "surrogateescape") + body)


def invite(rows: str = "", body: bytes = b"", uri: str = "sip:4000@192.0.2.2") -> Request:
    """An INVITE. rows: as `read` has them; `Contact: -` for none."""
    message = read(f"INVITE {uri} SIP/2.0", rows, body)
    assert isinstance(message, Request)
    return message


def response(status: int, rows: str = "", body: bytes = b"") -> Response:
    """A response to an INVITE of ours."""
    message = read(f"SIP/2.0 {status} Said", rows, body)
    assert isinstance(message, Response)
    return message
