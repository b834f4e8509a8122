"""A PostgreSQL server of its own: in a new folder, at a free port, and gone afterwards."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from support.polling import until
from support.ports import free_port

USER: Final = "callrouter"
PASSWORD: Final = "s3cr/t@5-geheim"
_ESCAPED: Final = "s3cr%2Ft%405-geheim"
_START_SECONDS: Final = 60.0


def _program(name: str) -> str:
    """Debian keeps the servers of all versions beside each other, on nobody's path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    program = str(found[-1]) if found else shutil.which(name)
    assert program, "PostgreSQL's server is not installed: scripts/test does it"
    return program


def _version(program: Path) -> float:
    return float(program.parts[-3])


class Postgres:
    """The server. It never runs as root, which it refuses; as nobody then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    async def open(cls) -> Self:
        """Make its files and start it."""
        # Not in pytest's folder, which no other user gets through.
        server = cls(Path(tempfile.mkdtemp(prefix="callrouter-postgres-")))
        await asyncio.to_thread(server._lay_out)
        await server.start()
        return server

    def _lay_out(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, "nobody")
        subprocess.run(
            [
                *(_program("initdb"), "--pgdata", self._data, "--username", USER),
                *("--auth", "scram-sha-256", "--pwfile", password, "--no-sync"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **_as_nobody(),
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    async def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._launch()
        try:
            await until(self._answers, _START_SECONDS)
        except TimeoutError:
            raise AssertionError((self.folder / "server.log").read_text()) from None

    def _launch(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",  # what is killed here is the server, never the machine
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(_program("postgres"), "-D", self._data),
                    *(
                        word
                        for name, value in settings.items()
                        for word in ("-c", f"{name}={value}")
                    ),
                ],
                stderr=log,
                stdout=log,
                start_new_session=True,
                **_as_nobody(),
            )

    async def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def running(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def stop(self) -> None:
        """Have it end at once, as at a restart: every connection is cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all of its processes, none of which has time for anything."""
        self._send(signal.SIGKILL)
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it be silent, while its machine goes on taking packets."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes, each of which has a group of its own."""
        assert self._process is not None
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)  # so that no new one comes meanwhile
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for child in (*map(int, children), pid):
            with suppress(ProcessLookupError):
                os.kill(child, number)

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(_START_SECONDS)
            self._process = None

    def close(self) -> None:
        """End it and remove its files."""
        self.stop()
        shutil.rmtree(self.folder)

    def new(self, name: str, encoding: str = "UTF8") -> str:
        """Make a database; its URL, with the password."""
        with self._connect("postgres") as connection:
            connection.execute(
                f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
            )
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database, with the password."""
        return f"postgresql://{USER}:{_ESCAPED}@127.0.0.1:{self.port}/{name}"

    def rows(self, name: str, query: str, *values: object) -> list[dict[str, Any]]:
        """Ask a database, or have it do something."""
        with self._connect(name) as connection:
            cursor = connection.execute(query, values or None)
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def _connect(self, name: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user=USER,
            password=PASSWORD,
            dbname=name,
            autocommit=True,
            connect_timeout=20,
        )


def _as_nobody() -> dict[str, Any]:
    if os.geteuid():
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": (), "cwd": "/"}
