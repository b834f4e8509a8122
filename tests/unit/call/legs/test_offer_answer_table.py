"""Every cell of the table of offer and answer, driven by messages on a real stack.

Into the state by what both sides say, then the event. Before the INVITE that begins a dialog has
its 2xx the dialog is early, and events come by UPDATE and reliable responses; later by re-INVITE.
"""

from collections.abc import Callable
from itertools import product
from typing import Final, NamedTuple

import pytest
from support.one_leg import CONTENT, CallerLeg, OneLeg, TargetLeg
from support.rig import Sent
from support.tables import each
from support.wire import SDP

from callrouter.call.legs.leg import SETTING_UP
from callrouter.call.legs.offer_answer import (
    ASKED,
    INVITED,
    LATER,
    MAY_NOT,
    NOTHING,
    OFFER_ANSWER,
    OFFERED,
    OURS_OUT,
    OURS_SAID,
    PENDING,
    PUT,
    SETTLED,
    STAY,
    THEIRS_IN,
    THEIRS_SAID,
    THEY_CONFIRM,
    THEY_OFFER,
    TO_OFFER,
    WE_OFFER,
)
from callrouter.call.legs.reinvite import DialogRequest
from callrouter.call.legs.uas_leg import ALeg

FIRST: Final = SDP
"""What the INVITE that begins the dialog offers, or what answers where it offers nothing."""
OTHER: Final = SDP.replace(b"4000", b"4002")
"""What its answer says, or the offer of its response."""
NEW: Final = SDP.replace(b"4000", b"4010")
"""What is offered inside the dialog."""
AGREED: Final = SDP.replace(b"4000", b"4012")
"""What answers that."""


class Dialog:
    """A leg, and what is under way on it. out: the last request or 2xx of the leg's own."""

    def __init__(self, leg: OneLeg) -> None:
        self.one = leg
        self.reinvite: DialogRequest | None = None
        self.out: Sent | None = None

    def last(self) -> Sent:
        """What the leg sent last is what the peer responds to."""
        return self.one.rig.sent[-1] if self.out is None else self.out


def calling(offer: bytes) -> Dialog:
    dialog = Dialog(leg := TargetLeg(offer))
    dialog.out = leg.invite
    return dialog


def called(offer: bytes) -> Dialog:
    return Dialog(CallerLeg(offer))


def talking() -> Dialog:
    """A caller that is answered, and has acknowledged it."""
    caller = CallerLeg(FIRST)
    caller.leg.answer(200, "", CONTENT, OTHER)
    (answer,) = caller.rig.taken()
    caller.acknowledges(answer)
    return Dialog(caller)


def reinviting(body: bytes) -> Dialog:
    dialog = talking()
    send(dialog, body)
    return dialog


def reinvited(body: bytes) -> Dialog:
    dialog = talking()
    dialog.one.asks("INVITE", body)
    return dialog


def offered_in_the_200() -> Dialog:
    dialog = reinvited(b"")
    answer(dialog, NEW)
    return dialog


def told_in_the_200() -> Dialog:
    dialog = reinviting(b"")
    they_answer(dialog)
    return dialog


INTO: Final[dict[str, tuple[int, Callable[[], Dialog]]]] = {
    "settled": (SETTLED, talking),
    "offered": (OFFERED, lambda: calling(FIRST)),
    "asked first": (ASKED, lambda: calling(b"")),
    "asked": (ASKED, lambda: reinviting(b"")),
    "invited": (INVITED, lambda: called(FIRST)),
    "to offer first": (TO_OFFER, lambda: called(b"")),
    "to offer": (TO_OFFER, lambda: reinvited(b"")),
    "ours out": (OURS_OUT, lambda: reinviting(NEW)),
    "theirs in": (THEIRS_IN, lambda: reinvited(NEW)),
    "ours said": (OURS_SAID, offered_in_the_200),
    "theirs said": (THEIRS_SAID, told_in_the_200),
}


def send(dialog: Dialog, body: bytes) -> list[str]:
    """We send a re-INVITE."""
    one = dialog.one
    dialog.reinvite = DialogRequest(one.leg, "INVITE", CONTENT if body else "", body, one)
    (dialog.out,) = one.rig.taken()
    return [dialog.out.what]


def say(dialog: Dialog) -> list[str]:
    """We answer the INVITE that began it."""
    caller = dialog.one
    assert isinstance(caller, CallerLeg)
    caller.leg.answer(200, "", CONTENT, OTHER)
    return caller.sent()


