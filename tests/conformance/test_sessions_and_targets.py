"""Sessions and targets: offer and answer, early media, forwarding, hunts, keys."""

import itertools

import pytest
from support.message import SDP, Message
from support.softphone import Softphone
from support.workers import Nursery
from table import CALLER, DESK, OTHER, STREAM, Party, Table, connected, hang_up, ringing

from callrouter.sip.sdp import SessionDescription, parse_sdp

SPOKEN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
prompts: {short: {tone: {hertz: 440, for: 500ms}}}
numbers: {"4000": {route: [{greet: {prompts: short, answer: true}, hunt: [desk], ring: 60s}]}}
"""
GREETED = "greet: {prompts: short, answer: true}, "
FORWARDED = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32, 192.0.2.2/32]}}
gateways: {us: {address: 192.0.2.2, diversion: true, history_info: true}}
targets: {again: {number: "4000", via: us}}
numbers: {"4000": {route: [{hunt: [again]}]}}
"""


def audio(port: int = 4000, events: int = 101) -> str:
    """A line of audio with keys."""
    return f"m=audio {port} RTP/AVP 8 {events}\r\na=rtpmap:{events} telephone-event/8000\r\n"


def described(version: int = 1, *, lines: str = "", direction: str = "sendrecv") -> str:
    """What a party says of its session; without lines it is audio."""
    return (
        f"v=0\r\no=p 77 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        f"a={direction}\r\n{lines or audio()}"
    )


def read(message: Message) -> SessionDescription:
    return parse_sdp(message.body.encode())


def origins(*messages: Message) -> list[tuple[str, int]]:
    """The id and the version of each o=."""
    parts = [read(message).origin.split(" ") for message in messages]
    return [(part[1], int(part[2])) for part in parts]


def spoken(offer: str) -> tuple[Table, Party, Message]:
    """A caller who is answered by us, and our answer."""
    table = Table(SPOKEN)
    table.with_workers()
    caller = table.party(CALLER)
    caller.invite("4000", offer)
    answer = caller.hears(200)
    caller.ack(answer)
    return table, caller, answer


def asked_again(caller: Party, body: str) -> Message:
    """The answer to a re-INVITE with an offer."""
    caller.request("INVITE", body)
    answer = caller.hears(200)
    caller.ack(answer)
    return answer


def test_row_50_answer_has_the_offers_lines_mirrors_it_and_counts_its_versions() -> None:
    lines = f"m=video 6000 RTP/AVP 96\r\n{audio()}m=image 9 udptl t38\r\n"
    offer = described(lines=lines)
    table, caller, answer = spoken(offer)
    found = read(answer)
    assert [media.kind for media in found.media] == ["video", "audio", "image"]
    assert [bool(media.port) for media in found.media] == [False, True, False]
    same = asked_again(caller, offer)
    held = asked_again(caller, described(2, lines=lines, direction="sendonly"))
    again = asked_again(caller, described(3, lines=lines, direction="sendonly"))
    back = asked_again(caller, described(4, lines=lines, direction="inactive"))
    assert [read(said).media[1].direction for said in (same, held, again, back)] == [
        *("sendrecv", "recvonly", "recvonly", "inactive"),
    ]
    ids, versions = zip(*origins(answer, same, held, again, back), strict=True)
    assert len(set(ids)) == 1
    assert [version - versions[0] for version in versions] == [0, 0, 1, 1, 2]
    table.router.calls.end_all()
    caller.reply(caller.hears("BYE"), 200)
    table.wait(130.0)
    assert table.router.noted.bugs == []


def test_row_50_what_two_parties_describe_to_each_other_passes_untouched() -> None:
    table = Table()
    caller, desk = connected(table)
    for version in (2, 2, 3):
        offer = described(version, direction="sendonly" if version > 2 else "sendrecv")
        caller.request("INVITE", offer)
        asked = desk.hears("INVITE")
        assert asked.body == offer
        desk.reply(asked, 200, described(version, direction="recvonly"))
        answer = caller.hears(200)
        assert answer.body == described(version, direction="recvonly")
        caller.ack(answer)
        desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_51_2xx_without_sdp_is_acknowledged_and_byed_and_the_caller_gets_488() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 200)
    assert desk.hears("ACK").cseq == invite.cseq
    desk.reply(desk.hears("BYE"), 200)
    refusal = caller.hears(488)
    caller.ack(refusal)
    assert caller.got(200) == []
    table.is_clear()


BROKEN = [
    "v=9\r\nrubbish",
    "\0\0\0",
    "m=audio 99999999999 x\r\n",
    described().partition("m=")[0],
    described(lines=audio() * 2),
    described(lines=audio().replace("4000", "port")),
]
"""Descriptions that are none, or that no offer of one line can have for its answer."""


