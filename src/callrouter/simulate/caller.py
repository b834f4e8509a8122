"""The caller of a simulated call: one INVITE, perhaps a CANCEL, and a BYE once connected."""

from typing import Final
from urllib.parse import quote

from callrouter.route.facts import Facts
from callrouter.simulate.legs import SDP, SDP_ROW
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.render import cancel_of, render_request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack

TALKS: Final = 1.0
"""Seconds from the answer to the caller's BYE."""

_UNESCAPED: Final = "-_.!~*'()&=+$,;?/"  # besides letters and digits, RFC 3261 section 25.1


class Caller:
    """Calls once."""

    def __init__(self, stack: Stack, flow: Flow, facts: Facts, cancel_after: float | None) -> None:
        """Send the INVITE. cancel_after: when to give up, seconds; None waits for the end."""
        self._stack = stack
        self._ringing = True
        host = flow.remote_host
        uri = _uri(facts.called, host)
        dialog = Dialog(stack.token(), stack.token(), flow)
        dialog.local = f"<{_uri(facts.caller, flow.local_host)}>;tag={dialog.local_tag}"
        to_user = facts.to_user or facts.called
        extension = f";ext={quote(facts.to_ext, safe='')}" if facts.to_ext else ""
        dialog.remote = f"<{_uri(to_user, host)}{extension}>"
        dialog.target = uri
        stack.dialogs[dialog.local_tag] = self
        self._dialog = dialog
        self._branch = stack.branch()
        head = (
            f"Max-Forwards: 70\r\nFrom: {dialog.local}\r\nTo: {dialog.remote}\r\n"
            f"Call-ID: {dialog.call_id}\r\nCSeq: 1 INVITE\r\nContact: {flow.contact}\r\n{SDP_ROW}"
        )
        self._invite = render_request("INVITE", uri, flow, self._branch, head, SDP)
        stack.request(flow, self._branch, self._invite, self, invite=True)
        if cancel_after is not None:
            stack.timers.start(cancel_after, self._give_up)

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self._dialog.call_id

    def on_response(self, _tx: object, response: Response) -> None:
        """A response to the INVITE, or to the BYE."""
        if not self._ringing or response.status < 200:
            return
        self._ringing = False
        if response.status < 300:
            dialog = self._dialog
            dialog.remote = response.get("to")
            dialog.refresh_target(response)
            ack = dialog.request("ACK", self._stack.branch(), 1, "", b"")
            self._stack.send(dialog.flow, ack)
            self._stack.timers.start(self._stack.now + TALKS, self._hang_up)

    def on_failure(self, _tx: object, _status: int) -> None:
        """Nobody answered at all."""
        self._ringing = False

    def on_request(self, tx: ServerTransaction, _request: Request) -> None:
        """A request inside the call: a BYE at most, since no target asks for anything."""
        tx.respond(200)

    def on_ack(self, request: Request) -> None:
        """Nothing of ours is ever acknowledged."""

    def _give_up(self, _now: float) -> None:
        if self._ringing:
            flow = self._dialog.flow
            self._stack.cancel(flow, self._branch, cancel_of(self._invite, ""))

    def _hang_up(self, _now: float) -> None:
        branch = self._stack.branch()
        bye = self._dialog.request("BYE", branch, 2, "", b"")
        self._stack.request(self._dialog.flow, branch, bye, self)


def _uri(user: str, host: str) -> str:
    place = f"[{host}]" if ":" in host else host
    return f"sip:{quote(user, safe=_UNESCAPED)}@{place}" if user else f"sip:{place}"
