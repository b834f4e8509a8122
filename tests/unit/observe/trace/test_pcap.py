"""Captures are what RFC 791, 8200 and 768 and the format of pcap say, read by struct."""

import struct

import pytest

from callrouter.observe.trace.pcap import FILE_HEAD, packet
from callrouter.observe.trace.trace_entries import TracedMessage

AT = 1_433_719_443_000_979_123


def traced(local: str, remote: str, *, sent: bool, data: bytes = b"OPTIONS") -> TracedMessage:
    return TracedMessage(AT, sent, "UDP", (local, 5060), (remote, 5080), data)


def ones(data: bytes) -> int:
    """The sum that a receiver checks: 0xffff when all is right."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_file_begins_as_one_of_raw_packets_in_nanoseconds() -> None:
    assert struct.unpack("<IHHiIII", FILE_HEAD) == (0xA1B23C4D, 2, 4, 0, 0, 262144, 101)


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("data", [b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", b"odd", b""])
def test_ipv4_packet_has_its_addresses_and_sums(sent: bool, data: bytes) -> None:
    made = packet(traced("192.0.2.1", "192.0.2.9", sent=sent, data=data))
    assert struct.unpack("<IIII", made[:16]) == (1_433_719_443, 979_123, *[28 + len(data)] * 2)
    ip = made[16:]
    assert (ip[0], struct.unpack(">H", ip[2:4])[0], ip[9]) == (0x45, len(ip), 17)
    assert ones(ip[:20]) == 0xFFFF
    ends = [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 9])]
    ports = [5060, 5080]
    assert [ip[12:16], ip[16:20]] == (ends if sent else ends[::-1])
    assert list(struct.unpack(">HH", ip[20:24])) == (ports if sent else ports[::-1])
    assert ones(ip[12:20] + struct.pack(">HH", 17, len(ip) - 20) + ip[20:]) == 0xFFFF
    assert ip[28:] == data


def test_ipv6_packet_has_its_addresses_and_sum() -> None:
    ip = packet(traced("2001:db8::1", "fe80::9%eth0", sent=True))[16:]
    assert (ip[0] >> 4, struct.unpack(">H", ip[4:6])[0], ip[6]) == (6, len(ip) - 40, 17)
    assert ip[8:24].hex() == "20010db8000000000000000000000001"
    assert ip[24:40].hex() == "fe800000000000000000000000000009"
    assert ones(ip[8:40] + struct.pack(">II", len(ip) - 40, 17) + ip[40:]) == 0xFFFF
    assert ip[48:] == b"OPTIONS"


def test_what_no_datagram_has_room_for_is_cut_and_said_to_be() -> None:
    made = packet(traced("192.0.2.1", "192.0.2.9", sent=True, data=b"x" * 70_000))
    kept, whole = struct.unpack("<II", made[8:16])
    assert (kept, whole) == (65_535, 70_028)
    assert len(made) == 16 + kept


@pytest.mark.parametrize(("local", "remote"), [("sip.example", "192.0.2.9"), ("::1", "192.0.2.9")])
def test_address_that_does_not_fit_is_the_unspecified_one(local: str, remote: str) -> None:
    assert packet(traced(local, remote, sent=True))[16 + 12 : 16 + 16] == bytes(4)
