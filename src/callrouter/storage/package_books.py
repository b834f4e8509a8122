"""The books of packages: time that accounts have bought, what calls hold of it, and who used it.

Rules.

- What was bought is a row; each call that used some of it is another, which is never changed. What
  is used of a package is the sum of those, and what is held the sum of what calls in progress have.
  The database refuses more of both than was bought.
- Who reads what is left to take of it has the row of the account locked before, so two calls cannot
  have the same second.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from callrouter.billing.account_rules import AccountPackage, PackageSale
from callrouter.rating.charges import LegCharge
from callrouter.rating.packages import Package, PackagedCall, pay_legs
from callrouter.storage.amounts import Money
from callrouter.storage.engine import insert_into

_meta: Final = sa.MetaData()
PACKAGES: Final = sa.Table(
    "packages",
    _meta,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("account", sa.Text),
    *(sa.Column(name, sa.BigInteger) for name in ("seconds", "used", "held")),
    *(sa.Column(name, sa.Double) for name in ("expires", "bought")),
    sa.Column("price", Money),
)
_HOLDS: Final = sa.Table(
    "package_holds",
    _meta,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("package", sa.Text, primary_key=True),
    sa.Column("seconds", sa.BigInteger),
)
_USES: Final = sa.Table(
    "package_uses",
    _meta,
    sa.Column("call", sa.Text, primary_key=True),
    sa.Column("package", sa.Text, primary_key=True),
    sa.Column("seconds", sa.BigInteger),
    sa.Column("at", sa.Double),
)


def add_package(connection: sa.Connection, sold: PackageSale, at: float) -> str:
    """Add a package; returns the account that has one of its name already, "" when it is added."""
    row = {**asdict(sold), "used": 0, "held": 0, "bought": at}
    insert = insert_into(connection, PACKAGES).values(row).on_conflict_do_nothing()
    if connection.execute(insert.returning(PACKAGES.c.name)).all():
        return ""
    owner = sa.select(PACKAGES.c.account).where(PACKAGES.c.name == sold.name)
    return str(connection.execute(owner).scalar_one())


def packages_of(connection: sa.Connection, account: str) -> list[AccountPackage]:
    """All packages of an account, the one that expires last first."""
    query = sa.select(PACKAGES).where(PACKAGES.c.account == account)
    found = connection.execute(query.order_by(PACKAGES.c.expires.desc(), PACKAGES.c.name))
    return [
        AccountPackage(
            name=row.name,
            seconds=row.seconds,
            left=row.seconds - row.used,
            expires=row.expires,
            bought=row.bought,
            price=row.price,
        )
        for row in found
    ]


def has_packages(
    connection: sa.Connection, accounts: Collection[str], since: float = 0.0
) -> set[str]:
    """Say which of these accounts have packages that are not used up, and expire after a time."""
    it = PACKAGES.c
    query = sa.select(it.account).where(
        it.account.in_(accounts), it.used < it.seconds, it.expires > since
    )
    return set(connection.execute(query).scalars())


def have_bought(connection: sa.Connection, accounts: Collection[str]) -> set[str]:
    """Say which of these accounts have ever bought a package."""
    query = sa.select(PACKAGES.c.account).where(PACKAGES.c.account.in_(accounts)).distinct()
    return set(connection.execute(query).scalars())


def begin_of(legs: Iterable[LegCharge], at: float) -> float:
    """Return when the first block of a call begins; `at` when it has none."""
    return min((float(leg.blocks[0].start) for leg in legs if leg.blocks), default=at)


def packages_for(connection: sa.Connection, call: str, account: str, since: float) -> list[Package]:
    """What a call may use: what others hold is left out, and its own is in it."""
    it = PACKAGES.c
    own = _held_by(connection, call)
    query = sa.select(PACKAGES).where(
        it.account == account, it.used < it.seconds, it.expires > since
    )
    return [_package(row, own[row.name]) for row in connection.execute(query)]


def _package(row: sa.Row[Any], own: int = 0) -> Package:
    left = row.seconds - row.used - row.held + own
    return Package(name=row.name, seconds=left, expires=int(row.expires))


def _held_by(connection: sa.Connection, call: str) -> Counter[str]:
    found = connection.execute(sa.select(_HOLDS).where(_HOLDS.c.call == call))
    return Counter({row.package: row.seconds for row in found})


def hold_packages(connection: sa.Connection, call: str, taken: Mapping[str, int]) -> dict[str, int]:
    """Hold for a call what it takes in all; returns how much more of each that is than before."""
    if not taken:
        return {}
    own = _held_by(connection, call)
    more = {name: seconds - own[name] for name, seconds in taken.items() if seconds > own[name]}
    for name, seconds in more.items():
        _change(connection, name, held=PACKAGES.c.held + seconds)
        if name in own:
            row = sa.update(_HOLDS).where(_HOLDS.c.call == call, _HOLDS.c.package == name)
            connection.execute(row.values(seconds=own[name] + seconds))
        else:
            fresh = {"call": call, "package": name, "seconds": seconds}
            connection.execute(sa.insert(_HOLDS), fresh)
    return more


def holds_packages(connection: sa.Connection, call: str) -> bool:
    """Whether a call holds anything of a package."""
    return any(_held_by(connection, call).values())


def let_go_part(connection: sa.Connection, call: str, seconds: Mapping[str, int]) -> None:
    """Give back a part of what a call holds, if it still holds that."""
    it = _HOLDS.c
    for name, less in seconds.items():
        row = sa.update(_HOLDS).where(it.call == call, it.package == name, it.seconds >= less)
        if connection.execute(row.values(seconds=it.seconds - less)).rowcount:
            _change(connection, name, held=PACKAGES.c.held - less)


def let_go(connection: sa.Connection, calls: Collection[str]) -> None:
    """Give back all that these calls hold."""
    gone = sa.delete(_HOLDS).where(_HOLDS.c.call.in_(calls))
    less: Counter[str] = Counter()
    for row in connection.execute(gone.returning(_HOLDS.c.package, _HOLDS.c.seconds)):
        less[row.package] += row.seconds
    for name, seconds in sorted(less.items()):
        _change(connection, name, held=PACKAGES.c.held - seconds)


def use_up(
    connection: sa.Connection, calls: Mapping[tuple[str, str], Sequence[LegCharge]], at: float
) -> dict[str, PackagedCall]:
    """Pay for calls that are over, in this order, from the packages of their accounts.

    calls: the legs of each, by account and id. The rows of the accounts must be locked. Returns
    what became of each call, by its id.
    """
    stock: defaultdict[str, tuple[Package, ...]] = defaultdict(tuple)
    it = PACKAGES.c
    known = {account for account, _ in calls}
    for row in connection.execute(
        sa.select(PACKAGES).where(it.account.in_(known), it.used < it.seconds)
    ):
        stock[row.account] += (_package(row),)
    paid: dict[str, PackagedCall] = {}
    rows = []
    used: Counter[str] = Counter()
    for (account, call), legs in calls.items():
        paid[call] = pay_legs(legs, stock[account])
        stock[account] = paid[call].left
        taken = paid[call].taken
        used.update(taken)
        rows += [
            {"call": call, "package": name, "seconds": seconds, "at": at}
            for name, seconds in taken.items()
        ]
    if rows:
        connection.execute(sa.insert(_USES), rows)
    for name, seconds in sorted(used.items()):
        _change(connection, name, used=it.used + seconds)
    return paid


def uses_of(
    connection: sa.Connection, account: str, call: str | None = None
) -> dict[str, list[Package]]:
    """What calls of an account have used, or one: by call, packages with just so many seconds.

    The same charges, paid from those, are paid as they were at first.
    """
    it = _USES.c
    query = (
        sa.select(it.call, it.package, it.seconds, PACKAGES.c.expires)
        .join(PACKAGES, PACKAGES.c.name == it.package)
        .where(PACKAGES.c.account == account)
    )
    if call is not None:
        query = query.where(it.call == call)
    found: defaultdict[str, list[Package]] = defaultdict(list)
    for row in connection.execute(query):
        used = Package(name=row.package, seconds=row.seconds, expires=int(row.expires))
        found[row.call].append(used)
    return found


def _change(connection: sa.Connection, name: str, **values: Any) -> None:
    connection.execute(sa.update(PACKAGES).where(PACKAGES.c.name == name).values(values))
