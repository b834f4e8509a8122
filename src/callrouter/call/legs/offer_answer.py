"""Offer and answer: the session descriptions of one leg (RFC 3264, RFC 6337).

Theory. A description offers or answers, by the message that it stands in (RFC 3261 section 13.2.1,
RFC 3262 section 5, RFC 3311 section 5), and one offer at most is under way. What each message means
for it is in the table below: one row a state, one column an event, each cell (next state, action).
The state changes before the action.

Before its INVITE has a 2xx a leg may be several early dialogs, one for each fork, and in each of
them the INVITE's offer is answered anew. While nothing else is under way the state is that of the
fork that was heard last. An offer inside one of them keeps others out of all.

Rules. What no reliable message carries answers nothing: it only shows what the answer may be. Once
an early dialog has its first description reliably, what repeats it is neither offer nor answer.
That one INVITE at a time is under way (RFC 3261 section 14) is the leg's affair.
"""

from typing import Final

from callrouter.sip.body import take_answer
from callrouter.sip.flow import Table
from callrouter.sip.message import Message

# States.
SETTLED: Final = 0  # no offer is under way
OFFERED: Final = 1  # our INVITE, which begins the dialog, offers
ASKED: Final = 2  # an INVITE of ours offers nothing: its response is to
INVITED: Final = 3  # the peer's INVITE, which begins the dialog, offers
TO_OFFER: Final = 4  # an INVITE of the peer's offers nothing: our response is to
OURS_OUT: Final = 5  # a request of ours inside the dialog offers
THEIRS_IN: Final = 6  # one of the peer's does, or asks for what there is once more
OURS_SAID: Final = 7  # a response of ours offers: its ACK or PRACK is to answer
THEIRS_SAID: Final = 8  # one of the peer's does: our ACK or PRACK is to answer
STAY: Final = -1
REST: Final = -2  # SETTLED, or the first state of an early dialog that has no answer yet

# Events. Say: to the INVITE that begins the dialog, by a 2xx or reliably before it. Answer: by the
# 2xx to any other request. Refuse: by another final response, by a message that describes nothing
# where it should, or by silence. Confirm: by the ACK or the PRACK.
WE_OFFER: Final = 0
WE_ASK: Final = 1
WE_SAY: Final = 2
WE_ANSWER: Final = 3
WE_REFUSE: Final = 4
WE_CONFIRM: Final = 5
THEY_OFFER: Final = 6
THEY_ASK: Final = 7
THEY_SAY: Final = 8
THEY_ANSWER: Final = 9
THEY_REFUSE: Final = 10
THEY_CONFIRM: Final = 11

# Actions.
NOTHING: Final = 0
PUT: Final = 1  # the description is the offer from now on
ANSWERS_OURS: Final = 2  # both hold from now on
ANSWERS_THEIRS: Final = 3
MAY_NOT: Final = 4  # we have to wait
PENDING: Final = 491  # the peer has to: an offer of ours is there already
LATER: Final = 500  # or it has made one itself

_NO: Final = (STAY, NOTHING)
_WAIT: Final = (STAY, MAY_NOT)
_PENDING: Final = (STAY, PENDING)
_LATER: Final = (STAY, LATER)
_FAILED: Final = (REST, NOTHING)

OFFER_ANSWER: Final[Table] = (
    # We offer, ask, say, answer, refuse, confirm; they do
    (  # Settled
        *((OURS_OUT, PUT), (ASKED, PUT), _NO, _NO, _NO, _NO),
        *((THEIRS_IN, PUT), (TO_OFFER, PUT), _NO, _NO, _NO, _NO),
    ),
    (  # Offered
        *(_WAIT, _WAIT, _NO, _NO, _NO, _NO),
        *(_PENDING, _PENDING, (REST, ANSWERS_OURS), _NO, _FAILED, _NO),
    ),
    (  # Asked
        *(_WAIT, _WAIT, _NO, _NO, _NO, _NO),
        *(_PENDING, _PENDING, (THEIRS_SAID, PUT), (THEIRS_SAID, PUT), _FAILED, _NO),
    ),
    (  # Invited
        *(_WAIT, _WAIT, (REST, ANSWERS_THEIRS), _NO, _FAILED, _NO),
        *(_LATER, _LATER, _NO, _NO, _NO, _NO),
    ),
    (  # To offer
        *(_WAIT, _WAIT, (OURS_SAID, PUT), (OURS_SAID, PUT), _FAILED, _NO),
        *(_LATER, _LATER, _NO, _NO, _NO, _NO),
    ),
    (  # Ours out
        *(_WAIT, _WAIT, _NO, _NO, _NO, _NO),
        *(_PENDING, _PENDING, _NO, (REST, ANSWERS_OURS), _FAILED, _NO),
    ),
    (  # Theirs in
        *(_WAIT, _WAIT, _NO, (REST, ANSWERS_THEIRS), _FAILED, _NO),
        *(_LATER, _LATER, _NO, _NO, _NO, _NO),
    ),
    (  # Ours said
        *(_WAIT, _WAIT, _NO, _NO, _NO, _NO),
        *(_PENDING, _PENDING, _NO, _NO, _FAILED, (REST, ANSWERS_OURS)),
    ),
    (  # Theirs said
        *(_WAIT, _WAIT, _NO, _NO, _NO, (REST, ANSWERS_THEIRS)),
        *(_PENDING, _PENDING, _NO, _NO, _NO, _NO),
    ),
)


