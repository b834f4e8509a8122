"""Every cell of the server transactions' tables: RFC 3261 figure 8 and RFC 6026 figure 5.

Each is driven on a real stack: into the state at 0 s, the event at 0.25 s, or when its timer
is due. Then nothing more comes, and the transaction must be gone when the figure says so.
"""

from itertools import product
from typing import Final, NamedTuple

import pytest
from support.rig import Rig, request, starts
from support.wire import left_over

from callrouter.sip.server_tx import (
    ACCEPTED,
    ACK,
    COMPLETED,
    CONFIRMED,
    INVITE_SERVER,
    NOTHING,
    PROCEEDING,
    REQUEST,
    REQUEST_SERVER,
    SEND_1XX,
    SEND_2XX,
    SEND_FINAL,
    STAY,
    T_END,
    T_GIVE_UP,
    T_RESEND,
    TERMINATED,
    TRYING,
    ServerTransaction,
)

EVENT_AT: Final = 0.25
NEVER: Final = -1.0
MERGING: Final = frozenset((PROCEEDING, COMPLETED, ACCEPTED))
"""States in which a copy of the INVITE by another branch is a merged one (decision 14)."""
STATES: Final = (TRYING, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED)
EVENTS: Final = {
    "again": REQUEST,
    "ACK": ACK,
    "send 1xx": SEND_1XX,
    "send 2xx": SEND_2XX,
    "send 3xx-6xx": SEND_FINAL,
    "resend": T_RESEND,
    "give up": T_GIVE_UP,
    "end": T_END,
}
STATUSES: Final = {"send 1xx": 183, "send 2xx": 200, "send 3xx-6xx": 486}


class Cell(NamedTuple):
    """state: the next one. live: timers afterwards. gone: when it is over if nothing more comes."""

    state: int
    sent: list[str]
    told: list[str]
    live: int
    gone: float


INVITE: Final = {
    PROCEEDING: {
        "again": Cell(PROCEEDING, ["180"], [], 0, NEVER),
        "ACK": Cell(PROCEEDING, [], [], 0, NEVER),
        "send 1xx": Cell(PROCEEDING, ["183"], [], 0, NEVER),
        "send 2xx": Cell(ACCEPTED, ["200"], [], 1, 32.25),
        "send 3xx-6xx": Cell(COMPLETED, ["486"], [], 1, 32.25),
        "resend": Cell(PROCEEDING, [], [], 0, NEVER),
        "give up": Cell(PROCEEDING, [], [], 0, NEVER),
        "end": Cell(PROCEEDING, [], [], 0, NEVER),
    },
    COMPLETED: {
        "again": Cell(COMPLETED, ["486"], [], 1, 32.0),
        "ACK": Cell(CONFIRMED, [], [], 1, 5.25),
        "send 1xx": Cell(COMPLETED, [], [], 1, 32.0),
        "send 2xx": Cell(COMPLETED, [], [], 1, 32.0),
        "send 3xx-6xx": Cell(COMPLETED, [], [], 1, 32.0),
        "resend": Cell(COMPLETED, ["486"], [], 1, 32.0),
        "give up": Cell(TERMINATED, [], ["unacknowledged"], 0, 32.0),
        "end": Cell(COMPLETED, [], [], 1, 32.0),
    },
    CONFIRMED: dict.fromkeys(EVENTS, Cell(CONFIRMED, [], [], 1, 5.0))
    | {"end": Cell(TERMINATED, [], [], 0, 5.0)},
    ACCEPTED: dict.fromkeys(EVENTS, Cell(ACCEPTED, [], [], 1, 32.0))
    | {"end": Cell(TERMINATED, [], [], 0, 32.0)},
    TERMINATED: dict.fromkeys(EVENTS, Cell(TERMINATED, [], [], 0, 0.0)),
}

OTHER: Final = {
    TRYING: {
        "again": Cell(TRYING, [], [], 0, NEVER),
        "ACK": Cell(TRYING, [], [], 0, NEVER),
        "send 1xx": Cell(PROCEEDING, ["183"], [], 0, NEVER),
        "send 2xx": Cell(COMPLETED, ["200"], [], 1, 32.25),
        "send 3xx-6xx": Cell(COMPLETED, ["486"], [], 1, 32.25),
        "resend": Cell(TRYING, [], [], 0, NEVER),
        "give up": Cell(TRYING, [], [], 0, NEVER),
        "end": Cell(TRYING, [], [], 0, NEVER),
    },
    PROCEEDING: {
        "again": Cell(PROCEEDING, ["180"], [], 0, NEVER),
        "ACK": Cell(PROCEEDING, [], [], 0, NEVER),
        "send 1xx": Cell(PROCEEDING, ["183"], [], 0, NEVER),
        "send 2xx": Cell(COMPLETED, ["200"], [], 1, 32.25),
        "send 3xx-6xx": Cell(COMPLETED, ["486"], [], 1, 32.25),
        "resend": Cell(PROCEEDING, [], [], 0, NEVER),
        "give up": Cell(PROCEEDING, [], [], 0, NEVER),
        "end": Cell(PROCEEDING, [], [], 0, NEVER),
    },
    COMPLETED: dict.fromkeys(EVENTS, Cell(COMPLETED, [], [], 1, 32.0))
    | {"again": Cell(COMPLETED, ["200"], [], 1, 32.0), "end": Cell(TERMINATED, [], [], 0, 32.0)},
    TERMINATED: dict.fromkeys(EVENTS, Cell(TERMINATED, [], [], 0, 0.0)),
}

