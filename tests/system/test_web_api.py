"""The API beside a running server: whatever it is asked, streams of events, recordings."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import pytest_asyncio
from support.archives import audio
from support.kept_recordings import recorded_call
from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.typed_client import TypedClient, generated
from support.web_console import Browser, Console

from callrouter.web.access.roles import Scope

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
gateways: {gw: {address: "127.0.0.1:9"}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
extensions: {"801": {targets: [desk]}}
numbers: {"7000": {route: [{hunt: [desk]}]}}
"""
NOT_ASKED = ("/api/v1/calls/events", "/api/v1/events", "/api/v1/drain", "/api/v1/reload")
"""What has no end, what ends the server, and what takes a second each time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    console = await Console.start(tmp_path_factory.mktemp("api"), DIALPLAN)
    yield console
    log = console.serving.log()
    await console.serving.stop()
    assert "Traceback" not in log


@pytest.fixture(scope="module")
def program(console: Console) -> Browser:
    """A program that may do all that an administrator may."""
    scopes = [str(scope) for scope in Scope if scope is not Scope.OWN]
    asked = {"purpose": "tests", "scopes": scopes}
    made = console.person("admin").ask("POST", "/api/v1/tokens", asked)
    return Browser(console.port, bearer=made.json["secret"])


async def test_whatever_is_asked_the_answer_is_as_described(
    console: Console, program: Browser, full: bool
) -> None:
    """No status or body that the description has not: no 5xx but 503, when a part is away."""
    checks = "status_code_conformance,content_type_conformance,"
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{program.origin}/api/v1/openapi.json", "--no-color", "--seed", "1"),
        *("--header", f"Authorization: Bearer {program.bearer}"),
        *("--checks", f"{checks}response_schema_conformance"),
        *("--phases", "coverage,fuzzing" if full else "fuzzing"),
        *("--max-examples", "50" if full else "2"),
        *(word for path in NOT_ASKED for word in ("--exclude-path", path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=console.place.folder,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.fixture(scope="module")
def client(program: Browser, tmp_path_factory: pytest.TempPathFactory) -> TypedClient:
    """The same program with the client that is generated from the description."""
    return generated(program, tmp_path_factory.mktemp("client"))


async def test_generated_client_reads_whatever_can_be_asked_for(
    program: Browser, client: TypedClient
) -> None:
    paths = program.get("/api/v1/openapi.json").json["paths"]
    described = {one["operationId"]: one for path in paths.values() for one in path.values()}
    assert described.keys() == client.operations.keys()
    for path in paths:
        one = paths[path].get("get", {})
        needed = [value for value in one.get("parameters", ()) if value["required"]]
        if one and not needed and path not in NOT_ASKED:
            answer = client.ask(one["operationId"])
            assert (answer.status_code in {200, 403, 409}, answer.parsed is not None) == (
                True,
                True,
            )


async def test_program_blocks_finds_and_releases_with_the_generated_client(
    client: TypedClient,
) -> None:
    models = client.models
    blocked = models.AddBlockBody(caller="13800138000", seconds=60.0)
    assert client.ask("add_block", body=blocked).status_code == 200
    found = client.ask("list_blocks", caller="13800138000").parsed
    assert isinstance(found, models.BlockList)
    assert [one.caller for one in found.blocks] == ["+8613800138000"]
    released = client.ask("remove_block", caller="13800138000")
    assert released.status_code == 200
    wrong = client.ask("add_block", body=models.AddBlockBody(caller="nobody"))
    assert isinstance(wrong.parsed, models.ProblemDetails)
    assert (wrong.status_code, wrong.parsed.field) == (400, "caller")


async def test_program_changes_the_dialplan_by_its_tag_with_the_generated_client(
    console: Console, client: TypedClient
) -> None:
    found = client.ask("show_dialplan")
    tag, draft = found.headers["ETag"], client.models.Draft(text=f"{found.parsed.text}# mine\n")
    assert client.ask("put_dialplan", body=draft).parsed.code == "precondition_required"
    done = client.ask("put_dialplan", body=draft, if_match=tag).parsed
    assert isinstance(done, client.models.PutLive)
    assert done.serving == client.ask("show_status").parsed.dialplan
    assert (console.place.folder / "dialplan.yaml").read_text(encoding="utf-8") == draft.text
    late = client.ask("put_dialplan", body=draft, if_match=tag)
    assert (late.status_code, late.parsed.code) == (412, "changed_meanwhile")


async def test_events_come_as_they_happen(console: Console) -> None:
    listening = console.person("viewer")
    connection = HTTPConnection("127.0.0.1", console.port, timeout=PATIENCE)
    connection.request("GET", "/api/v1/calls/events", headers={"Cookie": listening.cookie})
    response = await asyncio.to_thread(connection.getresponse)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    while await asyncio.to_thread(response.readline) != b": listening\r\n":
        pass
    caller = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", console.place.port))
    caller.invite("7000", caller="13800138000")
    events = []
    while "ended" not in events:
        line = (await asyncio.to_thread(response.readline)).decode()
        if line.startswith("event: "):
            events.append(line.split()[1])
        if line.startswith("data: "):
            assert "13···00" in line
            assert "13800138000" not in line
    assert events[0] == "started"
    connection.close()
    await caller.close()


async def test_recording_is_heard_in_ranges_and_each_hearing_is_in_the_audit(
    console: Console,
) -> None:
    folder = console.place.folder / "var" / "recordings"
    _, kept = recorded_call(console.place.database, folder, time.time())
    path, sue = f"/api/v1/recordings/{kept}/audio", console.person("supervisor", name="sue")
    part = sue.get(path, Range="bytes=100-199")  # who leaves out the beginning has heard it, too
    assert (part.status, part.body) == (206, audio(2000)[100:200])
    whole = sue.get(path)
    assert (whole.status, whole.body) == (200, audio(2000))
    assert part.headers["content-range"] == f"bytes 100-199/{len(audio(2000))}"
    assert sue.get(path, Range="bytes=-10").body == audio(2000)[-10:]
    assert sue.get(path, Range="bytes=99999999-").status == 416
    assert console.person("viewer", name="victor").get(path).status == 403
    admin = console.person("admin")
    rows = [(row["who"], row["action"]) for row in admin.get("/api/v1/audit").json["rows"]]
    assert rows.count(("sue", "hear_recording")) == 1
    assert ("victor", f"GET {path}") in rows
    assert sue.get("/api/v1/recordings").json["recordings"][0]["id"] == kept


async def test_too_long_and_endless_bodies_are_refused(program: Browser) -> None:
    assert program.ask("POST", "/api/v1/blocks", b"x" * 70_000).status == 413
    assert program.ask("POST", "/api/v1/blocks", iter([b"{}"])).status == 411


async def test_who_asks_too_often_is_told_so(console: Console) -> None:
    asking = console.person("viewer")
    statuses = [asking.get("/api/v1/me").status for _ in range(400)]
    assert set(statuses) == {200, 429}
