"""Callers and callees in numbers on one UDP socket, which keep the rules that a lossy path needs.

They share no line with callrouter. What may be lost is sent again at T1, doubling to T2, for 64*T1
(RFC 3261 sections 13.3.1.4, 17.1.1.2 and 17.1.2.2); what is asked again is answered again.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Self, cast

from support.message import SDP, Message
from support.phone import token

_T1: Final = 0.5
_T2: Final = 4.0
_TIMEOUT: Final = 64 * _T1

_MARK: Final = b"\r\n"

Address = tuple[str, int]


class Outcome:
    """What a caller saw of its call.

    status: 200, or the refusal's; 408 when nothing final ever came. closed: its BYE was answered
    by 200, or the other side's BYE by its own. hung_up_on: the BYE was the other side's. ended:
    when the call was over, on the loop's clock.
    """

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.status = 0
        self.retry_after = ""
        self.hung_up_on = False
        self.closed = False
        self.ended = 0.0
        self.ringing = asyncio.Event()
        self.answered = asyncio.Event()
        self.over = asyncio.Event()


class Phones(asyncio.DatagramProtocol):
    """Any number of phones. A callee whose URI has "rings" in it never answers."""

    def __init__(self, server: Address, contact: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.server = server
        self.place = ""
        self._contact = contact
        self._marked = asyncio.Event()
        self._parties: dict[str, _Caller | _Callee] = {}

    @classmethod
    async def open(cls, server: Address, port: int = 0, contact: int = 0) -> Self:
        """Open the socket. server: where callrouter is, or a relay to it.

        contact: the port they say they are at, when it is not the socket's.
        """
        loop = asyncio.get_running_loop()
        _, phones = await loop.create_datagram_endpoint(
            lambda: cls(server, contact), local_addr=("127.0.0.1", port)
        )
        return phones

    @property
    def port(self) -> int:
        """The socket's port."""
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.place = f"127.0.0.1:{self._contact or self.port}"

    async def close(self) -> None:
        """Close the socket; nothing is sent again from here on."""
        for party in self._parties.values():
            party.silence()
        self._transport.close()

    async def caught_up(self) -> None:
        """Wait until all that has come so far is read: what we send ourselves now comes last."""
        self._transport.sendto(_MARK, ("127.0.0.1", self.port))
        await self._marked.wait()
        self._marked.clear()

    def call(self, number: str, hold: float) -> Outcome:
        """Call a number; hang up so many seconds after the answer."""
        caller = _Caller(self, number, hold)
        self._parties[caller.outcome.call_id] = caller
        return caller.outcome

    async def calls(self, number: str, count: int, rate: float, hold: float) -> list[Outcome]:
        """Make so many calls, so many a second, and wait until all are over."""
        began = self.loop.time()
        made = []
        for index in range(count):
            await asyncio.sleep(began + index / rate - self.loop.time())
            made.append(self.call(number, hold))
        for outcome in made:
            await outcome.over.wait()
        return made

    def datagram_received(self, data: bytes, _address: Address) -> None:
        if data == _MARK:
            self._marked.set()
            return
        message = Message.parse(data)
        party = self._parties.get(message["Call-ID"])
        if party is None and message.start.startswith("INVITE "):
            party = self._parties[message["Call-ID"]] = _Callee(self)
        if party is not None:
            party.take(message)

    def send(self, data: bytes) -> None:
        """Send a datagram to callrouter."""
        self._transport.sendto(data, self.server)


class _Repeated:
    """A datagram, sent again until it is known to have come. gone: told when it never has."""

    def __init__(self, phones: Phones, data: bytes, gone: Callable[[], None]) -> None:
        self._phones = phones
        self._data = data
        self._gone = gone
        self._interval = _T1
        self._until = phones.loop.time() + _TIMEOUT
        self._handle = phones.loop.call_later(_T1, self._again)
        phones.send(data)

    def stop(self) -> None:
        """It has come."""
        self._handle.cancel()

    def _again(self) -> None:
        if self._phones.loop.time() >= self._until:
            self._gone()
            return
        self._phones.send(self._data)
        self._interval = min(self._interval * 2, _T2)
        self._handle = self._phones.loop.call_later(self._interval, self._again)


