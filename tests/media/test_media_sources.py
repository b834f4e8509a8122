"""The kernel's filter: which sources a socket hears."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from callrouter.media.worker import socket_filter as sources
from callrouter.media.worker.socket_filter import Place


class Ring:
    """One socket that hears, and three that send: two of one address, one of another."""

    def __init__(self, stack: ExitStack) -> None:
        self._opened = stack
        self._ear = self._bind("127.0.0.1")
        self._mouths = [self._bind(host) for host in ("127.0.0.1", "127.0.0.1", "127.0.0.2")]
        self.bound: Place = self._ear.getsockname()
        self.a, self.b, self.c = (mouth.getsockname() for mouth in self._mouths)

    def _bind(self, host: str) -> socket.socket:
        found = self._opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        found.bind((host, 0))
        found.setblocking(False)
        return found

    def heard(self) -> set[Place]:
        """Who is heard when all send. On loopback a datagram is there when it was sent."""
        for mouth in self._mouths:
            mouth.sendto(b"x", self.bound)
        found = set()
        while True:
            try:
                found.add(self._ear.recvfrom(16)[1])
            except BlockingIOError:
                return found


@pytest.fixture
def ring() -> Iterator[Ring]:
    with ExitStack() as stack:
        yield Ring(stack)


def test_only_named_sources_are_heard_or_all_but_these(ring: Ring) -> None:
    sources.take_only(ring.bound, [ring.b])
    assert ring.heard() == {ring.b}
    sources.take_only(ring.bound, [ring.a, ring.c])
    assert ring.heard() == {ring.a, ring.c}
    sources.take_only(ring.bound, [("127.0.0.1", 0)])
    assert ring.heard() == {ring.a, ring.b}
    sources.take_only(ring.bound, [("127.0.0.2", ring.a[1]), ("127.0.0.2", 0)])
    assert ring.heard() == {ring.c}
    sources.take_only(ring.bound, [])
    assert ring.heard() == set()
    sources.take_all_but(ring.bound, [ring.b, ("127.0.0.2", 0)])
    assert ring.heard() == {ring.a}
    sources.take_all_but(ring.bound, [])
    assert ring.heard() == {ring.a, ring.b, ring.c}


def test_place_where_no_socket_is_bound_is_an_error(ring: Ring) -> None:
    with pytest.raises(OSError, match=r"no socket is bound to 127\.0\.0\.2:"):
        sources.take_only(("127.0.0.2", ring.bound[1]), [])
