"""The softphone's process; `support.softphone` has its other end. Its orders come on fd 0."""

import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

from callrouter.media.protocol import LineBuffer, encode
from callrouter.media.sounds import wav

_DIRECTIONS = {
    "inactive": pj.PJMEDIA_DIR_NONE,
    "sendonly": pj.PJMEDIA_DIR_ENCODING,
    "recvonly": pj.PJMEDIA_DIR_DECODING,
    "sendrecv": pj.PJMEDIA_DIR_ENCODING_DECODING,
}
_NAMES = {number: name for name, number in _DIRECTIONS.items()}
_METHODS = {
    "rfc4733": pj.PJSUA_DTMF_METHOD_RFC2833,
    "info": pj.PJSUA_DTMF_METHOD_SIP_INFO,
}
_STATES = {
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}
_KEY_MS = 100
_NOT_YET = {70013, 171141}  # PJ_EINVALIDOP, PJSIP_ESESSIONSTATE: pjsua2 does not name them


class PhoneCall(pj.Call):
    """Says what happens to it."""

    def __init__(self, phone: "Phone", number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, number)
        self._phone = phone

    def onCallState(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        info = self.getInfo()
        if info.state in _STATES:
            state = _STATES[info.state]
            self._phone.say(event="state", state=state, status=info.lastStatusCode)

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        self._phone.changed = True

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        self._phone.say(event="digit", digit=prm.digit, method=prm.method)


class PhonePlayer(pj.AudioMediaPlayer):
    """Says when it is at its end."""

    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self._phone = phone

    def onEof2(self) -> None:  # noqa: N802  # PJSIP's name
        # By a thread of PJSIP's: the loop says it.
        self._phone.played.append(self)


class PhoneAccount(pj.Account):
    """Takes one call at a time."""

    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self._phone = phone

    def onRegState(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        active = self.getInfo().regIsActive
        self._phone.say(event="registered", status=prm.code, active=active)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802  # PJSIP's name
        self._phone.arrived(PhoneCall(self._phone, prm.callId), prm.rdata.wholeMsg)


class Phone:
    """One phone."""

    def __init__(self, port: int, user: str) -> None:
        self._channel = socket.socket(fileno=0)
        self._lines = LineBuffer()
        self.changed = False
        self.played: deque[PhonePlayer] = deque()
        self._old: list[Any] = []
        self._dialog: PhoneCall | None = None
        self._player: Any = None
        self._recorder: Any = None
        self._recorded = Path()
        self._tones: Any = None
        self._answer_after: float | None = None
        self._answer_at = 0.0
        self._endpoint = pj.Endpoint()
        self._endpoint.libCreate()
        self._endpoint.libInit(_library())
        self._endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.port = port
        transport.boundAddress = "127.0.0.1"
        number = self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self._endpoint.libStart()
        codecs = self._endpoint.codecEnum2()
        for codec in codecs:
            if not codec.codecId.startswith(("PCMU/8000", "PCMA/8000")):
                self._endpoint.codecSetPriority(codec.codecId, 0)
        self.account = PhoneAccount(self)
        self.account.create(_account(f"sip:{user}@127.0.0.1"), True)
        self._silence = self._endpoint.audDevManager().getCaptureDevMedia()
        address = self._endpoint.transportGetInfo(number).localAddress
        self.say(event="ready", port=int(address.rpartition(":")[2]))
        self._channel.setblocking(False)

    def say(self, **fields: Any) -> None:
        fields["at"] = time.monotonic()
        self._channel.setblocking(True)
        self._channel.sendall(encode(fields))
        self._channel.setblocking(False)

    def run(self) -> None:
        while True:
            self._endpoint.libHandleEvents(5)
            if self.changed:
                self.changed = False
                self._say_media()
                self._connect()
            while self.played:
                self.played.popleft()
                self.say(event="played")
            if self._answer_at and time.monotonic() >= self._answer_at:
                self._answer_at = 0.0
                self._answer({"status": 200})
            try:
                data = self._channel.recv(65536)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return
            if not data:
                return
            for order in self._lines.feed(data):
                self._obey(order)

    def _obey(self, order: dict[str, Any]) -> None:
        try:
            getattr(self, f"_{order['do']}")(order)
        except (pj.Error, OSError, ValueError) as error:
            self.say(done=order["id"], error=getattr(error, "reason", str(error)))
        else:
            self.say(done=order["id"])

    # Calls.

    def arrived(self, call: PhoneCall, request: str) -> None:
        self.say(event="incoming", request=request)
        if self._dialog is not None and self._dialog.isActive():
            refusal = pj.CallOpParam()
            refusal.statusCode = 486
            self._old.append(call)
            call.answer(refusal)
            return
        self._old.append(self._dialog)
        self._dialog = call
        if self._answer_after is not None:
            self._answer({"status": 180})
            self._answer_at = time.monotonic() + self._answer_after

    def _the_call(self) -> PhoneCall:
        if self._dialog is None or not self._dialog.isActive():
            raise ValueError("there is no call")
        return self._dialog

    def _register(self, order: dict[str, Any]) -> None:
        config = _account(f"sip:{order['user']}@{order['registrar']}")
        config.regConfig.registrarUri = f"sip:{order['registrar']}"
        config.regConfig.timeoutSec = order["expires"]
        secret = pj.AuthCredInfo("digest", "*", order["user"], 0, order["password"])
        config.sipConfig.authCreds.append(secret)
        self.account.modify(config)

    def _unregister(self, order: dict[str, Any]) -> None:
        self.account.setRegistration(False)

    def _answering(self, order: dict[str, Any]) -> None:
        self._answer_after = order["after"]

    def _call(self, order: dict[str, Any]) -> None:
        self._old.append(self._dialog)
        self._dialog = PhoneCall(self)
        how = _how(order["direction"])
        if not order["offer"]:
            how.opt.flag |= pj.PJSUA_CALL_NO_SDP_OFFER
        for name, value in order["headers"].items():
            header = pj.SipHeader()
            header.hName, header.hValue = name.replace("_", "-"), value
            how.txOption.headers.push_back(header)
        self._dialog.makeCall(order["uri"], how)

    def _answer(self, order: dict[str, Any]) -> None:
        how = pj.CallOpParam(True)
        how.statusCode = order["status"]
        self._the_call().answer(how)

    def _hang_up(self, order: dict[str, Any]) -> None:
        how = pj.CallOpParam()
        how.statusCode = order["status"]
        self._answer_at = 0.0
        self._the_call().hangup(how)

    def _insist(self, ask: Callable[[PhoneCall], None]) -> None:
        """Ask inside the call as soon as that may be.

        PJSIP refuses it as long as a callee has no ACK yet, and while another request is under way.
        """
        deadline = time.monotonic() + 20
        while True:
            try:
                ask(self._the_call())
            except pj.Error as error:
                if error.status not in _NOT_YET or time.monotonic() > deadline:
                    raise
                self._endpoint.libHandleEvents(5)
            else:
                return

    def _transfer(self, order: dict[str, Any]) -> None:
        self._insist(lambda call: call.xfer(order["to"], pj.CallOpParam(True)))

    def _join(self, order: dict[str, Any]) -> None:
        before = [call for call in self._old if isinstance(call, PhoneCall) and call.isActive()]
        self._insist(lambda call: before[-1].xferReplaces(call, pj.CallOpParam(True)))

    def _hold(self, order: dict[str, Any]) -> None:
        self._insist(lambda call: call.setHold(pj.CallOpParam(True)))

    def _reinvite(self, order: dict[str, Any]) -> None:
        how = _how(order["direction"])
        how.opt.flag |= pj.PJSUA_CALL_UNHOLD
        self._insist(lambda call: call.reinvite(how))

    # Sound.

    def _audio(self) -> Any:
        if self._dialog is None or not self._dialog.isActive():
            return None
        try:
            return self._dialog.getAudioMedia(-1)
        except pj.Error:
            return None

    def _connect(self) -> None:
        audio = self._audio()
        if audio is None:
            return
        self._silence.startTransmit(audio)
        if self._player is not None:
            self._player.startTransmit(audio)
        if self._recorder is not None:
            audio.startTransmit(self._recorder)

    def _say_media(self) -> None:
        if self._dialog is None or not self._dialog.isActive():
            return
        # Kept: `media` is a part of it, not a copy.
        info = self._dialog.getInfo()
        for index, media in enumerate(info.media):
            fields = {"direction": _NAMES[media.dir & pj.PJMEDIA_DIR_ENCODING_DECODING]}
            if media.dir:
                fields["remote"] = self._dialog.getStreamInfo(index).remoteRtpAddress
                fields["codec"] = self._dialog.getStreamInfo(index).codecName
                fields["local"] = self._dialog.getMedTransportInfo(index).localRtpName
            self.say(event="media", **fields)

    def _press(self, order: dict[str, Any]) -> None:
        if order["method"] != "inband":
            keys = pj.CallSendDtmfParam()
            keys.method = _METHODS[order["method"]]
            keys.digits = order["digits"]
            keys.duration = _KEY_MS
            self._the_call().sendDtmf(keys)
            return
        digits = pj.ToneDigitVector()
        for key in order["digits"]:
            digit = pj.ToneDigit()
            digit.digit, digit.on_msec, digit.off_msec = key, _KEY_MS, _KEY_MS
            digits.append(digit)
        if self._tones is None:
            self._tones = pj.ToneGenerator()
            self._tones.createToneGenerator(8000)
        self._tones.startTransmit(self._audio())
        self._tones.playDigits(digits)

    def _play(self, order: dict[str, Any]) -> None:
        self._stop(order)
        self._player = PhonePlayer(self)
        self._player.createPlayer(order["file"], 0 if order["loop"] else pj.PJMEDIA_FILE_NO_LOOP)
        self._connect()

    def _stop(self, order: dict[str, Any]) -> None:
        audio = self._audio()
        if self._player is not None and audio is not None:
            self._player.stopTransmit(audio)
        # Never destroyed: PJSIP may still be about to call it.
        self._old.append(self._player)
        self._player = None

    def _record(self, order: dict[str, Any]) -> None:
        self._recorded = Path(order["file"])
        self._recorder = pj.AudioMediaRecorder()
        self._recorder.createRecorder(order["file"])
        self._silence.startTransmit(self._recorder)
        self._connect()

    def _stop_recording(self, order: dict[str, Any]) -> None:
        self._recorder = None
        deadline = time.monotonic() + 20
        while not wav.is_closed(self._recorded):
            self._endpoint.libHandleEvents(5)
            if time.monotonic() > deadline:
                raise ValueError("the recording does not close")


def _how(direction: str) -> Any:
    how = pj.CallOpParam(True)
    how.opt.videoCount = 0
    if direction:
        how.opt.flag |= pj.PJSUA_CALL_SET_MEDIA_DIR
        how.opt.mediaDir = pj.IntVector([_DIRECTIONS[direction]])
    return how


def _account(uri: str) -> Any:
    config = pj.AccountConfig()
    config.idUri = uri
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    config.mediaConfig.lockCodecEnabled = False
    config.natConfig.iceEnabled = False
    return config


def _library() -> Any:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = config.logConfig.consoleLevel = 1
    media = config.medConfig
    media.clockRate = media.sndClockRate = 8000
    media.hasIoqueue = False
    media.threadCnt = 0
    media.noVad = True
    media.ecTailLen = 0
    media.sndAutoCloseTime = -1
    return config


if __name__ == "__main__":
    Phone(int(sys.argv[1]), sys.argv[2]).run()
    # No destructors: pjsua2's would come in the wrong order.
    os._exit(0)
