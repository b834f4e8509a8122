"""Connections that take and give nothing: they are dropped in time, and calls go on meanwhile."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from support.edge import OURS, Authority, Ports, lay_out_edge
from support.phone import token
from support.phones import Phones
from support.polling import PATIENCE, until
from support.serving import Serving
from support.stream_phone import StreamPhone

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIALPLAN: Final = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.0/8]}}}}
targets: {{desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}}}
numbers: {{"7100": {{route: [{{hunt: [desk]}}]}}}}
"""
LIMITS: Final = "{handshake: 2s, first_message: 4s, message: 4s, per_source: 1000}"
HEAD: Final = b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nCall-ID: "
OPTIONS: Final = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{0};rport\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {0}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


class Slow:
    """One slow connection. gone: callrouter has dropped it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.gone = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, port: int, source: int, first: bytes) -> "Slow":
        """Connect from 127.0.1.source and send what comes first."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(f"127.0.1.{source}", 0)
        )
        writer.write(first)
        return cls(reader, writer)

    async def trickle(self) -> None:
        """Send one byte after the other until it is dropped."""
        with contextlib.suppress(ConnectionError):
            while not self.gone.done():
                self.writer.write(b"x")
                await self.writer.drain()
                await asyncio.wait([self.gone], timeout=0.5)

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.reader.read()
        self.writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def slow(
    tmp_path_factory: pytest.TempPathFactory, full: bool
) -> AsyncIterator[tuple[Serving, Ports, Authority]]:
    folder = tmp_path_factory.mktemp("slow")
    authority, ports = Authority(folder), Ports()
    authority.issue("own", *OURS)
    authority.issue("other", "other.test")
    dialplan = DIALPLAN.format(desk=ports.target("desk"))
    place = lay_out_edge(folder, ports, dialplan, limits="{}" if full else LIMITS)
    serving = await Serving.start(place)
    yield serving, ports, authority
    await serving.stop()


def open_files(serving: Serving) -> int:
    """How many file descriptors callrouter has."""
    return len(list(Path(f"/proc/{serving.process.pid}/fd").iterdir()))


async def test_slow_peers_are_dropped_in_time_and_every_call_goes_through(
    slow: tuple[Serving, Ports, Authority], full: bool
) -> None:
    serving, ports, _ = slow
    plain, halves = (1000, 200) if full else (200, 50)
    callee = await Phones.open(("127.0.0.1", ports.plain), ports.target("desk"))
    caller = await Phones.open(("127.0.0.1", ports.plain))
    await caller.calls("7100", 5, 50, 0.0)
    before, metrics = open_files(serving), await serving.metrics()
    # A third says nothing, a third half a message, a third sends on, byte by byte.
    firsts = itertools.cycle((b"", HEAD, HEAD))
    opening = [Slow.open(ports.plain, 1 + index % 250, next(firsts)) for index in range(plain)]
    opening += [Slow.open(ports.tls, 1 + index % 250, b"\x16\x03\x01") for index in range(halves)]
    peers = list(await asyncio.gather(*opening))
    began = asyncio.get_running_loop().time()
    trickling = [asyncio.create_task(peer.trickle()) for peer in peers[2:plain:3]]
    outcomes = await caller.calls("7100", 480 if full else 90, 20, 0.1)
    assert [outcome.status for outcome in outcomes] == [200] * len(outcomes)
    assert all(outcome.closed for outcome in outcomes)
    await asyncio.wait([peer.gone for peer in peers], timeout=60)
    lasted = asyncio.get_running_loop().time() - began
    assert all(peer.gone.done() for peer in peers)
    assert lasted < (30 if full else 15), f"the last one was dropped after {lasted:.1f} s"
    await asyncio.gather(*trickling)

    async def as_before() -> bool:
        return open_files(serving) <= before

    await until(as_before)
    after = await serving.metrics()
    counted = {
        name: after[name] - metrics[name]
        for name in (
            "callrouter_connections_silent_total",
            "callrouter_connections_slow_writer_total",
            "callrouter_connections_handshake_total",
        )
    }
    assert sum(counted.values()) == plain + halves, counted
    assert counted["callrouter_connections_handshake_total"] == halves
    assert after["callrouter_connections"] == metrics["callrouter_connections"]
    await caller.close()
    await callee.close()


async def asks_much(phone: StreamPhone) -> bool:
    """Send some hundred requests more, unless the connection is gone: that is True."""
    link = phone.links[0]
    if not link.lost.is_set() and link.transport.get_write_buffer_size() < 1_000_000:
        phone.raw("".join(OPTIONS.format(token()) for _ in range(500)).encode())
    return link.lost.is_set()


async def test_peer_that_does_not_read_is_dropped(slow: tuple[Serving, Ports, Authority]) -> None:
    serving, ports, authority = slow
    for transport, port in (("tcp", ports.plain), ("tls", ports.tls)):
        before = (await serving.metrics())["callrouter_connections_slow_reader_total"]
        context = authority.client() if transport == "tls" else None
        phone = await StreamPhone.connect(("127.0.0.1", port), context)
        phone.links[0].transport.pause_reading()
        await until(lambda phone=phone: asks_much(phone))

        async def counted(expected: float = before + 1) -> bool:
            counts = await serving.metrics()
            return counts["callrouter_connections_slow_reader_total"] == expected

        await until(counted)


async def test_message_that_is_too_large_is_refused_and_ends_the_connection(
    slow: tuple[Serving, Ports, Authority],
) -> None:
    serving, ports, _ = slow
    phone = await StreamPhone.connect(("127.0.0.1", ports.plain))
    message = OPTIONS.format("large").replace("Content-Length: 0", "Content-Length: 70000")
    phone.raw(message.encode())
    assert (await phone.expect_any()).status == 513
    await asyncio.wait_for(phone.links[0].lost.wait(), PATIENCE)

    async def counted() -> bool:
        return (await serving.metrics())["callrouter_connections_broken_total"] == 1

    await until(counted)


async def test_peers_past_the_limits_are_refused_and_calls_by_udp_go_on(tmp_path: Path) -> None:
    authority, ports = Authority(tmp_path), Ports()
    authority.issue("own", *OURS)
    authority.issue("other", "other.test")
    dialplan = DIALPLAN.format(desk=ports.target("desk"))
    place = lay_out_edge(tmp_path, ports, dialplan, limits="{all: 5, per_source: 3}")
    serving = await Serving.start(place)
    try:
        first = [await Slow.open(ports.plain, 1, b"") for _ in range(4)]
        await asyncio.wait_for(first[3].gone, PATIENCE)
        second = [await Slow.open(ports.tls, 2, b"") for _ in range(3)]
        await asyncio.wait_for(second[2].gone, PATIENCE)
        assert not any(peer.gone.done() for peer in [*first[:3], *second[:2]])
        metrics = await serving.metrics()
        assert metrics["callrouter_connections_over_source_total"] == 1
        assert metrics["callrouter_connections_over_limit_total"] == 1
        first[0].writer.close()
        caller = await Phones.open(("127.0.0.1", ports.plain))
        callee = await Phones.open(("127.0.0.1", ports.plain), ports.target("desk"))
        assert (await caller.calls("7100", 1, 1, 0.0))[0].status == 200
        again = await StreamPhone.connect(("127.0.0.1", ports.plain), host="127.0.1.1")
        again.raw(OPTIONS.format("again").encode())
        await again.expect(200)
        await again.close()
        for peer in [*first, *second]:
            peer.writer.close()
        await caller.close()
        await callee.close()
    finally:
        await serving.stop()
