"""Renegotiation by a party whose media is with us: hold, resume, another codec (A4)."""

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import Party
from callrouter.call.legs.events import Asked
from callrouter.call.legs.retransmit_2xx import AckUser
from callrouter.sip.body import SDP_ROW
from callrouter.sip.message import Request


class _LateAnswer(AckUser):
    """Waits for the ACK whose body answers an offer of ours."""

    __slots__ = ("_party", "_session")

    def __init__(self, party: Party, session: MediaSession) -> None:
        self._party = party
        self._session = session

    def on_acknowledged(self, request: Request) -> None:
        audio = self._party.heard(request.body) if request.body else None
        if audio is not None:
            self._session.connect(audio)


def renegotiate(asked: Asked, party: Party, session: MediaSession) -> None:
    """Answer a request of a party that talks to one of our sessions."""
    leg, tx, request = asked.leg, asked.tx, asked.request
    if request.method not in {"INVITE", "UPDATE"}:
        # There is nobody behind us whom it could concern.
        leg.respond(tx, 603 if request.method == "REFER" else 405)
    elif request.body:
        audio = party.offered(request.body)
        if audio is None:
            leg.respond(tx, 488, "" if party.unfit is None else party.unfit.row)
            return
        session.connect(audio)
        leg.respond(tx, 200, SDP_ROW, party.answer(session))
    elif request.method == "INVITE":
        leg.respond(tx, 200, SDP_ROW, party.offer(session), _LateAnswer(party, session))
    else:
        leg.respond(tx, 200)
