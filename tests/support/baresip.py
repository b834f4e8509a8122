"""A telephone that others wrote: baresip, told what to do over its own control socket.

    phone = await Baresip.start(tmp_path / "101", place, "101", "secret", authorities)
    await phone.do("dial", f"sip:4200@{place}")
    await phone.event("CALL_ESTABLISHED")
    await phone.do("hangup")

It stays on loopback, registers over TLS and sends a tone. It answers when it is told to.
"""

import asyncio
import itertools
import json
import re
import socket
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from callrouter.media.protocol import LineBuffer
from support.channel import Channel
from support.message import Message
from support.polling import until
from support.ports import free_port
from support.programs import ended

_CONFIG: Final = """\
sip_listen 127.0.0.1:{sip}
sip_cafile {authorities}
net_interface 127.0.0.1
rtp_ports 33000-60000
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
audio_player aubridge,{user}
ringback_disabled yes
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
_ACCOUNT: Final = "<sip:{user}@{place};transport=tls>;auth_pass={password};regint=600"
# What it prints with -s: a line of colour, who sent it to whom, the message, and plain again.
_TRACED: Final = re.compile(rb"#\nTLS \S+ -> (\S+)\n(.*?)\x1b\[;m\n", re.DOTALL)
_AUDIO: Final = re.compile(
    r"^m=audio (\d+) .*^a=(sendrecv|sendonly|recvonly|inactive)\r", re.M | re.S
)


class Audio(NamedTuple):
    """What a party says of its sound: its port, and which way it goes as that party sees it."""

    port: int
    way: str


class Netstrings(LineBuffer):
    """Cuts `12:{"ok": true},` and what follows it into messages."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete now. Raises ValueError for what is no netstring."""
        self._rest += data
        found: list[dict[str, Any]] = []
        while True:
            length, colon, rest = self._rest.partition(b":")
            if not colon or len(rest) <= (size := int(length)):
                return found
            found.append(json.loads(rest[:size]))
            self._rest = rest[size + 1 :]


class Baresip(Channel):
    """place: the registrar, host with port. log: what it prints, with each message of SIP."""

    process: asyncio.subprocess.Process
    place: str
    log: Path

    def __init__(self, mine: socket.socket) -> None:
        super().__init__(mine)
        self._lines = Netstrings()
        self._ids = itertools.count(1)
        self._forgotten = 0

    @classmethod
    async def start(
        cls, folder: Path, place: str, user: str, password: str, authorities: Path
    ) -> Self:
        """Start it in a folder of its own, and wait until it has registered."""
        control = _lay_out(folder, user, authorities)
        log = folder / "baresip.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *("baresip", "-f", str(folder), "-s", "-v"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            mine = await until(lambda: _connected(control))
            assert mine is not None
            phone = cls(mine)
            phone.process, phone.place, phone.log = process, place, log
            # An account in its file may have registered before anybody listens.
            await phone.do("uanew", _ACCOUNT.format(user=user, place=place, password=password))
            await phone.event("REGISTER_OK")
        except BaseException:
            process.kill()
            raise
        return phone

    async def do(self, command: str, params: str = "") -> str:
        """Give it an order, which it takes; what it answered."""
        answer = await self.order(command, params)
        assert answer["ok"], answer
        return str(answer["data"])

    async def order(self, command: str, params: str = "") -> dict[str, Any]:
        """Give it an order, whether or not it says that it takes it; what it answered."""
        token = str(next(self._ids))
        order = json.dumps({"command": command, "params": params, "token": token}).encode()
        await self.send(b"%d:%s," % (len(order), order))
        return await self.until(lambda line: line.get("token") == token)

    async def event(self, event: str, param: str = "") -> dict[str, Any]:
        """Wait for an event of this type. param: what it says of itself, "" for anything."""
        return await self.until(
            lambda line: line.get("type") == event and param in {"", line.get("param")}
        )

    def forget(self) -> None:
        """Drop what it has said and sent so far, and what it got."""
        self.heard.clear()
        self._forgotten = self.log.stat().st_size

    def messages(self) -> list[tuple[bool, Message]]:
        """All messages of SIP in order, each with whether it has sent it, or got it."""
        place = self.place.encode()
        traced = _TRACED.findall(self.log.read_bytes(), self._forgotten)
        return [(goal == place, Message.parse(data)) for goal, data in traced]

    def audio(self, *, sent: bool) -> Audio:
        """What it said last of its own sound, or was told last of the other side's."""
        bodies = [message.body for mine, message in self.messages() if mine is sent]
        last = [found for found in map(_AUDIO.search, bodies) if found][-1]
        return Audio(int(last[1]), last[2])

    def replaces(self) -> str:
        """What names its newest call to the other side (RFC 3891 section 6.1)."""
        answers = [it for it in self.messages() if it[1].status == 200 and it[1].method == "INVITE"]
        sent, answer = answers[-1]
        mine, theirs = ("To", "From") if sent else ("From", "To")
        tags = f"to-tag={answer.tag(theirs)};from-tag={answer.tag(mine)}"
        return f"{answer['Call-ID']};{tags}"

    async def quit(self) -> None:
        """End it, call and all."""
        await self.close()
        self.process.terminate()
        await ended(self.process)


def _lay_out(folder: Path, user: str, authorities: Path) -> int:
    """Write its settings; the port of its control socket."""
    folder.mkdir()
    control = free_port()
    config = _CONFIG.format(sip=free_port(), control=control, user=user, authorities=authorities)
    (folder / "config").write_text(config)
    (folder / "accounts").touch()
    return control


async def _connected(port: int) -> socket.socket | None:
    """Connect to its control socket; None while it does not listen yet."""
    mine = socket.socket()
    mine.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(mine, ("127.0.0.1", port))
    except ConnectionRefusedError:
        mine.close()
        return None
    return mine
