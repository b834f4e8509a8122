"""The books of accounts: balances, reservations of calls in progress, and the ledger.

Rules.

- The ledger is double entry: each booking moves an amount between an account and one of ours
  (`@cash`, `@revenue`, `@adjustments`, `@written-off`), so that its rows add up to 0. It is only
  added to; the database refuses anything else.
- The balance of an account is the sum of its rows. Whatever changes it books in the same
  transaction, and holds the account against its thresholds there.
- Money is reserved by one statement, which looks and takes at once: two calls cannot have the same.
- A booking has a name, that of its call or the reference of who pays in, and is made once.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from callrouter.billing.account_rules import (
    ACTIVE,
    ADMINISTRATOR,
    NOTICE,
    RECLAIMED,
    SUSPENDED,
    AccountFigures,
    AccountTerms,
    opened,
    reviewed,
)
from callrouter.billing.fees import due_fees
from callrouter.billing.months import month_at
from callrouter.billing.number_lives import NumberLife
from callrouter.observe.cdr.call_charges import charges_in
from callrouter.rating.charges import LegCharge
from callrouter.rating.packages import Package, PackagedCall, pay_legs
from callrouter.storage.amounts import NOTHING, Money, at_least, minus, plus
from callrouter.storage.engine import insert_into
from callrouter.storage.outbox import enqueue, outbox_event
from callrouter.storage.package_books import (
    begin_of,
    has_packages,
    hold_packages,
    holds_packages,
    let_go,
    let_go_part,
    packages_for,
    use_up,
)

CASH: Final = "@cash"
REVENUE: Final = "@revenue"
ADJUSTMENTS: Final = "@adjustments"
WRITTEN_OFF: Final = "@written-off"
"""Accounts of ours; no name in a file of rate plans begins so."""

_SYSTEM: Final = "callrouter"
TELLS: Final = "tells_of_accounts"
"""The option of an engine that what becomes of accounts goes to the outbox, too."""
_CALLS: Final = 3
_CALLED_AGAIN_SECONDS: Final = 300.0
_CALLED_SECONDS: Final = 86400.0
"""How often an owner is called, how long after each, and for how long after the notice."""

MAIL_DUE: Final = "due"
"""What the mail of an event is until it is sent."""

_meta: Final = sa.MetaData()
ACCOUNTS: Final = sa.Table(
    "accounts",
    _meta,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text),
    *(sa.Column(name, Money) for name in ("balance", "reserved", "credit", "notice", "suspend")),
    sa.Column("reclaim_seconds", sa.Double),
    sa.Column("state", sa.Text),
    sa.Column("since", sa.Double),
    sa.Column("noticed", sa.Boolean),
    sa.Column("held", sa.Boolean),
    sa.Column("opened", sa.Double),
    sa.Column("mails", sa.Boolean),
)
RESERVATIONS: Final = sa.Table(
    "reservations",
    _meta,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("account", sa.Text),
    sa.Column("amount", Money),
    sa.Column("server", sa.Text),
    sa.Column("at", sa.Double),
)
LEDGER: Final = sa.Table(
    "ledger",
    _meta,
    sa.Column("booking", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("amount", Money),
    *(sa.Column(name, sa.Text) for name in ("currency", "kind", "who", "note")),
    sa.Column("at", sa.Double),
)
EVENTS: Final = sa.Table(
    "account_events",
    _meta,
    sa.Column("id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("account", "what", "who", "note", "mail")),
    *(sa.Column(name, sa.Integer) for name in ("tries", "call_tries")),
    *(sa.Column(name, sa.Double) for name in ("at", "due", "call_due")),
    sa.Column("balance", Money),
)


class Booking(NamedTuple):
    """A booking to be made.

    name: known by it, once. amount: what the account gets; less than 0 for what it pays. ours: the
    other account. kind: top_up, adjustment, call, rerated, fee or written_off.
    """

    name: str
    account: str
    amount: Decimal
    currency: str
    ours: str
    kind: str
    at: float
    who: str = _SYSTEM
    note: str = ""


class SettledCall(NamedTuple):
    """A call that is over, as it is settled. cost: None for nothing. lost: by a kill.

    charges: of its legs, as its record has them.
    """

    id: str
    account: str
    cost: Decimal | None
    currency: str
    lost: bool
    charges: str = "[]"


class Reserved(NamedTuple):
    """What was reserved for a call. packaged: seconds, by their packages."""

    money: Decimal
    packaged: dict[str, int]


def keep(connection: sa.Connection, accounts: Iterable[AccountTerms], at: float) -> list[str]:
    """Have all these accounts, with these terms; returns those that are kept in another currency.

    Such an account is left as it is: amounts of two currencies have no sum.
    """
    wrong = []
    for terms in sorted(accounts, key=lambda it: it.name):
        figures: dict[str, Any] = {
            "credit": terms.credit,
            "notice": terms.notice,
            "suspend": terms.suspend,
            "reclaim_seconds": terms.reclaim_seconds,
            "mails": terms.mails,
        }
        row = connection.execute(_one(terms.name)).one_or_none()
        if row is None:
            limits = {name: value for name, value in figures.items() if name != "mails"}
            fresh = AccountFigures(
                balance=NOTHING, **limits, state=ACTIVE, since=0.0, noticed=False
            )
            known = {
                "mails": terms.mails,
                "name": terms.name,
                "currency": terms.currency,
                "reserved": NOTHING,
            }
            new = {**asdict(opened(fresh, at)), **known, "held": False, "opened": at}
            connection.execute(insert_into(connection, ACCOUNTS).on_conflict_do_nothing(), new)
        elif row.currency != terms.currency:
            wrong.append(terms.name)
        elif any(row._mapping[name] != value for name, value in figures.items()):
            connection.execute(_change(terms.name).values(figures))
            review(connection, terms.name, at)
    return wrong


def reserve(
    connection: sa.Connection,
    call: tuple[str, str],
    legs: Sequence[LegCharge],
    reserved: Decimal,
    process: str,
    at: float,
    *,
    first: bool,
) -> Reserved | str:
    """Reserve what these legs of a call cost, packages before money; text that says why not.

    call: its id, and the account that pays. reserved: the money that it has already. first: the
    call has not begun yet, so that a suspended account refuses it, but for one that packages pay.
    """
    ident, name = call
    packages: list[Package] = []
    begin = begin_of(legs, at)
    if has_packages(connection, [name], begin):
        connection.execute(_one(name))  # whose packages two calls ask for, one after the other
        packages = packages_for(connection, ident, name, begin)
    paid = pay_legs(legs, packages)
    more = max(paid.money - reserved, NOTHING)
    begins = first and (more > 0 or not paid.taken)
    why = _reserve_money(connection, call, more, process, at, begins=begins, first=first)
    return why or Reserved(more, hold_packages(connection, ident, paid.taken))


def _reserve_money(
    connection: sa.Connection,
    call: tuple[str, str],
    more: Decimal,
    process: str,
    at: float,
    *,
    begins: bool,
    first: bool,
) -> str:
    """Why not, "" when it is. begins: a call that money pays. first: as `reserve` has it."""
    ident, name = call
    spare = minus(plus(ACCOUNTS.c.balance, ACCOUNTS.c.credit), ACCOUNTS.c.reserved)
    may: list[sa.ColumnElement[bool]] = [
        ACCOUNTS.c.credit.is_(None) | at_least(spare, sa.bindparam("more", more, Money))
    ]
    if first:
        may.append(ACCOUNTS.c.held.is_(False))
    if begins:
        may.append(ACCOUNTS.c.state == ACTIVE)
    taken = plus(ACCOUNTS.c.reserved, sa.bindparam("more", more, Money))
    done = connection.execute(_change(name).where(*may).values(reserved=taken))
    if not done.rowcount:
        return _why_not(connection, name, begins=begins, first=first)
    held = {"call": ident, "account": name, "amount": more, "server": process, "at": at}
    add = insert_into(connection, RESERVATIONS).values(held)
    amount = plus(RESERVATIONS.c.amount, add.excluded.amount)
    connection.execute(add.on_conflict_do_update(index_elements=["call"], set_={"amount": amount}))
    return ""


def _why_not(connection: sa.Connection, name: str, *, begins: bool, first: bool) -> str:
    row = connection.execute(_one(name)).one_or_none()
    if row is None:
        return "the database does not have it yet"
    if first and row.held:
        return "it is suspended by hand"
    if begins and row.state != ACTIVE:
        return f"it is {row.state}: {row.balance:f} {row.currency} are left"
    return f"{row.balance:f} {row.currency} are left, of which calls have {row.reserved:f}"


def release_part(connection: sa.Connection, call: str, had: Reserved) -> None:
    """Give back a part of what a call has reserved, if it still has that."""
    it, amount = RESERVATIONS, had.money
    let_go_part(connection, call, had.packaged)
    less = minus(it.c.amount, sa.bindparam("less", amount, Money))
    has = at_least(it.c.amount, sa.bindparam("less", amount, Money))
    taken = sa.update(it).where(it.c.call == call, has).values(amount=less)
    row = connection.execute(taken.returning(it.c.account, it.c.amount)).one_or_none()
    if row is None:
        return
    free = minus(ACCOUNTS.c.reserved, sa.bindparam("less", amount, Money))
    connection.execute(_change(row.account).values(reserved=free))
    if not row.amount and not holds_packages(connection, call):
        connection.execute(sa.delete(it).where(it.c.call == call))


def release_orphans(connection: sa.Connection, process: str) -> int:
    """Give back what calls of earlier processes of a server have reserved, and left no record.

    process: the one of now: its server's name, a point, its own. To be called when all records that
    there are have been settled. Returns how many.
    """
    it = RESERVATIONS.c.server
    mine = it.startswith(f"{process.partition('.')[0]}.") & (it != process)
    return _give_back(connection, sa.delete(RESERVATIONS).where(mine))


def _give_back(connection: sa.Connection, gone: sa.Delete) -> int:
    it = RESERVATIONS.c
    rows = connection.execute(gone.returning(it.account, it.amount, it.call)).all()
    let_go(connection, [row.call for row in rows])
    for name, amount, _ in sorted(rows):
        less = minus(ACCOUNTS.c.reserved, sa.bindparam("less", amount, Money))
        connection.execute(_change(name).values(reserved=less))
    return len(rows)


def settle(connection: sa.Connection, calls: Iterable[SettledCall], at: float) -> list[str]:
    """Settle calls that are over: their reservations go, and their accounts pay.

    In the transaction of their records; what was settled before is left alone. Returns the calls
    that cannot be booked, because their account is kept in another currency.
    """
    # In one order, so that two servers do not wait for each other.
    calls = sorted(calls, key=lambda it: (it.account, it.id))
    known = sorted({call.account for call in calls})
    accounts = sa.select(ACCOUNTS.c.name, ACCOUNTS.c.currency).where(ACCOUNTS.c.name.in_(known))
    rows = connection.execute(accounts.order_by(ACCOUNTS.c.name).with_for_update())
    currencies = {row.name: row.currency for row in rows}
    gone = sa.delete(RESERVATIONS).where(RESERVATIONS.c.call.in_([call.id for call in calls]))
    _give_back(connection, gone)
    costly = [call for call in calls if call.cost]
    paid = [call for call in costly if currencies.get(call.account) == call.currency]
    payments = _payments(connection, paid, at)
    new = book_all(connection, payments)
    for call, payment in zip(paid, payments, strict=True):
        if call.lost and payment.name in new:
            _write_off(connection, payment)
    return [call.id for call in costly if currencies.get(call.account) != call.currency]


def _name(call: SettledCall) -> str:
    return f"call {call.id}"


def _payments(connection: sa.Connection, calls: Sequence[SettledCall], at: float) -> list[Booking]:
    """What is booked for calls. Those whose accounts have packages use these up first."""
    known = {call.account for call in calls}
    having = has_packages(connection, known) if known else set()
    packaged = [call for call in calls if call.account in having]
    names = [_name(call) for call in packaged]
    booked = sa.select(LEDGER.c.booking).where(LEDGER.c.booking.in_(names))
    done = set(connection.execute(booked).scalars()) if names else set()
    legs = {
        (call.account, call.id): charges_in(call.charges)
        for call in packaged
        if _name(call) not in done
    }
    used = use_up(connection, legs, at) if legs else {}
    return [_payment(call, at, used.get(call.id)) for call in calls]


def _payment(call: SettledCall, at: float, used: PackagedCall | None) -> Booking:
    cost, note = call.cost or NOTHING, ""
    if used is not None and used.taken:
        cost = used.money
        note = ", ".join(f"{seconds} s of {name}" for name, seconds in used.taken.items())
    return Booking(
        name=_name(call),
        account=call.account,
        amount=-cost,
        currency=call.currency,
        ours=REVENUE,
        kind="call",
        at=at,
        note=note,
    )


def _write_off(connection: sa.Connection, payment: Booking) -> None:
    """Forgive what a lost call cost beyond what there was: nobody knows that it lasted so long."""
    row = connection.execute(_one(payment.account)).one()
    if row.credit is None or not payment.amount:
        return
    beyond = min(-(row.balance + row.credit), -payment.amount)
    if beyond > 0:
        name = f"{payment.name} written off"
        book(
            connection,
            payment._replace(
                name=name, amount=beyond, ours=WRITTEN_OFF, kind="written_off", note=""
            ),
        )


def book(connection: sa.Connection, it: Booking) -> bool:
    """Make a booking; False when one of its name is there already. The account must be known."""
    return bool(book_all(connection, [it]))


def is_booked(connection: sa.Connection, it: Booking) -> bool:
    """Whether a booking of its name is there, of its account."""
    known = LEDGER.c
    found = sa.exists().where(known.booking == it.name, known.account == it.account)
    return bool(connection.execute(sa.select(found)).scalar_one())


def book_all(connection: sa.Connection, bookings: Sequence[Booking]) -> set[str]:
    """Make bookings, all at one time; returns the names of those that were not there before.

    Each account is held against its thresholds once, when all are made.
    """
    if not bookings:
        return set()
    # Our side first: a name is of one account, and where it is there already nothing is booked.
    # What a driver says of rows is not said of a conflict by all of them.
    done = connection.execute(
        insert_into(connection, LEDGER).on_conflict_do_nothing().returning(LEDGER.c.booking),
        [_row(it, it.ours, -it.amount) for it in bookings],
    )
    new = set(done.scalars())
    made = [it for it in bookings if it.name in new]
    if made:
        connection.execute(sa.insert(LEDGER), [_row(it, it.account, it.amount) for it in made])
    for account in sorted({it.account for it in made}):
        more = sum((it.amount for it in made if it.account == account), NOTHING)
        balance = plus(ACCOUNTS.c.balance, sa.bindparam("more", more, Money))
        connection.execute(_change(account).values(balance=balance))
        review(connection, account, made[0].at)
    return new


def _row(it: Booking, account: str, amount: Decimal) -> dict[str, Any]:
    known = {"booking": it.name, "account": account, "amount": amount, "currency": it.currency}
    return {**known, "at": it.at, "kind": it.kind, "who": it.who, "note": it.note}


def book_fees(connection: sa.Connection, terms: AccountTerms, at: float) -> None:
    """Book what fees of an account are due by now, each once."""
    zone = ZoneInfo(terms.timezone)
    opened_at = connection.execute(
        sa.select(ACCOUNTS.c.opened).where(
            ACCOUNTS.c.name == terms.name, ACCOUNTS.c.currency == terms.currency
        )
    ).scalar_one_or_none()
    if opened_at is None:
        return
    for due in due_fees(terms.fees, month_at(opened_at, zone), month_at(at, zone)):
        name = f"fee {terms.name} {due.name}"
        fee = due.fee
        note = " ".join(filter(None, (fee.what, fee.number)))
        if fee.amount:
            book(
                connection,
                Booking(
                    name=name,
                    account=terms.name,
                    amount=-fee.amount,
                    currency=terms.currency,
                    ours=REVENUE,
                    kind="fee",
                    at=at,
                    note=note,
                ),
            )


def hold(connection: sa.Connection, name: str, at: float, who: str, *, on: bool) -> bool:
    """Suspend an account by hand, or resume it; False when it is so already."""
    done = connection.execute(_change(name).where(ACCOUNTS.c.held.is_(not on)).values(held=on))
    if done.rowcount:
        row = connection.execute(_one(name)).one()
        _tell(connection, name, at, "suspended" if on else "resumed", row.balance, who)
    return bool(done.rowcount)


def review(connection: sa.Connection, name: str, at: float) -> None:
    """Hold an account against its thresholds, and note what became of it."""
    row = connection.execute(_one(name)).one()._mapping
    known = {field: row[field] for field in AccountFigures.__dataclass_fields__}
    before = AccountFigures(**known)
    after, events = reviewed(before, at)
    if after.state == RECLAIMED != before.state and has_packages(connection, [name], at):
        # What it has bought can still be used.
        after, events = reviewed(replace(before, reclaim_seconds=None), at)
    if after != before:
        changed = {"state": after.state, "since": after.since, "noticed": after.noticed}
        connection.execute(_change(name).values(changed))
    for what in events:
        _tell(connection, name, at, what, after.balance, _SYSTEM)


def reclaim(connection: sa.Connection, at: float) -> None:
    """Reclaim the accounts whose time is over since their suspension."""
    due = sa.select(ACCOUNTS.c.name).where(
        ACCOUNTS.c.state == SUSPENDED, ACCOUNTS.c.since + ACCOUNTS.c.reclaim_seconds <= at
    )
    for name in sorted(connection.execute(due).scalars()):
        review(connection, name, at)


def _tell(
    connection: sa.Connection, name: str, at: float, what: str, balance: Decimal, who: str
) -> None:
    account = connection.execute(
        sa.select(ACCOUNTS.c.currency, ACCOUNTS.c.mails).where(ACCOUNTS.c.name == name)
    ).one()
    ident = f"account-{uuid.uuid4().hex}"
    told = {
        "id": ident,
        "account": name,
        "at": at,
        "what": what,
        "balance": balance,
        "who": who,
        "note": "",
        "mail": MAIL_DUE if account.mails else "",
        "tries": 0,
        "due": 0.0,
        "call_tries": 0,
        "call_due": at if what == NOTICE else 0.0,
    }
    connection.execute(sa.insert(EVENTS).values(told))
    if connection.get_execution_options().get(TELLS):
        known = {"name": name, "balance": f"{balance:f}", "currency": account.currency, "who": who}
        enqueue(connection, [outbox_event(ident, f"account.{what}", name, at, {"account": known})])


def calls_are_due(connection: sa.Connection, at: float) -> bool:
    """Whether any owner may be to be called."""
    due = sa.exists().where(EVENTS.c.call_due > 0, EVENTS.c.call_due <= at)
    return bool(connection.execute(sa.select(due)).scalar_one())


def owners_to_call(
    connection: sa.Connection, called: Collection[str], at: float
) -> list[tuple[str, str]]:
    """Claim the notices whose owners are to be called now: each event, and its account.

    A call is tried again some minutes later, unless `owner_heard` is told before. called: accounts
    whose owners are called at all.
    """
    it = EVENTS.c
    found = []
    due = sa.select(EVENTS).where(it.call_due > 0, it.call_due <= at).with_for_update()
    for event in connection.execute(due).all():
        tries, again = event.call_tries + 1, at + _CALLED_AGAIN_SECONDS
        is_last = event.account not in called or tries >= _CALLS
        change = {"call_tries": tries, "call_due": 0.0 if is_last else again}
        connection.execute(sa.update(EVENTS).where(it.id == event.id).values(change))
        if event.account in called and event.at > at - _CALLED_SECONDS:
            found.append((event.id, event.account))
    return found


def owner_heard(connection: sa.Connection, event: str) -> None:
    """Note that an owner has heard of a notice: none is called again for it."""
    connection.execute(sa.update(EVENTS).where(EVENTS.c.id == event).values(call_due=0.0))


def mail_administrator(connection: sa.Connection, life: NumberLife, who: str, note: str) -> None:
    """Have the administrator mailed of a number that is being disconnected."""
    until = datetime.fromtimestamp(life.until).astimezone().isoformat(" ", "seconds")
    said = (
        f"Number: {life.number}\nWho: {who}\nWhy: {note or 'not said'}\n"
        f"It can be undone until: {until}\n"
        f"By: callrouter numbers change undo {life.number}\n"
    )
    told = {
        "id": f"number-{uuid.uuid4().hex}",
        "account": ADMINISTRATOR,
        "at": life.since,
        "what": life.number,
        "balance": NOTHING,
        "who": who,
        "note": said,
        "mail": MAIL_DUE,
        "tries": 0,
        "due": 0.0,
        "call_tries": 0,
        "call_due": 0.0,
    }
    connection.execute(sa.insert(EVENTS).values(told))


def _one(name: str) -> sa.Select[Any]:
    # For a change that follows: two servers review one account one after the other.
    return sa.select(ACCOUNTS).where(ACCOUNTS.c.name == name).with_for_update()


def _change(name: str) -> sa.Update:
    return sa.update(ACCOUNTS).where(ACCOUNTS.c.name == name)
