"""Descriptions that are none, that our media cannot have, or that nobody answers.

By the running program with real media workers.
"""

import asyncio
from typing import Final

import pytest
from support.office import (
    ADDRESS,
    AUDIO,
    HEAD,
    SDP,
    TIME,
    Office,
    described,
    final,
    hang_up,
    refused,
)
from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.serving import Record

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ended_unanswered(office: Office, caller: Phone, desk: Phone) -> Record:
    """The record of a call that ends at both sides for an offer that nobody has answered."""
    for party in (caller, desk):
        bye = await party.expect("BYE")
        assert "cause=88" in bye["Reason"]
        party.reply(bye, 200)
    record = await office.record(caller)
    assert (record["reason"], record["cause"]) == ("unanswered_offer", 88)
    return record


REFUSED_LINE: Final = f"{HEAD}{ADDRESS}{TIME}m=video 0 RTP/AVP\r\n{AUDIO}"


# What is no session.

NONE: Final = {
    "no address": (described("").replace(ADDRESS, "") + AUDIO, 301),
    "address below one of two": (
        f"{HEAD}{TIME}{AUDIO}{ADDRESS}m=video 40002 RTP/AVP 96\r\n",
        301,
    ),
    "NUL": (SDP.replace("PCMA", "PC\0A"), 307),
    "escape": (SDP.replace("s=-", "s=\x1b[31m"), 307),
    "delete": (SDP.replace("s=-", "s=\x7f"), 307),
    "bare CR": (SDP + "a=x\rm=audio 9 RTP/AVP 0\r\n", 307),
    "no o=": (SDP.replace("o=- 1001 1001 IN IP4 127.0.0.1\r\n", ""), 307),
    "no s=": (SDP.replace("s=-\r\n", ""), 307),
    "no t=": (SDP.replace(TIME, ""), 307),
    "no port": (SDP.replace("40000", "port"), 307),
    "no format": (SDP.replace("RTP/AVP 8\r\n", "RTP/AVP\r\n"), 307),
    "version": (SDP.replace("v=0", "v=1"), 307),
    "no line": (SDP + "rubbish\r\n", 307),
    "rubbish": ("rubbish", 307),
}


@pytest.mark.parametrize("name", NONE)
async def test_offer_that_is_none_is_488_and_nobody_is_rung(office: Office, name: str) -> None:
    body, code = NONE[name]
    caller, desk = await office.parties()
    caller.invite("4000", body)
    answer = await refused(caller)
    assert answer["Warning"].startswith(f"{code} ")
    assert answer["Reason"] == "Q.850;cause=88"
    assert desk.quiet()
    record = await office.record(caller)
    assert (record["status"], record["cause"], record["reason"]) == (488, 88, "unusable_offer")
    said = record["trace"][-1]
    assert (said["rule"], said["matched"]) == ("offer", False)
    if "m=" in body:
        assert "audio " in said["value"]
    assert said["file"].endswith("dialplan.yaml")
    assert said["line"] > 1
    assert said["value"].isprintable()
    assert len(said["value"]) <= 160


@pytest.mark.parametrize("name", NONE)
async def test_answer_that_is_none_is_told_to_nobody(office: Office, name: str) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", SDP)
    desk.reply(await desk.expect("INVITE"), 200, NONE[name][0])
    await desk.expect("ACK")
    desk.reply(await desk.expect("BYE"), 200)
    await refused(caller)


@pytest.mark.parametrize("name", NONE)
async def test_reinvite_that_is_none_is_488_and_the_call_goes_on(office: Office, name: str) -> None:
    caller, desk = await office.connected()
    body, code = NONE[name]
    for method in ("INVITE", "UPDATE"):
        caller.request(method, body)
        answer = await caller.expect(488)
        assert answer["Warning"].startswith(f"{code} ")
    assert desk.quiet()
    caller.ack_refusal(answer)
    await hang_up(caller, desk)


@pytest.mark.parametrize("body", [*(body for body, _ in NONE.values()), "", SDP + AUDIO])
async def test_reinvite_answered_by_none_ends_the_call(office: Office, body: str) -> None:
    caller, desk = await office.connected()
    caller.request("INVITE", SDP.replace("1001 1001", "1001 1002"))
    desk.reply(await desk.expect("INVITE"), 200, body)
    await desk.expect("ACK")
    await caller.expect(488)
    await ended_unanswered(office, caller, desk)


