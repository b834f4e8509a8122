"""Telephones that others wrote: three of baresip, behind callrouter by TLS, with each other."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from support.house import House, hear_each_other, told

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One house for all tests."""
    async with House.open(tmp_path_factory.mktemp("house"), "101", "102", "103") as house:
        yield house


@pytest.fixture
def house(opened: House) -> House:
    """The house; nothing has happened yet."""
    opened.begin()
    return opened


async def test_telephones_hold_and_resume_each_other(house: House) -> None:
    caller, callee, _ = house.phones
    await house.talk(caller, callee, "4102")
    for phone, other in ((caller, callee), (callee, caller)):
        await house.reinvite(phone, "hold", other)
        assert phone.audio(sent=True).way == other.audio(sent=False).way == "sendonly"
        assert other.audio(sent=True).way == phone.audio(sent=False).way == "recvonly"
        await house.reinvite(phone, "resume", other)
        assert phone.audio(sent=True).way == "sendrecv"
        assert await hear_each_other(caller, callee)
    await callee.do("hangup")
    await caller.event("CALL_CLOSED")
    [record] = await house.records(1)
    assert [record[key] for key in ("trunk", "caller", "called", "disposition", "hung_up_by")] == [
        *("phones", "101", "4102", "ANSWERED", "callee"),
    ]
    assert [leg["target"] for leg in record["legs"]] == ["desk-102"]


@pytest.mark.parametrize("side", ["caller", "callee"])
async def test_telephone_transfers_the_other_side_to_a_number(house: House, side: str) -> None:
    caller, callee, other = house.phones
    asks, stays = (caller, callee) if side == "caller" else (callee, caller)
    await house.talk(caller, callee, "4102")
    await asks.do("transfer", house.to("4103"))
    await other.event("CALL_INCOMING")
    await other.do("accept")
    await asks.event("CALL_CLOSED")
    await other.event("CALL_RTPESTAB")
    assert await hear_each_other(stays, other)
    assert told(asks) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    await other.do("hangup")
    await stays.event("CALL_CLOSED")
    [record] = await house.records(1)
    ends = [(leg["target"], leg["result"], leg["cause"]) for leg in record["legs"]]
    assert ends == [("desk-102", "answered", 16), ("desk-103", "answered", 16)]
    left = record["legs"][0]["ended_ms"]
    assert left < record["ended_ms"] if asks is callee else left == record["ended_ms"]


async def test_telephone_is_told_that_who_it_transfers_to_is_busy(house: House) -> None:
    caller, callee, other = house.phones
    await house.talk(caller, callee, "4102")
    await callee.do("transfer", house.to("4103"))
    await other.event("CALL_INCOMING")
    await other.do("hangup")
    await callee.event("TRANSFER_FAILED")
    assert told(callee) == ["SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"]
    # A baresip hangs up then, by itself.
    await caller.event("CALL_CLOSED")
    [record] = await house.records(1)
    assert record["hung_up_by"] == "callee"
    ends = [(leg["target"], leg["result"], leg["cause"]) for leg in record["legs"]]
    assert ends == [("desk-102", "answered", 16), ("desk-103", "busy", 17)]


@pytest.mark.parametrize("side", ["caller", "callee"])
async def test_telephone_connects_both_that_it_talks_to(house: House, side: str) -> None:
    caller, callee, other = house.phones
    asks, stays = (caller, callee) if side == "caller" else (callee, caller)
    await house.talk(caller, callee, "4102")
    first = asks.replaces()
    await house.reinvite(asks, "hold", stays)
    await house.talk(asks, other, "4103")
    second = asks.replaces()
    # This baresip has no order for it, and says what it is given.
    await asks.do("callfind", first.partition(";")[0])
    await asks.do("transfer", f"<{house.to('4103')}?Replaces={quote(second, safe='')}>")
    for _ in range(2):
        await asks.event("CALL_CLOSED")
    assert await hear_each_other(stays, other)
    assert stays.audio(sent=True).way == "sendrecv"
    assert told(asks) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    await stays.do("hangup")
    await other.event("CALL_CLOSED")
    record, taken = await house.records(2)
    assert [leg["target"] for leg in taken["legs"]] == ["desk-103"]
    assert [leg["target"] for leg in record["legs"]] == ["desk-102", "transferred"]
    left = record["legs"][0]["ended_ms"]
    assert left < record["ended_ms"] if asks is callee else left == record["ended_ms"]
    assert record["legs"][1]["ended_ms"] == record["ended_ms"]
