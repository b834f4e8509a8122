"""The writer of records from the event loop to the disk, in a thread of its own.

Rules, beside those of `background`:

- Records become rows in the thread, and go in by one transaction a quarter of a second, or at once
  when a whole batch has gathered.
- A record that the table does not take costs no other one: it is set aside, in a file beside the
  spool, said, and counted.
- A batch that the database does not take goes to the spool, which is on disk when the database is
  back; so does a backlog, when the database is too slow for what comes.
- A bug in one of these steps costs the others nothing: it is logged with its traceback, the store
  counts as failing, and the step is done again later. A batch that it came with goes to the spool.
- A batch that neither takes stays in memory and is tried again. Only when the queue is full by
  then, and at the end when neither ever came back, is a record lost: counted, and logged.
- The line of a call in the journal of those that are up goes when its record is on disk. What an
  earlier process left there becomes records in the spool, behind those that it had spooled itself.
- The spool is replayed when the database takes batches again, a slice at a time, so that an hour's
  outage does not become a minute's load. The primary key makes each record exactly one row.
- Where others are told of calls, their events come the same way, those of a record by its
  transaction. None may overtake another: while any waits in the spool, all that comes goes there.
"""

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
    SQLAlchemyError,
)

from callrouter.call.services.record import CallRecord
from callrouter.metric import Rows, counter, gauge
from callrouter.observe.cdr.crash_recovery import up_line
from callrouter.observe.cdr.rows import COLUMNS, Row, encode, misfit
from callrouter.rating.rate_plan import RatePlans
from callrouter.storage import background
from callrouter.storage.active_calls_journal import Journal
from callrouter.storage.background import Reopened, TurnThread
from callrouter.storage.cdr_table import Store, prepare_to_migrate
from callrouter.storage.engine import StoreError, refuses_row, said
from callrouter.storage.outbox import OutboxEvent
from callrouter.storage.spool import Spool, server_id

BATCH: Final = 500
"""Records in one transaction at most."""

_GATHER_SECONDS: Final = 0.25
_SLICES_TOLD: Final = 4
"""Slices of the spool in one turn where a call is five rows, with its events."""
_BACKLOG: Final = 10_000
"""Records waiting from which on batches go to the spool, as fast as a disk writes."""
QUEUE: Final = 50_000
"""Records waiting at most, about 100 MB: a disk that hangs for a minute at full load."""

_ANSWERED_MS: Final = COLUMNS.index("answered_ms")

_REFUSED: Final = (DataError, IntegrityError, OverflowError, TypeError, ValueError)
"""What a row is refused with that the table does not take."""
_UNFIT: Final = (*_REFUSED, InterfaceError, ProgrammingError)
"""The last two mean a row, too, when it has a value of a kind that the driver does not know."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Telling = Callable[[Row], Sequence[OutboxEvent]]
"""Makes the events of a call that is over, of its row; called by the writer's thread."""


class _Told(NamedTuple):
    """A record with events that go in by its transaction."""

    record: CallRecord
    telling: Telling


