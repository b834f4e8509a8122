"""Ports of this machine that nobody uses, and how to see that somebody does.

All are below those that the kernel gives out by itself, so that no client socket takes one of ours
before the program it is meant for does. Several processes test at once, so each claims its blocks
of ports: by an abstract Unix socket (unix(7)), which is gone when its process is.
"""

import itertools
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from support.polling import until

_BLOCK: Final = 100
_BLOCKS: Final = range(20_500, 30_000, _BLOCK)
_STEP: Final = 4
"""SIPp opens a second media socket two ports above the first."""

_RTP_BLOCK: Final = 500
_RTP_BLOCKS: Final = (*range(10_000, 16_000, _RTP_BLOCK), *range(30_000, 32_500, _RTP_BLOCK))
"""Not those that callrouter has for RTP when it is not told: the lab's own runs have them."""

_TABLES: Final = ("udp", "tcp", "udp6", "tcp6")
_claims: list[socket.socket] = []


def _claimed(block: int) -> bool:
    """Nobody else has the block of ports that begins here; now we do, until this process ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0callrouter-tests-{block}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def _candidates() -> Iterator[int]:
    mine = filter(_claimed, _BLOCKS)
    ports = (port for block in mine for port in range(block, block + _BLOCK, _STEP))
    # Who has had all that could be claimed begins again: the first tests have long let theirs go.
    return itertools.cycle(ports)


_ports = _candidates()


def free_port() -> int:
    """A port that is free for UDP and TCP on 127.0.0.1, and that no other test has."""
    port = next((port for port in _ports if is_free(port)), 0)
    assert port, "other test runs have claimed all ports"
    return port


@cache
def rtp_ports() -> tuple[int, int]:
    """The first and last port for RTP of what this process tests, one pool of media at a time."""
    first = next(filter(_claimed, _RTP_BLOCKS), 0)
    assert first, "other test runs have claimed all ports for RTP"
    return first, first + _RTP_BLOCK - 1


def is_free(port: int) -> bool:
    """Nobody has the port on 127.0.0.1, for UDP or for TCP."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        # As servers do: connections that were closed lately do not hold the port.
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


async def bound(transport: str, port: int) -> None:
    """Wait until a socket is bound to the port. transport: "udp" or "tcp".

    The kernel's tables are the only place that tells, and they have to be asked.
    """
    needle = f":{port:04X} "
    tables = [Path("/proc/net", name) for name in _TABLES if name.startswith(transport)]

    async def look() -> bool:
        return any(_local(table, needle) for table in tables)

    await until(look)


def _local(table: Path, needle: str) -> bool:
    lines = table.read_text(encoding="ascii").splitlines()[1:]
    return any(needle in f"{line.split()[1]} " for line in lines)
