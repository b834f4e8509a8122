"""SIPp's basic call, played to the parts of a server: no socket hears it, no clock, no chance.

The parts are those of `callrouter serve`, with log, records and journal; what its threads do is
done when a call is over. Sockets and clock are this module's, and its acts are told apart from
those of the peers. So what a call costs here is the same each time and on each machine.
"""

import asyncio
import itertools
import os
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from callrouter.app.assembly import Parts
from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.observe.cdr.rows import encode
from callrouter.observe.log import Log, render_json
from callrouter.settings.settings_file import load_settings
from callrouter.storage.cdr_table import Store

ROUTER: Final = ("127.0.0.1", 5060)
CALLER: Final = ("127.0.0.1", 40000)
CALLEE: Final = ("127.0.0.1", 40002)
SECONDS_A_CALL: Final = 0.001
"""A thousand calls a second."""
_SENT: Final = 7
"""Datagrams of ours: 100, INVITE, 180, 200, ACK, BYE, 200."""
_SETTINGS: Final = """\
listen: ["udp:127.0.0.1:5060"]
dialplan: dialplan.yaml
records: {{database: "sqlite:///{folder}/records.db", spool: spool}}
log: {{level: info, format: json}}
limits: {{calls: 50000}}
"""
_DIALPLAN: Final = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {uas: {uri: "sip:service@127.0.0.1:40002"}}
numbers: {"4000": {route: [{hunt: [uas]}]}}
"""
_SDP: Final = """\
v=0
o=user1 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 6000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
""".replace("\n", "\r\n")
_REQUEST: Final = """\
{method} sip:4000@127.0.0.1:5060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK-77-{number}-{method}
From: sipp <sip:sipp@127.0.0.1:40000>;tag=77SIPpTag00{number}
To: 4000 <sip:4000@127.0.0.1:5060>{to}
Call-ID: {number}-77@127.0.0.1
CSeq: {cseq} {method}
Contact: sip:sipp@127.0.0.1:40000
Max-Forwards: 70
Subject: Performance Test
{described}Content-Length: {length}

{body}""".replace("\n", "\r\n")
_COPIED: Final = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")

Act = Callable[[Callable[[], object]], None]
"""Has the server do something."""


class _Endpoint(asyncio.DatagramTransport):
    """The UDP socket. sent: what has left by it, and was not looked at yet."""

    def __init__(self, protocol: asyncio.DatagramProtocol, sock: socket.socket) -> None:
        super().__init__()
        self.protocol = protocol
        self.sent: list[bytes] = []
        self._sock = sock
        protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ROUTER if name == "sockname" else default

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self._sock.close()


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock, timers and UDP socket are driven by hand."""

    endpoint: _Endpoint

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self._timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        return self.now

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers.append(handle)
        return handle

    async def create_datagram_endpoint(self, protocol_factory: Any, **named: Any) -> Any:
        self.endpoint = _Endpoint(protocol_factory(), named["sock"])
        return self.endpoint, self.endpoint.protocol

    def next(self) -> asyncio.TimerHandle | None:
        """Take the timer that is due first."""
        timers = [handle for handle in self._timers if not handle.cancelled()]
        first = min(timers, key=asyncio.TimerHandle.when, default=None)
        self._timers = [handle for handle in timers if handle is not first]
        return first


