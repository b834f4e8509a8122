"""The stream of events over the socket, and the commands of webhooks, on a real server."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from support.hooks import SECRET, HookReceiver
from support.polling import PATIENCE, until
from support.serving import Place, Serving, lay_out
from support.typed import run

from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.outbox import enqueue, outbox_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


class Desk:
    """A callrouter with one endpoint, and its socket."""

    def __init__(self, serving: Serving, hook: HookReceiver) -> None:
        self.place: Place = serving.place
        self.hook = hook

    def put(self, names: Sequence[str]) -> None:
        """Enqueue events as another process does; a-1 is of the call a."""
        engine = open_for_writing(f"sqlite:///{self.place.database}")
        for start in range(0, len(names), 50):
            events = [
                outbox_event(name, "call.started", name.partition("-")[0], time.time(), {}, "4000")
                for name in names[start : start + 50]
            ]
            with engine.begin() as connection:
                enqueue(connection, events)
        engine.dispose()

    async def read(self, after: str, most: int) -> list[dict[str, Any]]:
        """Read so many events of the stream by a connection of its own; id, event, data of each."""
        path = self.place.folder / "var" / "callrouter.sock"
        reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
        last = f"Last-Event-ID: {after}\r\n" if after else ""
        writer.write(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.splitlines()[0], head
            assert b"Content-Type: text/event-stream" in head
            text = b""
            while text.count(b"\n\n") < most:
                size = int(await reader.readuntil(b"\r\n"), 16)
                text += await reader.readexactly(size)
                await reader.readexactly(2)
        writer.transport.abort()
        return [
            dict(line.split(": ", 1) for line in block.split("\n"))
            for block in text.decode().split("\n\n")[:most]
        ]

    async def do(self, *words: str, code: int = 0) -> Any:
        ended = await run(
            self.place.folder, "webhooks", *words, "--json", "--config", self.place.config
        )
        assert ended.code == code, ended.err
        return json.loads(ended.out)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("stream")
    place = lay_out(folder, _DIALPLAN)
    (folder / "secret").write_text(f"{SECRET}\n")
    async with HookReceiver.open() as hook:
        endpoint = {
            "name": "crm",
            "url": hook.url,
            "secret_file": "secret",
            "allow_private": True,
            "events": ["call.ended"],
        }
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(f"webhooks: {json.dumps([endpoint])}\n")
        serving = await Serving.start(place)
        yield Desk(serving, hook)
        await serving.stop()


async def test_no_event_of_ten_thousand_is_missing_or_comes_twice(desk: Desk) -> None:
    """Whoever reads breaks off again and again, and goes on behind the last that it has."""
    dice = random.Random(13)
    names = [f"s{n}-1" for n in range(10_000)]
    writing = asyncio.create_task(asyncio.to_thread(desk.put, names))
    after, seen = "0", list[str]()
    while len(seen) < len(names):
        most = min(dice.randrange(200, 1500), len(names) - len(seen))
        events = await desk.read(after, most)
        after = events[-1]["id"]
        seen += [event["id"] for event in events]
        assert {event["event"] for event in events} == {"call.started"}
        assert orjson.loads(events[0]["data"])["type"] == "call.started"
    await writing
    assert list(map(int, seen)) == list(range(1, 10_001))


async def test_commands_say_why_an_endpoint_did_not_hear_of_a_call(desk: Desk) -> None:
    await asyncio.to_thread(desk.put, ["q-1"])

    async def looked() -> Any:
        (found,) = (await desk.do("attempts", "--call", "q"))["attempts"]
        return found if found["state"] != "unseen" else None

    found = await until(looked)
    assert (found["event"], found["endpoint"], found["state"]) == ("q-1", "crm", "not wanted")
    off = await desk.do("disable", "crm", "--why", "maintenance")
    assert off["webhooks"][0]["disabled"] == "maintenance"
    assert (await desk.do("resend", "crm", "q-1"))["events"] == 1
    (waits,) = (await desk.do("attempts", "--call", "q"))["attempts"]
    assert (waits["state"], waits["tries"]) == ("waiting", 0)
    assert (await desk.do())["webhooks"][0]["waiting"] == 1
    assert (await desk.do("enable", "crm"))["webhooks"][0]["disabled"] == ""
    (told,) = await desk.hook.took(1)
    assert told.id == "q-1"
    for words, said in (
        (("resend", "crm", "nothing"), "there is no event nothing"),
        (("disable", "erp"), "the settings have no webhook erp"),
    ):
        assert said in (await desk.do(*words, code=1))["error"]


async def test_place_that_the_outbox_does_not_have_is_refused(desk: Desk) -> None:
    await asyncio.to_thread(desk.put, ["f-1", "f-2"])
    (last,) = (await desk.do("attempts", "--last", "1"))["attempts"]
    assert last["event"] == "f-2"
    too_far = await desk.do("follow", "--after", "999999", code=1)
    assert "not there yet" in too_far["error"]
