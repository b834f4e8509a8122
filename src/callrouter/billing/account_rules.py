"""Accounts: who pays for calls, how much is left, and what becomes of an account that runs out.

Rules.

- What is left of an account is its balance and its credit limit, less what calls in progress have
  reserved. A prepaid account has no credit; a postpaid one without a limit has credit without end.
- Balance and credit limit together, reservations left out, are held against the thresholds: under
  `notice` the owner is told, under `suspend` no new call begins, and who is suspended for so long
  as `reclaim` says is reclaimed. Each is an event, once, until the balance has risen above again.
- A balance that has risen to `suspend` ends suspension and reclaim. What was suspended by hand is
  resumed by hand, whatever the balance.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from callrouter.billing.fees import Fee

PREPAID: Final = "prepaid"

ADMINISTRATOR: Final = "@administrator"
"""Who is mailed of numbers, as an account has an owner; no account has such a name."""

ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
RECLAIMED: Final = "reclaimed"

NOTICE: Final = "notice"
RESTORED: Final = "restored"


@dataclass(slots=True, kw_only=True, frozen=True)
class AccountTerms:
    """The terms of an account, as the file of rate plans has them.

    currency: ISO 4217. credit: how far the balance may go below zero, None for any far. notice,
    suspend: thresholds, None for none. reclaim_seconds: from the suspension on, None for never.
    go_on: calls go on without the database, and owe what they cost; else they end with what is
    paid. fees: what it pays beside calls. timezone: of its months. mails: its owner is mailed of
    what becomes of it.
    """

    name: str
    kind: str
    currency: str
    credit: Decimal | None
    notice: Decimal | None
    suspend: Decimal | None
    reclaim_seconds: float | None
    go_on: bool
    fees: tuple[Fee, ...] = ()
    timezone: str = "UTC"
    mails: bool = False

    @property
    def limited(self) -> bool:
        """Whether its calls end when the money does."""
        return self.credit is not None


@dataclass(slots=True, kw_only=True, frozen=True)
class AccountFigures:
    """The figures of an account that its thresholds are held against.

    state: active, suspended or reclaimed. since: Unix seconds of its suspension, 0 for none.
    noticed: the owner knows that the balance is low.
    """

    balance: Decimal
    credit: Decimal | None
    notice: Decimal | None
    suspend: Decimal | None
    reclaim_seconds: float | None
    state: str
    since: float
    noticed: bool


def reviewed(now: AccountFigures, at: float) -> tuple[AccountFigures, tuple[str, ...]]:
    """Hold an account against its thresholds at a Unix time; returns it as it is then, and events.

    Events are of NOTICE, SUSPENDED, RECLAIMED and RESTORED.
    """
    events: list[str] = []
    noticed = _under(now, now.notice)
    if noticed and not now.noticed:
        events.append(NOTICE)
    state, since = now.state, now.since
    if not _under(now, now.suspend):
        if state != ACTIVE:
            events.append(RESTORED)
        state, since = ACTIVE, 0.0
    elif state == ACTIVE:
        events.append(SUSPENDED)
        state, since = SUSPENDED, at
    if state == SUSPENDED and _is_due(now.reclaim_seconds, since, at):
        events.append(RECLAIMED)
        state = RECLAIMED
    return replace(now, noticed=noticed, state=state, since=since), tuple(events)


def opened(now: AccountFigures, at: float) -> AccountFigures:
    """Return an account that is new: nobody is told that what was never paid is low."""
    standing, _ = reviewed(now, at)
    return standing


def _under(standing: AccountFigures, threshold: Decimal | None) -> bool:
    if threshold is None or standing.credit is None:
        return False
    return standing.balance + standing.credit < threshold


def _is_due(seconds: float | None, since: float, at: float) -> bool:
    return seconds is not None and at - since >= seconds


@dataclass(slots=True, kw_only=True, frozen=True)
class AccountState:
    """An account as operators see it. since: Unix seconds of its suspension, 0 for none.

    reserved: what calls in progress have of the balance. held: suspended by hand.
    """

    name: str
    currency: str
    balance: Decimal
    reserved: Decimal
    credit: Decimal | None
    state: str
    since: float
    held: bool


@dataclass(slots=True, kw_only=True, frozen=True)
class LedgerEntry:
    """A row of the ledger. amount: what the account got, less than 0 for what it paid."""

    booking: str
    account: str
    amount: Decimal
    currency: str
    at: float
    kind: str
    who: str
    note: str


@dataclass(slots=True, kw_only=True, frozen=True)
class AccountEvent:
    """What became of an account. balance: that of the moment."""

    at: float
    what: str
    balance: Decimal
    who: str


@dataclass(slots=True, kw_only=True, frozen=True)
class PackageSale:
    """Time that an account buys. name: known by it, once for all accounts.

    expires: Unix seconds.
    """

    account: str
    name: str
    seconds: int
    expires: float
    price: Decimal


@dataclass(slots=True, kw_only=True, frozen=True)
class AccountPackage:
    """Time that an account has bought. left: seconds of it, those included that calls hold now.

    expires, bought: Unix seconds. price: what it cost.
    """

    name: str
    seconds: int
    left: int
    expires: float
    bought: float
    price: Decimal


@dataclass(slots=True, kw_only=True, frozen=True)
class Statement:
    """An account with the newest of its ledger and of its events, the newest first.

    packages: all that it has bought, the one that expires last first.
    """

    account: AccountState
    packages: tuple[AccountPackage, ...]
    ledger: tuple[LedgerEntry, ...]
    events: tuple[AccountEvent, ...]
