"""TLS relay for SIPp, which may have none: a process that passes bytes between TCP and TLS.

    python -m callrouter.bench.tls_relay FRONT SERVER BACK CALLEE CERTIFICATE

Plain connections to FRONT go on by TLS to SERVER, TLS connections to BACK go on in plain to CALLEE;
all are ports of 127.0.0.1. CERTIFICATE: one PEM file with key and certificate, trusted as well.
"""

import asyncio
import contextlib
import ssl
import sys
from typing import Final

_HOST: Final = "127.0.0.1"
_PIECE: Final = 65_536

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def serve(front: int, server: int, back: int, callee: int, certificate: str) -> None:
    """Pass on until the process is ended."""
    called = ssl.create_default_context(cafile=certificate)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)

    async def out(*plain: *Ends) -> None:
        await _join(plain, await asyncio.open_connection(_HOST, server, ssl=called))

    async def back_in(*secured: *Ends) -> None:
        await _join(secured, await asyncio.open_connection(_HOST, callee))

    async with (
        await asyncio.start_server(out, _HOST, front),
        await asyncio.start_server(back_in, _HOST, back, ssl=served) as last,
    ):
        await last.serve_forever()


async def _join(one: Ends, other: Ends) -> None:
    await asyncio.gather(_pass(one[0], other[1]), _pass(other[0], one[1]))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    _front, _server, _back, _callee = map(int, sys.argv[1:5])
    asyncio.run(serve(_front, _server, _back, _callee, sys.argv[5]))
