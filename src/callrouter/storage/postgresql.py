"""Connections to PostgreSQL that end when the other side says nothing.

libpq waits for ever: a server that was stopped, or a network that swallows packets, would hold the
thread that writes records until TCP gives up. Nor may a name be looked up by libpq, for psycopg
holds the interpreter's lock meanwhile, and with it every call.
"""

import os
import socket
from collections.abc import Generator
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from sqlalchemy import event
from sqlalchemy.engine import Engine

_CONNECT_SECONDS: Final = 2
"""For each address of the server."""

_RV = TypeVar("_RV")


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection. answer_seconds: how long it may be silent when an answer is due, None: ever."""

    answer_seconds: float | None = None

    def wait(self, gen: PQGen[_RV], *args: Any, **kwargs: Any) -> _RV:
        """See `psycopg.Connection`. Raises OperationalError, and is closed, when nothing came."""
        if self.answer_seconds is not None:
            gen = self._limited(gen, self.answer_seconds)
        return super().wait(gen, *args, **kwargs)

    def _limited(self, steps: PQGen[_RV], seconds: float) -> Generator[Any, Any, _RV]:
        """The same steps; psycopg comes round ten times a second while there is no answer."""
        end = monotonic() + seconds
        try:
            awaited = next(steps)
            while True:
                ready = yield awaited
                if ready:
                    end = monotonic() + seconds
                elif monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer within {seconds:g} s")
                awaited = steps.send(ready)
        except StopIteration as done:
            answer: _RV = done.value
            return answer


def connect_with_limits(engine: Engine, answer_seconds: float | None) -> None:
    """Let an engine make its connections here.

    answer_seconds: how long the server may be silent when an answer is due; None: for ever. Raises
    ValueError for a parameter that libpq does not know.
    """
    _, known = engine.dialect.create_connect_args(engine.url)
    try:
        make_conninfo(**{name: value for name, value in known.items() if name != "context"})
    except psycopg.ProgrammingError as error:
        raise ValueError(str(error)) from error

    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, args: list[Any], known: dict[str, Any]) -> Connection:
        known = {"connect_timeout": _CONNECT_SECONDS, **known, **_addresses(known)}
        connection = Connection.connect(*args, **known)
        connection.answer_seconds = answer_seconds
        return connection


def _addresses(known: dict[str, Any]) -> dict[str, str]:
    """The hosts of a connection with their addresses, in libpq's own form: lists with commas.

    Nothing for what needs no look-up. Raises OperationalError for a host that has no address.
    """
    hosts = str(known.get("host") or os.environ.get("PGHOST", ""))
    if not hosts or "hostaddr" in known or "PGHOSTADDR" in os.environ:
        return {}
    each = hosts.split(",")
    ports = str(known.get("port") or os.environ.get("PGPORT", "")).split(",")
    if len(ports) == 1:
        ports *= len(each)
    found = []
    for host, port in zip(each, ports, strict=False):
        if not host or host[0] in "/@":  # the socket in a folder
            found.append((host, "", port))
            continue
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise psycopg.OperationalError(f"{host} has no address: {error}") from error
        found += [(host, str(info[4][0]), port) for info in infos]
    names, addresses, ports = (list(column) for column in zip(*found, strict=True))
    return {"host": ",".join(names), "hostaddr": ",".join(addresses), "port": ",".join(ports)}
