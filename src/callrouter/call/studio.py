"""What calls need to speak and to record: the workers, and the archive."""

from callrouter.call.keeping import Keeping
from callrouter.call.media import MediaPool


class Studio:
    """pool, keeping: None where there is no media."""

    __slots__ = ("keeping", "pool")

    def __init__(self, pool: MediaPool | None = None, keeping: Keeping | None = None) -> None:
        self.pool = pool
        self.keeping = keeping
