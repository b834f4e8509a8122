"""What goes to the address that an INVITE names for its media, before anybody is known to be there.

Decision 21: an INVITE in another's name is worth no flood to a third party, and who is there hears
everything.
"""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import pytest_asyncio
from support import hearing
from support.message import SDP, Message
from support.phone import Phone
from support.polling import until
from support.ports import free_port
from support.rtp_line import PTIME, RtpLine
from support.serving import Serving, lay_out
from support.stream_phone import StreamPhone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_THIRD: Final = "127.0.0.77"
_BYTES: Final = 5000
"""That an INVITE may cause to a third party, RTP and RTCP: some ten times its own."""
_PROMPT_SECONDS: Final = 3.0
_UNKNOWN, _LONG = "127.0.0.10", 1500
"""An address that has called nobody yet, and the hertz of the prompt."""

_DIALPLAN: Final = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/24]}}
targets: {silent: {uri: "sip:service@127.0.0.1:%d", ring: 4s}}
prompts: {long: {tone: {hertz: 1500, for: 3s}}}
numbers:
  "5001": {route: [{play: long, answer: false}]}
  "5002": {route: [{play: long}, {play: long}]}
  "5003": {record: {notice: false}, route: [{greet: {prompts: long}, hunt: [silent]}]}
"""


class ThirdParty:
    """Whose address the INVITE names: its ports of RTP and RTCP, and what has come to both."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.bytes = 0
        self._loop = asyncio.get_running_loop()
        self._sockets = []
        for at in (port, port + 1):
            bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            bound.bind((_THIRD, at))
            bound.setblocking(False)
            self._loop.add_reader(bound, self._read, bound)
            self._sockets.append(bound)

    def _read(self, bound: socket.socket) -> None:
        self.bytes += len(bound.recv(4096))

    def sdp(self) -> str:
        return SDP.replace("40000", str(self.port)).replace("127.0.0.1", _THIRD)

    def close(self) -> None:
        for bound in self._sockets:
            self._loop.remove_reader(bound)
            bound.close()


class Office:
    """The callrouter, and who calls it."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.parties: list[Phone] = []
        self.lines: list[RtpLine] = []

    async def caller(self, host: str, *, tcp: bool = False) -> tuple[Phone, RtpLine]:
        """Somebody at an address, and its media, which is at 127.0.0.1."""
        server = ("127.0.0.1", self.serving.place.port)
        if tcp:
            phone: Phone = await StreamPhone.connect(server, host=host)
        else:
            phone = await Phone.open(host, free_port(), server)
        line = RtpLine()
        self.parties.append(phone)
        self.lines.append(line)
        return phone, line

    async def over(self, count: int) -> None:
        """Wait until so many calls have their record."""

        async def all_of_them() -> bool:
            return len(self.serving.place.records()) >= count

        await until(all_of_them)


@pytest_asyncio.fixture(loop_scope="session")
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    silent = free_port()
    place = lay_out(tmp_path, _DIALPLAN % silent)
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 1, 2))
    opened = Office(await Serving.start(place))
    opened.parties.append(await Phone.open("127.0.0.1", silent, ("127.0.0.1", place.port)))
    yield opened
    for party in opened.parties:
        await party.close()
    for line in opened.lines:
        line.close()
    log = opened.serving.log()

    await opened.serving.stop()
    shutil.rmtree(shared)
    assert "Traceback" not in log, log


@pytest_asyncio.fixture(loop_scope="session")
async def third() -> AsyncIterator[ThirdParty]:
    party = ThirdParty(free_port())
    yield party
    party.close()


def described(line: RtpLine) -> str:
    return SDP.replace("40000", str(line.port))


def heard_seconds(line: RtpLine) -> float:
    """How much of the prompt was heard."""
    return sum(packet.has(_LONG) for packet in line.heard) * PTIME


async def stopped(line: RtpLine) -> None:
    """Wait until nothing comes any more."""
    await line.until(lambda packet: packet.has(_LONG))

    async def quiet() -> bool:
        return time.time() - line.heard[-1].at > 10 * PTIME

    await until(quiet)


def learn(line: RtpLine, response: Message) -> None:
    """Take where the line's own sound is to go."""
    port = response.body.partition("m=audio ")[2].partition(" ")[0]
    line.remote = ("127.0.0.1", int(port))