class RecordWriter:
    """The writer of records: it writes each that it is given exactly once.

    Call `start` once before calls come and `close` once after the last one ended. The counters may
    be read from any thread: written: records of this process that the database took at once;
    spooled: those that went to the spool first; replayed: those of the spool that are in the
    database now, with what an earlier process left there; lost: records that are nowhere;
    calls_lost: calls that were up when an earlier process was killed, whose records this one wrote;
    events_lost: events that are nowhere; process: this one, by a name of its own behind that of its
    server.

    telling: makes the events of such calls; None while nobody is told of calls. committed: called
    when events are in the database, by the writer's thread. rate_plans: those
    that such calls are charged by; those of this process bring their own.
    """

    def __init__(
        self, store_url: str, spool_folder: Path, rate_plans: RatePlans | None = None
    ) -> None:
        self.written = 0
        self.spooled = 0
        self.replayed = 0
        self.lost = 0
        self.calls_lost = 0
        self.events_lost = 0
        self.telling: Telling | None = None
        self.committed: Callable[[], None] | None = None
        self._database = Reopened(
            lambda: Store(store_url, tells=self.telling is not None),
            "records go to the spool: the database does not take them",
            "records go to the database again",
        )
        self._spool = Spool(spool_folder)
        self.process = f"{server_id(spool_folder)}.{uuid.uuid4().hex}"
        self._freed = False
        self.journal = Journal(spool_folder)
        self._rate_plans = rate_plans
        self._recovered: list[Row] | None = None
        self._queue: deque[CallRecord | _Told | OutboxEvent] = deque()
        self._rows: list[Row] = []  # taken from the queue, not yet on disk; events are rows, too
        # What was said last of each, so that a state is logged when it changes and not per batch.
        self._spool_failing = False
        self._overflowing = False
        self._broken: dict[str, float] = {}  # steps with a bug, and when they are tried again
        self._thread = TurnThread("records", _GATHER_SECONDS, self._turn, self._last_turn)

    @property
    def rejected(self) -> int:
        """Records that were set aside because the table does not take them."""
        return self._spool.rejected

    @property
    def failing(self) -> bool:
        """The database does not take records, or the spool does not, or a bug is in the way."""
        return self._database.on or self._spool_failing or bool(self._broken)

    @property
    def depth(self) -> int:
        """Records that are not yet on disk, and events."""
        return len(self._queue) + len(self._rows)

    def start(self) -> None:
        """Open the database and begin to write, and to replay what an earlier process spooled.

        A database that is out of reach now is waited for; StoreError is raised when waiting would
        not help. `close` is to be called either way.
        """
        try:
            self._database.store()
        except (SQLAlchemyError, OSError) as error:
            self._database.begin(error)
            # It may come back without its tables, and an import that fails is to fail now.
            prepare_to_migrate()
        self.journal.open()
        self._thread.start()

    def up(self, record: CallRecord) -> None:
        """Note that a call is up, or that somebody else talks in it now. Never raises.

        It is written before this returns, unless the disk is no good.
        """
        self.journal.up(up_line(record, self.journal.zero))

    def put(self, record: CallRecord) -> None:
        """Take the record, which must not change any more. Never blocks, never raises."""
        self._append_to_queue(record)

    def put_told(self, record: CallRecord, telling: Telling) -> None:
        """Take a record as `put` does, and have its events told by its transaction."""
        self._append_to_queue(_Told(record, telling))

    def tell(self, event: OutboxEvent) -> None:
        """Take an event that no change goes with. Never blocks, never raises."""
        self._append_to_queue(event)

    def _append_to_queue(self, one: CallRecord | _Told | OutboxEvent) -> None:
        waiting = len(self._queue)
        if waiting >= QUEUE:
            self._count_lost((one,))
            self._overflowing = True
            return
        self._queue.append(one)
        if waiting == BATCH:
            self._thread.wake()

    def _count_lost(self, lost: Iterable[object]) -> None:
        for one in lost:
            if isinstance(one, OutboxEvent):
                self.events_lost += 1
            else:
                self.lost += 1

    def close(self) -> None:
        """Return when every record is in the database or in the spool, or is counted as lost."""
        self._thread.close()
        if self.depth:
            self._count_lost((*self._queue, *self._rows))
            _log.error("records lost: neither database nor spool could take them", count=self.depth)
        self._database.close()
        self.journal.close(clean=not self.depth)

    def _last_turn(self) -> None:
        self._database.retry()
        for _ in range(2):  # the second time past a bug, to the spool
            self._broken = dict.fromkeys(self._broken, 0.0)
            self._do(self._write_out)
        self._do(self._recover)

    def _turn(self) -> None:
        self._do(self.journal.beat)
        self._do(self._write_out)
        self._do(self._recover)
        self._do(self._replay)
        if not self._freed:
            self._do(self._free)

    def _free(self) -> None:
        """Free what an earlier process has reserved of accounts, once all that it left is in."""
        try:
            if self.journal.recovers() or self._spool.pending() or self._database.waits:
                return
            self._database.store().release_orphans(self.process)
        except (SQLAlchemyError, OSError, StoreError) as error:
            self._database.begin(error)
            return
        self._freed = True

    def _do(self, step: Callable[[], None]) -> None:
        """Do one step of a turn; one that a bug ended is not done again at once."""
        name = step.__name__
        if name in self._broken and time.monotonic() < self._broken[name]:
            return
        try:
            step()
        except Exception as error:  # noqa: BLE001  # a bug must not end the thread: records go on
            if name not in self._broken:
                _log.error("internal error in the record writer", step=name, exc_info=error)
            self._broken[name] = time.monotonic() + background.RETRY_SECONDS
        else:
            self._broken.pop(name, None)

    def _recover(self) -> None:
        """Bring the records of calls that an earlier process lost to the spool."""
        if not self.journal.recovers():
            return
        try:
            if self._recovered is None:
                self._recovered = self.journal.lost(self._rate_plans)
            if self._recovered and not self._append(self._with_events(self._recovered)):
                return
            self.journal.forget()
        except OSError as error:
            self._spool_failed(error)
            return
        self.calls_lost += len(self._recovered)
        if self._recovered:
            _log.error("calls were lost: callrouter was killed", calls=len(self._recovered))
        self._recovered = None

    def _with_events(self, rows: list[Row]) -> list[Row]:
        """The rows, each with its events behind it."""
        if self.telling is None:
            return rows
        found: list[Row] = []
        for row in rows:
            found += (row, *self._events(row, self.telling))
        return found

    def _write_out(self) -> None:
        """Bring what waits to disk, as far as it goes; less than a batch may gather further."""
        while self._rows or self._queue:
            if not self._rows:
                self._rows = self._take()
            spool = (
                len(self._queue) > _BACKLOG
                or self._write_out.__name__ in self._broken
                or (self.telling is not None and self._waits_in_spool())
            )
            took = None if spool else self._insert(self._rows)
            if took is not None:
                self.written += took
            elif not self._append(self._rows):
                return
            over = (row for row in self._rows if not isinstance(row, OutboxEvent))
            self.journal.over([str(row[0]) for row in over if row[_ANSWERED_MS] is not None])
            self._rows = []
            if self._overflowing:
                self._overflowing = False
                _log.error("records lost: the queue was full", lost_so_far=self.lost)
            if len(self._queue) < BATCH and not self._thread.closing:
                return

    def _take(self) -> list[Row]:
        rows: list[Row] = []
        for _ in range(min(BATCH, len(self._queue))):
            one = self._queue.popleft()
            if isinstance(one, OutboxEvent):
                rows.append(one)
                continue
            row = self._row(one.record if isinstance(one, _Told) else one)
            if row is not None:
                rows.append(row)
                if isinstance(one, _Told):
                    rows += self._events(row, one.telling)
        return rows

    def _events(self, row: Row, telling: Telling) -> Sequence[OutboxEvent]:
        """The events of a call that is over. A bug costs these alone, and not its record."""
        try:
            return telling(row)
        except Exception as error:  # noqa: BLE001  # as said
            self.events_lost += 1
            _log.error("internal error: a call's end is not told", call=row[0], exc_info=error)
            return ()

    def _waits_in_spool(self) -> bool:
        try:
            return self._spool.pending()
        except OSError as error:
            self._spool_failed(error)
            return False

    def _row(self, record: CallRecord) -> Row | None:
        """The row of a record. A bug costs this one alone, and one in its charges no more."""
        try:
            return encode(record)
        except Exception as error:  # noqa: BLE001  # as said
            if record.rate_plans is None:
                self.lost += 1
                _log.error("record lost: not a valid one", call=record.id, error=repr(error))
                return None
            _log.error("internal error: call not charged", call=record.id, exc_info=error)
        record.rate_plans = None
        return self._row(record)

    def _insert(self, rows: list[Row]) -> int | None:
        """How many of the rows are new in the database, None when they are not all dealt with.

        A row that the table does not take is set aside.
        """
        if self._database.waits:
            return None
        try:
            count = self._database.store().insert(rows)
        except _UNFIT as error:
            return self._insert_fitting(rows, error)
        except (SQLAlchemyError, OSError, StoreError) as error:
            if isinstance(error, SQLAlchemyError) and refuses_row(error):
                return self._insert_fitting(rows, error)
            self._database.begin(error)
            return None
        self._database.end()
        if self.committed is not None:
            self.committed()
        return count

    def _insert_fitting(self, rows: list[Row], error: Exception) -> int | None:
        """Insert rows of which some do not fit, after an error that says so or may say so."""
        try:
            fitting = self._fitting(rows)
            if len(fitting) < len(rows):
                return self._insert(fitting)
            if not _about_a_row(error):  # it was not the rows: a table is gone, say
                self._database.begin(error)
                return None
            if len(rows) == 1:
                self._spool.set_aside(rows[0], said(error))
                return 0
        except OSError as failed:
            self._spool_failed(failed)
            return None
        half = len(rows) // 2
        first = self._insert(rows[:half])
        second = None if first is None else self._insert(rows[half:])
        return None if first is None or second is None else first + second

    def _fitting(self, rows: list[Row]) -> list[Row]:
        """Those rows that the table takes; the others are set aside. Raises OSError."""
        fitting = []
        for row in rows:
            why = "" if isinstance(row, OutboxEvent) else misfit(row)
            if why:
                self._spool.set_aside(row, why)
            else:
                fitting.append(row)
        return fitting

    def _append(self, rows: list[Row]) -> bool:
        """Whether the spool took the rows."""
        try:
            try:
                self._spool.append(rows)
            except TypeError:  # a value that is not JSON, or an integer past 64 bits
                rows = self._fitting(rows)
                self._spool.append(rows)
        except OSError as error:
            self._spool_failed(error)
            return False
        self.spooled += sum(not isinstance(row, OutboxEvent) for row in rows)
        self._spool_works()
        return True

    def _replay(self) -> None:
        """Bring slices of the spool into the database, when it takes batches and is not busy.

        More than one where others are told of calls, for what comes meanwhile is behind them.
        """
        for _ in range(1 if self.telling is None else _SLICES_TOLD):
            if len(self._queue) >= BATCH or not self._replay_slice():
                return

    def _replay_slice(self) -> bool:
        """Whether there is another."""
        try:
            if self._spool.pending():
                rows, end = self._spool.next(BATCH)
                took = self._insert(rows) if rows else 0
                if took is not None:
                    self.replayed += took
                    self._spool.done(end)
                    self._spool_works()
                    if self._spool.pending():
                        return True
                    _log.info("all spooled records are in the database")
            elif not self.depth:
                self._spool_works()
        except OSError as error:
            self._spool_failed(error)
        return False

    def _spool_works(self) -> None:
        if self._spool_failing:
            self._spool_failing = False
            _log.info("the record spool can be used again")

    def _spool_failed(self, error: OSError) -> None:
        if not self._spool_failing:
            self._spool_failing = True
            _log.error("the record spool cannot be used", error=str(error))


