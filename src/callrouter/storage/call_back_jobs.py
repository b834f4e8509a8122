"""Call-backs on disk: the jobs as rows of the records' database, in a thread of their own.

Rules, beside those of `background`: what is put or claimed is done in the order in which it came. A
job that somebody claimed and lets go of, for it was killed, is taken up again, unless the journal
says that its caller was talked to.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from time import time
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from callrouter.pending import Later, Pending, Unavailable
from callrouter.printable import storable
from callrouter.queues.call_back_book import (
    CALLING,
    CONNECTED,
    ENDED,
    WAITING,
    CallBackJob,
    taken_up,
)
from callrouter.storage.background import Reopened, TurnThread
from callrouter.storage.cdr_table import OpenedForWriting
from callrouter.storage.engine import StoreError, is_postgres

_LOOK_SECONDS: Final = 5.0
_MOST: Final = 1000
"""Jobs that are looked at in one turn."""
_TABLE: Final = sa.Table(
    "call_backs",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("rule", "number", "called", "caller", "dialled")),
    sa.Column("missed_at", sa.Double),
    sa.Column("due", sa.Double),
    sa.Column("attempts", sa.Integer),
    sa.Column("state", sa.Text),
    sa.Column("why", sa.Text),
    sa.Column("lease", sa.Double),
)
_OF: Final = _TABLE.c
_ANSWERED: Final = sa.text(
    "SELECT 1 FROM calls WHERE call_back_of = :id AND call_back_of <> '' "  # so says the index
    "AND answered_ms IS NOT NULL"
)

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Work = Callable[[Engine], None]
OnLoop = Callable[[Callable[[], None]], object]


class CallBackJobs:
    """The jobs of the records' database. Implements `CallBackStore`."""

    def __init__(self, url: str, on_loop: OnLoop) -> None:
        """on_loop: does something in a step of the stack, from any thread."""
        self._on_loop = on_loop
        self._work: deque[Work] = deque()
        self._found: Callable[[Sequence[CallBackJob]], None] | None = None
        self._database = Reopened(
            partial(OpenedForWriting, url),
            "call-backs wait: the database does not take them",
            "call-backs are written to the database again",
        )
        self._thread = TurnThread("call-backs", _LOOK_SECONDS, self._turn, self._last_turn)

    @property
    def failing(self) -> bool:
        """The database does not take them."""
        return self._database.on

    def start(self, found: Callable[[Sequence[CallBackJob]], None]) -> None:
        """See `CallBackStore`."""
        if self._found is None:
            self._found = found
            self._thread.start()
            self._thread.wake()

    def close(self) -> None:
        """Return when all that was put is written, or cannot be."""
        self._thread.close()
        self._database.close()

    def put(self, job: CallBackJob) -> None:
        """See `CallBackStore`."""
        self._do(partial(_put, job))

    def claim(self, job: CallBackJob) -> Pending[bool | Unavailable]:
        """See `CallBackStore`."""
        asked: Pending[bool | Unavailable] = Pending()

        def work(engine: Engine) -> None:
            granted = _claim(engine, job)
            self._on_loop(partial(asked.settle, granted))

        self._do(work)
        return asked

    def newest(self, most: int) -> Later[Sequence[CallBackJob]]:
        """See `CallBackStore`. Before `start` there are none to be asked for."""
        if self._found is None:
            return ()
        asked: Pending[Sequence[CallBackJob] | Unavailable] = Pending()

        def work(engine: Engine) -> None:
            query = sa.select(_TABLE).order_by(_OF.missed_at.desc(), _OF.id.desc()).limit(most)
            jobs = _jobs(engine, query)
            self._on_loop(partial(asked.settle, jobs))

        self._do(work)
        return asked

    def _do(self, work: Work) -> None:
        self._work.append(work)
        self._thread.wake()

    # What the thread does.

    def _last_turn(self) -> None:
        self._database.retry()
        self._turn()
        if self._work:
            _log.error("call-backs lost: the database could not take them", count=len(self._work))

    def _turn(self) -> None:
        if self._database.waits:
            return
        try:
            opened = self._database.store()
            opened.check()
            while self._work:
                _do(self._work[0], opened.engine)
                self._work.popleft()
            self._look(opened.engine)
        except (SQLAlchemyError, StoreError, OSError) as error:
            self._database.begin(error)
        else:
            self._database.end()

    def _look(self, engine: Engine) -> None:
        """Tell of the jobs that wait, and of those whose holder is gone."""
        now = time()
        gone = sa.select(_TABLE).where(_OF.state == CALLING, _OF.lease <= now)
        for job in _jobs(engine, gone):
            _take_up(engine, job, now)
        waiting = sa.select(_TABLE).where(_OF.state == WAITING).order_by(_OF.missed_at)
        jobs = _jobs(engine, waiting.limit(_MOST))
        if jobs and self._found is not None:
            self._on_loop(partial(self._found, jobs))


def _do(work: Work, engine: Engine) -> None:
    """Raises SQLAlchemyError for a database that is away."""
    try:
        work(engine)
    except (SQLAlchemyError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - a bug of ours must cost this one job only
        _log.error("internal error in a call-back's job", exc_info=error)


def _values(job: CallBackJob) -> dict[str, Any]:
    """What the table has of a job; a caller may have sent text that no database takes."""
    return {
        name: storable(value) if isinstance(value, str) else value
        for name, value in asdict(job).items()
    }


def _jobs(engine: Engine, query: "sa.Select[tuple[object, ...]]") -> list[CallBackJob]:
    with engine.connect() as connection:
        rows = connection.execute(query).mappings()
        return [CallBackJob(**{str(name): value for name, value in row.items()}) for row in rows]


def _put(job: CallBackJob, engine: Engine) -> None:
    values = _values(job)
    changed = {name: value for name, value in values.items() if name != "id"}
    if is_postgres(engine):
        # Here, because the engine has loaded it, and SQLite's users need not.
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        put: sa.Insert = (
            postgresql.insert(_TABLE)
            .values(values)
            .on_conflict_do_update(index_elements=["id"], set_=changed)
        )
    else:
        put = (
            sqlite.insert(_TABLE)
            .values(values)
            .on_conflict_do_update(index_elements=["id"], set_=changed)
        )
    with engine.begin() as connection:
        connection.execute(put)


def _claim(engine: Engine, job: CallBackJob) -> bool:
    """Write down that an attempt begins; False when it is not as it was before."""
    before = (_OF.id == job.id, _OF.state == WAITING, _OF.attempts == job.attempts - 1)
    with engine.begin() as connection:
        done = connection.execute(sa.update(_TABLE).where(*before).values(_values(job)))
        return done.rowcount == 1


def _take_up(engine: Engine, job: CallBackJob, now: float) -> None:
    """Let a job be tried again whose holder is gone; it is over if both have talked."""
    with engine.begin() as connection:
        talked = connection.execute(_ANSWERED, {"id": job.id}).first() is not None
        after = taken_up(job, now)
        if talked:
            after = replace(job, state=ENDED, why=CONNECTED, lease=0.0)
        as_it_was = (_OF.id == job.id, _OF.state == CALLING, _OF.lease == job.lease)
        connection.execute(sa.update(_TABLE).where(*as_it_was).values(_values(after)))
