"""Kernel filter of a UDP socket of PJSIP: from whom it takes datagrams (socket(7)).

PJSIP hands its sockets to nobody, so one is found among the descriptors of the process by where it
is bound. What the filter drops wakes no one and costs PJSIP nothing.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

Place = tuple[str, int]
"""An IPv4 address and a port; port 0 is any."""

_DESCRIPTORS: Final = Path("/proc/self/fd")
_ATTACH_FILTER: Final = 26

# The kernel's `struct sock_filter` and `struct sock_fprog`, and their codes (linux/filter.h).
_INSTRUCTION: Final = struct.Struct("HBBI")
_PROGRAM: Final = struct.Struct("HP")
_LOAD_WORD: Final = 0x20
_LOAD_HALF: Final = 0x28
_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_DROP: Final = 0
_TAKE: Final = 0xFFFFFFFF
_SOURCE_ADDRESS: Final = 0xFFF00000 + 12  # of the IP header
_SOURCE_PORT: Final = 0  # of the UDP header

_ADDRESS: Final = struct.Struct("=HH4s")  # the beginning of a `struct sockaddr_in`
_NAME_BYTES: Final = 16
_libc: Final = ctypes.CDLL(None)


def take_only(bound: Place, sources: Sequence[Place]) -> None:
    """Let the socket that is bound to a place take what these sources send, and nothing else.

    Raises OSError when there is no such socket.
    """
    _attach(bound, _program(sources, _TAKE, _DROP))


def take_all_but(bound: Place, sources: Sequence[Place]) -> None:
    """Let it take what anybody sends, but for these. Raises OSError as `take_only`."""
    _attach(bound, _program(sources, _DROP, _TAKE))


def empty(bound: Place) -> None:
    """Drop what has come to it and was not read yet. Raises OSError as `take_only`."""
    with _found(bound) as found, suppress(BlockingIOError):
        while True:
            found.recv(1, socket.MSG_DONTWAIT)


def _attach(bound: Place, program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    count = len(program) // _INSTRUCTION.size
    with _found(bound) as found:
        found.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, _PROGRAM.pack(count, ctypes.addressof(code))
        )


def _program(sources: Iterable[Place], these: int, others: int) -> bytes:
    """What is done with what has the address and the port of one of the sources, and the others."""
    rows: list[tuple[int, int, int, int]] = []
    for host, port in sources:
        (address,) = struct.unpack("!I", socket.inet_aton(host))
        rows.append((_LOAD_WORD, 0, 0, _SOURCE_ADDRESS))
        # The numbers in the middle: so many instructions are skipped if so, and if not.
        rows.append((_IF_EQUAL, 0, 3 if port else 1, address))
        if port:
            rows.append((_LOAD_HALF, 0, 0, _SOURCE_PORT))
            rows.append((_IF_EQUAL, 0, 1, port))
        rows.append((_RETURN, 0, 0, these))
    rows.append((_RETURN, 0, 0, others))
    return b"".join(_INSTRUCTION.pack(*row) for row in rows)


def _found(bound: Place) -> socket.socket:
    """A second descriptor of the socket, to be closed. Raises OSError when there is none."""
    host, port = bound
    wanted = _ADDRESS.pack(socket.AF_INET, socket.htons(port), socket.inet_aton(host))
    # Not by Python's sockets: five times slower, and a call's begin has to look often.
    name = ctypes.create_string_buffer(_NAME_BYTES)
    for number in map(int, os.listdir(_DESCRIPTORS)):
        size = ctypes.c_uint(_NAME_BYTES)
        if _libc.getsockname(number, name, ctypes.byref(size)) == 0 and name.raw.startswith(wanted):
            return socket.socket(fileno=os.dup(number))
    raise OSError(f"no socket is bound to {host}:{port}")
