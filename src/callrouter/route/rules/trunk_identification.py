"""Trunk identification by source address: longest prefix wins, in one look-up once known."""

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.recent_cache import RecentCache
from callrouter.route.rules.number_rules import Trunk
from callrouter.route.rules.prefix_table import Networks
from callrouter.route.values.plan import Verdict
from callrouter.serializable import Serializable

_KEPT: Final = 4096
"""Addresses that are known, those of strangers too."""


@dataclass(slots=True, kw_only=True)
class Network(Serializable):
    """A line under a trunk's `addresses:`. cidr: canonical, such as 127.0.0.0/8 or ::1/128."""

    cidr: str
    trunk: Trunk
    line: int


@dataclass(slots=True, kw_only=True)
class IdentifiedTrunk(Serializable):
    """The trunk of one source address and the verdict that says why."""

    trunk: Trunk
    verdict: Verdict


@mypyc_attr(allow_interpreted_subclasses=True)
class SourceIndex(Serializable):
    """All networks of a dialplan."""

    def __init__(self, networks: list[Network]) -> None:
        self._networks = Networks((network.cidr, network) for network in networks)
        self._known = RecentCache[str, tuple[IdentifiedTrunk | None]](_KEPT)

    def find(self, source: str) -> IdentifiedTrunk | None:
        """Return the origin of a source IP address, None when no trunk has it or it is no IP."""
        known = self._known.newer.get(source) or self._known.get(source)
        if known is None:
            known = (self._search(source),)
            self._known.put(source, known)
        return known[0]

    def _search(self, source: str) -> IdentifiedTrunk | None:
        network = self._networks.find(source)
        if network is None:
            return None
        trunk = network.trunk
        why = f"the source address is in {network.cidr}"
        verdict = Verdict(f"trunk {trunk.name}", True, source, why, trunk.file, network.line)
        return IdentifiedTrunk(trunk=trunk, verdict=verdict)
