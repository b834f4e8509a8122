"""Accounts, as operators ask for them: how they stand, payments, adjustments, and suspension."""

import re
import time
import uuid
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from callrouter.billing.account_rules import AccountState, PackageSale, Statement
from callrouter.operations.operation import (
    BadValueError,
    ConflictError,
    Count,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)
from callrouter.pending import Later

_AMOUNT: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_WANTED: Final = 'an amount as text, such as "20.00"'
_TO_COME: Final = "a time to come, before 2100-01-01"
_FAR: Final = 4_102_444_800.0
"""The year 2100, from which no calendar of ours is sure."""

AmountText = Annotated[
    str, Field(min_length=1, max_length=32, description="an amount as text, such as 20.00")
]

Note = Annotated[str, Field(max_length=200, description="text of up to 200 characters")]


class AccountStanding(OperationAnswer):
    """How an account stands. Amounts are text. credit: None for any. since: of its suspension.

    reserved: what calls in progress have of the balance. held: suspended by hand.
    """

    name: str
    currency: str
    balance: str
    reserved: str
    credit: str | None
    state: str
    since: float
    held: bool


class AccountList(OperationAnswer):
    """All accounts, by name."""

    accounts: list[AccountStanding]


class ShowAccount(OperationRequest):
    """most: entries of the ledger, and of what became of it, at most."""

    account: Name
    most: Count = 100


class PackageLine(OperationAnswer):
    """A package. left: seconds of it, those included that calls hold. expires: Unix seconds."""

    name: str
    seconds: int
    left: int
    expires: float
    bought: float
    price: str


class LedgerLine(OperationAnswer):
    """An entry. amount: what the account got, less than 0 for what it paid."""

    booking: str
    amount: str
    at: float
    kind: str
    who: str
    note: str


class AccountNote(OperationAnswer):
    """What became of an account: notice, suspended, reclaimed, restored or resumed."""

    at: float
    what: str
    balance: str
    who: str


class AccountStatement(OperationAnswer):
    """An account with its ledger and what became of it, the newest first, and its packages."""

    account: AccountStanding
    packages: list[PackageLine]
    ledger: list[LedgerLine]
    events: list[AccountNote]


class TopUp(OperationRequest):
    """A payment. reference: of who pays, booked once; None for one that is made up."""

    account: Name
    amount: AmountText
    reference: Name | None = None
    who: Name = "operator"
    note: Note = ""


class Adjust(TopUp):
    """A correction by hand; amount: less than 0 to take away."""

    note: Name


class BuyPackage(OperationRequest):
    """A package to be sold. expires: Unix seconds. reference: as of a payment; the package's name.

    price: 0 for one that is a present.
    """

    account: Name
    seconds: Annotated[int, Field(ge=1, le=10**9, description="1 to 1000000000 seconds")]
    expires: Annotated[float, Field(description=f"Unix seconds of {_TO_COME}")]
    price: AmountText
    reference: Name | None = None
    who: Name = "operator"
    note: Note = ""


class HoldAccount(OperationRequest):
    """An account to be suspended by hand, or resumed."""

    account: Name
    who: Name = "operator"


async def list_accounts(running: RunningServer, _: NoValues) -> AccountList:
    """The accounts, by name."""
    found = await running.answer_of("accounts", running.accounts.accounts())
    return AccountList(accounts=[_standing(it) for it in found])


async def show_account(running: RunningServer, request: ShowAccount) -> AccountStatement:
    """An account with its ledger and what became of it."""
    asked = running.accounts.statement(request.account, request.most)
    found: Statement | str = await running.answer_of("accounts", asked)
    if isinstance(found, str):
        raise NotFoundError(found)
    return AccountStatement(
        account=_standing(found.account),
        packages=[
            PackageLine(
                name=it.name,
                seconds=it.seconds,
                left=it.left,
                expires=it.expires,
                bought=it.bought,
                price=f"{it.price:f}",
            )
            for it in found.packages
        ],
        ledger=[
            LedgerLine(
                booking=it.booking,
                amount=f"{it.amount:f}",
                at=it.at,
                kind=it.kind,
                who=it.who,
                note=it.note,
            )
            for it in found.ledger
        ],
        events=[
            AccountNote(at=it.at, what=it.what, balance=f"{it.balance:f}", who=it.who)
            for it in found.events
        ],
    )