def answer(dialog: Dialog, body: bytes) -> list[str]:
    """We answer a request inside it."""
    one = dialog.one
    one.leg.respond(one.asked.pop().tx, 200, CONTENT, body)
    (dialog.out,) = one.rig.taken()
    return [dialog.out.what]


def refuse(dialog: Dialog) -> list[str]:
    """We answer a request inside it by another status, or the first INVITE with no description."""
    one = dialog.one
    if isinstance(one.leg, ALeg) and one.leg.state == SETTING_UP:
        one.leg.answer(200, "", "", b"")
    else:
        one.leg.respond(one.asked.pop().tx, 488)
    return one.sent()


def confirm(dialog: Dialog) -> list[str]:
    assert dialog.reinvite is not None
    dialog.reinvite.ack(CONTENT, AGREED)
    return dialog.one.sent()


def they_offer(dialog: Dialog) -> list[str]:
    early = dialog.one.leg.state == SETTING_UP
    return dialog.one.asks("UPDATE" if early else "INVITE", NEW)


def they_ask(dialog: Dialog) -> list[str]:
    return dialog.one.asks("INVITE")


def they_say(dialog: Dialog) -> list[str]:
    return dialog.one.says(dialog.last(), 200, OTHER)


def they_answer(dialog: Dialog) -> list[str]:
    return dialog.one.says(dialog.last(), 200, AGREED, tag="")


def they_refuse(dialog: Dialog) -> list[str]:
    """They refuse our request, or describe nothing where they should."""
    one = dialog.one
    if one.leg.exchange == OURS_SAID:
        return one.acknowledges(dialog.last())
    if one.leg.state == SETTING_UP:
        return one.says(dialog.last(), 200)
    return one.says(dialog.last(), 488, tag="")


def they_confirm(dialog: Dialog) -> list[str]:
    return dialog.one.acknowledges(dialog.last(), AGREED)


EVENTS: Final[dict[str, Callable[[Dialog], list[str]]]] = {
    "we offer": lambda dialog: send(dialog, NEW),
    "we ask": lambda dialog: send(dialog, b""),
    "we say": say,
    "we answer": lambda dialog: answer(dialog, AGREED),
    "we refuse": refuse,
    "we confirm": confirm,
    "they offer": they_offer,
    "they ask": they_ask,
    "they say": they_say,
    "they answer": they_answer,
    "they refuse": they_refuse,
    "they confirm": they_confirm,
}


class Cell(NamedTuple):
    """What comes of an event: the next state, what is sent, what both have described last."""

    state: int
    sent: list[str]
    ours: bytes
    theirs: bytes


