"""The directory of who is responsible for a caller, as systems outside know it."""

from typing import Protocol

from callrouter.pending import Later
from callrouter.route.values.external_lookup import Lookup, LookupAnswer


class Directory(Protocol):
    """A directory. What has failed is an answer, too: it says why nobody is known."""

    def find(self, lookup: Lookup, caller: str) -> Later[LookupAnswer]:
        """Say who is responsible for a caller."""
