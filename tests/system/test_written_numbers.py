"""Numbers in any spelling and who says so, over real sockets: what passes, and what goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.message import SDP, Message
from support.phone import Phone, token
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLED = "sip:02012345678@127.0.0.1"
ANYBODY = "<sip:+8613900139000@192.0.2.10>"
BLOCKED, PASSED, UNKNOWN = 403, 486, 404
"""What a caller gets who is blocked; who is let through to the desk, which is busy; for nobody."""


def dialplan(port: int) -> str:
    return f"""\
country: CN
timezone: Asia/Shanghai
trunks:
  lab: {{addresses: [127.0.0.1]}}
  carrier: {{addresses: [127.0.0.2], trusted: true, caller: pai}}
gateways:
  plain: {{address: "127.0.0.1:{port}"}}
  friend: {{address: "127.0.0.1:{port}", trusted: true}}
  plain_told: {{address: "127.0.0.1:{port}", diversion: true, history_info: true}}
  friend_told: {{address: "127.0.0.1:{port}", trusted: true, diversion: true}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{port}"}}
  outside: {{number: "02011112222", via: plain}}
  known: {{number: "02011112222", via: friend}}
  outside_told: {{number: "02011112222", via: plain_told}}
  known_told: {{number: "02011112222", via: friend_told}}
lists:
  nuisance: {{numbers: ["+8613800138000", "+12025550100", "95588"]}}
block: [nuisance]
numbers:
  "02012345678": {{route: [{{hunt: [desk]}}]}}
  "4000": {{route: [{{hunt: [desk]}}]}}
  "4001": {{route: [{{hunt: [outside]}}]}}
  "4002": {{route: [{{hunt: [known]}}]}}
  "4003": {{countries: {{allow: [CN]}}, route: [{{hunt: [desk]}}]}}
  "4004":
    auto_block: {{calls: 3, within: 60s, for: 60s, when: always}}
    route: [{{hunt: [desk]}}]
  "4005": {{route: [{{hunt: [outside_told]}}]}}
  "4006": {{route: [{{hunt: [known_told]}}]}}
"""


class Line:
    """A server, who calls it from two trunks, and the desk that is called."""

    def __init__(
        self, place: Place, serving: Serving, caller: Phone, carrier: Phone, desk: Phone
    ) -> None:
        self.place = place
        self.serving = serving
        self.caller = caller
        self.carrier = carrier
        self.desk = desk

    async def call(
        self, uri: str, caller: str = ANYBODY, *rows: tuple[str, str], carrier: bool = False
    ) -> tuple[int, Message | None]:
        """Call; the final status, and the INVITE that the desk got, which answers busy."""
        phone = self.carrier if carrier else self.caller
        invite = Message(
            f"INVITE {uri} SIP/2.0",
            [
                ("Via", f"SIP/2.0/UDP {phone.host}:{phone.port};rport;branch=z9hG4bK{token()}"),
                ("Max-Forwards", "70"),
                ("From", f"{caller};tag={token()}"),
                ("To", f"<{uri}>"),
                ("Call-ID", token()),
                ("CSeq", "1 INVITE"),
                ("Contact", f"<sip:x@{phone.host}:{phone.port}>"),
                *rows,
                ("Content-Type", "application/sdp"),
            ],
            SDP,
        )
        phone.send(invite)
        phone.invite_sent = invite
        rung = None
        while True:
            came = await _first(phone, self.desk)
            if came.start.startswith("INVITE "):
                rung = came
                self.desk.reply(rung, 486)
                await self.desk.expect("ACK")
            elif came.status >= 200:
                phone.ack(came)
                return came.status, rung

    async def status(self, uri: str, caller: str = ANYBODY, *rows: tuple[str, str]) -> int:
        """The final status of a call."""
        status, _ = await self.call(uri, caller, *rows)
        return status

    async def shown(self, uri: str, *rows: tuple[str, str], caller: str = ANYBODY) -> Message:
        """What the desk is told of a call of the carrier's."""
        status, rung = await self.call(uri, caller, *rows, carrier=True)
        assert rung is not None, status
        return rung

    async def cdr(self, *arguments: str) -> list[dict[str, Any]]:
        """Give the calls that `callrouter cdr` finds, the oldest first."""
        process = await asyncio.create_subprocess_exec(
            *command("cdr", "--json", *arguments, "--config", self.place.config),
            cwd=self.place.folder,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
        found: list[dict[str, Any]] = json.loads(out)
        return found[::-1]

    async def block(self, *arguments: str) -> tuple[int, str]:
        """Give the exit code of `callrouter block`, and all that it says."""
        process = await asyncio.create_subprocess_exec(
            *command("block", *arguments, "--config", self.place.config),
            cwd=self.place.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()


async def _first(*phones: Phone) -> Message:
    """What comes first, at any of them."""
    waiting = [asyncio.ensure_future(phone.expect_any()) for phone in phones]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    return done.pop().result()


@asynccontextmanager
async def line(folder: Path) -> AsyncIterator[Line]:
    port = free_port()
    place = lay_out(folder, dialplan(port))
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    caller = await Phone.open("127.0.0.1", free_port(), server)
    carrier = await Phone.open("127.0.0.2", free_port(), server)
    desk = await Phone.open("127.0.0.1", port, server)
    try:
        yield Line(place, serving, caller, carrier, desk)
    finally:
        for phone in (caller, carrier, desk):
            await phone.close()
        await serving.stop()


MAN = "+8613800138000"
SPELLED = (
    *(MAN, "13800138000", "013800138000", "8613800138000", "008613800138000"),
    *(f"{MAN};cpc=ordinary", f"{MAN};npdi;rn=+862000000001", f"{MAN};tgrp=t1;trunk-context=x.org"),
    *(f"{MAN},1", f"{MAN}p1", f"{MAN}x12", f"{MAN}%23", f"{MAN}*", f"+{MAN}", f"{MAN}%00"),
    *("+86%C2%A013800138000", "+86%E2%80%9013800138000", "+86-138-0013-8000", "+86(138)00138000"),
    *("+86%EF%BC%91%EF%BC%93800138000", "%2B86138%30013%38000", f"{MAN}%01", "+86138%0100138000"),
    *("+86%20138%200013%208000", "+861380a0138000", "+12025550100", "12025550100", "95588"),
    *("955-88", "95588*", "9%3558%38", "+861380013\u20108000", "\uff0b8613800138000"),
)
"""User parts of a caller who is blocked."""


async def test_no_spelling_of_a_blocked_caller_passes_and_nobody_else_is_refused(
    tmp_path: Path,
) -> None:
    async with line(tmp_path) as at:
        for user in SPELLED:
            for caller in (f"<sip:{user}@192.0.2.10;user=phone>", f"<sip:{user}@192.0.2.10>"):
                assert await at.status(CALLED, caller) == BLOCKED, caller
        for caller in (
            *("<tel:+86-138-0013-8000>", "<tel:13800138000;phone-context=+86>", f"<tel:{MAN},1>"),
            *("<sip:13800138000@192.0.2.10;phone-context=+86;user=phone>", f"<sip:{MAN}>"),
            f'"Li" <sip:{MAN};cpc=payphone:secret@192.0.2.10>',
        ):
            assert await at.status(CALLED, caller) == BLOCKED, caller
        for caller in (
            *(ANYBODY, "<sip:sipp@127.0.0.1>", "<sip:101@127.0.0.1>", "<sip:alice@127.0.0.1>"),
            *("<sip:anonymous@anonymous.invalid>", "<sip:127.0.0.1>", "<sip:+861380013800@x.org>"),
            *("<sip:+8613900139000*@192.0.2.10>", "<sip:+8613900139000x12@192.0.2.10>"),
        ):
            assert await at.status(CALLED, caller) == PASSED, caller


async def test_called_number_is_the_same_in_any_spelling_and_a_name_is_none(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        for uri in (
            "sip:+862012345678;npdi;rn=+862000000001@127.0.0.1;user=phone",
            "sip:+86-20-1234-5678@127.0.0.1;user=phone",
            "sip:%2B8620%31%32345678;cpc=ordinary@127.0.0.1",
            "tel:+86-20-1234-5678;npdi",
            "tel:1234-5678;phone-context=+86-20",
            "tel:40-00;phone-context=+1-202",
            "tel:(40)00;phone-context=example.com",
            "sip:4000;phone-context=example.com@127.0.0.1;user=phone",
            "sip:40%2D00@127.0.0.1;user=phone",
        ):
            assert await at.status(uri) == PASSED, uri
        for uri in (
            *("sip:+862012345678a@127.0.0.1", "sip:reception@127.0.0.1", "sip:4000*@127.0.0.1"),
            *("sip:++862012345678@127.0.0.1", "sip:40%0000@127.0.0.1"),
        ):
            assert await at.status(uri) == UNKNOWN, uri


async def test_what_is_no_number_is_withheld_where_only_a_country_may_call(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        number = "sip:4003@127.0.0.1"
        for user in ("+8613900139000*", "++8613900139000", "+8613900139000%01", "alice", "4711"):
            assert await at.status(number, f"<sip:{user}@x.org>") == BLOCKED, user
        for user in ("+8613900139000;cpc=ordinary", "139-0013-9000", "+8613900139000,1"):
            assert await at.status(number, f"<sip:{user}@x.org>") == PASSED, user


async def test_all_spellings_of_a_caller_count_as_one_who_calls_too_often(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        number = "sip:4004@127.0.0.1"
        users = ("+8613900139000", "139-0013-9000;cpc=ordinary", "+8613900139000*", "13900139000,1")
        got = [await at.status(number, f"<sip:{user}@x.org>") for user in users]
        assert got == [PASSED, PASSED, BLOCKED, BLOCKED]
        assert await at.status(number, "<sip:+8613900139001@x.org>") == PASSED


async def test_the_asserted_value_that_is_a_number_counts_and_all_go_on_to_a_trusted_peer(
    tmp_path: Path,
) -> None:
    name = '"Li" <sip:li.si@ims.example.com>'
    async with line(tmp_path) as at:
        nobody = "<sip:anonymous@anonymous.invalid>"
        for values in ((name, f"<tel:{MAN}>"), ("<tel:+86-138-0013-8000>", name)):
            for rows in (
                [("P-Asserted-Identity", value) for value in values],
                [("P-Asserted-Identity", ", ".join(values))],
            ):
                status, _ = await at.call("sip:4000@127.0.0.1", nobody, *rows, carrier=True)
                assert status == BLOCKED, values
        good = "<tel:138-0013-8001;phone-context=+86;cpc=ordinary>"
        rows = [("P-Asserted-Identity", value) for value in (name, good)]
        status, _ = await at.call("sip:4003@127.0.0.1", nobody, *rows, carrier=True)
        assert status == PASSED
        told = await at.shown("sip:4002@127.0.0.1", *rows, caller=nobody)
        assert told.all("P-Asserted-Identity") == [name, good]
        sip = "<sip:+8613800138001;cpc=ordinary@10.9.8.7;user=phone;transport=tcp>"
        told = await at.shown("sip:4002@127.0.0.1", ("P-Asserted-Identity", sip))
        us = f"127.0.0.1:{at.place.port}"
        expected = f"<sip:+8613800138001;cpc=ordinary@{us};user=phone>"
        assert told.all("P-Asserted-Identity") == [expected]
        told = await at.shown("sip:4001@127.0.0.1", *rows)
        assert told.all("P-Asserted-Identity") == []


async def test_who_asks_for_privacy_in_any_way_is_hidden_from_who_is_not_trusted(
    tmp_path: Path,
) -> None:
    secret = '"Li" <sip:+12025550199@192.0.2.10>'
    hidden = "<sip:anonymous@anonymous.invalid>"

    def party(rest: str) -> tuple[str, str]:
        return ("Remote-Party-ID", f"{secret};{rest}")

    async with line(tmp_path) as at:
        for rows in (
            [party("party=calling;privacy=full;screen=yes")],
            [party("privacy=full")],
            [party('privacy="full"')],
            *(
                [party(f"privacy={word}")]
                for word in ("full-network", "uri-network,name", "secret")
            ),
            *([party(f'privacy="{words}"')] for words in ("full-token", "off, FULL-Network", "")),
            *([party(rest)] for rest in ("privacy=off;privacy=full", "privacy", "privacy=full;;")),
            [party("privacy=name, uri-network")],
            [("Privacy", "critical"), ("Privacy", "id")],
            [("Privacy", "none, user")],
        ):
            told = await at.shown("sip:4001@127.0.0.1", *rows, caller=secret)
            assert told["From"].startswith(f'"Anonymous" {hidden}'), rows
            assert "2025550199" not in told.render().decode()
        for word in ("uri", "uri-network", '"URI-token"'):
            told = await at.shown("sip:4001@127.0.0.1", party(f"privacy={word}"), caller=secret)
            assert told["From"].startswith(f'"Li" {hidden}'), word
        told = await at.shown("sip:4001@127.0.0.1", party("privacy=name"), caller=secret)
        assert told["From"].startswith("<sip:+12025550199@")
        for rest in ("party=called;privacy=full", "party=calling;privacy=off", "screen=no"):
            told = await at.shown("sip:4001@127.0.0.1", party(rest), caller=secret)
            assert told["From"].startswith('"Li" <sip:+12025550199@'), rest
        told = await at.shown("sip:4002@127.0.0.1", party("privacy=full"), caller=secret)
        us = f"127.0.0.1:{at.place.port}"
        assert told.all("P-Asserted-Identity") == [f'"Li" <sip:+12025550199@{us}>']
        assert told["Privacy"] == "id"
        # Who is called is not who calls: not for the block list either.
        called = ("Remote-Party-ID", f"<sip:{MAN}@192.0.2.10>;party=called")
        await at.shown("sip:4001@127.0.0.1", called)


async def test_who_forwarded_a_call_is_told_as_it_came_and_hidden_where_that_is_asked_for(
    tmp_path: Path,
) -> None:
    us = f"<sip:{MAN}@192.0.2.10>"
    nobody = "<sip:anonymous@anonymous.invalid>"
    outside, known = "sip:4005@127.0.0.1", "sip:4006@127.0.0.1"
    async with line(tmp_path) as at:

        async def told(uri: str, value: str, *rows: tuple[str, str]) -> str:
            got = await at.shown(uri, ("Diversion", value), *rows)
            diversions = got.all("Diversion")
            assert len(diversions) == 2
            if diversions[1].startswith(nobody):
                assert MAN[1:] not in got.render().decode()
            return diversions[1]

        rest = ";reason=unconditional"
        for stated, kept in (
            *(
                ('"full"', "full"),
                ("full", "full"),
                ('"URI"', "uri"),
                ("uri-network", "uri-network"),
            ),
            *(
                ('"name,uri"', "full"),
                ("secret", "secret"),
                ("off;privacy=full", "full"),
                ("", "full"),
            ),
        ):
            value = f'{us}{rest};privacy={stated};screen="yes"'
            if not stated:
                value = f"{us}{rest};privacy;screen=yes"
            end = f"{rest};counter=1;privacy={kept};screen=yes"
            assert await told(outside, value) == f"{nobody}{end}", stated
            assert await told(known, value) == f"{us}{end}", stated
        for stated in ("off", "name"):
            value = f"{us}{rest};privacy={stated}"
            end = f"{rest};counter=1;privacy={stated}"
            assert await told(outside, value) == f"{us}{end}", stated
        for asked in ("history", "id;history;header", "header", "session"):
            privacy = ("Privacy", asked)
            end = f"{rest};counter=1"
            assert await told(outside, f"{us}{rest}", privacy) == f"{nobody}{end};privacy=full", (
                asked
            )
            assert await told(known, f"{us}{rest}", privacy) == f"{us}{end}", asked
        assert (await told(outside, f"{us}{rest}", ("Privacy", "id"))).startswith(us)
        for uri in (
            *(f"sip:{MAN};cpc=x@192.0.2.10", f"sip:{MAN};npdi;x=a%3Bb@192.0.2.10"),
            *(f"tel:{MAN};cpc=x", "tel:13800138000;phone-context=+86;ext=7"),
        ):
            assert await told(outside, f"<{uri}>{rest}") == f"<{uri}>{rest};counter=1"


async def test_what_is_said_of_a_tel_number_stays_with_it_in_the_from_of_a_gateway(
    tmp_path: Path,
) -> None:
    async with line(tmp_path) as at:
        us = f"127.0.0.1:{at.place.port}"
        for came, goes in (
            ("tel:+12025550199;cpc=payphone", f"sip:+12025550199;cpc=payphone@{us};user=phone"),
            ("tel:+12025550199;x=a@b;cpc=y", f"sip:+12025550199;cpc=y@{us};user=phone"),
            ("tel:+12025550199", f"sip:+12025550199@{us}"),
        ):
            told = await at.shown("sip:4001@127.0.0.1", caller=f"<{came}>")
            assert told["From"].startswith(f"<{goes}>;tag="), came


PERSONAL = ("Subject", MAN)


async def test_subject_of_who_asks_for_privacy_of_the_user_goes_to_nobody_who_is_not_trusted(
    tmp_path: Path,
) -> None:
    async with line(tmp_path) as at:
        for asked, shown in (("user", []), ("header;id", []), ("none, user", []), ("id", [MAN])):
            rows = (("Privacy", asked), PERSONAL)
            told = await at.shown("sip:4001@127.0.0.1", *rows)
            assert told.all("Subject") == shown, asked
            told = await at.shown("sip:4002@127.0.0.1", *rows)
            assert told.all("Subject") == [MAN], asked


@pytest.mark.parametrize(
    ("number", "first", "then", "shown"),
    [
        ("4001", "user", (), []),
        ("4001", "none", (("Privacy", "user"),), []),
        ("4001", "id", (), [MAN]),
        ("4002", "user", (), [MAN]),
    ],
)
async def test_subject_inside_a_call_is_as_private_as_the_call(
    tmp_path: Path, number: str, first: str, then: tuple[tuple[str, str], ...], shown: list[str]
) -> None:
    async with line(tmp_path) as at:
        carrier, desk = at.carrier, at.desk
        carrier.invite(number, SDP, ("Privacy", first), PERSONAL)
        desk.reply(await desk.expect("INVITE"), 200, SDP, Allow="INVITE, ACK, BYE, INFO, UPDATE")
        carrier.ack(await carrier.expect(200))
        await desk.expect("ACK")
        for method, body in (("INFO", ""), ("UPDATE", SDP), ("INVITE", SDP)):
            carrier.request(method, body, *then, PERSONAL)
            came = await desk.expect(method)
            assert came.all("Subject") == shown, method
            desk.reply(came, 200, body)
            answer = await carrier.expect(200)
            if method == "INVITE":
                carrier.ack(answer)
                await desk.expect("ACK")
        carrier.request("BYE")
        bye = await desk.expect("BYE")
        desk.reply(bye, 200)


async def test_display_name_that_is_no_token_goes_out_quoted(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        for came, goes in (
            ("李小姐", '"李小姐"'),
            ('"李小姐"', '"李小姐"'),
            ("Li Si", "Li Si"),
            ("Müller (Büro)", '"Müller (Büro)"'),
            ("a\\b", '"a\\\\b"'),
            ('"say \\"hi\\""', '"say \\"hi\\""'),
        ):
            sent = f"{came} <sip:+12025550199@192.0.2.10>"
            told = await at.shown("sip:4001@127.0.0.1", caller=sent)
            assert told["From"].startswith(f"{goes} <sip:+12025550199@"), came
            told = await at.shown("sip:4002@127.0.0.1", ("P-Asserted-Identity", sent))
            assert told["P-Asserted-Identity"].startswith(f"{goes} <sip:"), came


@pytest.mark.parametrize(
    ("written", "blocked", "others"),
    [
        ("0898", ("+8689866660000", "089866660000", "+8689866660000;cpc=x"), ("+8613900139000",)),
        ("0899*", ("+8689912345678",), ("+8689866660000",)),
        ("+1202", ("+12025550199", "0012025550199"), ("+13055550199",)),
        ("+1-202-555-0199", ("+12025550199,1", "+12025550199*"), ("+12025550198",)),
        ("4711", ("4711", "47-11"), ("4712", "47110")),
        ("+86 (898) *", ("+8689866660000",), ("+8613900139000",)),
        ("47*", ("4711", "47-1-2"), ("4811", "+4747123456")),
        ("139*", ("+8613900139000", "1395"), ("+13900139000",)),
    ],
)
async def test_block_by_hand_is_written_as_in_a_list_and_has_its_own_reason(
    tmp_path: Path, written: str, blocked: tuple[str, ...], others: tuple[str, ...]
) -> None:
    async with line(tmp_path) as at:
        code, said = await at.block("add", written, "--for", "1h")
        assert code == 0, said
        for user in blocked:
            assert await at.status("sip:4000@127.0.0.1", f"<sip:{user}@x.org>") == BLOCKED, user
        for user in (*others, "alice", "anonymous"):
            assert await at.status("sip:4000@127.0.0.1", f"<sip:{user}@x.org>") == PASSED, user
        records = await at.serving.records("4000", len(blocked) + len(others) + 2)
        assert [record["reason"] for record in records[: len(blocked)]] == [
            "blocked_by_hand" for _ in blocked
        ]
        code, said = await at.block("list")
        assert "by hand" in said
        code, said = await at.block("remove", written)
        assert code == 0, said
        assert await at.status("sip:4000@127.0.0.1", f"<sip:{blocked[0]}@x.org>") == PASSED


async def test_block_by_hand_names_all_that_it_blocks_or_is_refused(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        both = "+865* and 5*"
        assert await at.block("add", "5*") == (
            0,
            f"{both} are blocked at all numbers until removed\n",
        )
        assert await at.block("remove", "+865*") == (0, "+865* may call again\n")
        assert await at.status("sip:4000@127.0.0.1", "<sip:5001@x.org>") == BLOCKED
        assert await at.block("remove", "5*") == (0, "5* may call again\n")
        assert await at.status("sip:4000@127.0.0.1", "<sip:5001@x.org>") == PASSED
        await at.block("add", "5*")
        assert await at.block("remove", "5*") == (0, f"{both} may call again\n")
        for written in ("000898", "+0898", "00008613800138000", "0000", "8613*"):
            code, said = await at.block("add", written)
            assert (code, "expected " in said) == (1, True), said
        code, said = await at.block("list", "--json")
        assert json.loads(said)["all"] == 0


async def test_calls_of_a_number_are_found_however_it_was_sent_and_is_asked_for(
    tmp_path: Path,
) -> None:
    async with line(tmp_path) as at:
        sent = ("+8613900139000;cpc=ordinary", "139-0013-9000", "013900139000%2C1")
        for user in (*sent, "alice", "%01%1b[2J", f"+86{'1' * 3000}"):
            await at.call("sip:+86-20-1234-5678;npdi@127.0.0.1", f"<sip:{user}@x.org>")

        async def written() -> bool:
            return len(at.place.records()) == 6

        await until(written)
        for asked in ("+8613900139000", "13900139000", "139-0013-9000", "008613900139000;x=y"):
            found = await at.cdr("--caller", asked)
            assert [call["caller"] for call in found] == [sent[0], sent[1], "013900139000,1"]
        for asked in ("020 1234 5678", "+862012345678"):
            assert len(await at.cdr("--called", asked)) == 6
        assert len(await at.cdr("--caller", "alice")) == 1
        assert await at.cdr("--caller", "+8613900139001") == []
        for call in await at.cdr():
            assert call["called"] == "+86-20-1234-5678;npdi"
            assert call["called_number"] == "+862012345678"
            assert len(call["caller"]) <= 128


async def test_block_of_what_can_be_no_caller_says_what_was_expected(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        for written in ("abc", "*", "0", "+", "+86138a", "4*1", "*21", "9" * 30, ""):
            code, said = await at.block("add", written)
            assert code != 0, written
            assert "expected" in said or written == "", said
        assert "by hand" not in (await at.block("list"))[1]