async def top_up(running: RunningServer, request: TopUp) -> AccountStanding:
    """Books what was paid in."""
    amount = _amount(request.amount)
    if amount <= 0:
        raise BadValueError("amount: expected more than 0", "amount", "more than 0")
    _check_decimals(running, request.account, amount, "amount")
    return await _booked(running, request, amount, "top_up")


async def buy_package(running: RunningServer, request: BuyPackage) -> AccountStanding:
    """Sells a package, which is paid for from the balance."""
    price = _amount(request.price, "price")
    if price < 0:
        raise BadValueError("price: expected 0 or more", "price", "0 or more")
    _check_decimals(running, request.account, price, "price")
    if not time.time() < request.expires < _FAR:
        raise BadValueError(f"expires: expected {_TO_COME}", "expires", _TO_COME)
    sale = PackageSale(
        account=request.account,
        name=request.reference or uuid.uuid4().hex,
        seconds=request.seconds,
        expires=request.expires,
        price=price,
    )
    return await _changed(running, running.accounts.buy(sale, request.who, request.note))


async def adjust_account(running: RunningServer, request: Adjust) -> AccountStanding:
    """Corrects a balance, with a note that says why."""
    if not _amount(request.amount):
        raise BadValueError("amount: expected more or less than 0", "amount", "more or less than 0")
    return await _booked(running, request, _amount(request.amount), "adjustment")


async def suspend_account(running: RunningServer, request: HoldAccount) -> AccountStanding:
    """Refuses the calls of an account from now on; those in progress go on."""
    asked = running.accounts.hold(request.account, request.who, on=True)
    return await _changed(running, asked)


async def resume_account(running: RunningServer, request: HoldAccount) -> AccountStanding:
    """Lets an account pay for calls again that was suspended by hand."""
    asked = running.accounts.hold(request.account, request.who, on=False)
    return await _changed(running, asked)


async def _booked(
    running: RunningServer, request: TopUp, amount: Decimal, kind: str
) -> AccountStanding:
    reference = request.reference or uuid.uuid4().hex
    asked = running.accounts.book(
        request.account, amount, kind, reference, request.who, request.note
    )
    return await _changed(running, asked)


async def _changed(running: RunningServer, asked: Later[AccountState | str]) -> AccountStanding:
    answer: AccountState | str = await running.answer_of("accounts", asked)
    if not isinstance(answer, str):
        return _standing(answer)
    if answer.startswith("no account"):
        raise NotFoundError(answer)
    raise ConflictError(answer)


def _check_decimals(running: RunningServer, account: str, amount: Decimal, what: str) -> None:
    """Raises BadValueError for an amount that is finer than what calls are charged by."""
    most = _decimals(running, account)
    if most is not None and amount != round(amount, most):
        wanted = f"{most} decimals at most, as calls are charged"
        raise BadValueError(f"{what}: expected {wanted}", what, wanted)


def _decimals(running: RunningServer, name: str) -> int | None:
    """To how many decimals an account's calls are charged; None when no plan says it."""
    plans = running.dialplan().rate_plans
    if plans is None or name not in plans.accounts:
        return None
    currency = plans.accounts[name].currency
    known = (plan.decimals for plan in plans.plans.values() if plan.currency == currency)
    return max(known, default=None)


def _amount(text: str, what: str = "amount") -> Decimal:
    if _AMOUNT.fullmatch(text) is None:
        raise BadValueError(f"{what}: expected {_WANTED}, found {text}", what, _WANTED)
    return Decimal(text)


def _standing(it: AccountState) -> AccountStanding:
    return AccountStanding(
        name=it.name,
        currency=it.currency,
        balance=f"{it.balance:f}",
        reserved=f"{it.reserved:f}",
        credit=None if it.credit is None else f"{it.credit:f}",
        state=it.state,
        since=it.since,
        held=it.held,
    )
