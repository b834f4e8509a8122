"""Bodies in which something stands beside the description, or instead of it (RFC 5621).

By the running program, in both directions.
"""

from typing import Final

import pytest
from support.message import Message
from support.office import SDP, Office, hang_up, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


ISUP: Final = "\x01H\0"


def mixed(*parts: str, boundary: str = "sonus-content-delim") -> str:
    """A multipart body."""
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def part(kind: str, content: str, disposition: str = "") -> str:
    """A part of it."""
    rows = f"Content-Disposition: {disposition}\r\n" if disposition else ""
    return f"{rows}Content-Type: {kind}\r\n\r\n{content}"


MIXED: Final = ("Content-Type", "multipart/mixed;boundary=sonus-content-delim")
SESSION: Final = part("application/sdp", SDP, "session; handling=required")
OPTIONAL: Final = part(
    "application/isup; version=itu-t92+; base=itu-t92+", ISUP, "signal; handling=optional"
)
REQUIRED: Final = part("application/isup; version=itu-t92+", ISUP, "signal; handling=required")


AGAIN: Final = SDP.replace("1001 1001", "1001 1002")
KIND: Final = dict([MIXED])


def beside(sdp: str) -> str:
    """A description beside ISUP, as a carrier's switch sends it."""
    return mixed(part("application/sdp", sdp, "session; handling=required"), OPTIONAL)


def alone(message: Message, sdp: str) -> bool:
    """A message has a description for its body, and says nothing of any multipart."""
    assert (message["Content-Disposition"], message["MIME-Version"]) == ("", "")
    return (message.body, message["Content-Type"]) == (sdp, "application/sdp")


async def test_description_is_taken_out_of_multiparts_in_both_directions(office: Office) -> None:
    """Case 24: in INVITE, 183, 200, re-INVITE, UPDATE, their answers, and the ACK to an offer."""
    caller, desk = await office.parties()
    caller.invite("4000", beside(SDP), MIXED, ("MIME-Version", "1.0"))
    invite = await desk.expect("INVITE")
    assert alone(invite, SDP)
    desk.reply(invite, 183, beside(SDP), **KIND)
    assert alone(await caller.expect(183), SDP)
    desk.reply(invite, 200, beside(SDP), **KIND)
    answer = await caller.expect(200)
    assert alone(answer, SDP)
    caller.ack(answer)
    await desk.expect("ACK")
    for asks, asked in ((caller, desk), (desk, caller)):
        asks.request("UPDATE", beside(AGAIN), MIXED)
        update = await asked.expect("UPDATE")
        assert alone(update, AGAIN)
        asked.reply(update, 200, beside(AGAIN), **KIND)
        assert alone(await asks.expect(200), AGAIN)
        asks.request("INVITE", beside(AGAIN), MIXED)
        again = await asked.expect("INVITE")
        assert alone(again, AGAIN)
        asked.reply(again, 200, beside(AGAIN), **KIND)
        answer = await asks.expect(200)
        assert alone(answer, AGAIN)
        asks.ack(answer)
        await asked.expect("ACK")
    await hang_up(caller, desk)


