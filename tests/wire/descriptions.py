"""What callrouter described to a party, held against RFC 3264 section 8."""

from support.wire import ROUTER, Wire

from callrouter.sip.message import Request, parse


def contradictions(wire: Wire, place: tuple[str, int]) -> list[str]:
    """What callrouter has described to a party against RFC 3264 section 8, dialog by dialog."""
    found = []
    last: dict[tuple[str, str], tuple[list[bytes], int, bytes]] = {}
    first: dict[tuple[str, str], bytes] = {}
    seen: set[bytes] = set()
    for datagram in wire.sent:
        if datagram.source != ROUTER or datagram.goal != place or datagram.data in seen:
            continue
        seen.add(datagram.data)
        message = parse(datagram.data)
        body = message.body
        if not body.startswith(b"v=0"):
            continue
        request = isinstance(message, Request)
        tag = message.from_tag() if request else message.to_tag()
        dialog = (message.get("call-id"), tag)
        begins, line, rest = _origin(body)
        if dialog in last:
            before, version, old = last[dialog]
            if before != begins:
                found.append(f"{datagram.at}: another o= {line!r} after {before!r}")
            elif rest == old and line[0] == b"-" and version != int(line[2]):
                found.append(f"{datagram.at}: another version of the same {line!r}")
            elif rest != old and int(line[2]) <= version:
                found.append(f"{datagram.at}: the same version of another {line!r}")
            elif rest != old and line[0] == b"-" and int(line[2]) != version + 1:
                found.append(f"{datagram.at}: a version was left out {line!r}")
        last[dialog] = (begins, int(line[2]), rest)
        answers_first = not request and message.cseq() == (1, "INVITE")
        if answers_first and first.setdefault(dialog, body) != body:
            found.append(f"{datagram.at}: two answers to one offer in {dialog}")
    return found


def _origin(body: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """What stays of o=, all of it, and the rest of a description but for s=."""
    lines = body.splitlines()
    origin = next(line for line in lines if line.startswith(b"o="))
    parts = origin[2:].split(b" ")
    rest = [line for line in lines if not line.startswith((b"o=", b"s="))]
    return [parts[0], parts[1], *parts[3:]], parts, b"\n".join(rest)
