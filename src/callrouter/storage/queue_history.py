"""The history of queues on disk: each transition a row, for some months; and how it is read.

Rules, beside those of `background`: a transition costs who notes it an append. While the database
is away rows wait, and past a bound the oldest go, which is said and counted.
"""

import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from callrouter.printable import storable
from callrouter.queues.queue_events import Transition
from callrouter.storage.background import Reopened, TurnThread
from callrouter.storage.cdr_table import OpenedForWriting
from callrouter.storage.engine import ReadSession, StoreError

_GATHER_SECONDS: Final = 0.5
_KEPT_SECONDS: Final = 90 * 86400.0
_SWEEP_SECONDS: Final = 3600.0
_WAITING: Final = 100_000
"""Transitions that wait at most while the database is away."""
_BATCH: Final = 500
_TABLE: Final = sa.Table(
    "queue_history",
    sa.MetaData(),
    sa.Column("at", sa.Double),
    *(sa.Column(name, sa.Text) for name in ("kind", "queue", "call", "agent", "why")),
    sa.Column("waited", sa.Double),
)
_OF: Final = _TABLE.c

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class QueueHistory:
    """The writer. dropped: transitions that are nowhere."""

    def __init__(self, url: str) -> None:
        self.dropped = 0
        self._waiting: deque[Transition] = deque()
        self._sweep_at = 0.0
        self._started = False
        self._database = Reopened(
            partial(OpenedForWriting, url),
            "the history of queues waits: the database does not take it",
            "the history of queues is written again",
        )
        self._thread = TurnThread("queues", _GATHER_SECONDS, self._turn, self._last_turn)

    @property
    def failing(self) -> bool:
        """The database does not take it."""
        return self._database.on

    def start(self) -> None:
        """Begin, if that was not done."""
        if not self._started:
            self._started = True
            self._thread.start()

    def put(self, row: Transition) -> None:
        """Note a transition. at: of the clock on the wall."""
        if len(self._waiting) >= _WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(row)

    def close(self) -> None:
        """Return when all is written, or cannot be."""
        self._thread.close()
        self._database.close()

    def _last_turn(self) -> None:
        self._database.retry()
        self._turn()
        if self._waiting:
            _log.error("history of queues lost: no database took it", count=len(self._waiting))

    def _turn(self) -> None:
        due = time.time() >= self._sweep_at
        if self._database.waits or not (self._waiting or due):
            return
        try:
            opened = self._database.store()
            opened.check()
            while self._waiting:
                self._write(opened.engine)
            if due:
                self._sweep(opened.engine)
        except (SQLAlchemyError, StoreError, OSError) as error:
            self._database.begin(error)
        else:
            self._database.end()

    def _write(self, engine: Engine) -> None:
        rows = [self._waiting[index] for index in range(min(len(self._waiting), _BATCH))]
        with engine.begin() as connection:
            connection.execute(sa.insert(_TABLE), [_values(row) for row in rows])
        for row in rows:
            if self._waiting and self._waiting[0] is row:  # else it was dropped meanwhile
                self._waiting.popleft()

    def _sweep(self, engine: Engine) -> None:
        now = time.time()
        with engine.begin() as connection:
            connection.execute(sa.delete(_TABLE).where(_OF.at < now - _KEPT_SECONDS))
        self._sweep_at = now + _SWEEP_SECONDS


def _values(row: Transition) -> dict[str, Any]:
    return {
        "at": row.at,
        "kind": row.kind,
        "queue": row.queue,
        "call": row.call,
        "agent": row.agent,
        "why": storable(row.why),  # a reason for being away is an operator's words
        "waited": row.waited_seconds,
    }


class QueueHistoryReader(ReadSession):
    """The history, open for reading: it is never changed."""

    def last(self, count: int, **wanted: str) -> Sequence[dict[str, Any]]:
        """The newest rows, the oldest first. wanted: queue, call or agent that they are of."""
        query = sa.select(_TABLE).order_by(_OF.at.desc()).limit(count)
        for name, value in wanted.items():
            query = query.where(_OF[name] == value)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [{str(name): value for name, value in row.items()} for row in reversed(rows)]
