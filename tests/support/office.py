"""A callrouter with media workers, a desk, and numbers that record, play, hold and only ring.

Each party is a script on a raw UDP socket, so that bodies are exactly those of the test.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from support import hearing
from support.message import Message
from support.phone import Phone
from support.polling import until
from support.ports import free_port
from support.serving import Record, Serving, lay_out
from support.stream_phone import StreamPhone
from support.unprivileged import media_settings, shared_folder

_DIALPLAN: Final = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets: {{desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}}}
numbers:
  "4000": {{route: [{{hunt: [desk], ring: 20s}}]}}
  "4001": {{record: {{notice: false}}, route: [{{hunt: [desk], ring: 20s}}]}}
  "4002":
    record: {{notice: false}}
    reasons: {{not_recordable: {{status: 603, cause: 21}}}}
    route: [{{hunt: [desk]}}]
  "4003": {{route: [{{play: tone, answer: false}}]}}
  "4004": {{reasons: {{unusable_offer: {{status: 606}}}}, route: [{{play: tone, answer: false}}]}}
  "4005": {{route: [{{play: tone, answer: false}}, {{hunt: [desk]}}]}}
  "4006": {{hold_music: music, route: [{{hunt: [desk]}}]}}
  "4007": {{route: [{{play: tone}}]}}
hold_music: {{music: music.wav}}
prompts: {{tone: {{tone: {{hertz: 440, for: 500ms}}}}}}
"""
HEAD: Final = "v=0\r\no=- 1001 1001 IN IP4 127.0.0.1\r\ns=-\r\n"
ADDRESS: Final = "c=IN IP4 127.0.0.1\r\n"
AUDIO: Final = "m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
TIME: Final = "t=0 0\r\n"
SDP: Final = f"{HEAD}{ADDRESS}{TIME}{AUDIO}"


def described(audio: str) -> str:
    """A description with these lines of media."""
    return f"{HEAD}{ADDRESS}{TIME}{audio}"


class Office:
    """The program, and the parties of one test."""

    def __init__(self, serving: Serving, desk: int) -> None:
        self.serving = serving
        self._desk = desk
        self._opened: list[Phone] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        """Start it in a folder; it has met no bug of ours."""
        desk = free_port()
        place = lay_out(folder, _DIALPLAN.format(desk=desk))
        hearing.write(folder / "music.wav", hearing.sine(440, 1))
        shared = shared_folder()
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(media_settings(shared, 4, 4))
        serving = await Serving.start(place)
        try:
            yield cls(serving, desk)
        finally:
            await serving.stop()
            shutil.rmtree(shared)
        assert "internal error" not in serving.log()
        assert "Traceback" not in serving.log()

    async def phone(self, port: int = 0) -> Phone:
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Phone.open("127.0.0.1", port or free_port(), server)
        phone.newcomer = bool(port)
        self._opened.append(phone)
        return phone

    async def desk(self) -> Phone:
        """Who is at the desk."""
        return await self.phone(self._desk)

    async def stream(self) -> StreamPhone:
        """A caller by TCP."""
        phone = await StreamPhone.connect(("127.0.0.1", self.serving.place.port))
        self._opened.append(phone)
        return phone

    async def parties(self) -> tuple[Phone, Phone]:
        """A caller, and who is at the desk."""
        return await self.phone(), await self.desk()

    async def connected(
        self, number: str = "4000", offer: str = SDP, answer: str = SDP
    ) -> tuple[Phone, Phone]:
        """Both, who talk."""
        caller, desk = await self.parties()
        caller.invite(number, offer)
        desk.reply(await desk.expect("INVITE"), 200, answer)
        caller.ack(await final(caller))
        await desk.expect("ACK")
        return caller, desk

    async def record(self, caller: Phone) -> Record:
        """The record of the caller's call, once it is written."""

        async def look() -> Record | None:
            rows = self.serving.place.records()
            return next((row for row in rows if row["call_id"] == caller.call_id), None)

        return await until(look)

    async def close(self) -> None:
        while self._opened:
            await self._opened.pop().close()


async def final(caller: Phone) -> Message:
    """The final response, whatever rings and sounds before."""
    while (answer := await caller.expect_any()).status < 200:
        pass
    return answer


async def hang_up(caller: Phone, desk: Phone) -> None:
    caller.request("BYE")
    await caller.expect(200)
    desk.reply(await desk.expect("BYE"), 200)


async def refused(caller: Phone, status: int = 488) -> Message:
    """The caller is refused; the answer."""
    answer = await caller.expect(status)
    caller.ack(answer)
    return answer