class CallReplay:
    """All parts of a server, and both ends of its calls.

    folder: an empty one, for settings, records and journal. act: has the server do something, and
    may be set to what counts that. The peers' own work is done between two acts.

    A context: leaving closes what is open.
    """

    def __init__(self, folder: Path) -> None:
        (folder / "callrouter.yaml").write_text(_SETTINGS.format(folder=folder))
        (folder / "dialplan.yaml").write_text(_DIALPLAN)
        (folder / "spool").mkdir()
        settings = load_settings(folder / "callrouter.yaml")
        self.act: Act = _act
        self._loop = _Loop()
        asyncio._set_running_loop(self._loop)  # parts ask for it
        self._null = os.open(os.devnull, os.O_WRONLY)
        self._log = Log(render_json, settings.log.level, self._null)
        self._log.close()  # its thread; `flush` does the same when it is asked to
        self._parts = Parts(settings, load_dialplan(settings.dialplan), self._log, self._loop)
        self._parts.writer.journal.open()
        self._store = Store(settings.records.database)
        self._records: list[CallRecord] = []
        self._parts.events.ended.subscribe(self._records.append)
        _done(self._parts.listeners.listen(self._parts.driver, "udp", "127.0.0.1", 0))
        self._parts.protection.measured(0.0, self._loop.now)  # nothing is late
        self._numbers = itertools.count(1)

    def calls(self, count: int) -> None:
        """Make calls one after the other, wait until nothing of them is left, and record them."""
        for _ in range(count):
            self._call(next(self._numbers))
            self._loop.now += SECONDS_A_CALL
        while (timer := self._loop.next()) is not None:
            self._loop.now = timer.when()
            self.act(timer._run)
        assert len(self._records) == count, f"{len(self._records)} of {count} calls were recorded"
        self.act(self._log.flush)
        self.act(self._write)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.listeners.close()
        self._parts.writer.journal.close(clean=True)
        self._store.close()
        os.close(self._null)
        asyncio._set_running_loop(None)
        self._loop.run_until_complete(self._parts.directory.close())
        self._loop.close()

    def _write(self) -> None:
        self._store.insert([encode(record) for record in self._records])
        self._records.clear()

    def _call(self, number: int) -> None:
        """The 13 datagrams of one call."""
        callee = b";tag=SIPpTag01%d" % number
        trying, theirs = self._hear(_request("INVITE", number, 1, "", _SDP), CALLER)
        (ringing,) = self._hear(_response(theirs, b"180 Ringing", callee, b""), CALLEE)
        sent = self._hear(_response(theirs, b"200 OK", callee, _SDP.encode()), CALLEE)
        answer = next(data for data in sent if data.startswith(b"SIP/2.0 200"))
        sent += self._hear(_request("ACK", number, 1, _tag(answer)), CALLER)
        sent += self._hear(_request("BYE", number, 2, _tag(answer)), CALLER)
        bye = next(data for data in sent if data.startswith(b"BYE "))
        sent += self._hear(_response(bye, b"200 OK", b"", b""), CALLEE)
        said = [data.partition(b"\r\n")[0] for data in (trying, theirs, ringing, *sent)]
        assert len(said) == _SENT, said

    def _hear(self, data: bytes, source: tuple[str, int]) -> list[bytes]:
        """Have the server take a datagram; returns what it sends."""
        endpoint = self._loop.endpoint
        self.act(partial(endpoint.protocol.datagram_received, data, source))
        sent, endpoint.sent = endpoint.sent, []
        return sent


def _act(act: Callable[[], object]) -> None:
    act()


def _done(opening: Coroutine[Any, Any, object]) -> None:
    """Do what a coroutine does that waits for nothing."""
    try:
        opening.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _request(method: str, number: int, cseq: int, to: str, body: str = "") -> bytes:
    """The caller's request. to: the parameters of its To."""
    described = "Content-Type: application/sdp\r\n" if body else ""
    return _REQUEST.format(
        method=method,
        number=number,
        cseq=cseq,
        to=to,
        described=described,
        length=len(body),
        body=body,
    ).encode()


def _response(request: bytes, status: bytes, tag: bytes, body: bytes) -> bytes:
    """The callee's response; tag: of its To, where the request has none."""
    head = request.partition(b"\r\n\r\n")[0]
    copied = [row for row in head.split(b"\r\n") if row.startswith(_COPIED)]
    rows = b"\r\n".join(row + tag if row.startswith(b"To:") else row for row in copied)
    described = b"Content-Type: application/sdp\r\n" if body else b""
    return (
        b"SIP/2.0 %b\r\n%b\r\nContact: <sip:127.0.0.1:40002;transport=udp>\r\n%b"
        b"Content-Length: %d\r\n\r\n%b" % (status, rows, described, len(body), body)
    )


def _tag(response: bytes) -> str:
    """The To tag, as a parameter."""
    to = response.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
    return to[to.index(b";tag=") :].decode()