class OfferAnswer:
    """Offer and answer of a leg.

    exchange: its state. offer: the one that is under way, b"" for none. ours, theirs: what we and
    the peer have described last, b"" for nothing; before the 2xx, what was only shown as well.
    """

    __slots__ = ("_first", "_first_offer", "_fork", "_told", "exchange", "offer", "ours", "theirs")

    def __init__(self, offer: bytes, *, ours: bool) -> None:
        """offer: of the INVITE that begins the dialog, b"" for none. ours: it is our INVITE."""
        if ours:
            self._first = OFFERED if offer else ASKED
            self.ours, self.theirs = offer, b""
        else:
            self._first = INVITED if offer else TO_OFFER
            self.ours, self.theirs = b"", offer
        self.exchange = self._first
        self._first_offer = self.offer = offer
        self._fork = ""
        self._told: dict[str, bytes] | None = None  # by fork, what was described first

    @property
    def late(self) -> bool:
        """The INVITE that begins the dialog offers nothing, so that the offer is in a response."""
        return not self._first_offer

    @property
    def owes_answer(self) -> bool:
        """Our next ACK or PRACK has to answer an offer of the peer's."""
        return self.exchange == THEIRS_SAID

    def told(self, fork: str) -> bool:
        """Say whether an early dialog has its first description reliably (RFC 3262 section 5).

        No response has to repeat it.
        """
        return self._told is not None and fork in self._told

    def keeps_out(self, event: int) -> int:
        """The status for what the peer offers or asks while something is under way, else 0.

        event: THEY_OFFER or THEY_ASK.
        """
        action = OFFER_ANSWER[self.exchange][event][1]
        return 0 if action == PUT else action

    def step(self, event: int, body: bytes = b"") -> int:
        """Take an event with its description; returns the action."""
        state, action = OFFER_ANSWER[self.exchange][event]
        if state >= 0:
            self.exchange = state
        elif state == REST:
            self.exchange = self._rest() if self._first else SETTLED
        if action == PUT:
            self.offer = body
        elif action == ANSWERS_OURS:
            self.ours = self.offer
            self.theirs = body
        elif action == ANSWERS_THEIRS:
            self.theirs = self.offer or self.theirs
            self.ours = body or self.ours
        return action

    def answered_by(self, message: Message, event: int) -> bool:
        """Leave in a message of the peer's what answers our offer, or makes the one asked for.

        event: what the message is, THEY_ANSWER or THEY_CONFIRM. False when it has nothing such.
        """
        answers = take_answer(message, self.offer)
        self.step(event if answers else THEY_REFUSE, message.body)
        return answers

    def turn_to(self, fork: str) -> None:
        """From now on the early dialog of this fork is the one that is spoken in."""
        self._fork = fork
        if self._told is not None and self.exchange < OURS_OUT:
            self.exchange = self._rest()

    def say_early(self, event: int, body: bytes) -> None:
        """A reliable response before the 2xx describes the session. event: WE_SAY or THEY_SAY."""
        if self._told is None:
            self._told = {}
        if self._fork not in self._told:
            self._told[self._fork] = body
            self.step(event, body)

    def say(self, event: int, body: bytes) -> None:
        """The INVITE that begins the dialog has its 2xx. event: WE_SAY or THEY_SAY.

        Of the early dialogs this one is left, and what is under way in another ends with it.
        """
        first, self._first = self._first, SETTLED
        if self._told is None or self._fork not in self._told:
            self.exchange = first
            if not body:
                event = WE_REFUSE if event == WE_SAY else THEY_REFUSE
            self.step(event, body)

    def _rest(self) -> int:
        if self._first == SETTLED or self.told(self._fork):
            return SETTLED
        self.offer = self._first_offer
        return self._first
