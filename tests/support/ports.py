"""Ports of this machine that nobody uses, and how to see that somebody does."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.polling import until

# Below the ports that the kernel gives out by itself, so that no client socket takes one of ours
# before the program it is meant for does; two test runs at once begin at different places.
_FIRST: Final = 20_000
_COUNT: Final = 10_000
_STEP: Final = 4
"""SIPp opens a second media socket two ports above the first."""

_TABLES: Final = ("udp", "tcp", "udp6", "tcp6")


def _candidates() -> Iterator[int]:
    start = os.getpid() * 131 * _STEP
    for step in range(0, _COUNT, _STEP):
        yield _FIRST + (start + step) % _COUNT


_ports = _candidates()


def free_port() -> int:
    """A port that is free for UDP and TCP on 127.0.0.1; each is given once in a process."""
    return next(port for port in _ports if is_free(port))


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
    """Wait until a socket is bound to the port, at most 15 s. transport: "udp" or "tcp".

    The kernel's tables are the only place that tells, and they have to be asked.
    """
    needle = f":{port:04X} "
    tables = [Path("/proc/net", name) for name in _TABLES if name.startswith(transport)]

    async def look() -> bool:
        return any(_local(table, needle) for table in tables)

    await until(look, within=15)


def _local(table: Path, needle: str) -> bool:
    lines = table.read_text(encoding="ascii").splitlines()[1:]
    return any(needle in f"{line.split()[1]} " for line in lines)
