"""The rows of deliveries: which event an endpoint is told of next, and how each attempt went.

Rules. An endpoint has one row for each event it is to be told of, made when the delivery comes to
that event in the outbox. A row that waits has its time; of one subject no later event is due before
an earlier one, so what is taken by time and position is told in its order. All methods raise
SQLAlchemyError, or OSError when SQLite's file was replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa

from callrouter.storage.cdr_table import OpenedForWriting
from callrouter.storage.outbox import OUTBOX
from callrouter.webhooks.endpoint import Endpoint

_META: Final = sa.MetaData()
ENDPOINTS: Final = sa.Table(
    "webhook_endpoints",
    _META,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger),
    sa.Column("disabled", sa.Text),
)
"""position: of the last event that it has a row for, or does not want. disabled: why, or ""."""

DELIVERIES: Final = sa.Table(
    "webhook_deliveries",
    _META,
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("subject", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("tries", sa.Integer),
    sa.Column("due", sa.Double),
    sa.Column("tried", sa.Double),
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
)
"""state: waiting, delivered or failed. due: when it is tried next, tried: when it was last, Unix
seconds. status, error: of the last attempt."""

_E: Final = ENDPOINTS.c
_D: Final = DELIVERIES.c
_O: Final = OUTBOX.c
_WAITS: Final = _D.state == sa.literal_column("'waiting'")  # as the partial indexes have it
FAN_OUT: Final = 500
"""Events that an endpoint gets rows for at once."""
_PRUNED: Final = 1000


class DueEvent(NamedTuple):
    """An event to tell an endpoint of now."""

    position: int
    tries: int
    id: str
    kind: str
    subject: str
    seq: int
    number: str
    at: float
    data: str

    def body(self) -> str:
        """The event as webhooks and the stream have it: the same text each time it is told.

        As Standard Webhooks has it: type, timestamp, data; and its `seq` beside.
        """
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        timestamp = at.replace("+00:00", "Z")
        head = orjson.dumps({"type": self.kind, "timestamp": timestamp, "seq": self.seq}).decode()
        return f'{head[:-1]},"data":{self.data}}}'


@dataclass(slots=True, kw_only=True)
class EndpointState:
    """How an endpoint is. waiting: events it has not been told of. failed: given up.

    since: when the oldest of those that wait happened, Unix seconds, 0 for none. status, error: of
    the newest attempt.
    """

    disabled: str = ""
    waiting: int = 0
    failed: int = 0
    since: float = 0.0
    tried: float = 0.0
    status: int = 0
    error: str = ""


class DeliveryRows(OpenedForWriting):
    """The outbox and the rows of deliveries, open; a database that is away is its user's matter."""

    def begin(self) -> sa.Connection:
        """Check that the database is the one that was opened, and connect to it."""
        self.check()
        return self.engine.connect()

    def know(self, names: Sequence[str]) -> None:
        """Have endpoints that are new hear of what comes from now on."""
        with self.begin() as connection, connection.begin():
            known = set(connection.execute(sa.select(_E.name)).scalars())
            last = _last(connection)
            for name in names:
                if name not in known:
                    values = {"name": name, "position": last, "disabled": ""}
                    connection.execute(sa.insert(ENDPOINTS).values(values))

    def fan_out(self, endpoint: Endpoint, now: float) -> tuple[int, bool]:
        """Make rows of the next events for an endpoint.

        Returns how many it wants, and whether there may be more.
        """
        with self.begin() as connection, connection.begin():
            mine = _E.name == endpoint.name
            position = connection.execute(sa.select(_E.position).where(mine)).scalar_one()
            query = (
                sa.select(_O.position, _O.kind, _O.subject, _O.number)
                .where(_O.position > position)
                .order_by(_O.position)
                .limit(FAN_OUT)
            )
            events = connection.execute(query).all()
            if not events:
                return 0, False
            wanted = [one for one in events if endpoint.wants(one.kind, one.number)]
            if wanted:
                behind = self._behind(connection, endpoint.name, {one.subject for one in wanted})
                rows = [
                    _row(endpoint.name, one, max(now, behind.get(one.subject, 0.0)))
                    for one in wanted
                ]
                connection.execute(sa.insert(DELIVERIES), rows)
            moved = sa.update(ENDPOINTS).where(mine).values(position=events[-1].position)
            connection.execute(moved)
            return len(wanted), len(events) == FAN_OUT

    def _behind(self, connection: sa.Connection, name: str, subjects: set[str]) -> dict[str, float]:
        """When the last waiting event of each subject is due."""
        query = (
            sa.select(_D.subject, sa.func.max(_D.due))
            .where(_D.endpoint == name, _WAITS, _D.subject.in_(subjects))
            .group_by(_D.subject)
        )
        return {row[0]: row[1] for row in connection.execute(query)}

    def due(self, name: str, now: float, most: int) -> tuple[list[DueEvent], float | None]:
        """What an endpoint is told of now, and when the next is due; nothing while it is disabled.

        Raises NoResultFound when it is not known, as after its database was replaced.
        """
        with self.begin() as connection:
            disabled = connection.execute(sa.select(_E.disabled).where(_E.name == name))
            if disabled.scalar_one():
                return [], None
            query = (
                sa.select(_D.due, _D.position, _D.tries, *_TOLD)
                .join(OUTBOX, _O.position == _D.position)
                .where(_D.endpoint == name, _WAITS)
                .order_by(_D.due, _D.position)
                .limit(most)
            )
            rows = connection.execute(query).all()
        late = [DueEvent(*tuple(row)[1:]) for row in rows if row.due <= now]
        return late, None if late or not rows else rows[0].due

    def delivered(self, name: str, position: int, tries: int, now: float, status: int) -> None:
        """Note that an endpoint was told of an event."""
        self._note(name, position, state="delivered", tries=tries, tried=now, status=status)

    def failed(
        self,
        name: str,
        event: DueEvent,
        *,
        now: float,
        due: float | None,
        status: int,
        error: str,
        disables: bool,
    ) -> None:
        """Note that an attempt failed. due: of the next, None when it is given up.

        disables: the endpoint is told of nothing more.
        """
        values: dict[str, Any] = {"tried": now, "status": status, "error": error[:500]}
        values["tries"] = event.tries + 1
        with self.begin() as connection, connection.begin():
            this = (_D.endpoint == name, _D.position == event.position)
            told = {"state": "failed"} if due is None else {"due": due}
            connection.execute(sa.update(DELIVERIES).where(*this).values(**values, **told))
            if due is not None:
                later = (_D.endpoint == name, _WAITS, _D.subject == event.subject)
                connection.execute(
                    sa.update(DELIVERIES)
                    .where(*later, _D.position > event.position, _D.due < due)
                    .values(due=due)
                )
            if disables:
                change = sa.update(ENDPOINTS).where(_E.name == name).values(disabled=error[:500])
                connection.execute(change)

    def _note(self, name: str, position: int, **values: Any) -> None:
        with self.begin() as connection, connection.begin():
            this = (_D.endpoint == name, _D.position == position)
            connection.execute(sa.update(DELIVERIES).where(*this).values(error="", **values))

    def hasten(self, name: str, latest: float, now: float) -> None:
        """Let what is due after `latest` be due now: the system's clock was put back since."""
        with self.begin() as connection, connection.begin():
            late = (_D.endpoint == name, _WAITS, _D.due > latest)
            connection.execute(sa.update(DELIVERIES).where(*late).values(due=now))

    def prune(self, before: float) -> int:
        """Remove events that happened before, the newest excepted, so that positions go on.

        Returns how many deliveries of them still waited.
        """
        with self.begin() as connection, connection.begin():
            last = _last(connection)
            old = sa.select(_O.position).where(_O.at < before, _O.position < last)
            found = list(connection.execute(old.limit(_PRUNED)).scalars())
            if not found:
                return 0
            waits = sa.select(sa.func.count()).where(_D.position.in_(found), _WAITS)
            dropped = int(connection.execute(waits).scalar_one())
            connection.execute(sa.delete(DELIVERIES).where(_D.position.in_(found)))
            connection.execute(sa.delete(OUTBOX).where(_O.position.in_(found)))
            return dropped

    def states(self, names: Sequence[str]) -> dict[str, EndpointState]:
        """How endpoints are, by name; those that are not known yet are as new."""
        states = {name: EndpointState() for name in names}
        with self.begin() as connection:
            for name, disabled in connection.execute(sa.select(_E.name, _E.disabled)):
                if name in states:
                    states[name].disabled = disabled
            for name, state in states.items():
                mine = _D.endpoint == name
                count = sa.select(sa.func.count(), sa.func.min(_O.at)).join(
                    OUTBOX, _O.position == _D.position
                )
                waiting, since = connection.execute(count.where(mine, _WAITS)).one()
                failed = sa.select(sa.func.count()).where(mine, _D.state == "failed")
                state.waiting, state.since = int(waiting), since or 0.0
                state.failed = int(connection.execute(failed).scalar_one())
                newest = sa.select(_D.tried, _D.status, _D.error).where(mine)
                row = connection.execute(newest.order_by(_D.tried.desc()).limit(1)).first()
                if row is not None:
                    state.tried, state.status, state.error = row
        return states

    def attempts(
        self, endpoints: Sequence[Endpoint], id: str | None, call: str | None, most: int
    ) -> list[dict[str, Any]]:
        """The newest events, and what becomes of each at each endpoint, by column names.

        id, call: of one event, of one call alone. state: beside those of deliveries, `not wanted`
        by its `events` and `numbers`, and `unseen` when the delivery has not come to it.
        """
        query = sa.select(*_PLACED).order_by(_O.position.desc()).limit(most)
        if id is not None:
            query = query.where(_O.id == id)
        if call is not None:
            query = query.where(_O.subject == call)
        with self.begin() as connection:
            events = [_dict(row) for row in connection.execute(query).mappings()]
            places = [event["position"] for event in events]
            tried = sa.select(DELIVERIES).where(_D.position.in_(places))
            known = {
                (row["endpoint"], row["position"]): _dict(row)
                for row in connection.execute(tried).mappings()
            }
            read = {row.name: row.position for row in connection.execute(sa.select(ENDPOINTS))}
        found = []
        for event in events:
            for endpoint in endpoints:
                delivery = known.get((endpoint.name, event["position"]))
                if delivery is None:
                    seen = event["position"] <= read.get(endpoint.name, 0)
                    state = "not wanted" if seen else "unseen"
                    delivery = {"endpoint": endpoint.name, "state": state}
                found.append({**event, **delivery})
        return found

    def resend(self, endpoint: Endpoint, now: float, *, id: str | None, since: float) -> int:
        """Have an endpoint told again of an event, or of all since a time, in their order.

        Returns of how many.
        """
        with self.begin() as connection, connection.begin():
            mine = _E.name == endpoint.name
            position = connection.execute(sa.select(_E.position).where(mine)).scalar_one()
            query = sa.select(_O.position, _O.kind, _O.subject, _O.number)
            query = query.where(_O.at >= since) if id is None else query.where(_O.id == id)
            # What comes behind is told of anyhow.
            rows = connection.execute(query.where(_O.position <= position)).all()
            wanted = [one for one in rows if id or endpoint.wants(one.kind, one.number)]
            for start in range(0, len(wanted), FAN_OUT):
                some = wanted[start : start + FAN_OUT]
                places = [one.position for one in some]
                of_these = (_D.endpoint == endpoint.name, _D.position.in_(places))
                connection.execute(sa.delete(DELIVERIES).where(*of_these))
                fresh = [_row(endpoint.name, one, now) for one in some]
                connection.execute(sa.insert(DELIVERIES), fresh)
            if wanted:
                ours = (_D.endpoint == endpoint.name, _WAITS, _D.due > now)
                subjects = {one.subject for one in wanted}
                for subject in subjects:
                    earlier = sa.update(DELIVERIES).where(*ours, _D.subject == subject)
                    connection.execute(earlier.values(due=now))
            return len(wanted)

    def disable(self, name: str, why: str) -> None:
        """Tell an endpoint of nothing more; with no reason, go on where that began."""
        with self.begin() as connection, connection.begin():
            change = sa.update(ENDPOINTS).where(_E.name == name).values(disabled=why)
            connection.execute(change)

    def last(self) -> int:
        """The position of the newest event, 0 when there is none."""
        with self.begin() as connection:
            return _last(connection)

    def first(self) -> int:
        """The position of the oldest event, 0 when there is none."""
        with self.begin() as connection:
            return connection.execute(sa.select(sa.func.min(_O.position))).scalar() or 0

    def after(self, position: int, most: int) -> list[DueEvent]:
        """The next events behind a position, oldest first."""
        query = (
            sa.select(_O.position, sa.literal(0), *_TOLD)
            .where(_O.position > position)
            .order_by(_O.position)
            .limit(most)
        )
        with self.begin() as connection:
            return [DueEvent(*row) for row in connection.execute(query)]


_PLACED: Final = (_O.position, _O.id, _O.kind, _O.subject, _O.seq, _O.number, _O.at)
_TOLD: Final = (_O.id, _O.kind, _O.subject, _O.seq, _O.number, _O.at, _O.data)


def _dict(row: sa.RowMapping) -> dict[str, Any]:
    """A row by plain names: SQLAlchemy's own are of a class that JSON does not take."""
    return {str(name): value for name, value in row.items()}


def _last(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.max(_O.position))).scalar() or 0


def _row(name: str, event: Any, due: float) -> dict[str, Any]:
    """A row of an event that an endpoint has not been told of."""
    return {
        "endpoint": name,
        "position": event.position,
        "subject": event.subject,
        "state": "waiting",
        "tries": 0,
        "due": due,
        "tried": 0.0,
        "status": 0,
        "error": "",
    }
