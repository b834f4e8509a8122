"""One request inside a call, passed from one leg to the other, and its answer back (A4).

Whoever asked is answered with what the other party said; its ACK goes on as well. A description
goes through untouched when it can be one; an offer that the other party accepts without an answer
ends the call (RFC 3261 section 13.2.1).
"""

from collections.abc import Callable

from callrouter.call.interwork.caller_identity import identity_rows
from callrouter.call.interwork.header_policy import passed_rows, relayed_status
from callrouter.call.legs.events import UNANSWERED_OFFER, Lost
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import DialogRequest, identity_after, refusal
from callrouter.call.legs.retransmit_2xx import AckUser
from callrouter.errors import ParseError
from callrouter.sip.body import DESCRIBING, take_answer, take_description, warning
from callrouter.sip.message import Message, Request, Response
from callrouter.sip.sdp import BAD_DESCRIPTION
from callrouter.sip.server_tx import ServerTransaction

_NOT_ACCEPTABLE = 488


def passed(message: Message, source: Leg, sink: Leg) -> str:
    """The rows that pass from one leg to the other."""
    return passed_rows(message, source.peer, sink.peer, private=source.private)


def _rows(message: Message, source: Leg, sink: Leg) -> str:
    """The rows that pass, who the sender is said to be among them."""
    host = sink.dialog.flow.sent_by
    return passed(message, source, sink) + identity_rows(message, source.peer, sink.peer, host)


Agreed = Callable[[Leg, bytes, bytes], None]
"""Told of a new session: who offered it, the offer and the answer."""


class Relay:
    """The relay to `sink` of what `source` asked on `tx`."""

    __slots__ = ("_agreed_on", "_method", "_offer", "_sent", "_sink", "_source", "_tx")

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
        self._offer = b""
        if request.method in DESCRIBING and not sink.owes_answer:  # else a PRACK that answers
            self._offer = request.body
        body = sink.described(request.body)
        rows = extra + _rows(request, source, sink)
        self._sent = DialogRequest(sink, request.method, rows, body, self)

    def on_provisional(self, response: Response) -> None:
        """The other party is at it."""
        if response.status > 100:
            self._clean(response)
            self._respond(response.status, response)

    def on_final(self, response: Response) -> None:
        """What the other party answered."""
        status = response.status
        sink = self._sink
        if self._method == "INVITE" and status < 300:
            self._on_accepted(response)
            return
        if self._method == "UPDATE" and status < 300 and self._offer and not response.body:
            self._unanswered()
            return
        if status >= 300 or not self._offer:
            self._clean(response)
        if status >= 300 and self._offer:
            # What it was offered has used up its version (RFC 3264 section 8).
            sink.identity = identity_after(sink, self._offer)
        answer = status if status < 300 else relayed_status(status)
        self._respond(answer, response)
        if self._agreed_on is not None and status < 300 and self._offer:
            self._agreed_on(self._source, self._offer, response.body)
        # Of a PRACK it only says that the response it is for is unknown (RFC 3262 section 3).
        if status == 481 and self._method != "PRACK":
            sink.post(Lost(sink))

    def _on_accepted(self, response: Response) -> None:
        sink = self._sink
        if not self._tx.pending:
            self._last_word()  # the asking leg is gone
        elif not response.body:
            self._sent.ack()
            self._unanswered()
        else:
            is_late = sink.owes_answer
            if not is_late:
                self._sent.ack()
            self._respond(200, response, self)
            if self._agreed_on is not None and not is_late:
                self._agreed_on(self._source, self._offer, response.body)

    def _clean(self, response: Response) -> None:
        """Leave in a response only what describes a session; to a PRACK, what answers it."""
        if not response.body or self._method not in DESCRIBING:
            return
        if self._method == "PRACK" or 200 <= response.status < 300:
            if not self._offer or not take_answer(response, self._offer):
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

    def _respond(self, status: int, response: Response, waiting: AckUser | None = None) -> None:
        source = self._source
        body = source.described(response.body)
        rows = _rows(response, self._sink, source)
        source.respond(self._tx, status, rows, body, waiting)

    def _last_word(self) -> None:
        """Acknowledge, once the party that was to answer in the ACK is gone."""
        sink = self._sink
        self._sent.ack(*(refusal(sink, sink.offer) if sink.owes_answer else ("", b"")))

    def on_silence(self, status: int) -> None:
        """The other party is silent: for a request inside a dialog that ends it (12.2.1.2)."""
        self._source.respond(self._tx, status)
        self._sink.post(Lost(self._sink))

    def on_acknowledged(self, request: Request) -> None:
        """The asking party's ACK: with a late offer it carries the answer."""
        sink = self._sink
        if sink.owes_answer:
            rows = _rows(request, self._source, sink)
            self._sent.ack(rows, sink.described(request.body))
            if self._agreed_on is not None:
                self._agreed_on(sink, sink.theirs, request.body)

    def on_abandoned(self) -> None:
        """The asking party has left without its ACK."""
        if not self._sent.acknowledged:
            self._last_word()
