"""Keys that one party presses reach the other, once and in order, also through a media worker."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from support import hearing
from support.polling import until
from support.ports import free_port
from support.rtp_callers import Call, Callers
from support.rtp_line import Event
from support.serving import Record, Serving, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets: {{uas: {{uri: "sip:service@127.0.0.1:{callee}"}}}}
hold_music: {{lab: music.wav}}
numbers:
  "4104": {{record: {{sides: stereo, notice: false}}, route: [{{hunt: [uas], ring: 20s}}]}}
  "4111": {{hold_music: lab, route: [{{hunt: [uas], ring: 20s}}]}}
  "4112": {{record: {{notice: false, start: request}}, route: [{{hunt: [uas], ring: 20s}}]}}
"""

RECORDED, WITH_MUSIC, ON_DEMAND = "4104", "4111", "4112"
DIGITS = "0123456789*#55"


class Talks:
    """A callrouter, and two parties of one call at a time."""

    def __init__(self, serving: Serving, callee: int) -> None:
        self.serving = serving
        self._callee = callee
        self._open: list[Callers] = []

    async def begin(self, number: str, *, caller_pt: int, callee_pt: int) -> tuple[Call, Call]:
        """Connect two. caller_pt, callee_pt: the payload types of their keys, 0 for none."""
        caller, callees = await self._call(number, 0.0, caller_pt, callee_pt)
        await caller.answered.wait()
        return caller, await self._hear_each_other(caller, callees.came[0])

    async def ring(self, number: str, *, caller_pt: int, callee_pt: int) -> tuple[Call, Call]:
        """As `begin`, but the callee is heard without having answered."""
        caller, callees = await self._call(number, None, caller_pt, callee_pt)

        async def rings() -> bool:
            return bool(callees.came) and caller.line.remote is not None

        await until(rings)
        return caller, await self._hear_each_other(caller, callees.came[0])

    async def _call(
        self, number: str, answer_after: float | None, caller_pt: int, callee_pt: int
    ) -> tuple[Call, Callers]:
        port = self.serving.place.port
        callers = await Callers.open(port)
        callees = await Callers.open(port, port=self._callee, answer_after=answer_after)
        self._open += (callers, callees)
        callers.event_pt, callees.event_pt = caller_pt, callee_pt
        callees.early = answer_after is None
        return callers.call(number), callees

    async def _hear_each_other(self, caller: Call, callee: Call) -> Call:
        """Wait until each has heard what the other says: so keys can cross."""
        for one, other in ((caller, callee), (callee, caller)):
            one.say(hearing.sine(600, 20.0))
            await other.hears(600)
            one.hush()
        return callee

    async def record(self, caller: Call) -> Record:
        """The record of a caller's call."""

        async def look() -> Record | None:
            records = self.serving.place.records()
            return next((one for one in records if one["call_id"] == caller.name), None)

        found = await until(look)
        assert found is not None
        return found

    async def end(self, caller: Call) -> None:
        """Hang up."""
        caller.hang_up()
        await caller.over.wait()
        self.close()

    def close(self) -> None:
        for callers in self._open:
            callers.close()
        self._open.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def begun(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talks]:
    """One callrouter for all."""
    callee, folder = free_port(), tmp_path_factory.mktemp("keys")
    hearing.write(folder / "music.wav", hearing.sine(660, 2.0))
    place = lay_out(folder, _DIALPLAN.format(callee=callee))
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 2, 4))
    serving = await Serving.start(place)
    yield Talks(serving, callee)
    log = serving.log()
    await serving.stop()
    shutil.rmtree(shared)
    assert "Traceback" not in log, log


@pytest_asyncio.fixture(loop_scope="session")
async def talks(begun: Talks) -> AsyncIterator[Talks]:
    yield begun
    begun.close()


def pressed(call: Call) -> str:
    """The keys that came as events of RFC 4733, each by its time stamp once."""
    found: dict[int, str] = {}
    for packet in call.line.keys:
        found.setdefault(packet.stamp, packet.key)
    return "".join(found.values())


def asked(call: Call) -> str:
    """The keys that came by INFO."""
    return "".join(re.findall(r"Signal=(\S)", "".join(call.infos)))


async def came(call: Call, keys: str, by: Callable[[Call], str]) -> None:
    """Wait until these keys have come, and no other; the last one to its end."""

    async def all_came() -> bool:
        last = call.line.keys[-1:] if by is pressed else []
        return len(by(call)) >= len(keys) and all(packet.ended for packet in last)

    await until(all_came)
    # As long as another copy could need.
    await call.listen(0.6)
    assert (by(call), (asked if by is pressed else pressed)(call)) == (keys, "")


