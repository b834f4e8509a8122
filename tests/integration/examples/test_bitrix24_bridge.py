"""examples/bitrix24 against a Bitrix24 that is played: calls, leads and whose they are."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook
from support.hooks import SECRET
from support.played_bitrix24 import PlayedBitrix24, PlayedCall, bridged

from callrouter.webhooks import event_kinds as kinds
from callrouter.webhooks.event_catalogue import EXAMPLES, CallObject, EventData, EventKept


class Told:
    """The bridge as callrouter reaches it, and the Bitrix24 behind it."""

    def __init__(self, bitrix: PlayedBitrix24, url: str) -> None:
        self.bitrix = bitrix
        self._url = url
        self._count = 0

    async def tell(
        self, kind: str, name: str = "", status: int = 204, data: EventData | None = None, **of: Any
    ) -> None:
        """Tell of an event, its example with another call. name: its id, "" for a new one."""
        self._count += 1
        example = data or EXAMPLES[kind]
        assert example.call is not None
        said = example.model_copy(update={"call": example.call.model_copy(update=of)})
        body = json.dumps({"type": kind, "data": said.model_dump(mode="json", exclude_none=False)})
        name, now = name or f"event{self._count}", datetime.now(UTC)
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(name, now, body),
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(self._url, data=body, headers=headers) as response,
        ):
            assert response.status == status, await response.text()

    @property
    def call(self) -> PlayedCall:
        """The only call of Bitrix24."""
        (found,) = self.bitrix.calls.values()
        return found


@pytest_asyncio.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    sound = tmp_path / "sound.wav"
    sound.write_bytes(b"RIFF")
    async with (
        PlayedBitrix24.open() as bitrix,
        bridged(bitrix.rest, SECRET, tmp_path, f"cp {sound} {{file}}") as url,
    ):
        yield Told(bitrix, url)


async def test_unknown_caller_queue_transfer_and_survey_make_one_lead_of_the_last_owner(
    told: Told,
) -> None:
    """Queue, agent 101, transfer to 102 by hand, survey 5."""
    waits: dict[str, Any] = {"queue": "support", "answered_at": time.time()}
    await told.tell(kinds.STARTED)
    await told.tell(kinds.QUEUE_JOINED, **waits)
    await told.tell(kinds.RINGING, **waits, ringing=["101", "102"])
    await told.tell(kinds.QUEUE_ANSWERED, "again", **waits, owner="101")
    await told.tell(kinds.QUEUE_ANSWERED, "again", **waits, owner="101")
    assert told.call.shown == {"11"}
    moved = {**waits, "owner": "102", "previous_owner": "101"}
    told.bitrix.fails = 1
    await told.tell(kinds.TRANSFERRED, "moved", 500, **moved)
    await told.tell(kinds.TRANSFERRED, "moved", **moved)
    assert told.call.shown == {"12"}
    kept = EventKept(id="r1", of="4008001234", seconds=9.0, result="complete")
    data = EXAMPLES[kinds.RECORDED].model_copy(update={"file": kept})
    await told.tell(kinds.RECORDED, data=data, **moved)
    await told.tell(kinds.ENDED, "end", recordings=["r1"])
    await told.tell(kinds.ENDED, "end", recordings=["r1"])
    assert told.bitrix.leads == {"100": {"ASSIGNED_BY_ID": "12", "SOURCE": "Web"}}
    registered, finished = told.call.registered, told.call.finished
    assert (registered["PHONE_NUMBER"], registered["TYPE"]) == ("+8613800138000", 2)
    assert (finished["USER_ID"], finished["STATUS_CODE"], finished["VOTE"]) == ("12", "200", "5")
    assert (finished["COST"], finished["COST_CURRENCY"]) == ("0.3000", "CNY")
    assert told.call.seen == [["11", "12"], ["11"], [], ["12"], []]
    assert told.call.records == [b"RIFF"]


async def test_missed_call_is_304_and_who_is_known_makes_no_lead(told: Told) -> None:
    told.bitrix.known.add("+8613800138000")
    await told.tell(kinds.STARTED)
    await told.tell(kinds.RINGING, ringing=["101", "999"])
    await told.tell(kinds.RINGING, ringing=[])
    await told.tell(kinds.MISSED)
    ended = EventData(call=EXAMPLES[kinds.MISSED].call)
    await told.tell(kinds.ENDED, data=ended)
    assert told.call.finished["STATUS_CODE"] == "304"
    assert told.call.seen == [["1", "11"], []]
    assert told.bitrix.leads == {}


@pytest.mark.parametrize(
    ("of", "code"),
    [
        ({"disposition": "ANSWERED"}, "200"),
        ({"disposition": "CANCELLED"}, "603-S"),
        ({"disposition": "REJECTED"}, "603"),
        ({"disposition": "BUSY"}, "486"),
        ({"disposition": "NO_ANSWER"}, "480"),
        ({"disposition": "UNAVAILABLE"}, "503"),
        ({"disposition": "REJECTED", "reason": "barred"}, "423"),
        ({"disposition": "REJECTED", "reason": "no_credit"}, "402"),
    ],
)
async def test_outbound_call_has_the_status_code_of_how_it_went(
    told: Told, of: dict[str, str], code: str
) -> None:
    out = {"direction": "outbound", "extension": "101", "owner": "101"}
    await told.tell(kinds.STARTED, **out)
    await told.tell(kinds.ENDED, **out, **of)
    assert told.call.registered["TYPE"] == 1
    assert (told.call.finished["STATUS_CODE"], told.call.finished["USER_ID"]) == (code, "11")


async def test_calls_between_extensions_and_events_of_agents_are_none_of_a_crm(told: Told) -> None:
    await told.tell(kinds.STARTED, direction="internal")
    assert isinstance(EXAMPLES[kinds.STARTED].call, CallObject)
    assert told.bitrix.calls == {}


async def test_event_that_another_has_signed_is_refused(told: Told) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(told._url, data="{}") as response,
    ):
        assert response.status == 401
    assert told.bitrix.calls == {}
