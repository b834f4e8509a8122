"""A telephone that others wrote: linphone's daemon, told what to do by its standard input.

    phone = await Linphone.start(tmp_path / "104", "localhost:5061", "104", "secret", authorities)
    await phone.do("call sip:4101@localhost:5061")
    await phone.event("LinphoneCallStreamsRunning")

It sends by TLS alone, and is silent. Of the certificate it asks for a name, not for an address.
"""

import asyncio
import os
import shutil
import socket
from pathlib import Path
from typing import Any, Final, Self

from callrouter.media.protocol import LineBuffer
from support.channel import Channel
from support.polling import until
from support.ports import free_port
from support.programs import ended

PROGRAM: Final = shutil.which("linphone-daemon")

_CONFIG: Final = """\
[sip]
sip_port=0
sip_tcp_port=0
sip_tls_port={port}
bind_address=127.0.0.1
root_ca={authorities}
verify_server_certs=1
verify_server_cn=1
use_ipv6=0
guess_hostname=0
[rtp]
audio_rtp_port=33000-60000
[video]
enabled=0
"""
_PROMPT: Final = b"daemon-linphone>"


class Answers(LineBuffer):
    """Cuts `Name: value` into messages, one a line; an event has its Id as well."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        super().__init__()
        self._event = ""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete now. What is no such line is of no interest."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found: list[dict[str, Any]] = []
        for line in lines:
            name, _, value = line.removeprefix(_PROMPT).decode().strip().partition(": ")
            if name == "Event":
                self._event = value
            elif name == "Id" and self._event:
                found.append({"Event": self._event, name: value})
                self._event = ""
            elif value:
                found.append({name: value})
        return found


class Linphone(Channel):
    """place: the registrar, its name with the port."""

    process: asyncio.subprocess.Process

    def __init__(self, mine: socket.socket) -> None:
        super().__init__(mine)
        self._lines = Answers()

    @classmethod
    async def start(
        cls, folder: Path, place: str, user: str, password: str, authorities: Path
    ) -> Self:
        """Start it in a folder of its own, and wait until it has registered."""
        _lay_out(folder, authorities)
        assert PROGRAM is not None, "apt-get install linphone-cli"
        mine, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(PROGRAM, "--config", str(folder / "linphonerc"), "--disable-stats-events"),
                *("--log", str(folder / "linphone.log")),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "HOME": str(folder)},
            )
        phone = cls(mine)
        phone.process = process
        try:
            await phone.do(f"register sip:{user}@{place} <sip:{place};transport=tls> {password}")
            await until(phone._registered)
        except BaseException:
            process.kill()
            raise
        return phone

    async def do(self, order: str) -> None:
        """Give it an order."""
        self.heard = [line for line in self.heard if "Status" not in line]
        await self.send(f"{order}\n".encode())
        answer = await self.until(lambda line: "Status" in line)
        assert answer["Status"] == "Ok", (order, self.heard)

    async def event(self, event: str) -> str:
        """Wait for this state of a call; the call's id."""
        return str((await self.until(lambda line: line.get("Event") == event))["Id"])

    async def quit(self) -> None:
        """End it, call and all."""
        await self.send(b"quit\n")
        try:
            await ended(self.process)
        finally:
            await self.close()

    async def _registered(self) -> bool:
        await self.do("register-status ALL")
        return (await self.until(lambda line: "State" in line))["State"].endswith("Ok")


def _lay_out(folder: Path, authorities: Path) -> None:
    """Write its settings. It makes its database where a desktop would have it."""
    (folder / ".local" / "share" / "linphone").mkdir(parents=True)
    config = _CONFIG.format(port=free_port(), authorities=authorities)
    (folder / "linphonerc").write_text(config)