@pytest.mark.parametrize("body", BROKEN)
@pytest.mark.parametrize("spoken", [False, True])
def test_row_51_broken_sdp_of_a_target_is_told_to_nobody_and_the_hunt_goes_on(
    body: str, spoken: bool
) -> None:
    table = Table(SPOKEN if spoken else SPOKEN.replace(GREETED, ""))
    table.with_workers()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", described())
    if spoken:
        caller.ack(caller.hears(200))
    invite = desk.hears("INVITE")
    desk.reply(invite, 200, body)
    assert desk.hears("ACK").cseq == invite.cseq
    desk.reply(desk.hears("BYE"), 200)
    if spoken:
        caller.reply(caller.hears("BYE"), 200)
    else:
        caller.ack(caller.hears(488))
    assert all(body not in one.body for one in caller.seen)
    table.is_clear()
    (record,) = table.router.noted.ended
    assert [(leg.result, leg.status) for leg in record.legs] == [("rejected", 488)]


@pytest.mark.parametrize("body", BROKEN)
@pytest.mark.parametrize("rows", [{}, {"Require": "100rel", "RSeq": "1"}])
def test_row_51_broken_sdp_in_a_183_is_cancelled_and_the_next_target_rung(
    body: str, rows: dict[str, str]
) -> None:
    table = Table()
    caller, desk, other = (table.party(place) for place in (CALLER, DESK, OTHER))
    caller.invite("4001")
    invite = desk.hears("INVITE")
    desk.reply(invite, 183, body, **rows)
    desk.reply(desk.hears("CANCEL"), 200)
    desk.reply(invite, 487)
    second = other.hears("INVITE")
    other.reply(second, 200, SDP)
    answer = caller.hears(200)
    assert answer.body == SDP
    assert [one.status for one in caller.seen] == [100, 200]
    caller.ack(answer)
    other.hears("ACK")
    hang_up(caller, other)
    table.is_clear()


def test_row_52_early_media_is_relayed_and_each_fork_has_an_early_dialog_of_its_own() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000")
    invite = desk.hears("INVITE")
    media = {"a": described(lines=audio(4010)), "b": described(lines=audio(4020))}
    early = {}
    for tag, body in media.items():
        desk.reply(invite, 183, body, tag=tag)
        came = caller.hears(183)
        assert came.body == body
        early[tag] = came.tag("To")
    assert early["a"] != early["b"]
    # A dialog takes one answer only: the one that answers keeps the tag of its early media.
    desk.reply(invite, 200, media["a"], tag="a")
    answer = caller.hears(200)
    assert answer.tag("To") == early["a"]
    caller.ack(answer)
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_52_early_media_of_one_target_is_not_covered_by_the_ringing_of_another() -> None:
    table = Table()
    caller, desk, other = table.party(CALLER), table.party(DESK), table.party(OTHER)
    caller.invite("4004")
    first, second = desk.hears("INVITE"), other.hears("INVITE")
    desk.reply(first, 183, SDP)
    caller.hears(183)
    other.reply(second, 180)
    table.wait(1.0)
    assert caller.got(180) == []
    desk.reply(first, 486)
    desk.hears("ACK")
    # Nobody's media is heard any more, so the ringing is.
    caller.hears(180)
    other.reply(second, 486)
    other.hears("ACK")
    caller.ack(caller.hears(486))
    table.is_clear()


def test_row_54_reason_of_a_cancel_and_of_a_bye_reaches_the_other_side() -> None:
    reason = ("Reason", 'Q.850;cause=16;text="Terminated"')
    table = Table()
    caller, desk, invite = ringing(table)
    sent = caller.invite_sent
    assert sent is not None
    rows = [row for row in sent.rows if row[0] in {"Via", "From", "To", "Call-ID"}]
    rows += [("CSeq", "1 CANCEL"), ("Max-Forwards", "70"), reason]
    caller.send(Message(sent.start.replace("INVITE", "CANCEL"), rows))
    assert desk.hears("CANCEL")["Reason"] == reason[1]
    desk.reply(invite, 487)
    table.is_clear()
    for back in (False, True):
        table = Table()
        caller, desk = connected(table)
        first, second = (desk, caller) if back else (caller, desk)
        first.request("BYE", "", reason)
        first.hears(200)
        bye = second.hears("BYE")
        assert bye["Reason"] == reason[1]
        second.reply(bye, 200)
        table.is_clear()


