"""Known callers by HTTP: a CRM that answers, lies, dawdles or is gone; and calls that ask it."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from support.crm import Act, Crm
from support.phone import Phone
from support.phones import Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.programs import run
from support.serving import Place, Record, Serving, lay_out

from callrouter.lookup import directory as directories
from callrouter.lookup.directory import HttpDirectory
from callrouter.lookup.http_query import LARGEST
from callrouter.pending import Pending
from callrouter.route.values.external_lookup import Lookup, LookupAnswer

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Asker:
    """A directory in this process, and what it posts."""

    def __init__(
        self, url: str, within: float = PATIENCE, known: float = 600.0, unknown: float = 60.0
    ) -> None:
        self.directory = HttpDirectory(lambda act: act())
        self.lookup = Lookup(
            name="crm",
            url=url,
            timeout_seconds=within,
            known_seconds=known,
            unknown_seconds=unknown,
            file="f",
            line=1,
        )

    async def ask(self, caller: str) -> LookupAnswer:
        """What comes of asking, at once or later."""
        found = self.directory.find(self.lookup, caller)
        if isinstance(found, Pending):
            came = asyncio.Event()
            found.then(came.set)
            async with asyncio.timeout(2 * PATIENCE):
                await came.wait()
            found = found.answer
        assert isinstance(found, LookupAnswer)
        return found


@asynccontextmanager
async def asking(
    port: int, scheme: str = "http", host: str = "127.0.0.1", **seconds: float
) -> AsyncIterator[Asker]:
    asker = Asker(f"{scheme}://{host}:{port}/owner?caller={{caller}}", **seconds)
    try:
        yield asker
    finally:
        await asker.directory.close()


BOMB = "x" * (LARGEST + 1)

ANSWERS = {
    "one": ('{"owner": "101"}', 200, "101", "names extension 101"),
    "more": ('{"owner": "101", "name": "Li", "deep": [[1]]}', 200, "101", "names extension 101"),
    "null": ('{"owner": null}', 200, "", "nobody is responsible"),
    "404": ("not here", 404, "", "nobody is responsible"),
    "204": ("", 204, "", "nobody is responsible"),
    "500": ("oops", 500, "", "answered 500"),
    "201": ('{"owner": "101"}', 201, "", "answered 201"),
    "401": ('{"owner": "101"}', 401, "", "answered 401"),
    "text": ("101", 200, "", "answered without 'owner'"),
    "html": ("<html>", 200, "", "answered with what is no JSON"),
    "empty": ("", 200, "", "answered with what is no JSON"),
    "deep": ("[" * 5000, 200, "", "answered with what is no JSON"),
    "list": ('["101"]', 200, "", "answered without 'owner'"),
    "else": ('{"extension": "101"}', 200, "", "answered without 'owner'"),
    "number": ('{"owner": 101}', 200, "", "answered with an 'owner' that is no name"),
    "control": ('{"owner": "1\\u001b[2J"}', 200, "", "answered with an 'owner' that is no name"),
    "long": (f'{{"owner": "{"1" * 65}"}}', 200, "", "answered with an 'owner' that is no name"),
    "huge": (BOMB, 200, "", "answered with more than 16 KiB"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_answer_is_taken_only_when_it_is_one(name: str) -> None:
    text, status, owner, why = ANSWERS[name]
    async with Crm.open() as crm, asking(crm.port) as asker:
        crm.acts["1"] = crm.says(text, status)
        answer = await asker.ask("1")
        assert (answer.named, answer.why) == (owner, why)


async def test_redirection_is_not_followed() -> None:
    async with Crm.open() as crm, asking(crm.port) as asker:
        crm.acts["1"] = crm.says("", 302, Location=f"http://127.0.0.1:{crm.port}/elsewhere")
        assert (await asker.ask("1")).why == "answered 302"
        assert crm.asked == ["1"]


async def test_packed_answer_is_not_unpacked() -> None:
    async with Crm.open() as crm, asking(crm.port) as asker:
        crm.acts["1"] = crm.says('{"owner": "101"}', **{"Content-Encoding": "gzip"})
        # Its head says gzip, and it is not: whoever unpacked it would fail with another reason.
        assert (await asker.ask("1")).named == "101"


async def test_silence_a_slow_body_and_a_broken_one_end_at_the_deadline_or_before() -> None:
    async with (
        Crm.open() as crm,
        asking(crm.port, within=0.5) as hasty,
        asking(crm.port) as patient,
    ):
        crm.acts |= {"1": crm.dawdles, "2": crm.drips, "3": crm.breaks}
        began = asyncio.get_running_loop().time()
        whys = [answer.why for answer in await asyncio.gather(*map(hasty.ask, "12"))]
        assert whys == ["no answer within 0.5 s"] * 2
        why = (await patient.ask("3")).why
        assert why.startswith("no HTTP answer could be read: Client")
        assert asyncio.get_running_loop().time() - began < PATIENCE


async def test_port_that_is_closed_or_speaks_something_else_is_a_failure_with_a_reason() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n" + b"\x00" * 70_000)
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with asking(server.sockets[0].getsockname()[1]) as asker:
        assert "no HTTP answer could be read" in (await asker.ask("1")).why
    server.close()
    async with asking(free_port()) as asker:
        assert "cannot be reached" in (await asker.ask("1")).why


async def test_callers_number_is_written_so_that_it_can_be_nothing_else() -> None:
    odd = "+86 1&caller=2#/?%ü"
    async with Crm.open() as crm, asking(crm.port) as asker:
        await asker.ask(odd)
        assert crm.asked == [odd]


async def test_one_question_is_under_way_for_one_caller_and_all_who_wait_get_its_answer() -> None:
    async with Crm.open() as crm, asking(crm.port) as asker:
        crm.acts["1"] = crm.dawdles
        answers = [asyncio.create_task(asker.ask("1")) for _ in range(5)]
        await crm.came.wait()
        crm.go_on.set()
        assert [answer.named for answer in await asyncio.gather(*answers)] == ["101"] * 5
        assert crm.asked == ["1"]


async def test_who_has_given_up_hears_nothing_and_the_answer_is_remembered() -> None:
    async with Crm.open() as crm, asking(crm.port) as asker:
        crm.acts["1"] = crm.dawdles
        posted: list[str] = []
        pending = asker.directory.find(asker.lookup, "1")
        assert isinstance(pending, Pending)
        pending.then(lambda: posted.append("it came"))
        pending.give_up()
        await crm.came.wait()
        answer = asyncio.create_task(asker.ask("1"))
        await asyncio.sleep(0)
        crm.go_on.set()
        assert (await answer).named == "101"
        assert posted == []
        assert (await asker.ask("1")).why == "names extension 101, as it said before"


async def test_questions_that_are_under_way_when_it_closes_are_given_up() -> None:
    async with Crm.open() as crm:
        async with asking(crm.port) as asker:
            crm.acts["1"] = crm.dawdles
            pending = asker.directory.find(asker.lookup, "1")
            assert isinstance(pending, Pending)
            await crm.came.wait()
        crm.go_on.set()
        assert pending.answer is None


async def test_answers_are_remembered_and_failures_are_not() -> None:
    async with Crm.open() as crm, asking(crm.port) as asker:
        crm.acts |= {"1": crm.owns("101"), "3": crm.says("", 500)}
        for caller in "112233":
            await asker.ask(caller)
        assert crm.asked == ["1", "2", "3", "3"]


async def test_answers_are_asked_for_anew_when_their_time_is_over() -> None:
    async with Crm.open() as crm, asking(crm.port, known=0.0, unknown=60.0) as asker:
        crm.acts["1"] = crm.owns("101")
        for caller in "1122":
            await asker.ask(caller)
        assert crm.asked == ["1", "1", "2"]


async def test_memory_and_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "REMEMBERED", 2)
    monkeypatch.setattr(directories, "UNDER_WAY", 1)
    async with Crm.open() as crm, asking(crm.port) as asker:
        for caller in "1231":
            await asker.ask(caller)
        assert crm.asked == ["1", "2", "3", "1"]
        crm.acts["8"] = crm.dawdles
        first = asyncio.create_task(asker.ask("8"))
        await crm.came.wait()
        assert "1 questions wait" in (await asker.ask("9")).why
        crm.go_on.set()
        assert (await first).named == "101"


# The authorities are those of the process, read when it starts.
ASKS = f"""
import asyncio, sys
from callrouter.lookup.http_query import ask, open_session
from callrouter.route.values.external_lookup import Lookup

