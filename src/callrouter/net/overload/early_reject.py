"""Early rejection of new calls under overload, before they are read as SIP.

Theory. Of three times the calls that there is room for, two thirds are refused, and to each belong
an INVITE, our 503 and its ACK. If they are to take less than a tenth of what the calls take that
are let in, there is no time to look at what an INVITE says: rows are copied, not read. So this is
for INVITEs that are spelled as nearly all are. Whatever is not goes the long way, through `Stack`
to the calls, which ask `Overload` too.

Rule. Only a new call of a known peer is refused here: nothing inside a dialog, no INVITE that is
being served already, no Replaces.
"""

import re
from collections.abc import Callable
from typing import Final

from callrouter.errors import ParseError
from callrouter.net.overload.overload_control import Overload
from callrouter.sip.flow import Flow
from callrouter.sip.grammar import MAGIC_COOKIE
from callrouter.sip.message import Request, has_bare_break
from callrouter.sip.render import render_response, response_flow, response_head
from callrouter.sip.stack import Stack, server_key

_LONGEST: Final = 4096
"""Bytes; an INVITE that is longer is worth a closer look."""
_COPIED: Final = ("Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: ", "User-Agent: ")
_NEEDED: Final = frozenset(("from", "to", "call-id", "cseq"))
_UNUSUAL: Final = re.compile(r"\r\n(?:[ \t]|replaces[ \t]*:)", re.IGNORECASE)
_TAG_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class EarlyReject:
    """The early rejection of new calls with 503.

    refused: how many INVITEs. on: there may be something to refuse; while its owner says that there
    is not, messages are not even looked at.

    from_here: whether a flow's new calls may be refused without being looked at. is_scanner:
    whether a User-Agent is one that gets no answer. rows: what a 503 has beside the usual.
    """

    __slots__ = (
        *("_begins", "_from_here", "_is_scanner", "_overload", "_rows", "_stack", "_tag"),
        *("on", "refused"),
    )

    def __init__(
        self,
        stack: Stack,
        overload: Overload,
        from_here: Callable[[Flow], bool],
        is_scanner: Callable[[str], bool],
        rows: str,
    ) -> None:
        self._stack = stack
        self._overload = overload
        self._from_here = from_here
        self._is_scanner = is_scanner
        self._rows = rows
        # All tags of our refusals begin so, and nobody else's do by chance.
        self._tag = stack.token()
        self._begins = self._tag.encode()
        self.on = True
        self.refused = 0

    def takes(self, data: bytes, flow: Flow) -> bool:
        """Refuse a message that is a new call without room; drop the ACK to such a refusal.

        False: it is still to be read.
        """
        if data.startswith(b"ACK "):
            if data.find(self._begins, 0, _LONGEST) < 0:
                return False
            self._stack.stray += 1
            return True
        overload = self._overload
        if not data.startswith(b"INVITE ") or not overload.is_busy or not self._from_here(flow):
            return False
        request = self._new_call(data)
        if request is None:
            return False
        if not overload.refuses():
            overload.granted = True
            return False
        self.refused += 1
        self._refuse(request, flow)
        return True

    def _new_call(self, data: bytes) -> Request | None:
        """As much of an INVITE as its refusal needs; None for what should be read as a whole."""
        head, end, _ = data.partition(b"\r\n\r\n")
        text = head.decode("utf-8", "surrogateescape")
        lines = text.split("\r\n")
        if not end or len(data) > _LONGEST or _UNUSUAL.search(text) is not None:
            return None
        if has_bare_break(lines):
            return None
        headers: dict[str, str] = {}
        vias: list[str] = []
        for line in lines:
            if line.startswith(_COPIED):
                name, _, value = line.partition(": ")
                if name == "Via":
                    vias.append(value)
                elif headers.setdefault(name.lower(), value) is not value:
                    return None
        if not vias or not headers.keys() >= _NEEDED or "tag" in headers["to"].lower():
            return None
        agent = headers.get("user-agent")
        if agent is not None and self._is_scanner(agent):
            return None
        headers["via"] = vias[0]
        return self._if_new(Request("INVITE", "", "", headers, {"via": vias[1:]}, b""))

    def _if_new(self, request: Request) -> Request | None:
        try:
            if not request.via().branch.startswith(MAGIC_COOKIE):
                return None
            key = server_key(request, "INVITE")
        except ParseError:
            return None
        return None if key in self._stack.servers else request

    def _refuse(self, request: Request, flow: Flow) -> None:
        head = response_head(request, flow)
        # The same request gets the same tag each time it comes (RFC 3261 section 8.2.7).
        tag = self._tag + format(hash(head) & _TAG_MASK, "016x")
        answer = render_response(503, head, request.headers["to"], tag, self._rows, b"")
        self._stack.send(response_flow(request, flow), answer)
