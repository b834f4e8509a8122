"""The lab as it is: config/lab.yaml and its numbers, on the ports that its files name."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.lab import Lab, running_lab
from support.message import SDP
from support.phone import Phone
from support.ports import free_port
from support.records import answered, lasted, refused, results
from support.sipp import Sipp

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


async def test_4200_rings_a_registered_telephone_for_a_caller_with_a_password(lab: Lab) -> None:
    server, port = f"127.0.0.1:{lab.ports[5060]}", free_port()
    folder = lab.serving.place.folder
    phone = await Sipp.caller(folder, "phone_registers", server, "105", port=port)
    await phone.done()
    callee = await Sipp.callee(folder, "callee_answers", port)
    caller = await Sipp.caller(folder, "caller_has_a_password", server, "4200", host="127.0.0.11")
    await caller.done()
    await callee.done()
    record = await lab.serving.record("4200")
    assert results(record) == [("answered", 200)]
    assert (record["trunk"], record["legs"][0]["target"]) == ("digest", "phone_105")


async def test_4000_rings_its_one_target(lab: Lab) -> None:
    callee = await lab.callee("callee_answers", 5080)
    record = await lab.call("4000")
    await callee.done()
    answered(record, "4000", by="caller")


async def test_4001_goes_from_busy_to_unanswered_to_the_third_target(lab: Lab) -> None:
    callees = [
        await lab.callee("callee_busy", 5081),
        await lab.callee("callee_rings", 5082),
        await lab.callee("callee_answers", 5083),
    ]
    record = await lab.call("4001")
    for callee in callees:
        await callee.done()
    answered(record, "4001", by="caller", legs=3)
    assert results(record) == [("busy", 486), ("no_answer", 408), ("answered", 200)]
    lasted(record["legs"][1], 3.0)


async def test_4002_stops_at_busy(lab: Lab) -> None:
    callee = await lab.callee("callee_busy", 5081)
    record = await lab.call("4002", "caller_is_refused")
    await callee.done()
    refused(record, "4002", "BUSY", 486, 17)
    assert results(record) == [("busy", 486)]


async def test_4003_leaves_the_dead_target_after_two_seconds(lab: Lab) -> None:
    callee = await lab.callee("callee_answers", 5080)
    record = await lab.call("4003")
    await callee.done()
    answered(record, "4003", by="caller", legs=2)
    assert results(record) == [("unreachable", 408), ("answered", 200)]
    lasted(record["legs"][0], 2.0)


@pytest.mark.parametrize(
    ("to", "port"), [("101", 5081), ("102", 5082), ("main;ext=102", 5082), ("103", 5080)]
)
async def test_4004_rings_who_is_named_in_to(lab: Lab, to: str, port: int) -> None:
    caller = await Phone.open("127.0.0.1", free_port(), lab.address)
    callee = await Phone.open("127.0.0.1", lab.ports[port], lab.address)
    user, _, parameter = to.partition(";")
    uri = f"sip:{user}@lab.example" + (f";{parameter}" if parameter else "")
    caller.invite("4004", to=f"<{uri}>")
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
    await caller.close()
    await callee.close()


async def test_4005_follows_the_redirect(lab: Lab) -> None:
    first = await lab.callee("callee_redirects", 5081, elsewhere=f"127.0.0.1:{lab.ports[5083]}")
    second = await lab.callee("callee_answers", 5083)
    record = await lab.call("4005")
    await first.done()
    await second.done()
    answered(record, "4005", by="caller", legs=2)
    assert results(record) == [("redirected", 302), ("answered", 200)]


async def test_4006_ends_after_four_seconds_in_all(lab: Lab) -> None:
    first = await lab.callee("callee_rings", 5081)
    second = await lab.callee("callee_rings", 5082)
    record = await lab.call("4006", "caller_is_refused")
    await first.done()
    await second.done()
    refused(record, "4006", "NO_ANSWER", 480, 19)
    assert results(record) == [("no_answer", 408)] * 2
    lasted(record["legs"][0], 3.0)
    lasted(record["legs"][1], 0.9)


async def test_unknown_number_is_404(lab: Lab) -> None:
    record = await lab.call("4999", "caller_is_refused")
    assert (record["disposition"], record["status"], record["legs"]) == ("REJECTED", 404, [])


async def phones(lab: Lab, *ports: int) -> list[Phone]:
    """A caller, and a target at each of these ports."""
    caller = await Phone.open("127.0.0.1", free_port(), lab.address)
    targets = [await Phone.open("127.0.0.1", lab.ports[port], lab.address) for port in ports]
    for target in targets:
        target.newcomer = True
    return [caller, *targets]


async def connect(caller: Phone, target: Phone) -> None:
    """The target answers the INVITE that has to come."""
    target.reply(await target.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await target.expect("ACK")


async def hang_up(caller: Phone, target: Phone) -> None:
    """The caller ends an answered call."""
    caller.request("BYE")
    await caller.expect(200)
    target.reply(await target.expect("BYE"), 200)


async def turned_away(lab: Lab, number: str, caller: str, status: int) -> None:
    """A caller is refused with this status."""
    phone = await Phone.open("127.0.0.1", free_port(), lab.address)
    phone.invite(number, caller=caller)
    phone.ack_refusal(await phone.expect(status))
    await phone.close()


async def put_through(lab: Lab, number: str, caller: str) -> None:
    """A caller reaches 5080, and hangs up."""
    phone, target = await phones(lab, 5080)
    phone.invite(number, caller=caller)
    await connect(phone, target)
    await hang_up(phone, target)
    await phone.close()
    await target.close()


@pytest.mark.parametrize(
    ("number", "welcome", "refused", "status", "reason"),
    [
        ("4011", "02012345678", "+8613800138000", 403, "blocked_caller"),
        ("4012", "07561234567", "01012345678", 486, "area_refused"),
        ("4017", "+8613800138000", "+14155550100", 403, "country_refused"),
    ],
)
async def test_who_is_not_welcome_is_refused_and_the_record_says_why(
    lab: Lab, number: str, welcome: str, refused: str, status: int, reason: str
) -> None:
    await put_through(lab, number, welcome)
    await turned_away(lab, number, refused, status)
    first, second = await lab.serving.records(number, 2)
    assert (first["disposition"], first["reason"]) == ("ANSWERED", "")
    assert (second["disposition"], second["status"]) == ("REJECTED", status)
    assert (second["reason"], second["legs"]) == (reason, [])


async def test_4013_refuses_a_callers_third_call_and_nobody_elses(lab: Lab) -> None:
    nuisance = "+8613912345678"
    await put_through(lab, "4013", nuisance)
    await put_through(lab, "4013", nuisance)
    await turned_away(lab, "4013", nuisance, 403)
    await turned_away(lab, "4013", nuisance, 403)
    await put_through(lab, "4013", "+8613912345679")
    records = await lab.serving.records("4013", 5)
    assert [record["reason"] for record in records] == ["", "", "auto_blocked", "auto_blocked", ""]


async def test_4014_has_two_lines_and_a_third_again_once_one_is_free(lab: Lab) -> None:
    target = await Phone.open("127.0.0.1", lab.ports[5080], lab.address)
    first, second = (await phones(lab))[0], (await phones(lab))[0]
    first.invite("4014")
    await connect(first, target)
    second.invite("4014")
    invite = await target.expect("INVITE")
    await turned_away(lab, "4014", "1001", 486)
    target.reply(invite, 486)
    await target.expect("ACK")
    second.ack_refusal(await second.expect(486))
    third = (await phones(lab))[0]
    third.invite("4014")
    target.reply(await target.expect("INVITE"), 486)
    await target.expect("ACK")
    third.ack_refusal(await third.expect(486))
    await hang_up(first, target)
    await put_away(first, second, third, target)
    records = await lab.serving.records("4014", 4)
    assert [record["reason"] for record in records].count("over_limit") == 1


async def put_away(*done: Phone) -> None:
    for phone in done:
        await phone.close()


async def test_4015_rings_three_at_once_and_the_first_to_answer_has_the_call(lab: Lab) -> None:
    caller, one, two, three = await phones(lab, 5081, 5082, 5083)
    caller.invite("4015")
    invites = [await target.expect("INVITE") for target in (one, two, three)]
    for target, invite in zip((one, two, three), invites, strict=True):
        target.reply(invite, 180)
    await caller.expect(180)
    two.reply(invites[1], 200, SDP)
    for target, invite in ((one, invites[0]), (three, invites[2])):
        cancel = await target.expect("CANCEL")
        assert "cause=200" in cancel["Reason"]
        target.reply(cancel, 200)
        target.reply(invite, 487)
        await target.expect("ACK")
    while (message := await caller.expect_any()).status != 200:
        assert message.status == 180
    caller.ack(message)
    await two.expect("ACK")
    await hang_up(caller, two)
    record = await lab.serving.record("4015")
    assert results(record) == [("cancelled", 487), ("answered", 200), ("cancelled", 487)]
    await put_away(caller, one, two, three)


@pytest.mark.parametrize(("status", "forwarded"), [(486, True), (480, False)])
async def test_4016_forwards_on_busy_only(lab: Lab, status: int, forwarded: bool) -> None:
    caller, first, second = await phones(lab, 5081, 5082)
    caller.invite("4016")
    first.reply(await first.expect("INVITE"), status)
    await first.expect("ACK")
    if forwarded:
        await connect(caller, second)
        await hang_up(caller, second)
    else:
        caller.ack_refusal(await caller.expect(480))
        assert second.seen == []
    await put_away(caller, first, second)


async def test_4018_begins_each_call_with_the_next_target(lab: Lab) -> None:
    for _ in range(4):
        caller, *targets = await phones(lab, 5081, 5082, 5083)
        caller.invite("4018")
        await asyncio.gather(*(refuse_as_busy(target) for target in targets))
        caller.ack_refusal(await caller.expect(486))
        await put_away(caller, *targets)
    records = await lab.serving.records("4018", 4)
    first = [record["legs"][0]["target"] for record in records]
    assert first == ["uas_5081", "uas_5082", "uas_5083", "uas_5081"]


async def refuse_as_busy(target: Phone) -> None:
    target.reply(await target.expect("INVITE"), 486)
    await target.expect("ACK")


async def test_4019_rings_one_more_every_two_seconds(lab: Lab) -> None:
    caller, *targets = await phones(lab, 5081, 5082, 5083)
    caller.invite("4019")
    invites = []
    for target in targets:
        invites.append(await target.expect("INVITE"))
        target.reply(invites[-1], 100)
    targets[2].reply(invites[2], 200, SDP)
    caller.ack(await caller.expect(200))
    for target, invite in zip(targets[:2], invites[:2], strict=True):
        cancel = await target.expect("CANCEL")
        target.reply(cancel, 200)
        target.reply(invite, 487)
    await targets[2].expect("ACK")
    await hang_up(caller, targets[2])
    record = await lab.serving.record("4019")
    started = [leg["started_ms"] for leg in record["legs"]]
    assert started[1] - started[0] >= 2000
    # From the beginning of the hunt, as its delays are: the one before may have begun a bit late.
    assert started[2] - started[0] >= 4000
    await put_away(caller, *targets)


async def test_4303_rings_the_agent_then_the_caller_twice(lab: Lab) -> None:
    caller, agent, customer = await phones(lab, 5081, 5080)
    caller.invite("4303", caller="sipp")
    caller.ack_refusal(await caller.expect(408))
    for _ in range(2):
        agent.reply(await agent.expect("INVITE"), 200, SDP)
        await agent.expect("ACK")
        customer.reply(await customer.expect("INVITE"), 486)
        await customer.expect("ACK")
        agent.reply(await agent.expect("BYE"), 200)
    missed = await lab.serving.record("4303")
    first, second = await lab.serving.records("sipp", 2)
    assert {first["call_back_of"], second["call_back_of"]} == {missed["id"]}
    assert results(first) == [("answered", 200), ("busy", 486)]
    assert second["started"] - first["started"] - first["ended_ms"] / 1000 >= 3.0
    await put_away(caller, agent, customer)
