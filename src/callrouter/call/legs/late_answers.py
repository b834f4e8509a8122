"""Answers to an INVITE of ours that was answered before (RFC 3261 section 13.2.2.4)."""

from callrouter.errors import ParseError
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import Flow
from callrouter.sip.message import Response, parse
from callrouter.sip.stack import Stack


class LateAnswers:
    """Whoever deals with every 2xx but the first: the same again is acknowledged again, and of
    another fork each is acknowledged and hung up.

    For 32 s such answers may come, so the transaction of an INVITE has one of these as its user
    when the leg has ended: it holds what that takes, and nothing else of the leg.
    """

    __slots__ = ("_ack", "_flow", "_stack", "_target")

    def __init__(self, stack: Stack, flow: Flow, target: str, ack: bytes) -> None:
        """flow, target: of the first answer's dialog. ack: its ACK, which says all else of it."""
        self._stack = stack
        self._flow = flow
        self._target = target
        self._ack = ack

    def on_response(self, _tx: object, response: Response) -> None:
        """A 2xx, once more or of another fork."""
        if response.to_tag() == parse(self._ack).to_tag():
            self._stack.resend(self._flow, self._ack)
        else:
            self.refuse(response)

    def on_failure(self, _tx: object, _status: int) -> None:
        """There is none: it was answered."""

    def refuse(self, response: Response, rows: str = "", body: bytes = b"") -> None:
        """Acknowledge and hang up another fork. rows, body: of the ACK."""
        first = parse(self._ack)
        dialog = Dialog(first.get("call-id"), first.from_tag(), self._flow)
        dialog.local = first.get("from")
        dialog.remote = response.get("to")
        dialog.target = self._target
        try:
            dialog.refresh_target(response)
        except ParseError:
            return
        dialog.take_routes(response, reverse=True)
        stack, cseq = self._stack, first.cseq()[0]
        stack.send(dialog.flow, dialog.request("ACK", stack.branch(), cseq, rows, body))
        branch = stack.branch()
        stack.request(dialog.flow, branch, dialog.request("BYE", branch, cseq + 1, "", b""), None)
