"""Trunk identification by source address: longest prefix wins, in one look-up once known."""

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from callrouter.route.rules.number_rules import Trunk
from callrouter.route.rules.prefix_table import Networks
from callrouter.route.values.plan import Verdict
from callrouter.serializable import Serializable

# Known addresses kept. A flood of spoofed sources empties the cache now and then and no more: an
# address that is not in it costs a few microseconds.
_KEPT: Final = 4096


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
        self._known: dict[str, IdentifiedTrunk | None] = {}

    def find(self, source: str) -> IdentifiedTrunk | None:
        """Return the origin of a source IP address, None when no trunk has it or it is no IP."""
        try:
            return self._known[source]
        except KeyError:
            pass
        origin = self._search(source)
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[source] = origin
        return origin

    def _search(self, source: str) -> IdentifiedTrunk | None:
        network = self._networks.find(source)
        if network is None:
            return None
        trunk = network.trunk
        why = f"the source address is in {network.cidr}"
        verdict = Verdict(f"trunk {trunk.name}", True, source, why, trunk.file, network.line)
        return IdentifiedTrunk(trunk=trunk, verdict=verdict)
