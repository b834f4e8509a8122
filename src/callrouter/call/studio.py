"""What calls need to speak and to record: the workers, and the archive."""

from callrouter.call.keeping import Keeping
from callrouter.call.media import MediaPool
from callrouter.call.unconfirmed import MediaHosts


class Studio:
    """pool, keeping: None where there is no media. hosts: where callers had their media."""

    __slots__ = ("hosts", "keeping", "pool")

    def __init__(self, pool: MediaPool | None = None, keeping: Keeping | None = None) -> None:
        self.pool = pool
        self.keeping = keeping
        self.hosts = MediaHosts()
