"""A carrier's gateway on a UDP socket: it answers OPTIONS and INVITE as a test wants it to."""

import asyncio
from typing import Self, cast

from support.message import SDP, Message

_KEPT = frozenset(("Via", "From", "Call-ID", "CSeq"))


class CarrierGateway(asyncio.DatagramProtocol):
    """probes, calls: the statuses of its answers, 0 for silence. retry_after: of a 503.
    contact: where a 302 points.

    asked, rung: OPTIONS and INVITEs that came, each once.
    """

    def __init__(self) -> None:
        self.probes = 200
        self.calls = 200
        self.retry_after = ""
        self.contact = ""
        self.asked: list[Message] = []
        self.rung: list[Message] = []
        self._seen: set[str] = set()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Bind it."""
        loop = asyncio.get_running_loop()
        _, gateway = await loop.create_datagram_endpoint(cls, local_addr=(host, port))
        return gateway

    def close(self) -> None:
        """Go away."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = Message.parse(data)
        new = request.branch not in self._seen
        self._seen.add(request.branch)
        if request.start.startswith("OPTIONS "):
            if new:
                self.asked.append(request)
            self._answer(request, self.probes, address)
        elif request.start.startswith("INVITE "):
            if new:
                self.rung.append(request)
            self._answer(request, self.calls, address)
        elif request.start.startswith(("BYE ", "CANCEL ")):
            self._answer(request, 200, address)

    def _answer(self, request: Message, status: int, address: tuple[str, int]) -> None:
        if not status or self._transport is None:
            return
        rows = [(name, value) for name, value in request.rows if name in _KEPT]
        rows.append(("To", f"{request['To']};tag=gw"))
        body = ""
        host, port = self._transport.get_extra_info("sockname")[:2]
        moved = self.contact if status == 302 else ""
        rows.append(("Contact", moved or f"<sip:{host}:{port}>"))
        if status == 200 and request.method == "INVITE":
            rows.append(("Content-Type", "application/sdp"))
            body = SDP
        if status == 503 and self.retry_after:
            rows.append(("Retry-After", self.retry_after))
        self._transport.sendto(Message(f"SIP/2.0 {status} Said", rows, body).render(), address)