def test_row_54_who_rang_beside_the_one_that_answered_is_told_so() -> None:
    table = Table()
    caller, desk, other = table.party(CALLER), table.party(DESK), table.party(OTHER)
    caller.invite("4004")
    first, second = desk.hears("INVITE"), other.hears("INVITE")
    other.reply(second, 180)
    caller.hears(180)
    desk.reply(first, 200, SDP)
    caller.ack(caller.hears(200))
    cancel = other.hears("CANCEL")
    assert cancel["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    other.reply(cancel, 200)
    other.reply(second, 487)
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_55_chain_of_forwardings_stops_after_ten_and_tells_its_history() -> None:
    table = Table(FORWARDED)
    heard: list[Message] = []
    carry = table._carry

    def listen(source: tuple[str, int], goal: tuple[str, int], data: bytes) -> None:
        if data.startswith(b"INVITE "):
            heard.append(Message.parse(data))
        carry(source, goal, data)

    table._carry = listen  # type: ignore[method-assign]
    caller = table.party(CALLER)
    caller.invite("4000")
    caller.ack(caller.hears(482))
    assert len(heard) == 10
    assert [len(invite.all("Diversion")) for invite in heard] == list(range(1, 11))
    for number, invite in enumerate(heard, start=1):
        newest = invite.all("Diversion")[0]
        assert ";reason=" in newest
        assert ";counter=1" in newest
        entries = invite["History-Info"].split(", ")
        assert len(entries) == number + 1
        assert entries[-1].count("index=1" + ".1" * number) == 1
        assert "cause=" in entries[-1]
    table.is_clear()


@pytest.mark.parametrize("number", ["4000", "4003"])
def test_row_56_302_to_a_foreign_host_is_never_dialled(number: str) -> None:
    table = Table()
    caller, desk, invite = ringing(table, number)
    desk.reply(invite, 302, Contact="<sip:x@192.0.2.9>")
    desk.hears("ACK")
    caller.ack(caller.hears(480))
    assert table.strays == []
    assert desk.quiet()
    table.is_clear()


def test_row_56_302_to_a_host_of_ours_is_followed_where_the_hunt_says_so() -> None:
    table = Table()
    caller, desk, invite = ringing(table, "4003")
    desk.reply(invite, 302, Contact="<sip:second@192.0.2.3:5060?Route=%3Csip:192.0.2.9%3E>")
    desk.hears("ACK")
    again = desk.hears("INVITE")
    assert again.uri == "sip:second@192.0.2.3:5060"
    assert again.all("Route") == []
    desk.reply(again, 486)
    desk.hears("ACK")
    caller.ack(caller.hears(486))
    table.is_clear()


@pytest.mark.parametrize("theirs", [101, 96])
def test_row_57_each_leg_has_the_payload_type_of_its_own(theirs: int) -> None:
    table, caller, answer = spoken(described(lines=audio(events=theirs)))
    media = read(answer).media[0]
    assert media.rtpmap()[theirs] == "TELEPHONE-EVENT/8000"
    assert str(theirs) in media.formats
    table.router.calls.end_all()
    caller.reply(caller.hears("BYE"), 200)
    table.wait(130.0)
    assert table.router.noted.bugs == []


@pytest.mark.asyncio(loop_scope="session")
async def test_row_57_key_pressed_once_is_told_once() -> None:
    # Three end packets with the timestamp of the first are one press.
    nursery = await Nursery.start()
    phone = await Softphone.start()
    try:
        worker = await nursery.spawn()
        session = await worker.open()
        await phone.talk(worker.uri(session))
        await phone.press("1", "rfc4733")
        told = await worker.report("digit", session)
        await worker.next_beat()
        assert (told["digit"], worker.heard) == ("1", [])
        await phone.hang_up()
        await worker.nothing_is_left()
        await worker.command("quit")
        assert await nursery.exited(worker) == 0
        await worker.close()
    finally:
        await phone.quit()
        await nursery.stop()


@pytest.mark.parametrize(
    ("statuses", "expected", "rung"),
    [
        ((503, 486, 404), 404, 3),
        ((503, 503, 503), 500, 3),
        ((503, 603, 0), 603, 2),
        ((503, 606, 0), 606, 2),
        ((600, 486, 404), 404, 3),
    ],
)
def test_row_59_503_fails_over_and_is_never_relayed_while_603_ends_the_hunt(
    statuses: tuple[int, int, int], expected: int, rung: int
) -> None:
    table = Table()
    caller = table.party(CALLER)
    places = itertools.starmap(table.party, ((DESK,), (OTHER,), (STREAM, "TCP")))
    targets = list(places)
    caller.invite("4005")
    for target, status in zip(targets[:rung], statuses, strict=False):
        target.reply(target.hears("INVITE"), status)
        target.hears("ACK")
    final = caller.hears(expected)
    caller.ack(final)
    assert [bool(target.seen) for target in targets] == [index < rung for index in range(3)]
    table.is_clear()
