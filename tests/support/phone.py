"""A scripted SIP peer on a raw UDP socket, for races that have to be exact.

It does nothing by itself: no transaction, no timer, no retransmission. A test tells it each
datagram to send, and waits for each one that comes.
"""

import asyncio
import itertools
from typing import Final, Self, cast

from support.message import SDP, Message
from support.polling import PATIENCE

_tokens: Final = itertools.count(1)


def token() -> str:
    """A tag, branch or Call-ID that no other has."""
    return f"{next(_tokens):06x}{id(_tokens):x}"


def bracketed(host: str) -> str:
    """A host as URIs have it."""
    return f"[{host}]" if ":" in host else host


def place(host: str, port: int) -> str:
    """Host and port as URIs have them."""
    return f"{bracketed(host)}:{port}"


class Phone(asyncio.DatagramProtocol):
    """One party of one call. seen: each message that came, in order, repeated ones too.

    newcomer: its port was somebody's a moment ago, to whom callrouter may still send again what he
    has answered, when it is late. What belongs to no call of ours is dropped.
    """

    newcomer = False

    def __init__(self, host: str, port: int, server: tuple[str, int]) -> None:
        self.host = host
        self.port = port
        self._contact = port
        # How its messages name the way to it: in Via, and in the URIs of its own.
        self.via_transport = "UDP"
        self.scheme = "sip"
        self.seen: list[Message] = []
        self._server = server
        self._news: asyncio.Queue[Message] = asyncio.Queue()
        self._known: set[bytes] = set()
        self._calls: set[str] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._arrived = asyncio.Condition()
        self._waking: set[asyncio.Task[None]] = set()
        # The dialog: From and To of requests of ours, and what we have sent and learned.
        self.call_id = f"{token()}@{host}"
        self.local = ""
        self.remote = ""
        self.target = ""
        self.cseq = 0
        self.invite_sent: Message | None = None

    @classmethod
    async def open(cls, host: str, port: int, server: tuple[str, int]) -> Self:
        """Bind it. server: where callrouter is."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(
            lambda: cls(host, port, server), local_addr=(host, port)
        )
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        message = Message.parse(data)
        if self.newcomer and not self._is_ours(message):
            return
        self.seen.append(message)
        if data not in self._known and message.status != 100:
            self._known.add(data)
            self._news.put_nowait(message)
        task = asyncio.get_running_loop().create_task(self._wake())
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _is_ours(self, message: Message) -> bool:
        name = message["Call-ID"]
        if not message.status and not message.tag("To") and message.method != "CANCEL":
            self._calls.add(name)
        return name in self._calls or name == self.call_id

    async def _wake(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    # What comes.

    async def expect(self, what: str | int, within: float = PATIENCE) -> Message:
        """The next news: a request of this method, or a response of this status.

        100 and whatever was sent again are no news.
        """
        message = await self.expect_any(within, str(what))
        if isinstance(what, int):
            assert message.status == what, f"expected {what}, got {message}"
        else:
            assert message.start.startswith(f"{what} "), f"expected {what}, got {message}"
        return message

    async def expect_any(self, within: float = PATIENCE, what: str = "a message") -> Message:
        """The next news, whatever it is."""
        try:
            async with asyncio.timeout(within):
                return await self._news.get()
        except TimeoutError:
            came = [str(message) for message in self.seen]
            raise AssertionError(f"{what} did not come; there came {came}") from None

    async def copies(self, like: Message, count: int, within: float = PATIENCE) -> None:
        """Wait until a message has come so many times in all."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: self.count(like) >= count)

    def count(self, like: Message) -> int:
        """How many times a message has come."""
        return sum(seen.render() == like.render() for seen in self.seen)

    def quiet(self) -> bool:
        """No news is waiting."""
        return self._news.empty()

    # What goes.

    def send(self, message: Message) -> None:
        """Send a message as it is."""
        assert self._transport is not None
        self._transport.sendto(message.render(), self._server)

    def invite(
        self,
        number: str,
        body: str = SDP,
        *rows: tuple[str, str],
        to: str = "",
        caller: str = "1001",
    ) -> Message:
        """Call a number. rows: more headers; a Max-Forwards among them replaces the usual one."""
        self.target = f"{self.scheme}:{number}@{place(*self._server)}"
        self.local = f"<sip:{caller}@{bracketed(self.host)}>;tag={token()}"
        self.remote = to or f"<{self.target}>"
        message = self._new("INVITE", body, *rows)
        self.invite_sent = message
        self.send(message)
        return message

    def request(
        self, method: str, body: str = "", *rows: tuple[str, str], contact: int = 0
    ) -> Message:
        """Send a request inside the dialog. contact: the port to be at from now on."""
        self._contact = contact or self._contact
        message = self._new(method, body, *rows)
        self.send(message)
        return message

    def cancel(self) -> Message:
        """Cancel the INVITE."""
        return self._of_invite("CANCEL", self.remote)

    def ack(self, response: Message, body: str = "") -> Message:
        """Acknowledge a final response to an INVITE of ours."""
        if response.status >= 300:
            return self._of_invite("ACK", response["To"])
        self.learn(response)
        message = self._message("ACK", response.cseq, token(), body)
        self.send(message)
        return message

    def ack_refusal(self, response: Message) -> None:
        """Acknowledge the refusal of a re-INVITE of ours: its branch, its number."""
        message = self._message("ACK", response.cseq, response.branch.removeprefix("z9hG4bK"), "")
        self.send(message)

    def learn(self, response: Message) -> None:
        """Take what a response says of the dialog."""
        self.remote = response["To"]
        self.target = response.contact or self.target

    def reply(
        self, request: Message, status: int, body: str = "", tag: str = "", **headers: str
    ) -> Message:
        """Answer a request. tag: for To, when the request has none there."""
        kept = [(name, value) for name, value in request.rows if name in _ANSWERED]
        to = request["To"]
        if status > 100 and not request.tag("To"):
            to += f";tag={tag or self.port}"
        rows = [*kept, ("To", to)]
        here = place(self.host, self.port)
        rows += {"Contact": f"<{self.scheme}:{here}>", **headers}.items()
        if body and "Content-Type" not in headers:
            rows.append(("Content-Type", "application/sdp"))
        message = Message(f"SIP/2.0 {status} Said", rows, body)
        if request.method == "INVITE" and status > 100:
            self.call_id, self.local, self.remote = request["Call-ID"], to, request["From"]
            self.target = request.contact
        self.send(message)
        return message

    def _new(self, method: str, body: str, *rows: tuple[str, str]) -> Message:
        self.cseq += 1
        return self._message(method, self.cseq, token(), body, *rows)

    def _message(
        self, method: str, cseq: int, branch: str, body: str, *more: tuple[str, str]
    ) -> Message:
        here = place(self.host, self.port)
        contact = place(self.host, self._contact)
        rows = [
            ("Via", f"SIP/2.0/{self.via_transport} {here};branch=z9hG4bK{branch};rport"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<{self.scheme}:1001@{contact}>"),
            *more,
        ]
        if not any(name == "Max-Forwards" for name, _ in more):
            rows.append(("Max-Forwards", "70"))
        if body and not any(name == "Content-Type" for name, _ in more):
            rows.append(("Content-Type", "application/sdp"))
        return Message(f"{method} {self.target} SIP/2.0", rows, body)

    def _of_invite(self, method: str, to: str) -> Message:
        """A CANCEL, or the ACK to a refusal: the INVITE's own branch and number."""
        invite = self.invite_sent
        assert invite is not None
        rows = [(name, value) for name, value in invite.rows if name in {"Via", "From", "Call-ID"}]
        rows += [("To", to), ("CSeq", f"{invite.cseq} {method}"), ("Max-Forwards", "70")]
        message = Message(f"{method} {invite.uri} SIP/2.0", rows)
        self.send(message)
        return message


_ANSWERED: Final = frozenset(("Via", "Record-Route", "From", "Call-ID", "CSeq"))
