"""An endpoint that hangs, many events and kills: calls and others are unhurt, nothing is lost."""

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support.hooks import SECRET, HookReceiver
from support.phones import Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Place, Serving, lay_out

from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.outbox import enqueue, outbox_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NUMBER: Final = "6000"
_RATE: Final = 50.0


@dataclass(slots=True)
class Load:
    """A callrouter with two endpoints, callers and callees. hung: told of all; crm: of calls."""

    place: Place
    serving: Serving
    callers: Phones
    hung: HookReceiver
    crm: HookReceiver

    async def restart(self, number: signal.Signals) -> None:
        self.serving.signal(number)
        await self.serving.ended()
        self.serving = await Serving.start(self.place)

    def put(self, count: int) -> None:
        """Events of another kind than calls, three of each subject."""
        engine = open_for_writing(f"sqlite:///{self.place.database}")
        for start in range(0, count, 300):
            events = [
                outbox_event(f"b{n}", "agent.away", f"s{n // 3}", time.time(), {}, "9")
                for n in range(start, min(start + 300, count))
            ]
            with engine.begin() as connection:
                enqueue(connection, events)
        engine.dispose()

    def ended(self) -> list[str]:
        """The calls that the outbox says have ended."""
        query = "SELECT subject FROM outbox WHERE kind = 'call.ended'"
        with sqlite3.connect(self.place.database) as base:
            return [row[0] for row in base.execute(query)]


@asynccontextmanager
async def loaded(folder: Path) -> AsyncIterator[Load]:
    port = free_port()
    place = lay_out(
        folder,
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{answers: {{uri: 'sip:service@127.0.0.1:{port}'}}}}\n"
        f"numbers: {{'{_NUMBER}': {{route: [{{hunt: [answers]}}]}}}}\n",
    )
    (folder / "secret").write_text(f"{SECRET}\n")
    async with AsyncExitStack() as stack:
        hung = await stack.enter_async_context(HookReceiver.open())
        crm = await stack.enter_async_context(HookReceiver.open())
        endpoints = [
            {"name": "hung", "url": hung.url, "secret_file": "secret", "allow_private": True},
            {
                "name": "crm",
                "url": crm.url,
                "secret_file": "secret",
                "allow_private": True,
                "numbers": [_NUMBER],
            },
        ]
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(f"webhooks: {json.dumps(endpoints)}\n")
        serving = await Serving.start(place)
        server = ("127.0.0.1", place.port)
        callers, callees = await Phones.open(server), await Phones.open(server, port)
        load = Load(place, serving, callers, hung, crm)
        try:
            yield load
        finally:
            await callers.close()
            await callees.close()
            await load.serving.stop()


async def test_endpoint_that_hangs_hurts_nobody_and_hears_of_all_after_a_restart(
    tmp_path: Path, full: bool
) -> None:
    many, calls = (100_002, 1000) if full else (600, 40)
    async with loaded(tmp_path) as load:
        load.hung.hangs = True
        putting = asyncio.create_task(asyncio.to_thread(load.put, many))
        made = await load.callers.calls(_NUMBER, calls, _RATE, 0.2)
        assert {outcome.status for outcome in made} == {200}
        told = await load.crm.took(calls, "call.ended")
        await putting
        assert len({event.id for event in told}) == calls
        assert load.hung.events == []
        load.hung.hangs = False
        await load.restart(signal.SIGTERM)
        heard = many + len({event.id for event in load.crm.events})

        async def all_of_it() -> bool:
            return len({event.id for event in load.hung.events}) >= heard

        await until(all_of_it, many / 50 + PATIENCE)
        last: dict[str, int] = {}
        for event in {event.id: event for event in load.hung.events}.values():
            subject = event.id.rpartition("-")[0] or f"s{int(event.id[1:]) // 3}"
            if not event.kind.startswith("call."):
                assert event.body["seq"] == last.get(subject, 0) + 1
                last[subject] = event.body["seq"]
        assert len(last) == many / 3
        metrics = await load.serving.metrics()
        assert metrics['callrouter_webhook_backlog{endpoint="hung"}'] == 0


async def test_end_of_each_answered_call_is_told_once_in_the_outbox_after_kills(
    tmp_path: Path, full: bool
) -> None:
    async with loaded(tmp_path) as load:
        answered: set[str] = set()
        for _ in range(20 if full else 1):
            made = [load.callers.call(_NUMBER, 0.3 if n % 2 else 600.0) for n in range(40)]

            async def most(made: list = made) -> bool:
                return sum(outcome.answered.is_set() for outcome in made) > 30

            await until(most)
            await load.restart(signal.SIGKILL)
            await load.callers.caught_up()
            answered |= {outcome.call_id for outcome in made if outcome.answered.is_set()}
        records = await load.serving.records(_NUMBER, len(answered))
        ids = sorted(record["id"] for record in records)

        async def all_told() -> bool:
            return sorted(load.ended()) == ids

        await until(all_told)

        async def all_heard() -> bool:
            ends = {event.id for event in load.crm.events if event.kind == "call.ended"}
            return ends == {f"{one}-ended" for one in ids}

        await until(all_heard)
