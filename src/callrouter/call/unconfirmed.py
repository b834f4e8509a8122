"""Callers that may not be where they say that their media is to go (decision 21).

An INVITE over UDP can be sent in another's name, and what it describes can be anybody's address. So
the worker sends little there until the caller has shown that it gets what we send: by anything that
names our tag, which nobody can guess (RFC 3261 section 19.3).
"""

from typing import Final

from callrouter.call.session import Session

_MOST: Final = 4096


class MediaHosts:
    """Where callers that showed themselves had their media, the last of them.

    Many carriers send neither RTP nor a PRACK before the answer; their callers hear early media in
    full all the same, from the second call on. In memory alone.
    """

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], None] = {}

    def met(self, source: str, host: str) -> None:
        """A caller at the address `source`, with its media at `host`, showed itself."""
        for pair in ((source, source), (source, host)):
            self._pairs.pop(pair, None)
            self._pairs[pair] = None
        while len(self._pairs) > _MOST:
            del self._pairs[next(iter(self._pairs))]

    def knows(self, source: str, host: str) -> bool:
        """Say whether one like it has shown itself before."""
        return (source, host) in self._pairs


class Unconfirmed:
    """A caller that has not shown itself yet. session: its own at the worker, once there is one."""

    __slots__ = ("_host", "_hosts", "_source", "session")

    def __init__(self, hosts: MediaHosts, source: str, host: str) -> None:
        self._hosts = hosts
        self._source = source
        self._host = host
        self.session: Session | None = None

    @property
    def known(self) -> bool:
        """Its like has shown itself before, so that it hears everything at once."""
        return self._hosts.knows(self._source, self._host)

    def shown(self) -> None:
        """It has shown itself."""
        self._hosts.met(self._source, self._host)
        if self.session is not None:
            self.session.slots.trust(self.session.name)
