"""A callrouter that knows telephones alone, and the programs of others that are its telephones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import yaml

from support.baresip import Baresip
from support.edge import OURS, Authority, Ports, lay_out_edge
from support.polling import until
from support.serving import Record, Serving

_USERS: Final = ("101", "102", "103", "104")


class House:
    """A callrouter and its telephones. Number 4101 rings 101, and so on.

    port: where it listens for TLS, as 127.0.0.1 and as localhost. phones: those of baresip.
    """

    def __init__(self, serving: Serving, port: int, authorities: Path) -> None:
        self.serving = serving
        self.port = port
        self.authorities = authorities
        self.phones: list[Baresip] = []
        self._before = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, *users: str) -> AsyncIterator[Self]:
        """Start it, and a baresip for each of these users; end them all."""
        authority, ports = Authority(folder), Ports()
        authority.issue("own", *OURS, "localhost")
        authority.issue("other", "other.test")
        dialplan = yaml.safe_dump(_dialplan(folder))
        serving = await Serving.start(lay_out_edge(folder, ports, dialplan))
        house = cls(serving, ports.tls, authority.file)
        try:
            for user in users:
                home, place = folder / f"phone-{user}", f"127.0.0.1:{ports.tls}"
                phone = await Baresip.start(home, place, user, password(user), authority.file)
                house.phones.append(phone)
            yield house
        finally:
            for phone in house.phones:
                await phone.quit()
            await serving.stop()

    def begin(self) -> None:
        """Nothing has happened yet."""
        self._before = len(self.serving.place.records())
        for phone in self.phones:
            phone.forget()

    def to(self, number: str, host: str = "127.0.0.1") -> str:
        """The URI of a number."""
        return f"sip:{number}@{host}:{self.port}"

    async def talk(self, caller: Baresip, callee: Baresip, number: str) -> None:
        """Call, answer, and wait until both hear the other."""
        await caller.do("dial", self.to(number))
        await callee.event("CALL_INCOMING")
        await callee.do("accept")
        for phone, described in ((caller, "answer"), (callee, "offer")):
            await phone.event("CALL_ESTABLISHED")
            await phone.event("CALL_REMOTE_SDP", described)
            await phone.event("CALL_RTPESTAB")

    async def reinvite(self, phone: Baresip, order: str, other: Baresip) -> None:
        """Hold or resume, and wait until both know."""
        # Version 1.1 says that a resume failed when there is no other call that it could hold for
        # it, and resumes all the same. What both sides hear of it is the proof.
        await phone.order(order)
        await other.event("CALL_REMOTE_SDP", "offer")
        await phone.event("CALL_REMOTE_SDP", "answer")

    async def records(self, count: int) -> list[Record]:
        """The records of the calls since the beginning, in the order in which these started."""

        async def look() -> list[Record]:
            found = self.serving.place.records()[self._before :]
            return found if len(found) >= count else []

        return await until(look)


def password(user: str) -> str:
    """The password of a telephone."""
    return f"secret-{user}"


async def hear_each_other(one: Baresip, other: Baresip) -> bool:
    """Wait until the sound of each goes straight to the other, as both were told."""
    pairs = ((one, other), (other, one))

    async def look() -> bool:
        return all(to.audio(sent=False) == by.audio(sent=True) for to, by in pairs)

    return await until(look)


def told(phone: Baresip) -> list[str]:
    """What it was told of its transfer, in order."""
    notified = [it.body for _, it in phone.messages() if it.start.startswith("NOTIFY ")]
    return [body.strip() for body in notified]


def _dialplan(folder: Path) -> dict[str, Any]:
    for user in _USERS:
        (folder / user).write_text(f"{password(user)}\n")
    return {
        "country": "CN",
        # Of two challenges it answers none when one is not MD5.
        "algorithms": ["MD5"],
        "trunks": {"phones": {"phones": True, "transfer": "both"}},
        "extensions": {
            user: {"phone": {"user": user, "password_file": str(folder / user)}} for user in _USERS
        },
        "targets": {f"desk-{user}": {"extension": user} for user in _USERS},
        "numbers": {f"4{user}": {"route": [{"hunt": [f"desk-{user}"]}]} for user in _USERS},
    }
