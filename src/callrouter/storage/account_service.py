"""Accounts and lives of numbers of a running server: the database's answers to calls and operators.

Theory. What a slice costs is computed where it is asked for, in the loop, by the rate plans of the
call. A thread of its own reserves it, one transaction each, and the answer comes back in a step of
the stack. So no call waits for a disk, and what another asks is not held up by records.

Rules. Fees are booked as they are due, and what was due while nobody served is booked then. The
terms of accounts are kept in the database as the dialplan has them, from when it begins
to serve. While the database is away each question is answered so at once; it is tried again every
two seconds.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from callrouter.billing.account_rules import ADMINISTRATOR, AccountTerms
from callrouter.billing.months import Month, month_at
from callrouter.billing.number_lives import months_after
from callrouter.call.services.account_port import NO_END, Credit, NoCredit
from callrouter.call.services.record import CallRecord
from callrouter.observe.cdr.call_charges import cover
from callrouter.pending import Later, Pending, Unavailable
from callrouter.route.values.plan import Target
from callrouter.route.values.snapshot import KnownNumber
from callrouter.storage import account_books as books
from callrouter.storage import number_books as numbers
from callrouter.storage.background import Reopened, TurnThread
from callrouter.storage.cdr_table import OpenedForWriting
from callrouter.storage.engine import StoreError, begin_writing, is_busy, said

_LOOK_SECONDS: Final = 2.0
"""How often it is looked whose time is over since the suspension."""
_QUEUE: Final = 10_000
NEVER_FOR_MONTHS: Final = 3
"""How long a number that is gone cannot be connected again."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Act = Callable[[sa.Connection], Any]


def _nobody_calls(_account: str, _heard: Callable[[], None]) -> None:
    """Nobody is called."""


def _nobody(_lives: dict[str, str], _known: dict[str, KnownNumber]) -> None:
    """Nobody wants to know."""


class _Books(OpenedForWriting):
    """The database, open for one transaction after the other."""

    def __init__(self, url: str, *, tells: bool) -> None:
        super().__init__(url)
        self.engine.update_execution_options(**{books.TELLS: tells})

    def do(self, act: Act) -> Any:
        """Do something in one transaction. Raises SQLAlchemyError, OSError."""
        self.check()
        with begin_writing(self.engine) as connection:
            return act(connection)

    def read(self, act: Act) -> Any:
        """Read something. Raises as `do`."""
        self.check()
        with self.engine.connect() as connection:
            return act(connection)


