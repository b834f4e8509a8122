"""A telephone of linphone between two of baresip: it holds, and transfers by its own commands."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.house import House, hear_each_other, password
from support.linphone import Linphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


Party = tuple[House, Linphone]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(tmp_path_factory: pytest.TempPathFactory, full: bool) -> AsyncIterator[Party]:
    """A house with one telephone more, which knows callrouter by its name."""
    if not full:
        pytest.skip("linphone is 440 MB of packages: apt-get install linphone-cli, and --full")
    folder = tmp_path_factory.mktemp("house")
    async with House.open(folder, "101", "102") as house:
        home, place = folder / "linphone", f"localhost:{house.port}"
        phone = await Linphone.start(home, place, "104", password("104"), house.authorities)
        yield house, phone
        await phone.quit()


@pytest.fixture
def party(opened: Party) -> Party:
    """Both; nothing has happened yet."""
    house, phone = opened
    house.begin()
    phone.heard.clear()
    return opened


async def _called(house: House, phone: Linphone) -> str:
    """The first baresip calls the linphone, and they hold each other; its id of the call."""
    caller = house.phones[0]
    await caller.do("dial", house.to("4104"))
    call = await phone.event("LinphoneCallIncomingReceived")
    await phone.do(f"answer {call}")
    await caller.event("CALL_REMOTE_SDP", "answer")
    await phone.event("LinphoneCallStreamsRunning")
    for order, told in (
        ("hold", "LinphoneCallPausedByRemote"),
        ("resume", "LinphoneCallStreamsRunning"),
    ):
        await caller.do(order)
        await phone.event(told)
        await caller.event("CALL_REMOTE_SDP", "answer")
    await phone.do(f"call-pause {call}")
    await phone.event("LinphoneCallPaused")
    assert caller.audio(sent=True).way == "recvonly"
    return call


async def test_linphone_transfers_who_called_it_to_a_number(party: Party) -> None:
    house, phone = party
    caller, other = house.phones
    call = await _called(house, phone)
    await phone.do(f"call-transfer {call} {house.to('4102', 'localhost')}")
    await other.event("CALL_INCOMING")
    await other.do("accept")
    await phone.event("LinphoneCallEnd")
    await other.event("CALL_RTPESTAB")
    assert await hear_each_other(caller, other)
    await other.do("hangup")
    await caller.event("CALL_CLOSED")
    [record] = await house.records(1)
    assert [leg["target"] for leg in record["legs"]] == ["desk-104", "desk-102"]


async def test_linphone_connects_both_that_it_talks_to(party: Party) -> None:
    house, phone = party
    caller, other = house.phones
    first = await _called(house, phone)
    await phone.do(f"call {house.to('4102', 'localhost')}")
    await other.event("CALL_INCOMING")
    await other.do("accept")
    second = await phone.event("LinphoneCallStreamsRunning")
    await phone.do(f"call-transfer {first} {second}")
    for _ in range(2):
        await phone.event("LinphoneCallEnd")
    await other.event("CALL_RTPESTAB")
    assert await hear_each_other(caller, other)
    assert caller.audio(sent=True).way == "sendrecv"
    await caller.do("hangup")
    await other.event("CALL_CLOSED")
    record, _ = await house.records(2)
    assert [leg["target"] for leg in record["legs"]] == ["desk-104", "transferred"]
