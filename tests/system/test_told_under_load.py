"""An endpoint that hangs, many events and kills: calls and others are unhurt, nothing is lost."""

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from support.hooks import SECRET, HookReceiver
from support.phones import Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Place, Serving, lay_out

from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.engine import begin_writing, is_busy
from callrouter.storage.outbox import OutboxEvent, enqueue, outbox_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

_NUMBER: Final = "6000"


@dataclass(slots=True)
class Load:
    """A callrouter with two endpoints, callers and callees."""

    place: Place
    serving: Serving
    callers: Phones
    hung: HookReceiver
    crm: HookReceiver

    async def restart(self, number: signal.Signals) -> None:
        self.serving.signal(number)
        await self.serving.ended()
        self.serving = await Serving.start(self.place)

    async def put(self, count: int, seconds: float, name: str) -> None:
        """Events of another kind than calls, three of each subject, spread over a time."""
        engine = open_for_writing(f"sqlite:///{self.place.database}")
        began = time.monotonic()
        for start in range(0, count, 30):
            await asyncio.sleep(began + start * seconds / count - time.monotonic())
            subjects = [(n, f"{name}{n // 3}") for n in range(start, min(start + 30, count))]
            events = [
                outbox_event(
                    f"{name}{n}", "agent.away", subject, time.time(), {"subject": subject}, "9"
                )
                for n, subject in subjects
            ]
            await asyncio.to_thread(self._put, engine, events)
        engine.dispose()

    @staticmethod
    def _put(engine: sa.Engine, events: list[OutboxEvent]) -> None:
        while True:
            try:
                with begin_writing(engine) as connection:
                    enqueue(connection, events)
            except sa.exc.OperationalError as error:
                if not is_busy(error):
                    raise
            else:
                return

    @staticmethod
    def late(hook: HookReceiver) -> list[float]:
        """How long after it happened each event came, in seconds."""
        since = time.time() - asyncio.get_running_loop().time()
        return [
            event.at + since - datetime.fromisoformat(event.body["timestamp"]).timestamp()
            for event in hook.events
        ]

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
            {"name": "crm", "url": crm.url, "secret_file": "secret", "allow_private": True},
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
    tmp_path: Path, full: bool, record_property: Callable[[str, object], None]
) -> None:
    """Long: an hour. The server is restarted in the middle of it, while the endpoint hangs."""
    many, calls, seconds = (50_001, 1800, 1800.0) if full else (300, 20, 0.4)
    async with loaded(tmp_path) as load:
        load.hung.hangs = True
        for half in range(2):
            if half:
                await load.restart(signal.SIGTERM)
            putting = asyncio.create_task(load.put(many, seconds, f"half{half}-"))
            made = await load.callers.calls(_NUMBER, calls, calls / seconds, 0.2)
            assert {outcome.status for outcome in made} == {200}
            await putting
            await load.crm.took(calls * (half + 1), "call.ended")
            assert load.hung.events == []

        async def on_time() -> bool:
            return len(load.crm.ids("agent.")) == 2 * many

        await until(on_time)
        heard = load.crm.ids()
        assert len(load.crm.ids("call.ended")) == 2 * calls
        late = sorted(load.late(load.crm))
        told = {"events": len(late), "median": late[len(late) // 2], "last": late[-1]}
        record_property("seconds to the endpoint that answers", told)
        assert late[len(late) * 99 // 100] < PATIENCE
        load.hung.hangs = False
        began = time.monotonic()
        await load.restart(signal.SIGTERM)

        async def all_of_it() -> bool:
            return len(load.hung.events) >= len(heard) and load.hung.ids() == heard

        await until(all_of_it, 4 * many / 50 + PATIENCE)
        record_property("seconds until the one that hung had all", time.monotonic() - began)
        last: dict[str, int] = {}
        for event in {event.id: event for event in load.hung.events}.values():
            if not event.kind.startswith("call."):
                subject = event.body["data"]["subject"]
                assert event.body["seq"] == last.get(subject, 0) + 1
                last[subject] = event.body["seq"]
        assert len(last) == 2 * many / 3
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
