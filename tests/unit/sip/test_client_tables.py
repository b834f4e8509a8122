"""Every cell of the client transactions' tables: RFC 3261 figures 5 and 6 and RFC 6026.

Each is driven on a real stack: into the state at 0 s, the event at 0.25 s, or when its timer
is due. Then nothing more comes, and the transaction must be gone when the figure says so.
"""

from itertools import product
from typing import Final, NamedTuple

import pytest
from support.rig import Rig, starts
from support.wire import left_over

from callrouter.sip.client_tx import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    ERROR,
    INVITE_CLIENT,
    NOTHING,
    PROCEEDING,
    R_1XX,
    R_2XX,
    R_FINAL,
    REQUEST_CLIENT,
    STAY,
    T_END,
    T_GIVE_UP,
    T_RESEND,
    TERMINATED,
    ClientTransaction,
)

EVENT_AT: Final = 0.25
NEVER: Final = -1.0
STATES: Final = (CALLING, PROCEEDING, COMPLETED, ACCEPTED, TERMINATED)
EVENTS: Final = {
    "1xx": R_1XX,
    "2xx": R_2XX,
    "3xx-6xx": R_FINAL,
    "resend": T_RESEND,
    "give up": T_GIVE_UP,
    "end": T_END,
    "error": ERROR,
}
STATUSES: Final = {"1xx": 180, "2xx": 200, "3xx-6xx": 486}


class Cell(NamedTuple):
    """state: the next one. live: timers afterwards. gone: when it is over if nothing more comes."""

    state: int
    sent: list[str]
    heard: list[str]
    live: int
    gone: float


INVITE: Final = {
    CALLING: {
        "1xx": Cell(PROCEEDING, [], ["180"], 0, NEVER),
        "2xx": Cell(ACCEPTED, [], ["200"], 1, 32.25),
        "3xx-6xx": Cell(COMPLETED, ["ACK"], ["486"], 1, 32.25),
        "resend": Cell(CALLING, ["INVITE"], [], 1, 32.0),
        "give up": Cell(TERMINATED, [], ["failed 408"], 0, 32.0),
        "end": Cell(CALLING, [], [], 1, 32.0),
        "error": Cell(TERMINATED, [], ["failed 503"], 0, 0.25),
    },
    PROCEEDING: {
        "1xx": Cell(PROCEEDING, [], ["180"], 0, NEVER),
        "2xx": Cell(ACCEPTED, [], ["200"], 1, 32.25),
        "3xx-6xx": Cell(COMPLETED, ["ACK"], ["486"], 1, 32.25),
        "resend": Cell(PROCEEDING, [], [], 0, NEVER),
        "give up": Cell(PROCEEDING, [], [], 0, NEVER),
        "end": Cell(PROCEEDING, [], [], 0, NEVER),
        "error": Cell(TERMINATED, [], ["failed 503"], 0, 0.25),
    },
    COMPLETED: {
        "1xx": Cell(COMPLETED, [], [], 1, 32.0),
        "2xx": Cell(COMPLETED, [], [], 1, 32.0),
        "3xx-6xx": Cell(COMPLETED, ["ACK"], [], 1, 32.0),
        "resend": Cell(COMPLETED, [], [], 1, 32.0),
        "give up": Cell(COMPLETED, [], [], 1, 32.0),
        "end": Cell(TERMINATED, [], [], 0, 32.0),
        "error": Cell(TERMINATED, [], [], 0, 0.25),
    },
    ACCEPTED: {
        "1xx": Cell(ACCEPTED, [], [], 1, 32.0),
        "2xx": Cell(ACCEPTED, [], ["200"], 1, 32.0),
        "3xx-6xx": Cell(ACCEPTED, [], [], 1, 32.0),
        "resend": Cell(ACCEPTED, [], [], 1, 32.0),
        "give up": Cell(ACCEPTED, [], [], 1, 32.0),
        "end": Cell(TERMINATED, [], [], 0, 32.0),
        "error": Cell(ACCEPTED, [], [], 1, 32.0),
    },
    TERMINATED: dict.fromkeys(EVENTS, Cell(TERMINATED, [], [], 0, 0.0)),
}

