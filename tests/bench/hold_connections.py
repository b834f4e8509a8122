"""Opens many TLS connections to a callrouter of its own and prints what they take; no test.

python tests/bench/hold_connections.py [COUNT]
"""

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.edge import OURS, Authority, Ports, lay_out_edge
from support.serving import Serving

from callrouter.bench.processes import pss_kib

_AT_ONCE = 50
_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:5080"}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""
_OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{0};rport\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {0}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


async def hold(count: int) -> None:
    """Open them, let each send one request, and print memory before and after in MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority, ports = Authority(folder), Ports()
        authority.issue("own", *OURS)
        authority.issue("other", "other.test")
        serving = await Serving.start(lay_out_edge(folder, ports, _DIALPLAN))
        try:
            before = pss_kib(serving.process.pid)
            context = authority.client()
            turns = asyncio.Semaphore(_AT_ONCE)

            async def opened(index: int) -> asyncio.StreamWriter:
                async with turns:
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1",
                        ports.tls,
                        ssl=context,
                        local_addr=(f"127.0.1.{1 + index % 250}", 0),
                    )
                    writer.write(_OPTIONS.format(f"{index:06d}").encode())
                    await reader.readuntil(b"\r\n\r\n")
                    return writer

            writers = await asyncio.gather(*map(opened, range(count)))
            after = pss_kib(serving.process.pid)
            alive = (await serving.metrics())["callrouter_connections"]
            each = (after - before) / count
            print(  # noqa: T201  # what the script is for
                f"{alive:.0f} connections: {before / 1024:.0f} MiB before, {after / 1024:.0f} "
                f"MiB with them, {each:.1f} KiB each"
            )
            for writer in writers:
                writer.transport.abort()
        finally:
            await serving.stop()


if __name__ == "__main__":
    asyncio.run(hold(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
