"""Callers that may not be where they say that their media is to go (decision 21).

An INVITE over UDP can be sent in another's name, and what it describes can be anybody's address. So
the worker sends little there until the caller has shown that it gets what we send: by anything that
names our tag, which nobody can guess (RFC 3261 section 19.3).
"""

from collections.abc import Callable

from callrouter.call.services.media_services import MediaHosts


class Unconfirmed:
    """A caller that has not shown itself yet.

    trust: tells the worker that it has, None before it has a session there.
    """

    __slots__ = ("_host", "_hosts", "_source", "trust")

    def __init__(self, hosts: MediaHosts, source: str, host: str) -> None:
        self._hosts = hosts
        self._source = source
        self._host = host
        self.trust: Callable[[], None] | None = None

    @property
    def known(self) -> bool:
        """Its like has shown itself before, so that it hears everything at once."""
        return self._hosts.knows(self._source, self._host)

    def shown(self) -> None:
        """It has shown itself."""
        self._hosts.met(self._source, self._host)
        if self.trust is not None:
            self.trust()
