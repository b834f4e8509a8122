"""Capture files (pcap) of traced messages, for Wireshark, tshark and sngrep.

A packet is IPv4 or IPv6 and UDP around one message, with the addresses, the ports and the time of
the trace, in nanoseconds. Messages of TCP and TLS are in UDP as well, as they were cut from the
stream: there is no handshake to show, and what was encrypted is readable. What no datagram has room
for is cut off. Where we are known by a name, the packet has 0.0.0.0 or ::.
"""

from ipaddress import IPv6Address, ip_address
from struct import Struct, pack
from typing import Final

from callrouter.observe.trace.trace_entries import TracedMessage

FILE_HEAD: Final = pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 101)
"""Nanoseconds, version 2.4, and LINKTYPE_RAW: packets begin with IP."""

_PACKET: Final = Struct("<IIII")
_IPV4: Final = Struct(">BBHHHBBH4s4s")
_IPV6: Final = Struct(">IHBB16s16s")
_UDP: Final = Struct(">HHHH")
_UDP_NUMBER: Final = 17
_HOPS: Final = 64
_DONT_FRAGMENT: Final = 0x4000
_MOST: Final = 65_535 - 20 - 8
"""Bytes of a message in a packet: what IPv4 leaves."""
_SECOND: Final = 1_000_000_000


def packet(message: TracedMessage) -> bytes:
    """A message as a packet of a capture file."""
    local, remote = message.local, message.remote
    (source, from_port), (target, to_port) = (local, remote) if message.sent else (remote, local)
    data = message.data[:_MOST]
    sixth = ":" in remote[0]
    ends = _address(source, sixth=sixth) + _address(target, sixth=sixth)
    size = _UDP.size + len(data)
    # The sum is over a pseudo header, too (RFC 768, RFC 8200 section 8.1); 0 would say none.
    start = ends + pack(">II", size, _UDP_NUMBER)
    udp = _UDP.pack(from_port, to_port, size, 0)
    body = _UDP.pack(from_port, to_port, size, _sum(start + udp + data) or 0xFFFF) + data
    if sixth:
        head = _IPV6.pack(6 << 28, size, _UDP_NUMBER, _HOPS, ends[:16], ends[16:])
    else:
        fields = (0x45, 0, 20 + size, 0, _DONT_FRAGMENT, _HOPS, _UDP_NUMBER)
        check = _sum(_IPV4.pack(*fields, 0, ends[:4], ends[4:]))
        head = _IPV4.pack(*fields, check, ends[:4], ends[4:])
    whole = len(head) + len(body)
    cut = len(message.data) - len(data)
    return _PACKET.pack(*divmod(message.at, _SECOND), whole, whole + cut) + head + body


def _address(host: str, *, sixth: bool) -> bytes:
    """An address of one of both families; one that is none, or of the other, is the unspecified."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return bytes(16 if sixth else 4)
    if isinstance(found, IPv6Address) == sixth:
        return found.packed
    return bytes(16 if sixth else 4)


def _sum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(Struct(f">{len(data) // 2}H").unpack(data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
