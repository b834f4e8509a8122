"""A DNS server on loopback whose zone a test writes, and which can fall silent."""

import asyncio
from typing import Final, Self, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_TTL: Final = 5


class NameServer(asyncio.DatagramProtocol):
    """zone: records as zone files have them, by name and kind. ttl: of all of them, seconds.

    silent: it answers nothing. broken: it answers SERVFAIL. garbage: sent instead of any answer.
    asked: the names and kinds of the questions. news: set at each.
    """

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.ttl = _TTL
        self.silent = False
        self.broken = False
        self.garbage = b""
        self.asked: list[tuple[str, str]] = []
        self.news = asyncio.Event()
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls) -> Self:
        """Bind it to a free port of 127.0.0.1."""
        loop = asyncio.get_running_loop()
        _, server = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        return server

    def close(self) -> None:
        """Go away."""
        if self._transport is not None:
            self._transport.close()

    def add(self, name: str, kind: str, *values: str) -> None:
        """Add records of one kind at a name, written without its last dot."""
        self.zone.setdefault((name.lower(), kind), []).extend(values)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        self.news.set()
        if not self.silent and self._transport is not None:
            self._transport.sendto(self.garbage or self._answer(query, name, kind), address)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> bytes:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values := self.zone.get((name, kind)):
            answer.answer.append(
                dns.rrset.from_text(query.question[0].name, self.ttl, "IN", kind, *values)
            )
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire(max_size=65535)
