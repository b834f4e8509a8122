"""Real media workers, without the pool: a nursery, and the control channel of each worker."""

import asyncio
import itertools
import socket
from collections.abc import Iterator
from typing import Any, Self

from callrouter.media.protocol import encode
from support.channel import Channel
from support.polling import PATIENCE
from support.ports import rtp_ports
from support.softphone import Softphone

_PORTS = 20
_names = itertools.count(1)


class WorkerAtWork(Channel):
    """One worker. beat: the last it sent. slots, port: as it said when it was ready.

    rtp: its ports.
    """

    def __init__(self, mine: socket.socket, name: str) -> None:
        super().__init__(mine)
        self.name = name
        self.pid = 0
        self.port = 0
        self.slots = 0
        self.rtp = range(0)
        self.beat: dict[str, Any] = {}
        self.beats = 0
        self._ids = itertools.count(1)
        self._names = itertools.count(1)

    def take(self, message: dict[str, Any]) -> None:
        if message.get("do") == "beat":
            self.beat = message
            self.beats += 1
        else:
            super().take(message)

    async def command(self, do: str, session: str = "", **fields: Any) -> dict[str, Any]:
        """Send a command; its acknowledgement."""
        number = next(self._ids)
        await self.send(encode({"do": do, "id": number, "session": session, **fields}))
        return await self.until(lambda message: message.get("ack") == number)

    async def do(self, do: str, session: str, **fields: Any) -> None:
        """Send a command that has to succeed."""
        answer = await self.command(do, session, **fields)
        assert "error" not in answer, answer

    async def open(self, *, inband: bool = False, trusted: bool = True) -> str:
        """A new session's name."""
        session = f"{self.name}s{next(self._names)}"
        await self.do("open", session, inband=inband, trusted=trusted)
        return session

    async def play(self, session: str, *files: Any, loop: bool = False) -> None:
        await self.do("play", session, files=[str(file) for file in files], loop=loop)

    async def record(self, session: str, file: Any, **fields: Any) -> None:
        fields = {
            "other": "",
            "stereo": False,
            "max_seconds": 0.0,
            "silence_seconds": 0.0,
            **fields,
        }
        await self.do("record", session, file=str(file), **fields)

    async def report(self, do: str, session: str, within: float = PATIENCE) -> dict[str, Any]:
        """The next report of a session."""
        return await self.until(
            lambda line: line.get("do") == do and line.get("session") == session, within
        )

    async def dial(self, phone: Softphone, **options: Any) -> str:
        """A session in which a phone talks."""
        session = await self.open()
        await phone.talk(self.uri(session), **options)
        return session

    def uri(self, session: str) -> str:
        return f"sip:{session}@127.0.0.1:{self.port}"

    async def next_beat(self) -> dict[str, Any]:
        """A beat that begins after now."""
        seen = self.beats
        async with asyncio.timeout(PATIENCE):
            while self.beats < seen + 2:
                self._news.clear()
                await self._news.wait()
        return self.beat

    async def nothing_is_left(self, within: float = PATIENCE) -> None:
        """Wait until it holds nothing; fails when something stays."""
        try:
            async with asyncio.timeout(within):
                while any(self.beat.get(name, 1) for name in ("calls", "players", "recorders")):
                    await self.next_beat()
        except TimeoutError:
            raise AssertionError(f"left over: {self.beat}") from None


class Nursery(Channel):
    """The nursery's process and its channel."""

    _ports: Iterator[int]

    @classmethod
    async def start(cls) -> Self:
        nursery = await cls.beside("-P", "-m", "callrouter.media.worker.fork_server")
        first, last = rtp_ports()
        nursery._ports = itertools.cycle(range(first, last, _PORTS))
        await nursery.until(lambda line: "awake" in line)
        return nursery

    def order(self, name: str, channel: socket.socket, **config: Any) -> range:
        """Order a worker at the other end of a channel; its RTP ports."""
        low = next(self._ports)
        fields = {
            "name": name,
            "signalling": [["127.0.0.1", 0]],
            "rtp_host": "127.0.0.1",
            "rtp_public": "",
            "rtp_low": low,
            "rtp_high": low + _PORTS - 1,
            "user": None,
            "memory_bytes": 1 << 30,
            "files": 256,
            **config,
        }
        socket.send_fds(self._socket, [encode(fields)], [channel.fileno()])
        return range(low, low + _PORTS)

    async def spawn(self, **config: Any) -> WorkerAtWork:
        """A worker that is ready."""
        name = f"w{next(_names)}"
        mine, theirs = socket.socketpair()
        worker = WorkerAtWork(mine, name)
        with theirs:
            worker.rtp = self.order(name, theirs, **config)
        worker.pid = (await self.until(lambda line: line.get("started") == name))["pid"]
        ready = await worker.until(lambda line: line.get("do") == "ready")
        worker.port, worker.slots = ready["sip_port"], ready["slots"]
        return worker

    async def exited(self, worker: WorkerAtWork) -> int:
        """Wait until a worker has ended; its status."""
        line = await self.until(lambda line: line.get("exited") == worker.name)
        status: int = line["status"]
        return status

    async def stop(self) -> None:
        """Close its socket: it ends with its workers."""
        await self.close()
        async with asyncio.timeout(PATIENCE):
            await self.process.wait()