def are_events(packets: list[Event], kind: int) -> None:
    """They are as RFC 4733 section 2.5 has them: one stamp, growing durations, three ends."""
    assert {packet.kind for packet in packets} == {kind}
    for stamp in {packet.stamp for packet in packets}:
        event = [packet for packet in packets if packet.stamp == stamp]
        lengths = [packet.samples for packet in event]
        assert lengths == sorted(lengths)
        assert 40 * 8 <= lengths[-1] <= 500 * 8
        assert [packet.ended for packet in event] == [False] * (len(event) - 3) + [True] * 3


Press = Callable[[Call, str], Awaitable[None]]


async def by_events(call: Call, keys: str) -> None:
    await call.line.press(keys)


async def by_info(call: Call, keys: str) -> None:
    for key in keys:
        call.ask_info(key)
        await asyncio.sleep(0.05)  # nobody presses faster


@pytest.mark.parametrize("number", [RECORDED, WITH_MUSIC])
@pytest.mark.parametrize(("caller_pt", "callee_pt"), [(101, 96), (96, 101), (100, 100)])
async def test_events_cross_both_ways_each_with_the_other_sides_payload_type(
    talks: Talks, number: str, caller_pt: int, callee_pt: int
) -> None:
    caller, callee = await talks.begin(number, caller_pt=caller_pt, callee_pt=callee_pt)
    await by_events(caller, DIGITS)
    await came(callee, DIGITS, pressed)
    are_events(callee.line.keys, callee_pt)
    await by_events(callee, "98#")
    await came(caller, "98#", pressed)
    are_events(caller.line.keys, caller_pt)
    await talks.end(caller)


async def test_keys_cross_before_the_answer_too(talks: Talks) -> None:
    caller, callee = await talks.ring(RECORDED, caller_pt=101, callee_pt=96)
    await by_events(caller, "135#")
    await came(callee, "135#", pressed)
    await by_events(callee, "7")
    await came(caller, "7", pressed)
    caller.hang_up()
    await caller.over.wait()
    record = await talks.record(caller)
    assert [one for one in record["heard"] or [] if one["what"] == "key"] == []


@pytest.mark.parametrize("number", [RECORDED, WITH_MUSIC])
async def test_info_goes_out_as_events_to_who_takes_them(talks: Talks, number: str) -> None:
    caller, callee = await talks.begin(number, caller_pt=0, callee_pt=96)
    await by_info(caller, DIGITS)
    await came(callee, DIGITS, pressed)
    are_events(callee.line.keys, 96)
    await by_events(callee, "42")
    await came(caller, "42", asked)
    await talks.end(caller)


async def test_events_go_out_as_info_to_who_has_named_no_payload_type(talks: Talks) -> None:
    caller, callee = await talks.begin(RECORDED, caller_pt=101, callee_pt=0)
    await by_events(caller, DIGITS)
    await came(callee, DIGITS, asked)
    await by_info(callee, "7")
    await came(caller, "7", pressed)
    await talks.end(caller)


async def test_info_stays_info_between_two_who_name_no_payload_type(talks: Talks) -> None:
    caller, callee = await talks.begin(WITH_MUSIC, caller_pt=0, callee_pt=0)
    await by_info(caller, "1*#D")
    await came(callee, "1*#D", asked)
    await talks.end(caller)


async def test_key_sent_in_two_ways_crosses_once(talks: Talks) -> None:
    caller, callee = await talks.begin(RECORDED, caller_pt=101, callee_pt=96)
    for key in "1234":
        await caller.line.press(key)
        caller.ask_info(key)
    await came(callee, "1234", pressed)
    await talks.end(caller)


async def test_keys_of_a_conversation_are_not_in_its_record(talks: Talks) -> None:
    caller, callee = await talks.begin(RECORDED, caller_pt=101, callee_pt=96)
    keys = "246*8#24*6"  # as nothing else in a log
    await by_events(caller, keys)
    await came(callee, keys, pressed)
    await talks.end(caller)
    record = await talks.record(caller)
    assert [one for one in record["heard"] or [] if one["what"] == "key"] == []
    assert keys not in talks.serving.log()


async def test_callees_code_records_and_is_heard_by_nobody_while_its_other_keys_cross(
    talks: Talks,
) -> None:
    caller, callee = await talks.begin(ON_DEMAND, caller_pt=101, callee_pt=96)
    await callee.line.press("*12*")
    await came(caller, "2*", pressed)
    await callee.line.press("**1")
    await came(caller, "2**", pressed)
    await talks.end(caller)
    (recording,) = (await talks.record(caller))["recordings"]
    assert recording["result"] == "complete"