REQUEST: Final = {
    CALLING: {
        "1xx": Cell(PROCEEDING, [], ["180"], 1, 32.0),
        "2xx": Cell(COMPLETED, [], ["200"], 1, 5.25),
        "3xx-6xx": Cell(COMPLETED, [], ["486"], 1, 5.25),
        "resend": Cell(CALLING, ["BYE"], [], 1, 32.0),
        "give up": Cell(TERMINATED, [], ["failed 408"], 0, 32.0),
        "end": Cell(CALLING, [], [], 1, 32.0),
        "error": Cell(TERMINATED, [], ["failed 503"], 0, 0.25),
    },
    PROCEEDING: {
        "1xx": Cell(PROCEEDING, [], ["180"], 1, 32.0),
        "2xx": Cell(COMPLETED, [], ["200"], 1, 5.25),
        "3xx-6xx": Cell(COMPLETED, [], ["486"], 1, 5.25),
        "resend": Cell(PROCEEDING, ["BYE"], [], 1, 32.0),
        "give up": Cell(TERMINATED, [], ["failed 408"], 0, 32.0),
        "end": Cell(PROCEEDING, [], [], 1, 32.0),
        "error": Cell(TERMINATED, [], ["failed 503"], 0, 0.25),
    },
    COMPLETED: {
        "1xx": Cell(COMPLETED, [], [], 1, 5.0),
        "2xx": Cell(COMPLETED, [], [], 1, 5.0),
        "3xx-6xx": Cell(COMPLETED, [], [], 1, 5.0),
        "resend": Cell(COMPLETED, [], [], 1, 5.0),
        "give up": Cell(COMPLETED, [], [], 1, 5.0),
        "end": Cell(TERMINATED, [], [], 0, 5.0),
        "error": Cell(TERMINATED, [], [], 0, 0.25),
    },
    TERMINATED: dict.fromkeys(EVENTS, Cell(TERMINATED, [], [], 0, 0.0)),
}

DUE: Final = {
    (True, CALLING, "resend"): 0.5,
    (True, CALLING, "give up"): 32.0,
    (True, COMPLETED, "end"): 32.0,
    (True, ACCEPTED, "end"): 32.0,
    (False, CALLING, "resend"): 0.5,
    (False, CALLING, "give up"): 32.0,
    (False, PROCEEDING, "resend"): 0.5,
    (False, PROCEEDING, "give up"): 32.0,
    (False, COMPLETED, "end"): 5.0,
}
"""When the timers that really run are due: of an INVITE or not, in a state, by their event."""


def drive(rig: Rig, state: int, *, invite: bool) -> ClientTransaction:
    """A transaction of ours in that state."""
    tx = rig.call() if invite else rig.ask()
    asked = rig.taken()[0]
    if state == TERMINATED:
        tx.fail()
    elif state != CALLING:
        status = {PROCEEDING: 180, COMPLETED: 486 if invite else 200, ACCEPTED: 200}[state]
        rig.hear(rig.respond(asked, status))
    assert tx.state == state
    rig.user.told()
    return tx


def happen(rig: Rig, tx: ClientTransaction, state: int, event: str) -> list[str]:
    """Let the event happen; returns what it made the stack send."""
    due = DUE.get((tx.invite, state, event))
    if due is not None:
        rig.run(due - 0.001)
        rig.user.told()
        return starts(rig.run(due))
    rig.run(EVENT_AT)
    if event in STATUSES:
        return starts(rig.hear(rig.respond(rig.sent[0], STATUSES[event])))
    if event == "error":
        tx.fail()
    else:
        # This timer does not run here, so it can only be one that was due at the same moment.
        tx._step(EVENTS[event])
    return starts(rig.taken())


def check(rig: Rig, state: int, event: str, cell: Cell, *, invite: bool) -> None:
    tx = drive(rig, state, invite=invite)
    assert happen(rig, tx, state, event) == cell.sent
    assert tx.state == cell.state
    assert rig.user.told() == cell.heard
    assert rig.stack.timers.live == cell.live
    if cell.gone == NEVER:
        rig.run(1000.0)
        assert tx.state == cell.state
        assert rig.stack.clients == {tx.key: tx}
        tx.abandon(rig.now)
    elif cell.gone > rig.now:
        rig.run(cell.gone - 0.001)
        assert rig.stack.clients == {tx.key: tx}
        rig.run(cell.gone)
    assert tx.state == TERMINATED
    assert left_over(rig.stack) == {}


@pytest.mark.parametrize(("state", "event"), list(product(INVITE, EVENTS)))
def test_invite_client_does_what_the_figure_says(rig: Rig, state: int, event: str) -> None:
    check(rig, state, event, INVITE[state][event], invite=True)


@pytest.mark.parametrize(("state", "event"), list(product(REQUEST, EVENTS)))
def test_request_client_does_what_the_figure_says(rig: Rig, state: int, event: str) -> None:
    check(rig, state, event, REQUEST[state][event], invite=False)


@pytest.mark.parametrize("table", [INVITE_CLIENT, REQUEST_CLIENT])
def test_client_tables_have_a_cell_for_every_state_and_event(
    table: tuple[tuple[tuple[int, int], ...], ...],
) -> None:
    assert sorted(STATES) == list(range(len(table)))
    for row in table:
        assert sorted(EVENTS.values()) == list(range(len(row)))
        assert {state for state, _ in row} <= {STAY, *STATES}


def test_accepted_is_no_state_of_a_request_other_than_invite() -> None:
    assert all(cell == (STAY, NOTHING) for cell in REQUEST_CLIENT[ACCEPTED])
    assert all(state != ACCEPTED for row in REQUEST_CLIENT for state, _ in row)