WANTED: Final = {
    "settled": {
        "we offer": Cell(OURS_OUT, ["INVITE"], OTHER, FIRST),
        "we ask": Cell(ASKED, ["INVITE"], OTHER, FIRST),
        "they offer": Cell(THEIRS_IN, ["100"], OTHER, FIRST),
        "they ask": Cell(TO_OFFER, ["100"], OTHER, FIRST),
    },
    "offered": {
        "they offer": Cell(OFFERED, ["491"], FIRST, b""),
        "they ask": Cell(OFFERED, ["491"], FIRST, b""),
        "they say": Cell(SETTLED, [], FIRST, OTHER),
        "they refuse": Cell(SETTLED, ["ACK", "BYE"], FIRST, b""),
    },
    "asked first": {
        "they offer": Cell(ASKED, ["491"], b"", b""),
        "they ask": Cell(ASKED, ["491"], b"", b""),
        "they say": Cell(THEIRS_SAID, [], b"", OTHER),
        "they refuse": Cell(SETTLED, ["ACK", "BYE"], b"", b""),
    },
    "asked": {
        "they offer": Cell(ASKED, ["491"], OTHER, FIRST),
        "they ask": Cell(ASKED, ["491"], OTHER, FIRST),
        "they answer": Cell(THEIRS_SAID, [], OTHER, FIRST),
        "they refuse": Cell(SETTLED, ["ACK"], OTHER, FIRST),
    },
    "invited": {
        "we say": Cell(SETTLED, ["200"], OTHER, FIRST),
        "we refuse": Cell(SETTLED, ["200"], b"", FIRST),
        "they offer": Cell(INVITED, ["500"], b"", FIRST),
        "they ask": Cell(INVITED, ["500"], b"", FIRST),
    },
    "to offer first": {
        "we say": Cell(OURS_SAID, ["200"], OTHER, b""),
        "we refuse": Cell(SETTLED, ["200"], b"", b""),
        "they offer": Cell(TO_OFFER, ["500"], b"", b""),
        "they ask": Cell(TO_OFFER, ["500"], b"", b""),
    },
    "to offer": {
        "we answer": Cell(OURS_SAID, ["200"], OTHER, FIRST),
        "we refuse": Cell(SETTLED, ["488"], OTHER, FIRST),
        "they offer": Cell(TO_OFFER, ["500"], OTHER, FIRST),
        "they ask": Cell(TO_OFFER, ["500"], OTHER, FIRST),
    },
    "ours out": {
        "they offer": Cell(OURS_OUT, ["491"], OTHER, FIRST),
        "they ask": Cell(OURS_OUT, ["491"], OTHER, FIRST),
        "they answer": Cell(SETTLED, [], NEW, AGREED),
        "they refuse": Cell(SETTLED, ["ACK"], OTHER, FIRST),
    },
    "theirs in": {
        "we answer": Cell(SETTLED, ["200"], AGREED, NEW),
        "we refuse": Cell(SETTLED, ["488"], OTHER, FIRST),
        "they offer": Cell(THEIRS_IN, ["500"], OTHER, FIRST),
        "they ask": Cell(THEIRS_IN, ["500"], OTHER, FIRST),
    },
    "ours said": {
        "they offer": Cell(OURS_SAID, ["491"], OTHER, FIRST),
        "they ask": Cell(OURS_SAID, ["491"], OTHER, FIRST),
        "they refuse": Cell(SETTLED, [], OTHER, FIRST),
        "they confirm": Cell(SETTLED, [], NEW, AGREED),
    },
    "theirs said": {
        "we confirm": Cell(SETTLED, ["ACK"], AGREED, AGREED),
        "they offer": Cell(THEIRS_SAID, ["491"], OTHER, FIRST),
        "they ask": Cell(THEIRS_SAID, ["491"], OTHER, FIRST),
        "they answer": Cell(THEIRS_SAID, [], OTHER, FIRST),  # once more
    },
}
COLUMNS: Final = list(EVENTS)


@each(("row", "event"), list(product(WANTED, EVENTS)))
def test_cell(row: str, event: str) -> None:
    state, into = INTO[row]
    dialog = into()
    leg = dialog.one.leg
    assert leg.exchange == state
    wanted = WANTED[row].get(event)
    if wanted is None:
        rows = [other for other in WANTED if INTO[other][0] == state]
        if not any(event in WANTED[other] for other in rows):
            # It does not happen there, or changes nothing: we wait, or there is no such request.
            cell = OFFER_ANSWER[state][COLUMNS.index(event)]
            assert cell in {(STAY, NOTHING), (STAY, MAY_NOT)}
        return
    sent = EVENTS[event](dialog)
    assert Cell(leg.exchange, sent, leg.ours, leg.theirs) == wanted
    if sent in (["491"], ["500"]):
        # An INVITE in an early dialog is refused before the table is asked; it says the same.
        assert OFFER_ANSWER[state][COLUMNS.index(event)] == (STAY, int(sent[0]))


@pytest.mark.parametrize("row", INTO)
def test_we_may_offer_and_ask_where_the_table_says_so(row: str) -> None:
    state, into = INTO[row]
    leg = into().one.leg
    offer, ask = OFFER_ANSWER[state][:2]
    assert leg.may_offer() == leg.may_reinvite() == (offer[1] != MAY_NOT) == (ask[1] != MAY_NOT)


def test_table_has_a_cell_for_each_state_and_event() -> None:
    assert {state for state, _ in INTO.values()} == set(range(len(OFFER_ANSWER)))
    assert {len(row) for row in OFFER_ANSWER} == {len(EVENTS)}
    assert (COLUMNS[WE_OFFER], COLUMNS[THEY_OFFER]) == ("we offer", "they offer")
    assert COLUMNS[THEY_CONFIRM] == "they confirm"


def test_what_keeps_an_offer_of_the_peer_out_is_one_of_ours_or_its_own() -> None:
    ours = {OFFERED, ASKED, OURS_OUT, OURS_SAID, THEIRS_SAID}
    for state, row in enumerate(OFFER_ANSWER):
        action = row[THEY_OFFER][1]
        if state == SETTLED:
            assert action == PUT
        else:
            assert action == (PENDING if state in ours else LATER)
