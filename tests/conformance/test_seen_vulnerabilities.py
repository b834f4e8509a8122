"""One test for each class of vulnerability that systems like this have really had.

Those of what callrouter does not have are not here: DTLS, SRTP, AMI, XML, an Identity header, an
LDAP or a root shell.
"""

import itertools
import re
import sqlite3
from pathlib import Path

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, STRANGER, Table, connected, hang_up, request, ringing

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError, ParseError
from callrouter.observe.cdr.rows import encode
from callrouter.sip.digest import parse_challenge, parse_credentials
from callrouter.sip.sdp import parse_sdp, usable_audio
from callrouter.yamlfile.reader import parse as parse_yaml

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
BROKEN_SDP = {
    "AST-2018-002, media line": "m=audio 17000 RTP/AVP \r\n",
    "AST-2018-002, port": "m=audio 99999999999999999999 RTP/AVP 8\r\n",
    "AST-2018-003, fmtp": "m=audio 4000 RTP/AVP 8\r\na=fmtp\r\na=fmtp:\r\na=fmtp:x\r\n",
    "ES2018-02, payload": "m=audio 4000 RTP/AVP 8 256 -1 x 99999999999\r\n",
    "ES2018-03, fmtp": "m=audio 4000 RTP/AVP 8\r\na=fmtp:8 " + "x;" * 900 + "\r\n",
    "CVE-2026-41416, ptime": "m=audio 4000 RTP/AVP 8\r\na=ptime:99999999999999\r\n",
    "issue 4998, lines": "m=audio 4000 RTP/AVP 8\r\n" * 500,
    "issue 5114, formats": f"m=audio 4000 RTP/AVP {' '.join(['8'] * 500)}\r\n",
}
SPOKEN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
prompts: {short: {tone: {hertz: 440, for: 500ms}}}
numbers: {"4000": {route: [{greet: {prompts: short, answer: true}, hunt: [desk], ring: 60s}]}}
"""
EVIL_TEXT = 'x\x00\x1b[2J\r\nInjected: yes\r\n\r\n"; drop table calls;-- %0d%0a <script>'


def lives(table: Table) -> None:
    """All calls end, and the next one is as good as any."""
    table.router.calls.end_all()
    table.wait(130.0)
    hang_up(*connected(table))
    table.wait(130.0)
    assert table.router.noted.bugs == []


@pytest.mark.parametrize("name", BROKEN_SDP)
def test_ast_2018_002_and_003_es2018_02_and_03_broken_sdp_of_an_offer_crashes_nothing(
    name: str,
) -> None:
    body = HEAD + BROKEN_SDP[name]
    table = Table(SPOKEN)
    table.with_workers()
    caller = table.party(CALLER)
    caller.invite("4000", body)
    table.wait(1.0)
    final = [one.status for one in caller.seen if one.status >= 200][-1:]
    # Refused, or rung without our voice, or answered by us: never silence.
    assert final in ([], [200], [488])
    if final == [200]:
        audio = usable_audio(parse_sdp(body.encode()))
        assert audio is not None
    table.router.calls.end_all()
    table.wait(130.0)
    assert table.router.noted.bugs == []


@pytest.mark.parametrize("name", BROKEN_SDP)
@pytest.mark.parametrize("status", [183, 200])
def test_cve_2021_26906_broken_sdp_of_a_response_crashes_nothing(name: str, status: int) -> None:
    table = Table(SPOKEN)
    table.with_workers()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000")
    caller.ack(caller.hears(200))
    desk.reply(desk.hears("INVITE"), status, HEAD + BROKEN_SDP[name])
    table.wait(2.0)
    # And of the answer to a re-INVITE.
    for asked in caller.got("INVITE")[:1]:
        caller.reply(asked, 200, HEAD + BROKEN_SDP[name])
    table.wait(1.0)
    table.router.calls.end_all()
    table.wait(130.0)
    assert table.router.noted.bugs == []
    assert len(table.router.noted.ended) == 1


@pytest.mark.parametrize("number", ["2147483648", "4294967296", "9" * 38, "9" * 5000, "-1"])
def test_es2017_01_cseq_that_overflows_is_400(number: str) -> None:
    table = Table()
    caller, desk = connected(table)
    caller.send(request("OPTIONS", ("CSeq", f"{number} OPTIONS")))
    assert caller.hears(400).status == 400
    caller.request("INFO")
    info = desk.hears("INFO")
    desk.reply(info, 200, "", CSeq=f"{number} INFO")
    table.wait(40.0)
    table.router.calls.end_all()
    table.wait(130.0)
    assert table.router.noted.bugs == []


@pytest.mark.parametrize(
    "body", ["", "--", "--x", "--x--", "--x\r\n\r\n--x", "\0" * 300, "--" + "x" * 3000]
)
@pytest.mark.parametrize("boundary", [";boundary=x", "", ";boundary=", ';boundary="'])
def test_es2017_02_multipart_that_is_broken_is_400(body: str, boundary: str) -> None:
    table = Table()
    caller = table.party(CALLER)
    kind = ("Content-Type", f"multipart/mixed{boundary}")
    caller.send(request("INVITE", kind, body=body))
    table.wait(1.0)
    finals = {one.status for one in caller.seen if one.status >= 200}
    assert finals <= ({400} if body else {404, 415, 200})
    lives(table)


def test_ghsa_64qc_credentials_without_what_they_need_are_none() -> None:
    for text in ("", "Digest", "Basic eDp5", "\0"):
        assert parse_challenge(text) is parse_credentials(text) is None
    for text in ("Digest ", "Digest ,", 'Digest username="a"', "Digest nc=1, nc=2"):
        with pytest.raises(ParseError):
            parse_credentials(text)
    table = Table()
    caller = table.party(CALLER)
    for text in ("", "Digest", 'Digest username="x"', "NoOneKnowsThisScheme opaque=here"):
        caller.send(request("OPTIONS", ("Authorization", text), ("Call-ID", f"auth{text[:8]}")))
        assert caller.seen[-1].status == 200
    table.is_clear()


def test_ghsa_mrq5_headers_without_the_separators_they_need_crash_nothing() -> None:
    table = Table()
    caller = table.party(CALLER)
    names = ("Identity", "P-Asserted-Identity", "Diversion", "History-Info", "Session-Expires",
             "Reason", "Privacy", "Replaces", "RAck", "Referred-By", "Alert-Info")  # fmt: skip
    values = ("", ";", "x", "<", "a;b", ";;=", '"', ",")
    for index, row in enumerate(itertools.product(names, values)):
        via = ("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKi{index}")
        caller.send(request("INVITE", row, ("Call-ID", str(index)), via, body=SDP))
    table.wait(1.0)
    lives(table)


@pytest.mark.parametrize("host", [".1", "1.", "..", "[::1", "[]", "999.1.1.1", "x" * 300, "-", "%"])
def test_ghsa_v428_contact_with_a_host_that_is_none_asks_no_resolver_and_ends_the_call(
    host: str,
) -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(
        invite, 200, SDP, Contact=f"<sip:desk@{host}>", **{"Record-Route": f"<sip:{host};lr>"}
    )
    table.wait(1.0)
    answers = caller.got(200)
    if answers:
        caller.ack(answers[0])
        caller.request("BYE")
    table.is_clear()


@pytest.mark.parametrize(
    "display",
    ['"a\x00b"', '"a\x1b[2Jb"', '"a\x07"', '"a%0d%0aInjected: yes"', '"a\\\r\n b"', "a\x7f"],
)
def test_ghsa_2grh_control_characters_in_a_name_reach_neither_the_other_leg_nor_the_record(
    display: str,
) -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    head = request("INVITE", ("From", f"{display} <sip:1001@192.0.2.1>;tag=1"), body=SDP)
    caller.raw(head.render())
    table.wait(0.1)
    for invite in desk.got("INVITE"):
        text = invite.render().replace(b"\r\n", b"").decode()
        assert not re.search(r"[\x00-\x1f\x7f]", text)
        assert "Injected" not in {name for name, _ in invite.rows}
    table.router.calls.end_all()
    table.wait(130.0)
    assert table.router.noted.bugs == []


def test_cve_2020_28361_header_smuggled_by_space_before_its_colon_does_not_pass() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    for index, name in enumerate(("P-Asserted-Identity ", "X-Secret\t", "Route ", "Diversion \t ")):
        branch = ("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKs{index};rport")
        message = request("INVITE", branch, (name, "<sip:smuggled@192.0.2.9>"), body=SDP)
        caller.send(message)
    table.wait(1.0)
    assert desk.got("INVITE")
    assert all(b"smuggled" not in invite.render() for invite in desk.seen)
    assert table.strays == []
    table.router.calls.end_all()
    table.wait(130.0)
    assert table.router.noted.bugs == []


def test_ghsa_qqxj_address_in_a_header_makes_nobody_known() -> None:
    table = Table()
    stranger, desk = table.party(STRANGER), table.party(DESK)
    known = f"<sip:1001@{CALLER[0]}>"
    rows = [("P-Asserted-Identity", known), ("X-Real-IP", CALLER[0]), ("Route", known)]
    via = ("Via", f"SIP/2.0/UDP {CALLER[0]}:5060;received={CALLER[0]};branch=z9hG4bKx;rport")
    message = request("INVITE", via, ("From", f"{known};tag=1"), *rows, body=SDP)
    stranger.send(message)
    assert next(one.status for one in stranger.seen if one.status >= 200) in {401, 403}
    assert desk.seen == []
    assert table.router.noted.started == []


def test_ghsa_g8q2_connection_that_drops_before_the_200_hurts_nobody() -> None:
    table = Table()
    caller, desk = table.party(CALLER, "TCP"), table.party(DESK)
    caller.invite("4000")
    invite = desk.hears("INVITE")
    (tx,) = [tx for tx in table.ours.servers.values() if tx.invite]  # type: ignore[attr-defined]
    tx.flow.open = False
    table.ours.flow_failed(tx.flow, table.now)
    desk.reply(invite, 200, SDP)
    table.wait(1.0)
    # The answer finds the caller by its Via all the same.
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_cve_2021_41145_flood_of_strangers_keeps_nothing_and_gets_little() -> None:
    table = Table()
    stranger = table.party(STRANGER)
    for index in range(3000):
        via = ("Via", f"SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKf{index};rport")
        message = request("INVITE", via, ("Call-ID", str(index)), body=SDP)
        stranger.send(message)
        # At most one answer to each, and no larger one: nobody is flooded in another's name.
        assert len(stranger.seen) == index + 1
        assert len(stranger.seen[-1].render()) <= len(message.render()) + 150
    held = (table.ours.servers, table.ours.clients, table.ours.dialogs, table.ours.merged)
    assert [len(kept) for kept in held] == [0, 0, 0, 0]
    assert table.router.noted.started == []


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY", "REGISTER"])
@pytest.mark.parametrize("place", [CALLER, STRANGER])
def test_cve_2021_37624_and_41157_what_nobody_proved_is_not_relayed(
    method: str, place: tuple[str, int]
) -> None:
    table = Table()
    sender, desk = table.party(place), table.party(DESK)
    via = ("Via", f"SIP/2.0/UDP {place[0]}:{place[1]};branch=z9hG4bKm;rport")
    sender.send(request(method, via, uri="sip:desk@192.0.2.3:5060", body="hello"))
    assert sender.seen[-1].status in {401, 403, 405, 415, 481, 489, 501}
    assert desk.seen == []
    assert table.strays == []


def test_ghsa_ph27_and_r6c2_what_a_caller_says_is_data_in_the_record(tmp_path: Path) -> None:
    table = Table()
    caller = table.party(CALLER)
    evil = "4000');drop%20table%20calls;--"
    message = request("INVITE", ("From", f'"{EVIL_TEXT[:1]}" <sip:{evil}@h>;tag=1'), body=SDP)
    message.start = f"INVITE sip:{evil}@192.0.2.2 SIP/2.0"
    caller.send(message)
    table.wait(130.0)
    (record,) = table.router.noted.ended
    row = encode(record)
    base = sqlite3.connect(tmp_path / "records.db")
    base.execute(f"CREATE TABLE calls ({', '.join(f'c{index}' for index in range(len(row)))})")
    base.execute(f"INSERT INTO calls VALUES ({', '.join('?' * len(row))})", tuple(row))
    ((count,),) = base.execute("SELECT count(*) FROM calls").fetchall()
    base.close()
    assert count == 1
    assert "drop table" in record.called


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system ['true']", "!!python/name:os.system", "&a [*a, *a]", "!x y"],
)
def test_yaml_tag_runs_nothing(value: str) -> None:
    with pytest.raises(ConfigError):
        compile_dialplan(parse_yaml(f"country: CN\ntrunks: {value}\n", "evil.yaml"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b.wav", "a\\0.wav"])
def test_ghsa_33x6_prompt_that_leaves_its_folder_is_refused(name: str) -> None:
    text = f"""