async def main(url):
    async with open_session() as session:
        lookup = Lookup(
            name="crm",
            url=url,
            timeout_seconds={PATIENCE},
            known_seconds=0,
            unknown_seconds=0,
            file="f",
            line=1,
        )
        answer = (await ask(session, lookup, "1")).answer
        print(answer.named, answer.why, sep="|")

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("trusted", "host", "owner", "why"),
    [
        (True, "127.0.0.1", "101", "names extension 101"),
        (False, "127.0.0.1", "", "its certificate is not trusted"),
        (True, "localhost", "", "its certificate is not trusted"),  # it names the address only
    ],
)
async def test_certificate_is_checked(
    tmp_path: Path,
    trusted: bool,
    host: str,
    owner: str,
    why: str,
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = [f"SSL_CERT_FILE={tmp_path / 'ca.pem'}"] if trusted else []
    async with Crm.open(tls) as crm:
        crm.acts["1"] = crm.owns("101")
        url = f"https://{host}:{crm.port}/owner?caller={{caller}}"
        code, told = await run("env", *trust, sys.executable, "-c", ASKS, url, cwd=tmp_path)
        assert code == 0, told
        found, _, reason = told.partition("|")
        assert found == owner
        assert reason.startswith(why)


class Office:
    """A callrouter whose number 7000 asks a CRM, and the phones around it."""

    def __init__(self, crm: Crm, place: Place, serving: Serving) -> None:
        self.crm = crm
        self.place = place
        self.serving = serving
        self.phones: list[Phone] = []

    async def caller(self) -> Phone:
        phone = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", self.place.port))
        self.phones.append(phone)
        return phone

    async def record(self, caller: str) -> Record:
        async def look() -> list[Record]:
            return [record for record in self.place.records() if record["caller"] == caller]

        return (await until(look))[0]


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    port = free_port()
    async with Crm.open() as crm:
        place = lay_out(
            folder,
            f"""\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  li: {{uri: "sip:li@127.0.0.1:{port}"}}
  away: {{uri: "sip:rings@127.0.0.1:{port}", ring: 1s}}
  desk: {{uri: "sip:desk@127.0.0.1:{port}"}}
extensions:
  "101": {{targets: [li]}}
  "102": {{targets: [away]}}
lookups:
  crm: {{url: "http://127.0.0.1:{crm.port}/owner?caller={{caller}}", timeout: 4s}}
numbers:
  "7000": {{lookup: crm, route: [{{hunt: [desk]}}]}}
""",
        )
        serving = await Serving.start(place)
        callees = await Phones.open(("127.0.0.1", place.port), port)
        it = Office(crm, place, serving)
        try:
            yield it
        finally:
            for phone in it.phones:
                await phone.close()
            await callees.close()
            await serving.stop()


async def answered(phone: Phone, caller: str) -> None:
    """Call 7000, be answered, hang up."""
    phone.invite("7000", caller=caller)
    while (message := await phone.expect_any()).status < 200:
        pass
    assert message.status == 200, str(message)
    phone.ack(message)
    phone.request("BYE")
    assert (await phone.expect(200)).method == "BYE"


def ends(record: Record) -> list[tuple[str, str]]:
    return [(leg["target"], leg["result"]) for leg in record["legs"]]


def why(record: Record) -> str:
    (found,) = [verdict for verdict in record["trace"] if verdict["rule"] == "lookup crm"]
    return str(found["why"])


async def test_calls_ring_whom_the_crm_names_and_go_on_when_it_is_of_no_help(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        crm = it.crm
        acts: dict[str, tuple[Act, list[tuple[str, str]], str]] = {
            "13900000001": (crm.owns("101"), [("li", "answered")], "names extension 101"),
            "13900000002": (
                crm.owns("102"),
                [("away", "no_answer"), ("desk", "answered")],
                "names extension 102",
            ),
            "13900000003": (
                crm.owns("999"),
                [("desk", "answered")],
                "names 999, which is no extension",
            ),
            "13900000004": (crm.dawdles, [("desk", "answered")], "no answer within 4 s"),
            "13900000005": (crm.says("", 500), [("desk", "answered")], "answered 500"),
        }
        crm.acts = {f"+86{caller}": act for caller, (act, _, _) in acts.items()}
        phones = [await it.caller() for _ in acts]
        await asyncio.gather(*map(answered, phones, acts))
        for caller, (_, legs, reason) in acts.items():
            record = await it.record(caller)
            assert (ends(record), why(record)) == (legs, reason)
        assert sorted(crm.asked) == sorted(f"+86{caller}" for caller in acts)
        await it.serving.logged("look-up failed", times=2)
        await it.serving.logged("look-up failed", "answered 500")
        assert it.serving.log().count("look-up failed") == 2


async def test_cancel_while_the_crm_thinks_ends_the_call_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        it.crm.acts["+8613900000001"] = it.crm.dawdles
        phone = await it.caller()
        phone.invite("7000", caller="13900000001")
        await it.crm.came.wait()
        phone.cancel()
        assert (await phone.expect(200)).method == "CANCEL"
        phone.ack(await phone.expect(487))
        record = await it.record("13900000001")
        assert (record["disposition"], record["status"], record["legs"]) == ("CANCELLED", 487, [])
        assert (await it.serving.metrics())["callrouter_active_calls"] == 0
