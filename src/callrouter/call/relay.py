"""One request inside a call, passed from one leg to the other, and its answer back (A4).

Whoever asked is answered with what the other party said; its ACK goes on as well. The SDP goes
through untouched.
"""

from callrouter.call.events import Lost
from callrouter.call.leg import CLOSING, Leg
from callrouter.call.policy import passed_rows, relayed_status
from callrouter.call.resending import AckUser
from callrouter.sip.message import Request, Response
from callrouter.sip.server_tx import ServerTransaction

_SDP = "Content-Type: application/sdp\r\n"


class Relay(AckUser):
    """Asks `sink` what `source` asked on `tx`."""

    __slots__ = ("_acked", "_cseq", "_late_offer", "_method", "_sink", "_source", "_tx")

    def __init__(
        self, source: Leg, tx: ServerTransaction, request: Request, sink: Leg, extra: str = ""
    ) -> None:
        """extra: rows of the request that only the sink is to see."""
        self._source = source
        self._sink = sink
        self._tx = tx
        self._method = request.method
        self._late_offer = request.method == "INVITE" and not request.body
        self._acked = b""
        body = sink.described(request.body)
        rows = extra + passed_rows(request, source.peer, sink.peer)
        self._cseq = sink.ask(request.method, rows, body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        """What the other party answered."""
        status = response.status
        if status < 200:
            if status > 100:
                self._respond(status, response)
            return
        if self._acked:
            self._sink.stack.resend(self._sink.dialog.flow, self._acked)
            return
        if self._method == "INVITE" and status < 300:
            self._on_accepted(response)
            return
        self._sink.offer_settled()
        if self._method == "UPDATE" and status < 300:
            self._sink.took(response)
        answer = status if status < 300 else relayed_status(status)
        self._respond(answer, response)
        # Of a PRACK it only says that the response it is for is unknown (RFC 3262 section 3).
        if status == 481 and self._method != "PRACK":
            self._sink.post(Lost(self._sink))

    def _on_accepted(self, response: Response) -> None:
        sink = self._sink
        if not self._tx.pending:
            # A repeated 2xx whose ACK waits for the caller's, or the asking leg is gone.
            if self._source.state >= CLOSING:
                self._acknowledge(*self._last_word())
            return
        sink.took(response)
        if not self._late_offer:
            self._acknowledge("", b"")
        self._respond(200, response, self)

    def _respond(self, status: int, response: Response, waiting: AckUser | None = None) -> None:
        source = self._source
        body = source.described(response.body)
        rows = passed_rows(response, self._sink.peer, source.peer)
        source.respond(self._tx, status, rows, body, waiting)

    def _last_word(self) -> tuple[str, bytes]:
        """What the ACK says when the party that was to answer in it is gone: as before."""
        identity = self._sink.identity
        if not self._late_offer or identity is None or not identity.shown:
            return "", b""
        return _SDP, identity.shown

    def on_failure(self, _tx: object, status: int) -> None:
        """The other party is silent: for a request inside a dialog that ends it (12.2.1.2)."""
        self._sink.offer_settled()
        self._source.respond(self._tx, status)
        self._sink.post(Lost(self._sink))

    def on_acknowledged(self, request: Request) -> None:
        """The asking party's ACK: with a late offer it carries the answer."""
        if self._late_offer:
            rows = passed_rows(request, self._source.peer, self._sink.peer)
            self._acknowledge(rows, self._sink.described(request.body))

    def _acknowledge(self, extra: str, body: bytes) -> None:
        self._sink.offer_settled()
        self._acked = self._sink.send_ack(self._cseq, extra, body)