async def test_prack_has_its_description_taken_out_too(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", SDP, ("Supported", "100rel"))
    invite = await desk.expect("INVITE")
    desk.reply(invite, 183, beside(SDP), **KIND, Require="100rel", RSeq="1")
    early = await caller.expect(183)
    assert alone(early, SDP)
    caller.learn(early)
    caller.request("PRACK", beside(AGAIN), ("RAck", f"{early['RSeq']} 1 INVITE"), MIXED)
    prack = await desk.expect("PRACK")
    assert alone(prack, AGAIN)
    desk.reply(prack, 200, beside(AGAIN), **KIND)
    assert alone(await caller.expect(200), AGAIN)
    desk.reply(invite, 200)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    await hang_up(caller, desk)


async def test_ack_has_its_description_taken_out_too(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", "")
    desk.reply(await desk.expect("INVITE"), 200, beside(SDP), **KIND)
    answer = await caller.expect(200)
    assert alone(answer, SDP)
    caller.learn(answer)
    caller.send(caller._message("ACK", answer.cseq, "multipart", beside(SDP), MIXED))
    assert alone(await desk.expect("ACK"), SDP)
    await hang_up(caller, desk)


@pytest.mark.pjsip
async def test_multipart_is_spoken_to_and_recorded_like_any_offer(office: Office) -> None:
    caller = await office.phone()
    caller.invite("4003", beside(SDP), MIXED)
    assert "m=audio " in (await caller.expect(183)).body
    await refused(caller, 480)


ALTERNATIVES: Final = mixed(
    part("text/plain", "x"), part("application/sdp", SDP), part("text/html", "x"), boundary="in"
)
TAKEN: Final = {
    "alternatives": (ALTERNATIVES, "multipart/alternative;boundary=in"),
    "last of two alternatives": (
        mixed(part("application/sdp", AGAIN), part("application/sdp", SDP)),
        'Multipart/Alternative; boundary="sonus-content-delim"',
    ),
    "related": (mixed(SESSION, OPTIONAL), MIXED[1].replace("mixed", "related")),
    "nested": (
        mixed(part("multipart/alternative;boundary=in", ALTERNATIVES), OPTIONAL),
        MIXED[1],
    ),
    "preamble, padding, epilogue": (
        "hello\r\n"
        + mixed(SESSION, OPTIONAL).replace("delim\r\n", "delim \t\r\n")
        + "\r\n--other--\r\nbye",
        MIXED[1],
    ),
    "no disposition": (mixed(part("APPLICATION/SDP;charset=utf-8", SDP)), MIXED[1]),
    "bare LF": (mixed(SESSION, OPTIONAL).replace("\r\n", "\n"), MIXED[1]),
    "alone in upper case": (SDP, "APPLICATION/SDP"),
    "alone with parameters": (SDP, "application/sdp; charset=utf-8"),
    "alone and disposed of": (SDP, "application/sdp\r\nContent-Disposition: session"),
}


@pytest.mark.parametrize("name", TAKEN)
async def test_description_is_found_wherever_it_may_stand(office: Office, name: str) -> None:
    body, kind = TAKEN[name]
    caller, desk = await office.parties()
    caller.invite("4000", body, ("Content-Type", kind))
    invite = await desk.expect("INVITE")
    assert alone(invite, SDP if name != "bare LF" else SDP.replace("\r\n", "\n"))
    desk.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    await hang_up(caller, desk)


DELIMITER: Final = "--sonus-content-delim"
NOT_TAKEN: Final = {
    "required": (mixed(SESSION, REQUIRED), MIXED[1], 415),
    "required by default": (mixed(SESSION, part("application/isup", ISUP)), MIXED[1], 415),
    "nothing understood": (mixed(part("text/plain", "x")), MIXED[1], 415),
    "no alternative": (
        mixed(part("text/plain", "x")),
        MIXED[1].replace("mixed", "alternative"),
        415,
    ),
    "signed": (mixed(SESSION), MIXED[1].replace("mixed", "signed"), 415),
    "coded": (
        mixed("Content-Transfer-Encoding: base64\r\n" + part("application/sdp", "dj0w")),
        MIXED[1],
        415,
    ),
    "early session": (SDP, "application/sdp\r\nContent-Disposition: early-session", 415),
    "three deep": (
        mixed(
            part(
                "multipart/mixed;boundary=a",
                mixed(
                    part("multipart/mixed;boundary=b", mixed(SESSION, boundary="b")), boundary="a"
                ),
            )
        ),
        MIXED[1],
        415,
    ),
    "text": (SDP, "text/plain", 415),
    "two descriptions": (mixed(SESSION, SESSION), MIXED[1], 400),
    "no end": (f"{DELIMITER}\r\n{SESSION}\r\n{DELIMITER}\r\n", MIXED[1], 400),
    "no part": (f"{DELIMITER}--\r\n", MIXED[1], 400),
    "no boundary": (mixed(SESSION), "multipart/mixed", 400),
    "other boundary": (mixed(SESSION), "multipart/mixed;boundary=x", 400),
    "long boundary": (mixed(SESSION), f"multipart/mixed;boundary={'x' * 71}", 400),
    "longer delimiter": (mixed(SESSION).replace("delim\r\n", "delimiter\r\n"), MIXED[1], 400),
    "no empty line": (f"{DELIMITER}\r\nContent-Type: x/y\r\n{DELIMITER}--", MIXED[1], 400),
    "no header": (mixed("\1: x\r\n\r\n" + SDP), MIXED[1], 400),
    "two types": (mixed("Content-Type: text/plain\r\n" + SESSION), MIXED[1], 400),
    "many parts": (mixed(SESSION, *[OPTIONAL] * 40), MIXED[1], 400),
    "part that is no session": (mixed(part("application/sdp", "rubbish")), MIXED[1], 488),
    "NUL in the description": (beside(SDP.replace("PCMA", "\0")), MIXED[1], 488),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
async def test_body_that_cannot_be_taken_is_refused(office: Office, name: str) -> None:
    body, kind, status = NOT_TAKEN[name]
    caller, desk = await office.parties()
    caller.invite("4000", body, ("Content-Type", kind))
    answer = await refused(caller, status)
    assert (answer["Accept"] == "application/sdp") is (status == 415)
    assert desk.quiet()


@pytest.mark.parametrize("kind", ["early-session", "render", "icon"])
async def test_optional_body_that_is_no_session_is_dropped(office: Office, kind: str) -> None:
    """What is left is an INVITE without an offer."""
    caller, desk = await office.parties()
    disposition = ("Content-Disposition", f"{kind};handling=optional")
    caller.invite("4000", SDP, disposition)
    invite = await desk.expect("INVITE")
    assert (invite.body, invite["Content-Type"], invite["Content-Disposition"]) == ("", "", "")
    desk.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200), SDP)
    assert (await desk.expect("ACK")).body == SDP
    await hang_up(caller, desk)


async def test_body_of_a_target_that_is_no_description_is_no_answer(office: Office) -> None:
    caller, desk = await office.parties()
    caller.invite("4000", SDP)
    invite = await desk.expect("INVITE")
    desk.reply(invite, 180, "ring ring", **{"Content-Type": "text/plain"})
    rings = await caller.expect(180)
    assert (rings.body, rings["Content-Type"]) == ("", "")
    desk.reply(invite, 200, mixed(OPTIONAL), **KIND)
    await desk.expect("ACK")
    desk.reply(await desk.expect("BYE"), 200)
    await refused(caller)
