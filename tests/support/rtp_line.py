"""A telephone's media without a telephone: RTP of G.711 mu-law on a socket of its own (RFC 3550).

What comes is kept as it came, with the moment at which the kernel took it: so a test that is busy
does not see gaps that nobody heard.
"""

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from support.hearing import RATE, Sound
from support.polling import PATIENCE

PTIME: Final = 0.02
EVENT_PT: Final = 101
SAMPLES: Final = 160
"""In a packet of 20 ms."""

_KEYS: Final = "0123456789*#ABCD"
_SO_TIMESTAMPNS: Final = 35
_HEADER: Final = struct.Struct("!BBHII")
_EVENT: Final = struct.Struct("!BBH")
_VOLUME: Final = 10
_END: Final = 0x80
_LOUD: Final = 300.0
"""Root mean square from which a packet is heard."""

_CODES: Final = ~np.arange(256) & 0xFF
_MAGNITUDES: Final = ((((_CODES & 0x0F) << 3) + 0x84) << ((_CODES & 0x70) >> 4)) - 0x84
_DECODED: Final = np.where(_CODES & 0x80, -_MAGNITUDES, _MAGNITUDES).astype(np.float64)
"""The sample of each byte (ITU-T G.711, mu-law)."""
_ORDER: Final = np.argsort(_DECODED, kind="stable")
_EDGES: Final = (_DECODED[_ORDER][1:] + _DECODED[_ORDER][:-1]) / 2
"""Half way between two samples that can be said."""

_serial = itertools.count(1)


class Packet(NamedTuple):
    """A packet of audio. at: seconds of the wall clock, by the kernel. stamp: in samples."""

    at: float
    number: int
    stamp: int
    payload: bytes

    @property
    def is_loud(self) -> bool:
        """There is something to hear in it."""
        return _power(decoded(self.payload)) > _LOUD**2

    def has(self, hertz: int) -> bool:
        """Most of what is to be heard in it is one tone."""
        sound = decoded(self.payload)
        wave = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / RATE)
        share = float(np.abs(sound @ wave) ** 2) * 2 / max(1, len(sound)) ** 2
        return self.is_loud and share > 0.5 * _power(sound)


def _power(sound: Sound) -> float:
    return float((sound**2).mean()) if len(sound) else 0.0


class Event(NamedTuple):
    """A packet of a key (RFC 4733). kind: its payload type. samples: how long it is pressed."""

    at: float
    kind: int
    stamp: int
    key: str
    ended: bool
    samples: int


class RtpLine:
    """One socket. heard: all packets of mu-law, as they came. remote: where what is said goes.

    keys: all packets of keys, as they came. event_pt: the payload type of those it sends.
    """

    def __init__(self, event_pt: int = EVENT_PT) -> None:
        self.heard: list[Packet] = []
        self.keys: list[Event] = []
        self.event_pt = event_pt
        self.remote: tuple[str, int] | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)
        self._source = next(_serial)
        self._number = 0
        self._stamp = 0
        self._wanted: Callable[[Packet], bool] | None = None
        self._found: asyncio.Future[Packet] | None = None

    @property
    def port(self) -> int:
        """Where it hears."""
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Hear no more."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    async def until(
        self, wanted: Callable[[Packet], bool], since: float = 0.0, within: float = PATIENCE
    ) -> Packet:
        """Wait for a packet that came after a moment, which may be long ago."""
        for packet in self.heard:
            if packet.at > since and wanted(packet):
                return packet
        self._wanted = lambda packet: packet.at > since and wanted(packet)
        self._found = self._loop.create_future()
        async with asyncio.timeout(within):
            return await self._found

    async def say(self, sound: Sound) -> None:
        """Say a sound, 20 ms at a time."""
        data = encoded(sound)
        frames = [data[at : at + SAMPLES] for at in range(0, len(data), SAMPLES)]
        began = self._loop.time()
        for index, frame in enumerate(frames):
            await asyncio.sleep(began + index * PTIME - self._loop.time())
            self._send(0, self._stamp, frame, marked=index == 0)
            self._stamp += SAMPLES

    async def press(self, keys: str, seconds: float = 0.1) -> None:
        """Press keys, as events of RFC 4733."""
        packets = round(seconds / PTIME)
        for key in keys:
            for step in range(1, packets + 3):
                ended = step >= packets
                event = _EVENT.pack(
                    _KEYS.index(key), _VOLUME | (_END if ended else 0), min(step, packets) * SAMPLES
                )
                self._send(self.event_pt, self._stamp, event, marked=step == 1)
                await asyncio.sleep(PTIME)
            self._stamp += (packets + 4) * SAMPLES

    def send(self, data: bytes) -> None:
        """Send what need not be RTP."""
        assert self.remote is not None, "nobody has said where to"
        self._socket.sendto(data, self.remote)

    def _send(self, kind: int, stamp: int, payload: bytes, *, marked: bool) -> None:
        if self.remote is None or self._socket.fileno() < 0:
            return
        self._number += 1
        head = _HEADER.pack(
            0x80, kind | (0x80 if marked else 0), self._number & 0xFFFF, stamp, self._source
        )
        try:
            self._socket.sendto(head + payload, self.remote)
        except ConnectionRefusedError:
            return  # an ICMP error of an earlier one: whom we spoke to has gone

    def _read(self) -> None:
        try:
            data, extra, _, _ = self._socket.recvmsg(2048, 64)
        except (BlockingIOError, ConnectionRefusedError):
            return
        _, kind, number, stamp, _ = _HEADER.unpack_from(data)
        at = time.time()
        for _, _, value in extra:
            seconds, nanoseconds = struct.unpack("qq", value)
            at = seconds + nanoseconds / 1e9
        if kind & 0x7F:
            # Otherwise it is RTCP of somebody's next port.
            if len(data) == _HEADER.size + _EVENT.size:
                key, volume, samples = _EVENT.unpack_from(data, _HEADER.size)
                ended = bool(volume & _END)
                self.keys.append(Event(at, kind & 0x7F, stamp, _KEYS[key], ended, samples))
            return
        packet = Packet(at, number, stamp, data[_HEADER.size :])
        self.heard.append(packet)
        if self._wanted is not None and self._wanted(packet):
            self._wanted = None
            if self._found is not None and not self._found.done():
                self._found.set_result(packet)


def decoded(data: bytes) -> Sound:
    """The samples of mu-law."""
    return np.asarray(_DECODED[np.frombuffer(data, dtype=np.uint8)])


def encoded(sound: Sound) -> bytes:
    """Mu-law of samples, each the nearest there is."""
    return bytes(_ORDER[np.searchsorted(_EDGES, sound)].astype(np.uint8))


def first_sound(packets: list[Packet]) -> float:
    """When the first packet came in which something is to be heard; infinite for none."""
    return next((packet.at for packet in packets if packet.is_loud), float("inf"))


def arrival_gap(packets: list[Packet], since: float = 0.0, until: float = float("inf")) -> float:
    """The longest time between two packets, by their arrival, in a stretch of time."""
    times = [packet.at for packet in packets if since <= packet.at <= until]
    return max((later - sooner for sooner, later in itertools.pairwise(times)), default=0.0)


def lost_sound(packets: list[Packet]) -> float:
    """The longest time that two packets lie apart by their time stamps, in the order of arrival."""
    pairs = itertools.pairwise(packets)
    return max((abs(two.stamp - one.stamp) / RATE for one, two in pairs), default=0.0)


def sound_of(packets: list[Packet]) -> Sound:
    """What was heard, one packet after the other."""
    return decoded(b"".join(packet.payload for packet in packets))
