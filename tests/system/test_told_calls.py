"""Events of real calls, at a receiver that verifies them; held against their models."""

import json
import signal
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from support.hooks import SECRET, HookReceiver, Received
from support.message import SDP, Message
from support.phone import Phone
from support.played_bitrix24 import PlayedBitrix24, bridged
from support.polling import until
from support.ports import free_port
from support.serving import Serving, lay_out

from callrouter.webhooks.event_catalogue import EventData

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1], transfer: both}}}}
targets:
  desk_201: {{uri: "sip:201@127.0.0.1:{first}"}}
  desk_202: {{uri: "sip:202@127.0.0.1:{second}"}}
extensions:
  "201": {{targets: [desk_201]}}
  "202": {{targets: [desk_202]}}
lists:
  nuisance: {{prefixes: ["0898"]}}
  partners: {{numbers: ["013800138001"]}}
numbers:
  "4000":
    name: Head office
    crm: {{create: inbound, source: Web, except: [partners]}}
    block: [nuisance]
    route: [{{hunt: [desk_201]}}]
  "4001": {{notify: 1s, crm: {{create: outbound}}, route: [{{hunt: [desk_201]}}]}}
  "4002": {{route: [{{hunt: [desk_202]}}]}}
"""


class Story:
    """A callrouter that tells a receiver and a Bitrix24 of its calls, two desks, and callers."""

    def __init__(
        self,
        serving: Serving,
        hook: HookReceiver,
        bitrix: PlayedBitrix24,
        ports: dict[str, int],
    ) -> None:
        self.serving = serving
        self.hook = hook
        self.bitrix = bitrix
        self._ports = ports
        self.open: list[Phone] = []

    async def phone(self, port: int = 0) -> Phone:
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Phone.open("127.0.0.1", port or free_port(), server)
        phone.newcomer = bool(port)
        self.open.append(phone)
        return phone

    async def desk(self, name: str) -> Phone:
        return await self.phone(self._ports[name])

    async def connected(
        self, number: str, desk: Phone, caller: str = "013800138000"
    ) -> tuple[Phone, Message]:
        """A caller who talks to a desk, and the 200 it got."""
        phone = await self.phone()
        phone.invite(number, SDP, caller=caller)
        invite = await desk.expect("INVITE")
        desk.reply(invite, 180)
        await phone.expect(180)
        desk.reply(invite, 200, SDP)
        answer = await phone.expect(200)
        phone.ack(answer)
        await desk.expect("ACK")
        return phone, answer

    async def told(self, kind: str, count: int = 1) -> list[Received]:
        """All that came, once so many of a kind have; each is as its model says, in its order."""
        await self.hook.took(count, kind)
        # One that was answered and not noted by a process that was killed comes again.
        events = list({event.id: event for event in self.hook.events}.values())
        self.hook.events = []
        last: dict[str, int] = {}
        for event in events:
            data = event.body["data"]
            EventData.model_validate_json(json.dumps(data))
            call = data["call"]["id"]
            assert event.body["seq"] == last.get(call, 0) + 1
            last[call] = event.body["seq"]
        return events


async def over(caller: Phone, desk: Phone) -> None:
    caller.request("BYE")
    await caller.expect(200)
    desk.reply(await desk.expect("BYE"), 200)


def kinds(events: list[Received]) -> list[str]:
    return [event.kind.removeprefix("call.") for event in events]


def call(event: Received) -> dict[str, Any]:
    found: dict[str, Any] = event.body["data"]["call"]
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    folder = tmp_path_factory.mktemp("told")
    ports = {"first": free_port(), "second": free_port()}
    place = lay_out(folder, _DIALPLAN.format(**ports))
    (folder / "secret").write_text(f"{SECRET}\n")
    async with (
        HookReceiver.open() as hook,
        PlayedBitrix24.open() as bitrix,
        bridged(bitrix.rest, SECRET, folder) as bridge,
    ):
        endpoints = [
            {"name": name, "url": url, "secret_file": "secret", "allow_private": True}
            for name, url in (("crm", hook.url), ("bitrix24", bridge))
        ]
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(f"webhooks: {json.dumps(endpoints)}\n")
        story = Story(await Serving.start(place), hook, bitrix, ports)
        yield story
        log = story.serving.log()
        await story.serving.stop()
        assert "internal error" not in log


@pytest_asyncio.fixture(loop_scope="session")
async def story(shared: Story) -> AsyncIterator[Story]:
    yield shared
    while shared.open:
        await shared.open.pop().close()


async def test_answered_call_is_told_from_its_start_to_its_end(story: Story) -> None:
    desk = await story.desk("first")
    caller, _ = await story.connected("4000", desk)
    await over(caller, desk)
    events = await story.told("call.ended")
    assert kinds(events) == ["started", "ringing", "answered", "ended"]
    began, rings, talks, ended = map(call, events)
    number = {"key": "4000", "name": "Head office", "kind": ""}
    for each in (began, rings, talks, ended):
        assert (each["number"], each["direction"]) == (number, "inbound")
        assert (each["caller_number"], each["create"]) == ("+8613800138000", True)
        assert (each["source"], each["excluded"], each["previous_owner"]) == ("Web", False, "")
    assert [each["owner"] for each in (began, rings, talks, ended)] == ["", "", "201", "201"]
    assert [each["ringing"] for each in (began, rings, talks, ended)] == [[], ["201"], [], []]
    assert (talks["disposition"], ended["disposition"], ended["status"]) == ("", "ANSWERED", 200)
    assert began["started"] <= talks["ringing_at"] <= talks["answered_at"] <= ended["ended_at"]
    record = await story.serving.record("4000")
    assert {event.id for event in events} == {
        f"{record['id']}-{name}" for name in ("started", "ringing-1", "answered", "ended")
    }


async def test_missed_and_blocked_calls_say_so_and_exceptions_make_no_lead(story: Story) -> None:
    desk, caller = await story.desk("first"), await story.phone()
    caller.invite("4000", SDP, caller="013800138001")
    invite = await desk.expect("INVITE")
    desk.reply(invite, 180)
    await caller.expect(180)
    caller.cancel()
    await caller.expect(200)
    caller.ack(await caller.expect(487))
    desk.reply(await desk.expect("CANCEL"), 200)
    desk.reply(invite, 487)
    await desk.expect("ACK")
    missed = await story.told("call.ended")
    assert kinds(missed) == ["started", "ringing", "ringing", "missed", "ended"]
    assert [(call(one)["create"], call(one)["excluded"]) for one in missed] == [(False, True)] * 5
    assert [call(one)["ringing"] for one in missed] == [[], ["201"], [], [], []]
    nuisance = await story.phone()
    nuisance.invite("4000", SDP, caller="08981234567")
    nuisance.ack(await nuisance.expect(403))
    blocked = await story.told("call.ended")
    assert kinds(blocked) == ["started", "blocked", "ended"]
    assert [call(one)["create"] for one in blocked] == [False] * 3
    assert call(blocked[1])["reason"] == "blocked_caller"


async def test_attended_transfer_changes_the_owner_also_of_the_only_lead(story: Story) -> None:
    desk, other = await story.desk("first"), await story.desk("second")
    caller, _ = await story.connected("4000", desk, caller="013900139000")
    second, answer = await story.connected("4002", other, caller="201")
    replaces = f"{answer['Call-ID']};to-tag={answer.tag('To')};from-tag={answer.tag('From')}"
    desk.request("REFER", "", ("Refer-To", f"<sip:4002@127.0.0.1?Replaces={quote(replaces)}>"))
    await desk.expect(202)
    desk.reply(await desk.expect("NOTIFY"), 200)
    for phone in (caller, other):
        phone.reply(await phone.expect("INVITE"), 200, SDP)
        await phone.expect("ACK")
    desk.reply(await desk.expect("NOTIFY"), 200)
    for phone in (desk, second):
        phone.request("BYE")
        await phone.expect(200)
    await over(caller, other)
    events = [one for one in await story.told("call.ended", 2) if call(one)["create"]]
    assert kinds(events) == ["started", "ringing", "answered", "transferred", "ended"]
    moved, ended = call(events[3]), call(events[4])
    assert (moved["owner"], moved["previous_owner"]) == ("202", "201")
    assert (ended["owner"], ended["previous_owner"]) == ("202", "201")
    assert events[3].body["data"]["by"] == "callee"

    async def finished() -> Any:
        calls = story.bitrix.calls.values()
        ended = [one for one in calls if one.registered["CRM_CREATE"] and one.finished]
        return [one for one in ended if one.finished["USER_ID"] == "22"]

    (told,) = await until(finished)
    assert told.finished["STATUS_CODE"] == "200"
    (lead,) = [lead for lead in story.bitrix.leads.values() if lead["ASSIGNED_BY_ID"] == "22"]
    assert lead["SOURCE"] == "Web"
    # The caller of the other tests has one more, whatever their order.
    assert len(story.bitrix.leads) <= 2


async def test_long_call_is_told_of_once(story: Story) -> None:
    desk = await story.desk("first")
    caller, _ = await story.connected("4001", desk)
    await story.hook.took(1, "call.long")
    await over(caller, desk)
    events = await story.told("call.ended")
    assert kinds(events) == ["started", "ringing", "answered", "long", "ended"]
    assert not call(events[0])["create"]


async def test_call_that_a_kill_loses_is_told_of_to_its_end(story: Story) -> None:
    desk = await story.desk("first")
    await story.connected("4000", desk)
    await story.hook.took(3)
    story.serving.signal(signal.SIGKILL)
    await story.serving.ended()
    story.serving = await Serving.start(story.serving.place)
    events = await story.told("call.ended")
    assert kinds(events) == ["started", "ringing", "answered", "ended"]
    ended = call(events[-1])
    assert (ended["reason"], ended["owner"], ended["create"]) == ("lost", "201", True)
