"""PJSIP endpoint, set up so that little of it can be reached.

It takes SIP on loopback only and speaks G.711 and telephone-event. Video, ICE, SRTP, TLS, STUN,
DNS, presence and all other codecs are off, as each has had holes. It has no worker threads: SIP and
RTP are read where the worker's loop lets it, so that no packet arrives while a stream is being
taken down. One thread of its own keeps the time of the audio, one tells of files that ended.
"""

import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pjsua2 as pj

from callrouter.media.worker import socket_filter as sources
from callrouter.media.worker.pjsip_callbacks import Events, PjsipAccount, PjsipCall
from callrouter.media.worker.socket_filter import Place

_LOOPBACK: Final = "127.0.0.1"
_CODECS: Final = {"PCMU/8000": 255, "PCMA/8000": 254}
_MOST_CALLS: Final = 64
"""More than any build of PJSIP lets one process have; the true limit is measured."""

_MEASURE_SECONDS: Final = 5.0
_STEP_MS: Final = 5


class Engine:
    """The running library. port: where it takes SIP. rtp_host: where it takes RTP.

    events: what its callbacks noted. silence: a source that sends zeros for ever.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Start it. Raises pj.Error."""
        self.events: Events = Events()
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(_library())
        devices = self.endpoint.audDevManager()
        devices.setNullDev()
        transport = pj.TransportConfig()
        transport.port = 0
        transport.boundAddress = _LOOPBACK
        number = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        codecs = self.endpoint.codecEnum2()
        for codec in codecs:
            name = codec.codecId.rpartition("/")[0]
            self.endpoint.codecSetPriority(codec.codecId, _CODECS.get(name, 0))
        address = self.endpoint.transportGetInfo(number).localAddress
        self.port = int(address.rpartition(":")[2])
        self.rtp_host: str = config["rtp_host"]
        self.account = PjsipAccount(self.events)
        self.account.create(_account(config), True)
        self.silence = devices.getCaptureDevMedia()

    def take_only(self, places: Sequence[Place]) -> None:
        """Take SIP of these places only. Raises OSError."""
        sources.take_only((_LOOPBACK, self.port), places)

    def ports(self) -> int:
        """Count the bridge's ports in use, by PJSIP's own book: calls, players, recorders, taps."""
        return int(self.endpoint.mediaActivePorts()) - 1

    def measure(self) -> int:
        """Count the calls that this build, these limits and these ports allow. Raises TimeoutError.

        By making calls to a socket that refuses them, until PJSIP makes no more.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as refuser:
            refuser.bind((_LOOPBACK, 0))
            refuser.setblocking(False)
            target = f"sip:full@{_LOOPBACK}:{refuser.getsockname()[1]}"
            calls: list[PjsipCall] = []
            while len(calls) < _MOST_CALLS:
                call = PjsipCall(self.account, self.events, pj.PJSUA_INVALID_ID)
                try:
                    call.makeCall(target, pj.CallOpParam(True))
                except pj.Error:
                    break
                calls.append(call)
            self._refuse(refuser, calls)
        self.events.clear()
        return len(calls)

    def _refuse(self, refuser: socket.socket, calls: list[PjsipCall]) -> None:
        """Answer the calls' INVITEs with 486 until all have ended."""
        deadline = time.monotonic() + _MEASURE_SECONDS
        while any(call.isActive() for call in calls):
            if time.monotonic() > deadline:
                raise TimeoutError("the calls that measure the worker's capacity do not end")
            self.endpoint.libHandleEvents(_STEP_MS)
            try:
                request, source = refuser.recvfrom(65536)
            except BlockingIOError:
                continue
            if request.startswith(b"INVITE "):
                refuser.sendto(_busy(request), source)


def _busy(request: bytes) -> bytes:
    """RFC 3261 section 8.2.6.2: the response's headers are the request's."""
    rows = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    wanted = (b"via:", b"from:", b"call-id:", b"cseq:")
    kept = [row for row in rows if row.lower().startswith(wanted)]
    kept += [row + b";tag=full" for row in rows if row.lower().startswith(b"to:")]
    return b"\r\n".join((b"SIP/2.0 486 Busy Here", *kept, b"Content-Length: 0", b"", b""))


def _library() -> Any:
    config = pj.EpConfig()
    agent = config.uaConfig
    agent.threadCnt = 0
    agent.mainThreadOnly = True
    agent.maxCalls = _MOST_CALLS
    agent.mwiUnsolicitedEnabled = False
    agent.userAgent = ""
    log = config.logConfig
    log.level = log.consoleLevel = 1
    log.msgLogging = 0
    media = config.medConfig
    media.clockRate = media.sndClockRate = 8000
    # RTP is read by the loop too, not by a thread.
    media.hasIoqueue = False
    media.threadCnt = 0
    media.noVad = True
    media.ecTailLen = 0
    media.ptime = 20
    # The clock never stops, so that the first frame of a call waits for nothing.
    media.sndAutoCloseTime = -1
    return config


def _account(config: Mapping[str, Any]) -> Any:
    account = pj.AccountConfig()
    account.idUri = f"sip:media@{_LOOPBACK}"
    account.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
    nat = account.natConfig
    nat.iceEnabled = nat.turnEnabled = False
    nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = 0
    nat.udpKaIntervalSec = 0
    media = account.mediaConfig
    media.srtpUse = pj.PJMEDIA_SRTP_DISABLED
    media.streamKaEnabled = media.rtcpMuxEnabled = False
    # It would send offers of its own, to settle on one codec.
    media.lockCodecEnabled = False
    rtp = media.transportConfig
    rtp.port = config["rtp_low"]
    rtp.portRange = config["rtp_high"] - config["rtp_low"]
    rtp.boundAddress = config["rtp_host"]
    rtp.publicAddress = config["rtp_public"]
    account.videoConfig.autoTransmitOutgoing = False
    return account