class AccountService:
    """Accounts, as calls and operators have them.

    step: has the stack do something, from any thread. process: as `release_orphans` has it.
    tells: what becomes of accounts goes to the outbox. lives: told in a step of the stack of the
    state of each number that has a life, and of what else is known of numbers, whenever any of it
    changes. calls: calls the owners of an account in such a step, and is told what to call when one
    has heard it. looked: it has been, or the database
    is away.
    """

    def __init__(
        self,
        store_url: str,
        process: str,
        step: Callable[[Callable[[], None]], None],
        *,
        tells: bool = False,
    ) -> None:
        self._process = process
        self._step = step
        self.administered = False
        self._called: Collection[str] = ()
        self._terms: tuple[AccountTerms, ...] = ()
        self._kept: tuple[AccountTerms, ...] = ()
        self._queue: deque[tuple[Act, Pending[Any]]] = deque()
        self._database = Reopened(
            partial(_Books, store_url, tells=tells),
            "accounts and numbers cannot be asked: the database is away",
            "accounts and numbers can be asked again",
        )
        self.lives: Callable[[dict[str, str], dict[str, KnownNumber]], None] = _nobody
        self.calls: Callable[[str, Callable[[], None]], None] = _nobody_calls
        self.looked = threading.Event()
        self._lives: numbers.NumberStates = ({}, {})
        self._looked = 0.0
        self._charged: tuple[tuple[AccountTerms, ...], dict[str, Month]] = ((), {})
        self._thread = TurnThread("accounts", _LOOK_SECONDS, self._turn, self._turn)

    def serve(
        self,
        terms: Sequence[AccountTerms],
        *,
        mailed: Collection[str] = (),
        called: Collection[str] = (),
    ) -> None:
        """Have these accounts from now on, those of the dialplan.

        mailed: accounts whose owners are, and the administrator. called: those whose owners are
        called when the balance is low.
        """
        self.administered = ADMINISTRATOR in mailed
        self._called = called
        self._terms = tuple(terms)
        self._thread.wake()

    def start(self) -> None:
        """Begin to answer, and to look at the lives of numbers."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the lives of numbers now."""
        self._looked = 0.0
        self._thread.wake()

    def close(self) -> None:
        """End, when all that was asked is answered."""
        self._thread.close()
        self._database.close()

    # For calls.

    def reserve(
        self,
        record: CallRecord,
        until_ms: int,
        reserved: Decimal,
        targets: tuple[Target, ...] = (),
        *,
        first: bool = False,
    ) -> Later[Credit | NoCredit]:
        """See `CallAccounts`."""
        covered = cover(record, until_ms, targets)
        end = NO_END if covered.until_ms is None else covered.until_ms
        if covered.cost <= reserved and not first:
            return Credit(end, reserved)
        reserve = partial(
            books.reserve,
            call=(record.id, record.account),
            legs=covered.legs,
            reserved=reserved,
            process=self._process,
            first=first,
        )

        def act(connection: sa.Connection) -> Credit | NoCredit:
            had = reserve(connection, at=time.time())
            if isinstance(had, str):
                return NoCredit(why=had)
            return Credit(end, reserved + had.money, had.packaged)

        return self.ask(act)

    def unwanted(self, record: CallRecord, reserved: Decimal, answer: object) -> None:
        """See `CallAccounts`."""
        if isinstance(answer, Credit) and (answer.reserved > reserved or answer.packaged):
            had = books.Reserved(answer.reserved - reserved, answer.packaged)
            self.ask(lambda connection: books.release_part(connection, record.id, had))

    # For operators, too.

    def ask(self, act: Act) -> Later[Any]:
        """Do something in a transaction of the thread; its answer comes in a step of the stack."""
        if len(self._queue) >= _QUEUE or not self._thread.alive:
            return Unavailable("no account is served" if not self._thread.alive else "too many ask")
        pending = Pending[Any]()
        self._queue.append((act, pending))
        self._thread.wake()
        return pending

    # For the thread.

    def _turn(self) -> None:
        if self._terms is not self._kept:
            self._keep()
        while self._queue:
            act, pending = self._queue.popleft()
            self._answer(pending, Unavailable("given up") if pending.given_up else self._do(act))
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            if self._kept:
                self._do(lambda connection: books.reclaim(connection, time.time()))
                self._charge_fees()
                self._call_owners()
            self._look_at_lives()
            self.looked.set()

    def _keep(self) -> None:
        terms = self._terms
        wrong = self._do(lambda connection: books.keep(connection, terms, time.time()))
        if isinstance(wrong, Unavailable):
            return
        self._kept = terms
        for name in wrong:
            _log.error("an account is kept in another currency: it pays for no call", account=name)

    def _look_at_lives(self) -> None:
        """End what is over in them, and say which numbers take no calls, when that has changed."""
        now = time.time()
        due = self._do(lambda connection: numbers.is_due(connection, now), reads=True)
        if due is True:
            zone = ZoneInfo(self._kept[0].timezone if self._kept else "UTC")
            gone_until = partial(months_after, months=NEVER_FOR_MONTHS, zone=zone)
            self._do(lambda connection: numbers.pass_time(connection, now, gone_until))
        found = self._do(numbers.states, reads=True)
        if not isinstance(found, Unavailable) and found != self._lives:
            self._lives = states, known = found
            self._step(lambda: self.lives(states, known))

    def _call_owners(self) -> None:
        """Have those called who are to hear that a balance is low."""
        now = time.time()
        if (
            self._do(lambda connection: books.calls_are_due(connection, now), reads=True)
            is not True
        ):
            return
        due = self._do(lambda connection: books.owners_to_call(connection, self._called, now))
        for event, account in () if isinstance(due, Unavailable) else due:
            self._step(partial(self.calls, account, partial(self._heard, event)))

    def _heard(self, event: str) -> None:
        self.ask(lambda connection: books.owner_heard(connection, event))

    def _charge_fees(self) -> None:
        """Book what fees are due: once when they begin to be served, and at each new month."""
        now = time.time()
        months = {terms.name: month_at(now, ZoneInfo(terms.timezone)) for terms in self._kept}
        if (self._kept, months) == self._charged:
            return
        for terms in self._kept:
            if terms.fees and isinstance(
                self._do(partial(books.book_fees, terms=terms, at=now)), Unavailable
            ):
                return
        self._charged = (self._kept, months)

    def _do(self, act: Act, *, reads: bool = False) -> Any:
        """What comes of it; Unavailable while the database is away, or when a bug is in it."""
        if self._database.waits:
            return Unavailable("the database is away")
        try:
            database = self._database.store()
            found = database.read(act) if reads else database.do(act)
        except (SQLAlchemyError, OSError, StoreError) as error:
            if not is_busy(error):
                self._database.begin(error)
            return Unavailable(said(error))
        except Exception as error:  # noqa: BLE001 - a bug in one question must not end the thread
            _log.error("internal error in accounts", exc_info=error)
            return Unavailable("internal error")
        self._database.end()
        return found

    def _answer(self, pending: Pending[Any], answer: Any) -> None:
        self._step(lambda: pending.settle(answer))
