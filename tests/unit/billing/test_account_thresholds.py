"""The thresholds of accounts: each event once, and a payment that lifts what a balance did."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from callrouter.billing.account_rules import (
    ACTIVE,
    NOTICE,
    RECLAIMED,
    RESTORED,
    SUSPENDED,
    AccountFigures,
    opened,
    reviewed,
)

DAY = 86400.0
PREPAID = AccountFigures(
    balance=Decimal(36),
    credit=Decimal(0),
    notice=Decimal(35),
    suspend=Decimal(15),
    reclaim_seconds=3 * DAY,
    state=ACTIVE,
    since=0.0,
    noticed=False,
)


def test_balance_that_falls_is_noticed_suspended_reclaimed_and_lifted_each_once() -> None:
    account, said = PREPAID, []
    for at, balance in (
        (0.0, "36"),
        (1.0, "34"),
        (2.0, "33"),
        (3.0, "14"),
        (4.0, "13"),
        (3.0 + 3 * DAY - 1, "13"),
        (3.0 + 3 * DAY, "13"),
        (3.0 + 4 * DAY, "13"),
        (3.0 + 5 * DAY, "20"),
        (3.0 + 6 * DAY, "20"),
    ):
        account, events = reviewed(replace(account, balance=Decimal(balance)), at)
        said += [(balance, event) for event in events]
    assert said == [("34", NOTICE), ("14", SUSPENDED), ("13", RECLAIMED), ("20", RESTORED)]
    assert (account.state, account.noticed) == (ACTIVE, True)  # 20 is still under 35


def test_owner_is_noticed_again_only_after_the_balance_was_above() -> None:
    account, events = reviewed(replace(PREPAID, balance=Decimal(34)), 0.0)
    account, _ = reviewed(replace(account, balance=Decimal(35)), 1.0)
    _, again = reviewed(replace(account, balance=Decimal(34)), 2.0)
    assert events == again == (NOTICE,)


def test_new_account_is_suspended_until_it_is_paid_for_and_nobody_is_told() -> None:
    account = opened(replace(PREPAID, balance=Decimal(0)), 5.0)
    assert (account.state, account.noticed, account.since) == (SUSPENDED, True, 5.0)
    account, events = reviewed(replace(account, balance=Decimal(50)), 6.0)
    assert (account.state, account.noticed, events) == (ACTIVE, False, (RESTORED,))


def test_credit_counts_and_an_account_without_a_limit_has_no_thresholds() -> None:
    limited = replace(PREPAID, balance=Decimal(-70), credit=Decimal(100))
    assert reviewed(limited, 0.0)[1] == (NOTICE,)
    assert reviewed(replace(limited, credit=None), 0.0)[1] == ()


@given(st.lists(st.integers(-20, 60), max_size=30))
def test_state_depends_on_the_balance_alone_whatever_came_before(balances: list[int]) -> None:
    account = PREPAID
    for at, balance in enumerate(balances):
        account, events = reviewed(replace(account, balance=Decimal(balance)), float(at))
        assert (account.state == ACTIVE) is (balance >= 15)
        assert account.noticed is (balance < 35)
        assert reviewed(account, float(at))[1] == ()
        assert len(set(events)) == len(events)