def _about_a_row(error: Exception) -> bool:
    """Whether the table does not take a row, and would take others."""
    return isinstance(error, _REFUSED) or (
        isinstance(error, SQLAlchemyError) and refuses_row(error)
    )


METRICS: Final[Rows[RecordWriter]] = (
    gauge(
        "callrouter_records_queued",
        "This many call records and events wait to be written; when it keeps growing, the disk or "
        "the database is too slow or away.",
        lambda it: it.depth,
    ),
    counter(
        "callrouter_records_written",
        "Each call record that the database took at once counts one; while all is well it grows "
        "with the calls that end.",
        lambda it: it.written,
    ),
    counter(
        "callrouter_records_spooled",
        "Each call record that went to the spool first counts one; it grows while the database "
        "is away.",
        lambda it: it.spooled,
    ),
    counter(
        "callrouter_records_replayed",
        "Each call record that came from the spool into the database counts one; it grows when "
        "the database is back.",
        lambda it: it.replayed,
    ),
    counter(
        "callrouter_records_rejected",
        "Each call record that the table does not take, or bad line of the spool, counts one "
        "and was set aside; the log says why.",
        lambda it: it.rejected,
    ),
    counter(
        "callrouter_records_lost",
        "Each call record that neither database nor spool could take counts one and is gone; it "
        "should be 0 for ever.",
        lambda it: it.lost,
    ),
    counter(
        "callrouter_calls_lost",
        "Each answered call that an earlier process lost when it was killed counts one once it "
        "is recorded; find out who killed it.",
        lambda it: it.calls_lost,
    ),
    counter(
        "callrouter_events_lost",
        "Each event that neither database nor spool could take counts one, and nobody is told of "
        "it; it should be 0 for ever.",
        lambda it: it.events_lost,
    ),
)
