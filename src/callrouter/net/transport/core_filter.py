"""A filter before the calls' core: who may not begin one is turned away, most without a word.

What begins at the inner listener is refused, whatever it is: only our own media workers can send
there. Scanners get nothing. A stranger gets nothing either, unless strangers are to be refused; and
whose request got a transaction is no stranger any more.
"""

from typing import Final

from callrouter.errors import SipError, StrangerError
from callrouter.net.overload.source_filter import Narrow, SourceFilter
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.stream_connection import Stream
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Core, Stack

_WIDENED: Final = (Narrow, Stream)


class CoreFilter:
    """A `Core` before another. strangers: None lets everybody through."""

    __slots__ = ("_behind", "_listeners", "_stack", "_strangers")

    def __init__(
        self,
        behind: Core,
        listeners: Listeners,
        stack: Stack,
        strangers: SourceFilter | None = None,
    ) -> None:
        self._behind = behind
        self._listeners = listeners
        self._stack = stack
        self._strangers = strangers

    def on_request(self, request: Request, flow: Flow) -> None:
        """Take a request outside any dialog. Raises SipError for what is to be answered."""
        if self._listeners.is_inside(flow):
            raise SipError("a media worker starts no calls", 403)
        strangers = self._strangers
        if strangers is None:
            self._behind.on_request(request, flow)
            return
        edge = flow.edge
        agent = request.headers.get("user-agent")
        if agent is not None and strangers.is_scanner(agent):
            strangers.counts.scanners += 1
            strangers.wrong(flow.remote_host, flow.peers, "a scanner")
            return
        try:
            self._behind.on_request(request, flow)
        except StrangerError:
            strangers.turned_away(flow.remote_host, self._stack.now)
            if strangers.rule.answered:
                raise
            if isinstance(edge, Stream):
                edge.shun()
            return
        if isinstance(edge, _WIDENED) and request.key in self._stack.servers:
            edge.widen(flow)