DUE: Final = {
    (True, COMPLETED, "resend"): 0.5,
    (True, COMPLETED, "give up"): 32.0,
    (True, CONFIRMED, "end"): 5.0,
    (True, ACCEPTED, "end"): 32.0,
    (False, COMPLETED, "end"): 32.0,
}
"""When the timers that really run are due: of an INVITE or not, in a state, by their event."""


def drive(rig: Rig, state: int, *, invite: bool) -> ServerTransaction:
    """A transaction of the peer's in that state."""
    tx = rig.serve(request("INVITE" if invite else "OPTIONS"))
    if invite and state == TERMINATED:
        drive_to_end(rig, tx)
    elif state == TERMINATED:
        tx.respond(200)
        rig.run(32.0)
    elif state == PROCEEDING:
        tx.respond(180)
    elif state in {COMPLETED, CONFIRMED}:
        tx.respond(486 if invite else 200)
        if state == CONFIRMED:
            rig.hear(request("ACK"))
    elif state == ACCEPTED:
        tx.respond(200)
    assert tx.state == state
    rig.taken()
    rig.user.told()
    return tx


def drive_to_end(rig: Rig, tx: ServerTransaction) -> None:
    tx.respond(486)
    rig.run(32.0)


def happen(rig: Rig, tx: ServerTransaction, state: int, event: str) -> list[str]:
    """Let the event happen; returns what it made the stack send."""
    due = DUE.get((tx.invite, state, event))
    if due is not None:
        rig.run(due - 0.001)
        return starts(rig.run(due))
    if state != TERMINATED:
        rig.run(EVENT_AT)
    if event in STATUSES:
        data = tx.respond(STATUSES[event])
        sent = rig.taken()
        assert [one.data for one in sent] == ([data] if data else [])
        return starts(sent)
    if on_the_wire(tx, state, event):
        method = "ACK" if event == "ACK" else "INVITE" if tx.invite else "OPTIONS"
        return starts(rig.hear(request(method)))
    # Nothing on the wire can do this to the transaction any more.
    tx.receive(EVENTS[event]) if event in {"again", "ACK"} else tx._step(EVENTS[event])
    return starts(rig.taken())


def on_the_wire(tx: ServerTransaction, state: int, event: str) -> bool:
    """A message can do this to the transaction; the ACK to a 2xx is for its user instead."""
    if event == "ACK":
        return tx.invite and state not in {ACCEPTED, TERMINATED}
    return event == "again" and state != TERMINATED


def check(rig: Rig, state: int, event: str, cell: Cell, *, invite: bool) -> None:
    tx = drive(rig, state, invite=invite)
    assert happen(rig, tx, state, event) == cell.sent
    assert tx.state == cell.state
    assert rig.user.told() == cell.told
    assert rig.stack.timers.live == cell.live
    assert bool(rig.stack.merged) == (invite and cell.state in MERGING)
    assert len(rig.core.served) == 1
    if cell.gone == NEVER:
        rig.run(1000.0)
        assert rig.stack.servers == {tx.key: tx}
        assert bool(rig.stack.merged) == invite
        tx.respond(200)
        rig.run(1032.0)
    elif cell.gone > rig.now:
        rig.run(cell.gone - 0.001)
        assert rig.stack.servers == {tx.key: tx}
        rig.run(cell.gone)
    assert tx.state == TERMINATED
    assert left_over(rig.stack) == {}


@pytest.mark.parametrize(("state", "event"), list(product(INVITE, EVENTS)))
def test_invite_server_does_what_the_figure_says(rig: Rig, state: int, event: str) -> None:
    check(rig, state, event, INVITE[state][event], invite=True)


@pytest.mark.parametrize(("state", "event"), list(product(OTHER, EVENTS)))
def test_request_server_does_what_the_figure_says(rig: Rig, state: int, event: str) -> None:
    check(rig, state, event, OTHER[state][event], invite=False)


@pytest.mark.parametrize("table", [INVITE_SERVER, REQUEST_SERVER])
def test_server_tables_have_a_cell_for_every_state_and_event(
    table: tuple[tuple[tuple[int, int], ...], ...],
) -> None:
    assert sorted(STATES) == list(range(len(table)))
    for row in table:
        assert sorted(EVENTS.values()) == list(range(len(row)))
        assert {state for state, _ in row} <= {STAY, *STATES}


def test_states_that_one_kind_does_not_have_are_never_entered() -> None:
    for table, foreign in ((INVITE_SERVER, {TRYING}), (REQUEST_SERVER, {CONFIRMED, ACCEPTED})):
        assert all(state not in foreign for row in table for state, _ in row)
        assert all(cell == (STAY, NOTHING) for state in foreign for cell in table[state])
