"""One leg of ours on a rig, the peer that writes each of its messages, and what the call hears."""

import itertools

from callrouter.call.legs.events import Asked, Event, Progress
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.route.rules.peer_profile import UNTIMED, PeerProfile
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from support.rig import PEER, US, Rig, Sent, request

CONTENT = "Content-Type: application/sdp\r\n"
CONTACT = "<sip:desk@192.0.2.1>"
_SUPPORTED = "Supported: 100rel\r\n"


class OneLeg:
    """A leg and its peer. asked: what the peer asks and nobody has answered. heard: all events.

    responses: to requests of the leg's own. passes: somebody else acknowledges reliable responses.
    """

    leg: Leg

    def __init__(self) -> None:
        self.rig = Rig()
        self.inbox = Inbox(self.rig.stack.timers)
        self.heard: list[str] = []
        self.asked: list[Asked] = []
        self.responses: list[Response] = []
        self.passes = False
        self._cseqs = itertools.count(2)

    async def listen(self) -> None:
        """The script of the call."""
        while True:
            event: Event = await self.inbox.event()
            self.heard.append(type(event).__name__)
            if isinstance(event, Asked):
                self.asked.append(event)
            elif isinstance(event, Progress) and self.passes:
                event.leg.unpracked = ""

    def on_provisional(self, response: Response) -> None:
        """The user of a re-INVITE."""

    def on_final(self, response: Response) -> None:
        self.responses.append(response)

    def on_silence(self, status: int) -> None:
        self.heard.append(f"silence {status}")

    def on_response(self, _tx: object, response: Response) -> None:
        """The user of any other request."""
        self.responses.append(response)

    def on_failure(self, _tx: object, status: int) -> None:
        self.on_silence(status)

    def sent(self) -> list[str]:
        """What the leg has sent since this was last asked."""
        return [sent.what for sent in self.rig.taken()]

    def asks(self, method: str, body: bytes = b"", extra: str = "", tag: str = "") -> list[str]:
        """The peer sends a request inside the dialog; what is sent because of it.

        tag: of ours, "" for that of the dialog that is spoken in.
        """
        dialog = self.leg.dialog
        number = next(self._cseqs)
        rows = f"Contact: {CONTACT}\r\n{extra}{CONTENT if body else ''}"
        data = request(
            method,
            via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKasks{number}",
            from_=f"<sip:peer@192.0.2.1>;tag={dialog.remote_tag}",
            to=f"<sip:us@192.0.2.2>;tag={tag or dialog.local_tag}",
            call_id=dialog.call_id,
            cseq=f"{number} {method}",
            extra=rows,
            body=body,
        )
        return [sent.what for sent in self.rig.hear(data)]

    def acknowledges(self, sent: Sent, body: bytes = b"") -> list[str]:
        """The peer acknowledges a 2xx of the leg's; what is sent because of it."""
        message = sent.message
        data = request(
            "ACK",
            via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKack",
            from_=message["From"],
            to=message["To"],
            call_id=message["Call-ID"],
            cseq=message["CSeq"].replace("INVITE", "ACK"),
            extra=CONTENT if body else "",
            body=body,
        )
        return [one.what for one in self.rig.hear(data)]

    def says(
        self, asked: Sent, status: int, body: bytes = b"", tag: str = "theirs", **rows: str
    ) -> list[str]:
        """The peer responds to a request of the leg's; what is sent because of it."""
        if body:
            rows["Content_Type"] = "application/sdp"
        data = self.rig.respond(asked, status, tag, body.decode(), Contact=CONTACT, **rows)
        return [sent.what for sent in self.rig.hear(data)]


class TargetLeg(OneLeg):
    """The leg to a target that is called. invite: what it was sent."""

    def __init__(self, offer: bytes, peer: PeerProfile = UNTIMED) -> None:
        super().__init__()
        flow = Flow("UDP", *US, *PEER, None)
        head = f"Max-Forwards: 70\r\n{CONTENT if offer else ''}"
        stack, inbox = self.rig.stack, self.inbox
        self.leg: BLeg = BLeg(
            stack,
            inbox,
            flow,
            number=1,
            uri="sip:desk@192.0.2.1",
            from_value="<sip:us@192.0.2.2>",
            extra=head,
            body=offer,
            peer=peer,
        )
        (self.invite,) = self.rig.taken()
        inbox.start(self.listen())


class CallerLeg(OneLeg):
    """The leg of a caller, whose INVITE has come. reliable: it takes reliable responses."""

    def __init__(self, offer: bytes, *, reliable: bool = False) -> None:
        super().__init__()
        extra = f"Contact: {CONTACT}\r\n{_SUPPORTED if reliable else ''}"
        tx = self.rig.serve(request(extra=f"{extra}{CONTENT if offer else ''}", body=offer))
        invite: Request = self.rig.core.requests[-1]
        self.leg: ALeg = ALeg(self.rig.stack, self.inbox, tx, invite, CONTACT[1:-1])
        self.leg.meet(UNTIMED, invite)
        self.rig.taken()
        self.inbox.start(self.listen())