@pytest.mark.parametrize(("number", "codec"), [("5001", 0), ("5001", 8), ("5003", 0)])
async def test_early_media_to_who_never_shows_itself_is_little(
    office: Office, third: ThirdParty, number: str, codec: int
) -> None:
    spoofer, _ = await office.caller(_UNKNOWN)
    spoofer.invite(number, third.sdp().replace("RTP/AVP 0", f"RTP/AVP {codec}"))
    assert (await spoofer.expect(183)).body
    final = await spoofer.expect_any()
    assert final.status >= 400
    assert 0 < third.bytes < _BYTES


async def test_media_of_an_answer_that_is_never_acknowledged_is_little(
    office: Office, third: ThirdParty
) -> None:
    spoofer, _ = await office.caller(_UNKNOWN)
    spoofer.invite("5002", third.sdp())
    answer = await spoofer.expect(200)
    # Both prompts have their time: 200 comes after 0.5, 1.5, 3.5 and 7.5 s once more.
    await spoofer.copies(answer, 5)
    assert 0 < third.bytes < _BYTES


async def test_who_sends_rtp_before_the_answer_hears_everything(office: Office) -> None:
    phone, line = await office.caller(_UNKNOWN)
    phone.invite("5001", described(line))
    learn(line, await phone.expect(183))
    await stopped(line)
    assert heard_seconds(line) < 0.6
    await line.say(np.asarray(hearing.sine(300, 1.0)))
    phone.ack(await phone.expect(480))
    assert heard_seconds(line) > _PROMPT_SECONDS - 0.1


async def test_who_acknowledges_the_answer_hears_everything(office: Office) -> None:
    phone, line = await office.caller(_UNKNOWN)
    phone.invite("5002", described(line))
    answer = await phone.expect(200)
    await phone.copies(answer, 3)  # 1.5 s later
    assert heard_seconds(line) < 0.6
    phone.ack(answer)
    await phone.expect("BYE")
    assert heard_seconds(line) > 2 * _PROMPT_SECONDS - 0.2


async def test_who_calls_over_tcp_hears_everything(office: Office) -> None:
    phone, line = await office.caller(_UNKNOWN, tcp=True)
    phone.invite("5001", described(line))
    await phone.expect(183)
    phone.ack(await phone.expect(480))
    assert heard_seconds(line) > _PROMPT_SECONDS - 0.1


async def test_who_acknowledges_with_a_prack_hears_everything(office: Office) -> None:
    phone, line = await office.caller(_UNKNOWN)
    phone.invite("5001", described(line), ("Require", "100rel"))
    ringing = await phone.expect(183)
    phone.learn(ringing)
    phone.request("PRACK", "", ("RAck", f"{ringing['RSeq']} {ringing.cseq} INVITE"))
    assert (await phone.expect(200)).method == "PRACK"
    phone.ack(await phone.expect(480))
    assert heard_seconds(line) > _PROMPT_SECONDS - 0.1


async def test_media_host_that_has_shown_itself_hears_everything_the_next_time(
    office: Office,
) -> None:
    heard = []
    for _ in range(2):
        phone, line = await office.caller(_UNKNOWN)
        phone.invite("5001", described(line))
        await phone.expect(183)
        refusal = await phone.expect(480)
        phone.ack(refusal)
        heard.append(heard_seconds(line))
        # Its ACK has come when it is not sent again for that reason; another call waits for it.
        await office.over(len(heard))
    assert heard[0] < 0.6
    assert heard[1] > _PROMPT_SECONDS - 0.1


async def test_ack_without_our_tag_shows_nothing(office: Office, third: ThirdParty) -> None:
    """Who spoofs an INVITE knows its branch, and so can send the ACK to any refusal of it."""
    spent = []
    for _ in range(2):
        spoofer, _ = await office.caller(_UNKNOWN)
        before = third.bytes
        spoofer.invite("5001", third.sdp())
        await spoofer.expect(183)
        refusal = await spoofer.expect(480)
        forged = [(n, "<sip:5001@127.0.0.1>" if n == "To" else v) for n, v in refusal.rows]
        spoofer.ack(Message(refusal.start, forged))
        spent.append(third.bytes - before)
    assert max(spent) < _BYTES
