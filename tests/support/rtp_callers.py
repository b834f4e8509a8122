"""Many callers and callees in one process, light enough to hear a hundred calls at once.

    callers = await Callers.open(server_port)
    call = callers.call("4100")
    await call.answered.wait()
    await call.line.press("2")
    await call.over.wait()

One UDP socket for the SIP of all, one `RtpLine` for each call. They take re-INVITEs, answer a BYE,
and send again what may be lost until it is answered (RFC 3261 section 17.1.1.2), no more.
"""

import asyncio
import time
from typing import Final, Self, cast

from support.hearing import Sound
from support.message import Message
from support.phone import token
from support.polling import PATIENCE
from support.rtp_line import EVENT_PT, RtpLine

_T1: Final = 0.5
_RTP_VERSION: Final = 2
_SENDINGS: Final = 7


class Callers(asyncio.DatagramProtocol):
    """All of them. came: the calls that came in, in order.

    says: what each says as soon as it has answered, None for nothing. event_pt: the payload type
    of keys that each names, 0 for none. early: who is called describes itself before it answers.
    """

    says: Sound | None = None
    early = False
    event_pt = EVENT_PT

    def __init__(self, server: int, answer_after: float | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.calls: dict[str, Call] = {}
        self.came: list[Call] = []
        self.place = ""
        self.server = ("127.0.0.1", server)
        self._answer_after = answer_after

    @classmethod
    async def open(cls, server: int, *, port: int = 0, answer_after: float | None = 0.2) -> Self:
        """Open the socket.

        server: callrouter's port. answer_after: seconds that calls to us ring; None: for ever.
        """
        _, made = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(server, answer_after), local_addr=("127.0.0.1", port)
        )
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.place = "127.0.0.1:" + str(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        if data[0] >> 6 == _RTP_VERSION:
            return  # RTCP of a call whose line has the port before ours
        message = Message.parse(data)
        call = self.calls.get(message["Call-ID"])
        if call is None and message.start.startswith("INVITE "):
            call = Call(self, message["Call-ID"], "")
            self.came.append(call)
            call.ring(message, self._answer_after)
        elif call is not None:
            call.take(message)

    def call(self, number: str, user: str = "1001") -> "Call":
        """Call a number."""
        call = Call(self, token() + "@127.0.0.1", user)
        call.invite(number)
        return call

    def send(self, data: bytes) -> None:
        """Send a datagram to callrouter."""
        self._transport.sendto(data, self.server)

    def close(self) -> None:
        """End all sockets; calls that still stand are left alone."""
        for call in self.calls.values():
            call.forget()
        self._transport.close()


class Call:
    """One call. line: its media. status: of the final response to our INVITE.

    infos: the bodies of the INFOs that came.

    invited, rung, answered_at, left, ended: when its INVITE went out or came, it was answered, we
    asked for its end, and it was over, in seconds of the wall clock. moves: where our media was to
    go, and since when.
    """

    def __init__(self, callers: Callers, name: str, user: str) -> None:
        self.name = name
        self.line = RtpLine(callers.event_pt)
        self.infos: list[str] = []
        self.status = 0
        self.invited = self.rung = self.answered_at = self.left = self.ended = 0.0
        self.moves: list[tuple[float, tuple[str, int]]] = []
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self._callers = callers
        self._tag = token()
        self._local = f"<sip:{user}@127.0.0.1>;tag={self._tag}"
        self._remote = self._target = ""
        self._cseq = 0
        self._branch = token()
        self._handle: asyncio.TimerHandle | None = None
        self._ack = b""
        self._incoming: Message | None = None
        self._final = b""
        self._version = 0
        self._saying: asyncio.Task[None] | None = None
        callers.calls[name] = self

    # As a caller.

    def invite(self, number: str) -> None:
        """Call."""
        host, port = self._callers.server
        self._target = f"sip:{number}@{host}:{port}"
        self._remote = f"<{self._target}>"
        self.invited = time.time()
        self._repeat(self._request("INVITE", self._description()))

    def hang_up(self) -> None:
        """End the call, whatever its state: CANCEL or BYE."""
        if self.over.is_set():
            return
        self.left = time.time()
        if self.answered.is_set():
            self._branch = token()
            self._repeat(self._request("BYE"))
        else:
            self._callers.send(self._request("CANCEL", cseq=self._cseq))

    async def heard(self, since: float = 0.0) -> float:
        """Wait for the first sound after a moment; when it came."""
        return (await self.line.until(lambda packet: packet.is_loud, since)).at

    async def hears(self, hertz: int, since: float = 0.0, within: float = PATIENCE) -> float:
        """Wait for a tone; when it came. since: what came before this moment does not count."""
        return (await self.line.until(lambda packet: packet.has(hertz), since, within)).at

    async def listen(self, seconds: float) -> None:
        """Hear whatever there is for so long."""
        await self.line.until(lambda _: True, time.time() + seconds, seconds + PATIENCE)

    def say(self, sound: Sound) -> None:
        """Begin to say something; it ends with the call."""
        self._saying = asyncio.create_task(self.line.say(sound))

    def hush(self) -> None:
        """Say no more of it."""
        if self._saying is not None:
            self._saying.cancel()

    def offer_again(self, line: RtpLine) -> None:
        """Offer to talk by another line from now on; the one before stays open."""
        self._ack = b""
        self.line = line
        self._branch = token()
        self._repeat(self._request("INVITE", self._description()))

    def ask_info(self, key: str) -> None:
        """Press a key, by INFO."""
        self._branch = token()
        body = f"Signal={key}\r\nDuration=160\r\n"
        self._repeat(self._request("INFO", body, kind="application/dtmf-relay"))

    def forget(self) -> None:
        """Send nothing again, hear no more."""
        self._stop()
        self.hush()
        self.line.close()

    # As a callee.

    def ring(self, invite: Message, answer_after: float | None) -> None:
        """Take a call that comes in."""
        self.rung = time.time()
        self._incoming = invite
        self._learn(invite.body)
        self._local, self._remote = f"{invite['To']};tag={self._tag}", invite["From"]
        self._target = invite.contact
        if self._callers.early:
            self._callers.send(self._answer(invite, 183, self._description()))
        else:
            self._callers.send(self._answer(invite, 180))
        if answer_after is not None:
            self._handle = self._callers.loop.call_later(answer_after, self.accept)

    def accept(self) -> None:
        """Answer."""
        assert self._incoming is not None
        self._final = self._answer(self._incoming, 200, self._description())
        self._repeat(self._final)
        self._is_answered()
        if self._callers.says is not None:
            self.say(self._callers.says)

    # What comes.

    def take(self, message: Message) -> None:
        """A message of this call."""
        if not message.status:
            self._asked(message)
        elif message.method == "INVITE":
            self._stop()
            self._said(message)
        elif message.method == "BYE":
            self._stop()
            self._is_over()
        elif message.method == "INFO":
            self._stop()

    def _said(self, response: Message) -> None:
        if response.status < 200:
            self._learn(response.body)
            return
        if response.status >= 300:
            self._remote = response["To"]
            self._callers.send(self._request("ACK", cseq=self._cseq))
            self.status = response.status
            self._is_over()
            return
        if not self._ack:
            self._remote, self._target = response["To"], response.contact
            self._branch = token()
            self._ack = self._request("ACK", cseq=self._cseq)
            self.status = response.status
            self._learn(response.body)
            self._is_answered()
        self._callers.send(self._ack)

    def _asked(self, request: Message) -> None:
        method = request.method
        if method == "ACK":
            self._stop()
            self._learn(request.body)
            return
        again = self._incoming is not None and request.cseq == self._incoming.cseq
        if method == "INVITE" and again:
            self._callers.send(self._final or self._answer(request, 180))
        elif method == "INVITE":
            self._incoming = request
            self._learn(request.body)
            self._final = self._answer(request, 200, self._description())
            self._repeat(self._final)
        else:
            if method == "INFO":
                self.infos.append(request.body)
            else:
                self._stop()
            self._callers.send(self._answer(request, 200))
            if method == "CANCEL" and self._incoming is not None:
                self._callers.send(self._answer(self._incoming, 487))
            if method in {"BYE", "CANCEL"}:
                self._is_over()

    def _is_answered(self) -> None:
        self.answered_at = time.time()
        self.answered.set()

    def _is_over(self) -> None:
        self.ended = time.time()
        self.forget()
        self.over.set()

    def _learn(self, body: str) -> None:
        rows = body.split("\r\n")
        host = next((row.split(" ")[2] for row in rows if row.startswith("c=")), "")
        port = next((int(row.split(" ")[1]) for row in rows if row.startswith("m=audio")), 0)
        if host and port and self.line.remote != (host, port):
            self.line.remote = (host, port)
            self.moves.append((time.time(), (host, port)))

    # What goes.

    def _repeat(self, data: bytes, count: int = 0) -> None:
        self._callers.send(data)
        if count < _SENDINGS:
            delay = min(_T1 * 2**count, 4.0)
            self._handle = self._callers.loop.call_later(delay, self._repeat, data, count + 1)

    def _stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _description(self) -> str:
        self._version += 1
        event_pt = self.line.event_pt
        formats = f"0 {event_pt}" if event_pt else "0"
        keys = f"a=rtpmap:{event_pt} telephone-event/8000\r\na=fmtp:{event_pt} 0-15\r\n"
        return (
            f"v=0\r\no=- {self.line.port} {self._version} IN IP4 127.0.0.1\r\ns=-\r\n"
            f"c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {self.line.port} RTP/AVP {formats}\r\n"
            f"a=rtpmap:0 PCMU/8000\r\n{keys if event_pt else ''}a=ptime:20\r\n"
        )

    def _request(
        self, method: str, body: str = "", cseq: int = 0, kind: str = "application/sdp"
    ) -> bytes:
        if not cseq:
            self._cseq += 1
            cseq = self._cseq
        place = self._callers.place
        rows = [
            ("Via", f"SIP/2.0/UDP {place};branch=z9hG4bK{self._branch};rport"),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self.name),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{place}>"),
            ("Max-Forwards", "70"),
        ]
        if body:
            rows.append(("Content-Type", kind))
        return Message(f"{method} {self._target} SIP/2.0", rows, body).render()

    def _answer(self, request: Message, status: int, body: str = "") -> bytes:
        contact = f"sip:{self._callers.place}"
        return request.answered(status, self._tag, contact, body).render()
