"""The parties of a call vanish without a word: the call ends all the same, and says why."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.message import SDP, Message
from support.phone import Phone
from support.ports import free_port
from support.records import answered
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NUMBER = "4000"
_TIMER_F_SECONDS = 32.0


@dataclass(slots=True)
class House:
    """A callrouter of its own, a caller and a callee."""

    serving: Serving
    caller: Phone
    callee: Phone
    invite: Message | None = None

    async def talk(self, *rows: tuple[str, str], **answer: str) -> Message:
        """Connect both; the answer that the caller got. rows: of the INVITE."""
        self.caller.invite(_NUMBER, SDP, *rows)
        self.invite = await self.callee.expect("INVITE")
        self.callee.reply(self.invite, 200, SDP, **answer)
        ok = await self.caller.expect(200)
        self.caller.ack(ok)
        await self.callee.expect("ACK")
        return ok


@asynccontextmanager
async def house(folder: Path, keys: str, gateway: str = "") -> AsyncIterator[House]:
    """keys: at the top of the dialplan. gateway: more of the callee's."""
    port = free_port()
    dialplan = (
        f"country: CN\n{keys}\ntrunks: {{lab: {{addresses: [127.0.0.1]}}}}\n"
        f"gateways: {{out: {{address: '127.0.0.1:{port}'{gateway}}}}}\n"
        "targets: {desk: {number: '501', via: out}}\n"
        f"numbers: {{'{_NUMBER}': {{route: [{{hunt: [desk]}}]}}}}\n"
    )
    serving = await Serving.start(lay_out(folder, dialplan))
    server = ("127.0.0.1", serving.place.port)
    caller = await Phone.open("127.0.0.1", free_port(), server)
    callee = await Phone.open("127.0.0.1", port, server)
    try:
        yield House(serving, caller, callee)
    finally:
        await caller.close()
        await callee.close()
        await serving.stop()


async def test_party_that_has_forgotten_the_call_ends_it_when_it_is_asked(tmp_path: Path) -> None:
    async with house(tmp_path, "session_timer: {ask_every: 1s}") as up:
        await up.talk()
        options = await up.caller.expect("OPTIONS")
        up.caller.reply(options, 200)
        up.caller.reply(await up.caller.expect("OPTIONS"), 481)
        up.callee.reply(await up.callee.expect("OPTIONS"), 405)  # it is there
        while (message := await up.callee.expect_any()).method == "OPTIONS":
            up.callee.reply(message, 405)
        assert message.method == "BYE"
        up.callee.reply(message, 200)
        record = await up.serving.record(_NUMBER)
        assert (record["reason"], record["hung_up_by"]) == ("peer_gone", "caller")
        assert (record["disposition"], record["cause"]) == ("ANSWERED", 102)


async def test_call_whose_two_ends_vanish_is_over_after_a_question_and_its_timeout(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "session_timer: {ask_every: 1s}") as up:
        await up.talk(Allow="INVITE, ACK, BYE, UPDATE")
        await up.callee.expect("UPDATE")  # as its answer allows
        await up.caller.expect("OPTIONS")
        record = (await up.serving.records(_NUMBER, 1, within=_TIMER_F_SECONDS + 10))[0]
        assert record["reason"] == "peer_gone"
        assert (record["disposition"], record["cause"]) == ("ANSWERED", 102)
        assert 32_000 < record["ended_ms"] < 40_000


async def test_call_that_nobody_ends_is_ended_when_it_is_too_long(tmp_path: Path) -> None:
    async with house(tmp_path, "longest_call: 2s\nsession_timer: off") as up:
        await up.talk()
        up.callee.reply(await up.callee.expect("BYE"), 200)
        up.caller.reply(await up.caller.expect("BYE"), 200)
        record = await up.serving.record(_NUMBER)
        assert (record["reason"], record["hung_up_by"]) == ("too_long", "callrouter")
        assert (record["disposition"], record["cause"]) == ("ANSWERED", 16)
        assert 2_000 <= record["ended_ms"] - record["answered_ms"] < 10_000
        await up.serving.nothing_is_left()


async def test_timers_are_agreed_by_default_with_who_supports_them(tmp_path: Path) -> None:
    async with house(tmp_path, "") as up:
        ok = await up.talk(
            ("Supported", "timer"),
            ("Min-SE", "2000"),
            ("Allow", "INVITE, ACK, BYE, UPDATE"),
            Require="timer",
            **{"Session-Expires": "1800;refresher=uac"},
        )
        assert up.invite is not None
        assert (up.invite["Session-Expires"], up.invite["Min-SE"]) == ("1800", "90")
        assert "timer" in up.invite["Supported"]
        # Never below its Min-SE (RFC 4028 section 9).
        assert ok["Session-Expires"] == "2000;refresher=uas"
        up.caller.request("BYE")
        up.callee.reply(await up.callee.expect("BYE"), 200)
        answered(await up.serving.record(_NUMBER), _NUMBER, by="caller")


async def test_422_to_an_invite_without_a_timer_is_followed_by_one_with_it(tmp_path: Path) -> None:
    async with house(tmp_path, "", ", session_timer: off") as up:
        up.caller.invite(_NUMBER)
        first = await up.callee.expect("INVITE")
        assert first["Session-Expires"] == ""
        up.callee.reply(first, 422, **{"Min-SE": "2400"})
        await up.callee.expect("ACK")
        second = await up.callee.expect("INVITE")
        assert (second["Session-Expires"], second["Min-SE"]) == ("2400", "2400")
        assert second["Call-ID"] == first["Call-ID"]
        assert second.cseq == first.cseq + 1
        up.callee.reply(second, 200, SDP, **{"Session-Expires": "2400;refresher=uas"})
        up.caller.ack(await up.caller.expect(200))
        await up.callee.expect("ACK")
        up.caller.request("BYE")
        up.callee.reply(await up.callee.expect("BYE"), 200)
        answered(await up.serving.record(_NUMBER), _NUMBER, by="caller")


async def test_a_second_422_is_the_targets_refusal(tmp_path: Path) -> None:
    async with house(tmp_path, "", ", session_timer: off") as up:
        up.caller.invite(_NUMBER)
        for _ in range(2):
            up.callee.reply(await up.callee.expect("INVITE"), 422, **{"Min-SE": "2400"})
            await up.callee.expect("ACK")
        up.caller.ack(await up.caller.expect(500))