country: CN
trunks: {{lab: {{addresses: [192.0.2.1/32]}}}}
targets: {{desk: {{uri: "sip:desk@192.0.2.3:5060"}}}}
prompts: {{evil: {{file: "{name}"}}}}
numbers: {{"4000": {{route: [{{play: evil}}]}}}}
"""
    with pytest.raises(ConfigError):
        compile_dialplan(parse_yaml(text, "evil.yaml"))


@pytest.mark.parametrize("rows", [("Route", "<sip:192.0.2.9;lr>"), ("X-Nothing", "1")])
def test_open_relay_neither_route_nor_the_uris_host_says_where_a_call_goes(
    rows: tuple[str, str],
) -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.send(request("INVITE", rows, uri="sip:4999@203.0.113.77:5060", body=SDP))
    caller.hears(404)
    caller.send(
        request(
            *("INVITE", rows, ("Call-ID", "two")),
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtwo"),
            uri="sip:4000@203.0.113.77:5060",
            body=SDP,
        )
    )
    invite = desk.hears("INVITE")
    assert invite.uri == "sip:desk@192.0.2.3:5060"
    assert invite.all("Route") == []
    assert table.strays == []
    desk.reply(invite, 486)
    table.is_clear()


def test_recursion_and_patterns_without_bounds_are_none() -> None:
    table = Table()
    caller = table.party(CALLER)
    folded = "x" + "\r\n " * 8000 + "y"
    deep = "(" * 20_000
    for index, value in enumerate((folded, deep, '"' * 9999, "<" * 9999, ";a=" * 9999)):
        for name in ("Subject", "Contact", "Reason", "Diversion", "To"):
            branch = f"z9hG4bKr{index}{name}"
            via = ("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}")
            message = request("INVITE", via, ("Call-ID", branch), (name, value), body=SDP)
            assert isinstance(message, Message)
            caller.send(message)
    lives(table)
