"""What came whole on a TCP connection is taken, though what follows it is no SIP."""

import asyncio
from typing import Final

from support.message import Message
from support.polling import PATIENCE
from support.stage import Scene, story

BROKEN: Final = {
    "no length": "OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n",
    "two lengths": "OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\nl: 1\r\n\r\n",
    "no number": "OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: ten\r\n\r\n",
}


def options(place: str, index: int) -> bytes:
    """A probe, which callrouter answers."""
    return Message(
        f"OPTIONS sip:{place} SIP/2.0",
        [
            ("Via", f"SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKprobe{index}"),
            ("From", "<sip:probe@127.0.0.1>;tag=p"),
            ("To", f"<sip:{place}>"),
            ("Call-ID", f"probe-{index}"),
            ("CSeq", f"{index} OPTIONS"),
            ("Max-Forwards", "70"),
        ],
    ).render()


async def answers(scene: Scene, data: bytes) -> list[str]:
    """All that comes back on a connection until callrouter closes it: first lines, Call-IDs."""
    reader, writer = await asyncio.open_connection(*scene.server_address())
    try:
        writer.write(data)
        async with asyncio.timeout(PATIENCE):
            text = (await reader.read()).decode()
    finally:
        writer.close()
    rows = text.split("\r\n")
    return [row for row in rows if row.startswith(("SIP/2.0 ", "Call-ID: "))]


@story(transport="tcp")
async def test_probes_before_what_breaks_the_stream_are_answered(scene: Scene) -> None:
    for broken in BROKEN.values():
        whole = options(scene.server, 1) + options(scene.server, 2)
        came = await answers(scene, whole + broken.encode())
        assert came[:4] == [
            *("SIP/2.0 200 OK", "Call-ID: probe-1"),
            *("SIP/2.0 200 OK", "Call-ID: probe-2"),
        ]
        # The broken one may be answered, as far as it can be (400), and nothing after it is.
        assert [row for row in came[4:] if not row.startswith("SIP/2.0 400")] == []


@story(transport="tcp")
async def test_what_follows_the_break_is_not_taken(scene: Scene) -> None:
    data = BROKEN["two lengths"].encode() + options(scene.server, 1)
    assert "Call-ID: probe-1" not in await answers(scene, data)
