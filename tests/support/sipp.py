"""SIPp as a caller or a callee, one process each."""

import asyncio
import re
from pathlib import Path
from typing import Final, Self

from support.polling import PATIENCE, until
from support.ports import bound, free_port
from support.serving import ROOT

SCENARIOS: Final = ROOT / "sipp_scenarios"
_RECEIVED: Final = re.compile(r"message received[^\n]*\n\n(.*?)\n(?=-{20,}|\Z)", re.S)


class Sipp:
    """One SIPp at work. port: its own."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, port: int, log: Path):
        self._process = process
        self._name = name
        self._log = log
        self.port = port

    @classmethod
    async def callee(
        cls,
        folder: Path,
        scenario: str,
        port: int,
        *,
        transport: str = "udp",
        host: str = "127.0.0.1",
        calls: int = 1,
        keys: dict[str, str] | None = None,
    ) -> Self:
        """Play a scenario at a port; it listens when this returns.

        keys: values of the scenario's own [keywords].
        """
        sipp = await cls._start(folder, scenario, port, [], transport, host, calls, keys)
        await sipp.listens(transport)
        return sipp

    @classmethod
    async def caller(
        cls,
        folder: Path,
        scenario: str,
        to: str,
        number: str,
        *,
        transport: str = "udp",
        host: str = "127.0.0.1",
        keys: dict[str, str] | None = None,
        port: int = 0,
    ) -> Self:
        """Make one call. to: host and port of callrouter. port: its own, 0 for any."""
        return await cls._start(
            folder, scenario, port or free_port(), [to, "-s", number], transport, host, 1, keys
        )

    @classmethod
    async def _start(
        cls,
        folder: Path,
        scenario: str,
        port: int,
        arguments: list[str],
        transport: str,
        host: str,
        calls: int,
        keys: dict[str, str] | None,
    ) -> Self:
        log = folder / f"{scenario}-{port}"
        argv = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), *arguments]
        argv += ["-m", str(calls), "-nostdin", "-p", str(port), "-i", host, "-mi", host]
        # Sockets it opens unasked; its own choice fails when many SIPps start at the same time.
        argv += ["-mp", str(free_port()), "-cp", str(free_port())]
        argv += ["-bind_local", "-t", "t1" if transport == "tcp" else "u1"]
        argv += ["-timeout", "150s", "-timeout_error"]
        argv += ["-trace_err", "-error_file", f"{log}.err", "-trace_msg"]
        argv += ["-message_file", f"{log}.msg", "-message_overwrite", "true"]
        for key, value in (keys or {}).items():
            argv += ["-key", key, value]
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process, scenario, port, log)

    async def listens(self, transport: str) -> None:
        """Wait until its port is bound; fails when it ends before."""
        listening = asyncio.create_task(bound(transport, self.port))
        ended = asyncio.create_task(self._process.wait())
        await asyncio.wait({listening, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (listening, ended):
            task.cancel()
        assert self._process.returncode is None, f"{self._name} ended: {self._read('err')[-3000:]}"

    async def done(self, within: float = 160.0) -> None:
        """Wait until it has played its scenario; fails, with what SIPp says, when it could not."""
        async with asyncio.timeout(within):
            code = await self._process.wait()
        assert code == 0, f"{self._name} failed ({code}):\n{self._read('err')[-3000:]}"

    def received(self) -> list[str]:
        """Each message it got, in order, repeated ones too."""
        return _RECEIVED.findall(self._read("msg"))

    def statuses(self) -> list[int]:
        """The statuses of the responses it got, in order."""
        starts = [message.split(" ")[1] for message in self.received() if message.startswith("SIP")]
        return [int(status) for status in starts]

    def to_tags(self, status: int) -> list[str]:
        """The To tags of the responses of this status, in order."""
        rows = [
            next(row for row in message.splitlines() if row.startswith("To:"))
            for message in self.received()
            if message.startswith(f"SIP/2.0 {status} ")
        ]
        return [row.partition(";tag=")[2] for row in rows]

    async def got(self, status: int, within: float = PATIENCE) -> None:
        """Wait until a response of this status has come."""

        async def look() -> bool:
            return status in self.statuses()

        await until(look, within)

    async def stop(self) -> None:
        """End it now, if it has not ended by itself."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _read(self, kind: str) -> str:
        path = Path(f"{self._log}.{kind}")
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        return text.replace("\r\n", "\n")
