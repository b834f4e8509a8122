"""One request inside a call, passed from one leg to the other, and its answer back (A4).

Whoever asked is answered with what the other party said; its ACK goes on as well. The SDP goes
through untouched.
"""

from callrouter.call.events import Lost
from callrouter.call.leg import CLOSING, AckUser, Leg
from callrouter.call.policy import passed_rows, relayed_status
from callrouter.sip.message import Request, Response
from callrouter.sip.server_tx import ServerTransaction


class Relay(AckUser):
    """Asks `sink` what `source` asked on `tx`."""

    __slots__ = ("_acked", "_cseq", "_late_offer", "_method", "_sink", "_source", "_tx")

    def __init__(self, source: Leg, tx: ServerTransaction, request: Request, sink: Leg) -> None:
        self._source = source
        self._sink = sink
        self._tx = tx
        self._method = request.method
        self._late_offer = request.method == "INVITE" and not request.body
        self._acked = b""
        self._cseq = sink.ask(request.method, passed_rows(request), request.body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        """What the other party answered."""
        status = response.status
        if status < 200:
            if status > 100:
                self._source.respond(self._tx, status, passed_rows(response), response.body)
            return
        if self._acked:
            self._sink.stack.resend(self._sink.dialog.flow, self._acked)
            return
        if self._method == "INVITE" and status < 300:
            self._on_accepted(response)
            return
        self._sink.offer_settled()
        if self._method == "UPDATE" and status < 300:
            self._sink.learn_target(response)
        answer = status if status < 300 else relayed_status(status)
        self._source.respond(self._tx, answer, passed_rows(response), response.body)
        if status == 481:
            self._sink.post(Lost(self._sink))

    def _on_accepted(self, response: Response) -> None:
        sink = self._sink
        if not self._tx.pending:
            # A repeated 2xx whose ACK waits for the caller's, or the asking leg is gone.
            if self._source.state >= CLOSING:
                self._acknowledge("", b"")
            return
        sink.learn_target(response)
        if not self._late_offer:
            self._acknowledge("", b"")
        self._source.respond(self._tx, 200, passed_rows(response), response.body, self)

    def on_failure(self, _tx: object, status: int) -> None:
        """The other party is silent: for a request inside a dialog that ends it (12.2.1.2)."""
        self._sink.offer_settled()
        self._source.respond(self._tx, status)
        self._sink.post(Lost(self._sink))

    def on_acknowledged(self, request: Request) -> None:
        """The asking party's ACK: with a late offer it carries the answer."""
        if self._late_offer:
            self._acknowledge(passed_rows(request), request.body)

    def _acknowledge(self, extra: str, body: bytes) -> None:
        self._sink.offer_settled()
        self._acked = self._sink.send_ack(self._cseq, extra, body)
