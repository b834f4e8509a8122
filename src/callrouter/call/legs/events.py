"""Events of a call, as one ordered list.

The events of one call all arrive in its `Inbox`, so that every race is one `case` of its script.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from callrouter.call.services.archive import MessageList
from callrouter.call.services.media import MediaEvent
from callrouter.call.services.queue_port import QueueEvent
from callrouter.call.services.supervision import SupervisionEvent

if TYPE_CHECKING:
    from callrouter.call.legs.leg import Leg
    from callrouter.call.legs.uac_leg import BLeg
    from callrouter.call.legs.uas_leg import ALeg
    from callrouter.sip.message import Request, Response
    from callrouter.sip.server_tx import ServerTransaction

PEER_GONE: Final = "peer_gone"
"""Why a party is lost that does not know its dialog, or does not answer inside it."""
UNANSWERED_OFFER: Final = "unanswered_offer"
"""Why one is lost that is there, but has answered an offer with nothing of use, so that no session
can come of the call (RFC 3261 section 13.2.1)."""


class Progress:
    """A provisional response above 100 from a B-leg. fork: the To tag of the one who sent it."""

    __slots__ = ("fork", "leg", "response")

    def __init__(self, leg: "BLeg", fork: str, response: "Response") -> None:
        self.leg = leg
        self.fork = fork
        self.response = response


class Answered:
    """The answer of a B-leg: its first 2xx."""

    __slots__ = ("fork", "leg", "response")

    def __init__(self, leg: "BLeg", fork: str, response: "Response") -> None:
        self.leg = leg
        self.fork = fork
        self.response = response


class Failed:
    """The end of a B-leg without an answer.

    response: None when none came, or not at all sendable.
    """

    __slots__ = ("leg", "response", "status")

    def __init__(self, leg: "BLeg", status: int, response: "Response | None") -> None:
        self.leg = leg
        self.status = status
        self.response = response


class Cancelled:
    """The cancellation of an INVITE: its sender gave up before an answer.

    reason: the CANCEL's Reason value, "" for none.
    """

    __slots__ = ("leg", "reason")

    def __init__(self, leg: "ALeg", reason: str) -> None:
        self.leg = leg
        self.reason = reason


class Asked:
    """A request inside a dialog that the other party is to answer; `tx` waits for that answer."""

    __slots__ = ("leg", "request", "tx")

    def __init__(self, leg: "Leg", tx: "ServerTransaction", request: "Request") -> None:
        self.leg = leg
        self.tx = tx
        self.request = request


class Acknowledged:
    """The caller's ACK to the answer, with the SDP of a late offer's answer in it."""

    __slots__ = ("leg", "request")

    def __init__(self, leg: "ALeg", request: "Request") -> None:
        self.leg = leg
        self.request = request


class HungUp:
    """The hang-up of a party, which ended its dialog. reason: its Reason value, "" for none."""

    __slots__ = ("leg", "reason")

    def __init__(self, leg: "Leg", reason: str) -> None:
        self.leg = leg
        self.reason = reason


class Lost:
    """The loss of a party: it never acknowledged, or does not know the dialog any more.

    why: as the record's reason has it.
    """

    __slots__ = ("leg", "why")

    def __init__(self, leg: "Leg", why: str = PEER_GONE) -> None:
        self.leg = leg
        self.why = why


class Settled:
    """The end of an offer of ours inside a dialog. response: None for none at all."""

    __slots__ = ("leg", "response")

    def __init__(self, leg: "Leg", response: "Response | None") -> None:
        self.leg = leg
        self.response = response


@dataclass(slots=True, kw_only=True, frozen=True)
class RecordAsked:
    """A request for a recording, or for its end, by somebody who runs callrouter."""

    on: bool


class Replacing:
    """An INVITE to take the place of a leg (RFC 3891). by: its own leg, not answered yet."""

    __slots__ = ("by", "leg", "request")

    def __init__(self, leg: "Leg", by: "ALeg", request: "Request") -> None:
        self.leg = leg
        self.by = by
        self.request = request


class TakenOver:
    """A takeover by another call of who `leg` talks to; `leg` itself is left, to be hung up on."""

    __slots__ = ("leg",)

    def __init__(self, leg: "Leg") -> None:
        self.leg = leg


class Replied:
    """The answer of a service, which the script that waits for it looks at."""

    __slots__ = ()


class Deadline:
    """The deadline given to `Inbox.next`, which has come."""

    __slots__ = ()


@dataclass(slots=True, kw_only=True, frozen=True)
class Shutdown:
    """The end of a call by callrouter, now. cause: Q.850, 0 for that of a usual end.

    reason: as its record has it, "" for the shutdown of callrouter, or where it has one already.
    """

    cause: int = 0
    reason: str = ""


Event = (
    Progress
    | Answered
    | Failed
    | Cancelled
    | Asked
    | Acknowledged
    | HungUp
    | Lost
    | Settled
    | Replacing
    | TakenOver
    | MediaEvent
    | MessageList
    | QueueEvent
    | SupervisionEvent
    | Replied
    | RecordAsked
    | Deadline
    | Shutdown
)
