"""A prefix table of many networks that an IP address may be in: one look-up for each length."""

import ipaddress
from collections.abc import Iterable
from typing import Generic, TypeVar

from mypy_extensions import mypyc_attr

from callrouter.serializable import Serializable

Value = TypeVar("Value")


@mypyc_attr(allow_interpreted_subclasses=True)
class Networks(Serializable, Generic[Value]):
    """Networks of both IP versions, such as 192.0.2.0/24 and 2001:db8::/32, each with a value."""

    __slots__ = ("_levels",)

    def __init__(self, networks: Iterable[tuple[str, Value]]) -> None:
        tables: dict[tuple[int, int], dict[int, Value]] = {}
        for cidr, value in networks:
            parsed = ipaddress.ip_network(cidr)
            table = tables.setdefault((parsed.version, parsed.prefixlen), {})
            table[int(parsed.network_address)] = value
        self._levels: dict[int, list[tuple[int, dict[int, Value]]]] = {4: [], 6: []}
        for (version, length), table in sorted(tables.items(), reverse=True, key=lambda it: it[0]):
            host_bits = (32 if version == 4 else 128) - length
            self._levels[version].append((host_bits, table))

    def find(self, source: str) -> Value | None:
        """The value of the longest prefix that has an IP address; None for none, or for no IP."""
        try:
            address = ipaddress.ip_address(source)
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # what a dual-stack socket reports for an IPv4 peer
        number = int(address)
        for host_bits, table in self._levels[address.version]:
            value = table.get(number >> host_bits << host_bits)
            if value is not None:
                return value
        return None
