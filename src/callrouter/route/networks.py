"""Whether an address is in one of many networks: one look-up for each length of prefix."""

import ipaddress
from collections.abc import Iterable


class Networks:
    """Networks of both IP versions, such as 192.0.2.0/24 and 2001:db8::/32."""

    __slots__ = ("_levels",)

    def __init__(self, cidrs: Iterable[str]) -> None:
        tables: dict[tuple[int, int], set[int]] = {}
        for cidr in cidrs:
            parsed = ipaddress.ip_network(cidr)
            host_bits = parsed.max_prefixlen - parsed.prefixlen
            tables.setdefault((parsed.version, host_bits), set()).add(int(parsed.network_address))
        self._levels = [(version, bits, table) for (version, bits), table in tables.items()]

    def has(self, source: str) -> bool:
        """Say whether an IP address is in one of them; an IPv4 address may be mapped into IPv6."""
        address = ipaddress.ip_address(source)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        value = int(address)
        return any(
            version == address.version and value >> bits << bits in table
            for version, bits, table in self._levels
        )