class _Caller:
    """The caller's side of one call."""

    def __init__(self, phones: Phones, number: str, hold: float) -> None:
        self._phones = phones
        self._hold = hold
        self._target = f"sip:{number}@{phones.server[0]}:{phones.server[1]}"
        self._remote = f"<{self._target}>"
        self._local = f"<sip:1001@{phones.place}>;tag={token()}"
        self._branch = token()
        self._ack = b""
        self._ending: asyncio.TimerHandle | None = None
        self.outcome = Outcome(f"{token()}@127.0.0.1")
        self._repeated = _Repeated(phones, self._request("INVITE", 1, SDP), self._give_up)

    def take(self, message: Message) -> None:
        """A message of this call."""
        if message.status == 0:
            self._take_bye(message)
        elif message.method == "BYE":
            self._repeated.stop()
            self.outcome.closed = message.status == 200
            self._over()
        elif message.status < 200:
            self._repeated.stop()
            if message.status > 100:
                self.outcome.ringing.set()
        elif message.status < 300:
            self._take_answer(message)
        else:
            self._repeated.stop()
            self._remote = message["To"]
            self._phones.send(self._request("ACK", 1))
            self.outcome.status = message.status
            self.outcome.retry_after = message["Retry-After"]
            self._over()

    def silence(self) -> None:
        """Send nothing more."""
        self._repeated.stop()
        if self._ending is not None:
            self._ending.cancel()

    def _take_answer(self, message: Message) -> None:
        if not self._ack:
            self._repeated.stop()
            self._remote, self._target = message["To"], message.contact
            self._branch = token()
            self._ack = self._request("ACK", 1)
            self.outcome.status = 200
            self.outcome.answered.set()
            self._ending = self._phones.loop.call_later(self._hold, self._hang_up)
        self._phones.send(self._ack)

    def _take_bye(self, message: Message) -> None:
        self._phones.send(_answer(message, 200, "", self._phones.place))
        self.silence()
        self.outcome.hung_up_on = self.outcome.closed = True
        self._over()

    def _hang_up(self) -> None:
        self._branch = token()
        self._repeated = _Repeated(self._phones, self._request("BYE", 2), self._give_up)

    def _give_up(self) -> None:
        self.outcome.status = self.outcome.status or 408
        self._over()

    def _over(self) -> None:
        if not self.outcome.over.is_set():
            self.outcome.ended = self._phones.loop.time()
            self.outcome.over.set()

    def _request(self, method: str, cseq: int, body: str = "") -> bytes:
        place = self._phones.place
        rows = [
            ("Via", f"SIP/2.0/UDP {place};branch=z9hG4bK{self._branch};rport"),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self.outcome.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:1001@{place}>"),
            ("Max-Forwards", "70"),
        ]
        if body:
            rows.append(("Content-Type", "application/sdp"))
        return Message(f"{method} {self._target} SIP/2.0", rows, body).render()


class _Callee:
    """The callee's side of one call."""

    def __init__(self, phones: Phones) -> None:
        self._phones = phones
        self._tag = token()
        self._invite: Message | None = None
        self._last = b""
        self._repeated: _Repeated | None = None

    def take(self, message: Message) -> None:
        """A message of this call."""
        if message.status:
            return
        if message.method == "INVITE":
            self._take_invite(message)
        elif message.method == "ACK":
            self.silence()
        elif message.method == "CANCEL":
            self._phones.send(_answer(message, 200, self._tag, self._phones.place))
            self._finish(487)
        else:
            self.silence()
            self._phones.send(_answer(message, 200, self._tag, self._phones.place))

    def silence(self) -> None:
        """Send nothing more."""
        if self._repeated is not None:
            self._repeated.stop()

    def _take_invite(self, message: Message) -> None:
        if self._invite is not None:
            self._phones.send(self._last)
            return
        self._invite = message
        self._last = _answer(message, 180, self._tag, self._phones.place)
        self._phones.send(self._last)
        if "rings" not in message.uri:
            self._finish(200, SDP)

    def _finish(self, status: int, body: str = "") -> None:
        if self._invite is not None and self._repeated is None:
            self._last = _answer(self._invite, status, self._tag, self._phones.place, body)
            self._repeated = _Repeated(self._phones, self._last, self.silence)


def _answer(request: Message, status: int, tag: str, place: str, body: str = "") -> bytes:
    return request.answered(status, tag, f"sip:callee@{place}", body).render()
