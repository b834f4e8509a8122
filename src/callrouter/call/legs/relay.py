"""One request inside a call, passed from one leg to the other, and its answer back (A4).

Whoever asked is answered with what the other party said; its ACK goes on as well. A description
goes through untouched when it can be one; an offer that the other party accepts without an answer
ends the call (RFC 3261 section 13.2.1).
"""

from collections.abc import Callable

from callrouter.call.interwork.caller_identity import identity_rows
from callrouter.call.interwork.header_policy import passed_rows, relayed_status
from callrouter.call.legs.events import UNANSWERED_OFFER, Lost
from callrouter.call.legs.leg import CLOSING, Leg
from callrouter.call.legs.reinvite import Reinvite, identity_after, refusal
from callrouter.call.legs.retransmit_2xx import AckUser
from callrouter.errors import ParseError
from callrouter.sip.body import DESCRIBING, take_answer, take_description, warning
from callrouter.sip.message import Message, Request, Response
from callrouter.sip.sdp import BAD_DESCRIPTION
from callrouter.sip.server_tx import ServerTransaction

_NOT_ACCEPTABLE = 488


def _rows(message: Message, source: Leg, sink: Leg) -> str:
    """The rows that pass from one leg to the other, who the sender is said to be among them."""
    host = sink.dialog.flow.sent_by
    rows = passed_rows(message, source.peer, sink.peer, private=source.private)
    return rows + identity_rows(message, source.peer, sink.peer, host)


Agreed = Callable[[Leg, bytes, bytes], None]
"""Told of a new session: who offered it, the offer and the answer."""


class Relay(AckUser):
    """The relay to `sink` of what `source` asked on `tx`."""

    __slots__ = (
        "_agreed_on",
        "_late_offer",
        "_method",
        "_offers",
        "_reinvite",
        "_said",
        "_sink",
        "_source",
        "_tx",
    )

    def __init__(
        self,
        source: Leg,
        tx: ServerTransaction,
        request: Request,
        sink: Leg,
        extra: str = "",
        agreed_on: Agreed | None = None,
    ) -> None:
        """extra: rows of the request that only the sink is to see.

        agreed_on: told when both have agreed on what an INVITE or UPDATE is about.
        """
        self._agreed_on = agreed_on
        self._source = source
        self._sink = sink
        self._tx = tx
        self._method = request.method
        self._late_offer = request.method == "INVITE" and not request.body
        self._said = request.body
        self._offers = request.method == "INVITE" or (
            request.method == "UPDATE" and bool(self._said)
        )
        body = sink.described(request.body)
        rows = extra + _rows(request, source, sink)
        self._reinvite: Reinvite | None = None
        if request.method == "INVITE":
            self._reinvite = Reinvite(sink, rows, body, self)
        else:
            sink.ask(request.method, rows, body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        """What the other party answered to what is no INVITE."""
        if response.status < 200:
            self.on_provisional(response)
            return
        self._settled()
        self.on_final(response)

    def on_provisional(self, response: Response) -> None:
        """The other party is at it."""
        if response.status > 100:
            self._clean(response)
            self._respond(response.status, response)

    def on_final(self, response: Response) -> None:
        """What the other party answered."""
        status = response.status
        if self._reinvite is not None and status < 300:
            self._on_accepted(self._reinvite, response)
            return
        sink = self._sink
        if self._method == "UPDATE" and status < 300:
            answered = take_answer(response, self._said)
            if self._said and not answered:
                self._unanswered()
                return
            if not self._said:
                response.body = b""  # it answers nothing
            sink.took(response)
        else:
            self._clean(response)
        if self._method == "PRACK" and status < 300 and self._said:
            self._agreed(response.body)
        if status >= 300 and self._offers and self._said:
            # What it was offered has used up its version (RFC 3264 section 8).
            sink.identity = identity_after(sink, self._said)
        answer = status if status < 300 else relayed_status(status)
        self._respond(answer, response)
        if self._agreed_on is not None and status < 300 and self._offers:
            self._agreed_on(self._source, self._said, response.body)
        # Of a PRACK it only says that the response it is for is unknown (RFC 3262 section 3).
        if status == 481 and self._method != "PRACK":
            sink.post(Lost(sink))

    def _settled(self) -> None:
        """An UPDATE has its final response; only what offers is in the way of other offers."""
        if self._offers:
            self._sink.offer_settled()

    def _on_accepted(self, reinvite: Reinvite, response: Response) -> None:
        sink = self._sink
        if not self._tx.pending:
            # A repeated 2xx whose ACK waits for the caller's, or the asking leg is gone.
            if self._source.state >= CLOSING:
                sink.took(response)
                self._last_word(reinvite, response.body)
            return
        answered = take_answer(response, self._said)
        sink.took(response)
        if not answered:
            reinvite.ack()
            self._unanswered()
            return
        if not self._late_offer:
            reinvite.ack()
        self._respond(200, response, self)
        if self._agreed_on is not None and not self._late_offer:
            self._agreed_on(self._source, self._said, response.body)

    def _clean(self, response: Response) -> None:
        """Leave in a response only what describes a session; to a PRACK, what answers it."""
        if not response.body or self._method not in DESCRIBING:
            return
        if self._method == "PRACK":
            if not self._said or not take_answer(response, self._said):
                response.body = b""
            return
        try:
            take_description(response)
        except ParseError:
            response.body = b""

    def _unanswered(self) -> None:
        """The other party has accepted, but with nothing that answers: the call is over."""
        row = warning(BAD_DESCRIPTION, "no answer to the offer")
        self._source.respond(self._tx, _NOT_ACCEPTABLE, row)
        self._sink.post(Lost(self._sink, UNANSWERED_OFFER))

    def _agreed(self, answer: bytes) -> None:
        """What a PRACK said of media holds, and its answer if it was an offer (RFC 3262)."""
        source, sink = self._source, self._sink
        source.theirs, sink.ours = self._said, sink.described(self._said)
        if answer:
            sink.theirs, source.ours = answer, source.described(answer)

    def _respond(self, status: int, response: Response, waiting: AckUser | None = None) -> None:
        source = self._source
        body = source.described(response.body)
        rows = _rows(response, self._sink, source)
        source.respond(self._tx, status, rows, body, waiting)

    def _last_word(self, reinvite: Reinvite, offer: bytes) -> None:
        """Acknowledge, once the party that was to answer in the ACK is gone."""
        reinvite.ack(*(refusal(self._sink, offer) if self._late_offer else ("", b"")))

    def on_failure(self, _tx: object, status: int) -> None:
        """The other party says nothing to what is no INVITE."""
        self._settled()
        self.on_silence(status)

    def on_silence(self, status: int) -> None:
        """The other party is silent: for a request inside a dialog that ends it (12.2.1.2)."""
        self._source.respond(self._tx, status)
        self._sink.post(Lost(self._sink))

    def on_acknowledged(self, request: Request) -> None:
        """The asking party's ACK: with a late offer it carries the answer."""
        if self._late_offer and self._reinvite is not None:
            rows = _rows(request, self._source, self._sink)
            self._reinvite.ack(rows, self._sink.described(request.body))
            if self._agreed_on is not None:
                self._agreed_on(self._sink, self._sink.theirs, request.body)

    def on_abandoned(self) -> None:
        """The asking party has left without its ACK."""
        if self._reinvite is not None and not self._reinvite.acknowledged:
            self._last_word(self._reinvite, self._sink.theirs)