async def test_update_answered_by_none_ends_the_call(office: Office) -> None:
    caller, desk = await office.connected()
    desk.request("UPDATE", SDP.replace("1001 1001", "1001 1002"))
    caller.reply(await caller.expect("UPDATE"), 200, NONE["NUL"][0])
    await desk.expect(488)
    for party in (caller, desk):
        party.reply(await party.expect("BYE"), 200)
    assert (await office.record(caller))["reason"] == "unanswered_offer"


async def test_early_description_that_is_none_ends_that_target(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", SDP)
    invite = await desk.expect("INVITE")
    desk.reply(invite, 183, NONE["NUL"][0])
    desk.reply(await desk.expect("CANCEL"), 200)
    desk.reply(invite, 487)
    await desk.expect("ACK")
    await refused(caller)
    assert not any("\0" in message.body for message in caller.seen)


@pytest.mark.parametrize(
    "answer",
    [described("m=video 40000 RTP/AVP 96\r\n" + AUDIO), described(AUDIO), described(AUDIO * 3)],
)
async def test_answer_with_other_lines_than_the_offer_is_none(office: Office, answer: str) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", described(f"{AUDIO}m=video 40002 RTP/AVP 96\r\n"))
    desk.reply(await desk.expect("INVITE"), 200, answer)
    await desk.expect("ACK")
    desk.reply(await desk.expect("BYE"), 200)
    await refused(caller)


# Blanks (a phone's `a=sendonly `), and lines that are refused without a format.

BLANKS: Final = {
    "blank at the end": SDP.replace("\r\n", " \r\n").replace("v=0 ", "v=0"),
    "tab at the end": SDP.replace("\r\n", "\t\r\n"),
    "tab after m=": SDP.replace("m=audio", "m=\taudio"),
    "tabs between": SDP.replace("m=audio 40000 RTP/AVP 8", "m=audio\t40000\tRTP/AVP\t8"),
    "tab in c=": SDP.replace("IN IP4 127.0.0.1\r\nt", "IN\tIP4\t127.0.0.1\r\nt"),
    "LF": SDP.replace("\r\n", "\n"),
}


@pytest.mark.parametrize("name", BLANKS)
async def test_blanks_in_an_offer_are_no_reason_to_refuse_it(office: Office, name: str) -> None:
    caller = await office.phone()
    caller.invite("4003", BLANKS[name])
    answer = await caller.expect(183)
    assert "m=audio " in answer.body
    await refused(caller, 480)


@pytest.mark.parametrize("direction", ["sendonly ", "sendonly\t", "\tsendonly", "inactive \t"])
@pytest.mark.parametrize("number", ["4000", "4006"])
async def test_hold_with_blanks_is_a_hold(office: Office, number: str, direction: str) -> None:
    """Case 18: each line ends in a blank."""
    caller, desk = await office.connected(number)
    held = SDP.replace("1001 1001", "1001 1002 ").replace("AVP 8", "AVP 8 ")
    caller.request("INVITE", f"{held}a={direction}\r\n")
    if number == "4000":
        asked = await desk.expect("INVITE")
        assert f"a={direction.strip()}\r\n" in asked.body
        desk.reply(asked, 200, SDP + "a=recvonly\r\n")
        await desk.expect("ACK")
    answer = await caller.expect(200)
    expected = "a=inactive" if "inactive" in direction else "a=recvonly"
    assert f"{expected}\r\n" in (answer.body if number == "4006" else f"{expected}\r\n")
    caller.ack(answer)
    await hang_up(caller, desk)


class Ear(asyncio.DatagramProtocol):
    """A port that hears media. heard: a fifth of a second of it has come."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self._missing = 10

    def datagram_received(self, _data: bytes, _address: tuple[str, int]) -> None:
        self._missing -= 1
        if not self._missing:
            self.heard.set()


@pytest.mark.parametrize("number", ["4000", "4001"])
async def test_refused_line_without_a_format_is_read(office: Office, number: str) -> None:
    """Case 19: as an offer and as an answer; the call is recorded."""
    port = free_port()
    loop = asyncio.get_running_loop()
    media, ear = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", port))
    caller, desk = await office.parties()
    caller.invite(number, REFUSED_LINE.replace("40000", str(port)))
    invite = await desk.expect("INVITE")
    if number == "4000":
        assert "m=video 0 RTP/AVP\r\n" in invite.body
        answer = REFUSED_LINE
    else:
        answer = SDP.replace("m=audio 40000", "m=audio 40002")
    desk.reply(invite, 200, answer)
    told = await final(caller)
    assert [line.split(" ")[0] for line in told.body.split("\r\n") if line.startswith("m=")] == [
        "m=video",
        "m=audio",
    ]
    assert "m=video 0 RTP/AVP 0\r\n" in told.body or number == "4000"
    caller.ack(told)
    await desk.expect("ACK")
    if number == "4001":
        async with asyncio.timeout(PATIENCE):
            await ear.heard.wait()
    await hang_up(caller, desk)
    media.close()
    record = await office.record(caller)
    assert record["status"] == 200
    assert bool(record["recordings"]) is (number == "4001")


async def test_target_that_refuses_a_line_without_a_format_is_connected(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", described(f"m=audio 40004 RTP/AVP 0\r\n{AUDIO}"))
    desk.reply(await desk.expect("INVITE"), 200, described(f"m=audio 0 RTP/AVP\r\n{AUDIO}"))
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    await hang_up(caller, desk)


# What our media cannot have.

UNUSABLE: Final = {
    "SAVPF": ("m=audio 40000 RTP/SAVPF 8\r\n", 302),
    "G.729": ("m=audio 40000 RTP/AVP 18\r\n", 305),
    "image": ("m=image 40000 udptl t38\r\n", 304),
    "refused": ("m=audio 0 RTP/AVP 8\r\n", 304),
    "IPv6": (f"{AUDIO}c=IN IP6 ::1\r\n", 300),
    "name": (f"{AUDIO}c=IN IP4 media.invalid\r\n", 301),
}


@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.parametrize("number", ["4001", "4003", "4007"])
async def test_offer_that_our_media_cannot_take_is_488(
    office: Office, number: str, name: str
) -> None:
    """Case 20; a number that records its calls does not pass one unrecorded (19)."""
    lines, code = UNUSABLE[name]
    caller, desk = await office.parties()
    caller.invite(number, described(lines))
    answer = await refused(caller)
    assert answer["Warning"].startswith(f"{code} callrouter ")
    assert answer["Reason"] == "Q.850;cause=88"
    record = await office.record(caller)
    reason = "not_recordable" if number == "4001" else "unusable_offer"
    assert (record["status"], record["cause"], record["reason"]) == (488, 88, reason)
    assert record["trace"][-1]["value"] == lines.partition("\r\n")[0].removeprefix("m=")
    assert desk.quiet()


@pytest.mark.parametrize(("number", "status", "cause"), [("4002", 603, 21), ("4004", 606, 65)])
async def test_both_are_answered_as_the_number_says(
    office: Office, number: str, status: int, cause: int
) -> None:
    caller = await office.phone()
    caller.invite(number, described(UNUSABLE["SAVPF"][0]))
    await refused(caller, status)
    record = await office.record(caller)
    assert (record["status"], record["cause"]) == (status, cause)


@pytest.mark.parametrize("early", [False, True])
async def test_target_that_cannot_be_recorded_is_left(office: Office, early: bool) -> None:
    caller, desk = await office.parties()
    caller.invite("4001", SDP)
    invite = await desk.expect("INVITE")
    body = described(UNUSABLE["SAVPF"][0])
    if early:
        desk.reply(invite, 183, body)
    desk.reply(invite, 200, body)
    await desk.expect("ACK")
    desk.reply(await desk.expect("BYE"), 200)
    answer = await final(caller)
    assert answer.status == 488
    caller.ack(answer)


async def test_who_cannot_hear_a_prompt_is_connected_all_the_same(office: Office) -> None:
    caller, desk = await office.connected(
        "4005", described(UNUSABLE["SAVPF"][0]), described(UNUSABLE["SAVPF"][0])
    )
    await hang_up(caller, desk)


# Late offers.


@pytest.mark.parametrize("body", ["", "rubbish", NONE["NUL"][0], SDP + AUDIO])
async def test_late_offer_without_an_answer_in_the_ack_ends_the_call(
    office: Office, body: str
) -> None:
    """Case 25."""
    caller, desk = await office.parties()
    caller.invite("4000", "")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200), body)
    ack = await desk.expect("ACK")
    assert "m=audio 0 " in ack.body
    record = await ended_unanswered(office, caller, desk)
    assert record["hung_up_by"] == "callrouter"


@pytest.mark.parametrize("number", ["4001", "4007"])
async def test_late_offer_of_our_media_without_an_answer_ends_the_call(
    office: Office, number: str
) -> None:
    caller, desk = await office.parties()
    caller.invite(number, "")
    caller.ack(await caller.expect(200))
    bye = await caller.expect("BYE")
    assert "cause=88" in bye["Reason"]
    caller.reply(bye, 200)
    assert (await office.record(caller))["reason"] == "unanswered_offer"
    assert desk.quiet()


async def test_late_offer_inside_a_call_without_an_answer_ends_it(office: Office) -> None:
    caller, desk = await office.connected()
    caller.request("INVITE")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    for party in (caller, desk):
        party.reply(await party.expect("BYE"), 200)
    assert (await office.record(caller))["reason"] == "unanswered_offer"


async def test_late_offer_inside_a_recorded_call_without_an_answer_ends_it(office: Office) -> None:
    caller, desk = await office.connected("4001")
    caller.request("INVITE")
    caller.ack(await caller.expect(200))
    for party in (caller, desk):
        bye = await party.expect("BYE")
        assert "cause=88" in bye["Reason"]
        party.reply(bye, 200)
    assert (await office.record(caller))["reason"] == "unanswered_offer"


@pytest.mark.parametrize("lines", [UNUSABLE["SAVPF"], UNUSABLE["G.729"], NONE["NUL"]])
async def test_reinvite_that_our_media_cannot_take_is_488_and_the_recording_goes_on(
    office: Office, lines: tuple[str, int]
) -> None:
    body, code = lines
    caller, desk = await office.connected("4001")
    caller.request("INVITE", body if body.startswith("v=0") else described(body))
    answer = await caller.expect(488)
    assert answer["Warning"].startswith(f"{code} callrouter ")
    caller.ack_refusal(answer)
    assert desk.quiet()
    await hang_up(caller, desk)


async def test_offer_by_tcp_is_no_other(office: Office) -> None:
    desk = await office.desk()
    for body, status in ((NONE["NUL"][0], 488), (NONE["no address"][0], 488)):
        caller = await office.stream()
        caller.invite("4000", body)
        await refused(caller, status)
    assert desk.quiet()
    caller = await office.stream()
    caller.invite("4000", "")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    for party in (caller, desk):
        party.reply(await party.expect("BYE"), 200)


async def test_late_offer_with_an_answer_connects(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", "")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200), SDP.replace("40000", "40008"))
    assert "m=audio 40008 " in (await desk.expect("ACK")).body
    await hang_up(caller, desk)


@pytest.mark.parametrize("body", ["", SDP + AUDIO])
async def test_offer_in_a_183_without_an_answer_in_the_prack_ends_the_call(
    office: Office, body: str
) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", "", ("Supported", "100rel"))
    invite = await desk.expect("INVITE")
    desk.reply(invite, 183, SDP, Require="100rel", RSeq="1")
    early = await caller.expect(183)
    caller.learn(early)
    caller.request("PRACK", body, ("RAck", f"{early['RSeq']} 1 INVITE"))
    refusals = {(answer := await caller.expect(488)).method: answer for _ in range(2)}
    assert refusals["PRACK"]["Warning"] == '307 callrouter "no answer to the offer"'
    assert refusals["INVITE"]["Reason"] == "Q.850;cause=88"
    caller.ack(refusals["INVITE"])
    desk.reply(await desk.expect("CANCEL"), 200)
    desk.reply(invite, 487)
    await desk.expect("ACK")
    record = await office.record(caller)
    assert (record["status"], record["reason"]) == (488, "unanswered_offer")


async def test_second_reliable_description_asks_for_no_second_answer(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", "", ("Supported", "100rel"))
    invite = await desk.expect("INVITE")
    for number, answer in ((1, SDP), (2, "")):
        desk.reply(invite, 183, SDP, Require="100rel", RSeq=str(number))
        early = await caller.expect(183)
        caller.learn(early)
        caller.request("PRACK", answer, ("RAck", f"{early['RSeq']} 1 INVITE"))
        prack = await desk.expect("PRACK")
        assert prack.body == answer
        desk.reply(prack, 200)
        await caller.expect(200)
    desk.reply(invite, 200)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    await hang_up(caller, desk)
