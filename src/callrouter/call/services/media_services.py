"""Media services, which calls need to speak and to record: the workers, and the archive."""

from typing import Final

from callrouter.call.services.archive import Keeping
from callrouter.call.services.media import MediaPool
from callrouter.call.services.supervision import Conversations

_MOST_HOSTS: Final = 4096


class MediaHosts:
    """The media hosts of callers that showed themselves, the last of them.

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
        while len(self._pairs) > _MOST_HOSTS:
            del self._pairs[next(iter(self._pairs))]

    def knows(self, source: str, host: str) -> bool:
        """Say whether one like it has shown itself before."""
        return (source, host) in self._pairs


class MediaServices:
    """The media pool and the archive, as calls have them.

    pool, keeping: None where there is no media. hosts: where callers had their media. talks: the
    conversations that may be supervised, None where there are none.
    """

    __slots__ = ("hosts", "keeping", "pool", "talks")

    def __init__(self, pool: MediaPool | None = None, keeping: Keeping | None = None) -> None:
        self.pool = pool
        self.keeping = keeping
        self.hosts = MediaHosts()
        self.talks: Conversations | None = None
