"""The delivery with real receivers over real HTTP, and SQLite."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from support.hooks import SECRET, HookReceiver
from support.polling import until

from callrouter.storage import background
from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.outbox import enqueue, outbox_event
from callrouter.webhooks import webhook_delivery as deliveries
from callrouter.webhooks.delivery_rows import DeliveryRows
from callrouter.webhooks.endpoint import Endpoint
from callrouter.webhooks.webhook_delivery import WebhookDelivery


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_WEBHOOK", SECRET)
    monkeypatch.setattr(deliveries, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(deliveries, "RETRIES", (0.05, 0.1, 0.1))
    monkeypatch.setattr(deliveries, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.05)


@pytest_asyncio.fixture
async def hooks() -> AsyncIterator[tuple[HookReceiver, HookReceiver]]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(HookReceiver.open())
        second = await stack.enter_async_context(HookReceiver.open())
        yield first, second


@contextmanager
def delivering(url: str, *endpoints: Endpoint) -> Iterator[WebhookDelivery]:
    """One that delivers; what was enqueued before is not for endpoints that are new."""
    rows = DeliveryRows(url)
    rows.know([endpoint.name for endpoint in endpoints])
    rows.close()
    made = WebhookDelivery(url, endpoints)
    made.start()
    try:
        yield made
    finally:
        made.close()


def put(url: str, *ids: str, number: str = "4000") -> None:
    """Events: c1-2 is the second of c1."""
    engine = open_for_writing(url)
    events = [
        outbox_event(name, "call.started", name.partition("-")[0], time.time(), {}, number)
        for name in ids
    ]
    with engine.begin() as connection:
        enqueue(connection, events)
    engine.dispose()


async def rows_of(made: WebhookDelivery, url: str, name: str, state: str, count: int) -> None:
    """Wait until so many deliveries are in a state."""

    async def look() -> bool:
        rows = DeliveryRows(url)
        found = rows.attempts([made.endpoints[name]], None, None, 1000)
        rows.close()
        return sum(row["state"] == state for row in found) == count

    await until(look)
    assert not made.failing


async def test_events_come_signed_in_their_order_and_once(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    ids = [f"c{call}-{n}" for n in range(1, 4) for call in range(40)]
    with delivering(url, hooks[0].endpoint("crm")) as made:
        put(url, *ids)
        made.wake()
        took = await hooks[0].took(120)
        await rows_of(made, url, "crm", "delivered", 120)
        assert (made.backlog["crm"], made.attempts["crm", "delivered"]) == (0, 120)
    assert [event.id for event in took] == ids
    assert [event.body["seq"] for event in took] == [n for n in range(1, 4) for _ in range(40)]
    assert hooks[0].most_at_once == 1


async def test_failure_holds_up_its_own_call_and_no_other_and_comes_again(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    hooks[0].statuses = [302]
    with delivering(url, hooks[0].endpoint("crm")) as made:
        put(url, "a-1", "a-2", "b-1")
        took = await hooks[0].took(3)
        put(url, "a-3")
        await hooks[0].took(4)
        await rows_of(made, url, "crm", "delivered", 4)
    assert [event.id for event in took] == ["b-1", "a-1", "a-2"]
    assert hooks[0].tries == 5


async def test_endpoint_that_hangs_costs_no_other_anything(
    url: str, hooks: tuple[HookReceiver, HookReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks[0].hangs = True
    with delivering(url, hooks[0].endpoint("hangs"), hooks[1].endpoint("crm")) as made:
        put(url, *(f"c{n}-1" for n in range(100)))
        await hooks[1].took(100)
        await hooks[0].tried(1)
        assert made.backlog["hangs"] == 100
    assert hooks[0].tries == 1


async def test_gone_endpoint_is_disabled_and_goes_on_where_it_was_when_it_is_enabled(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    hooks[0].statuses = [410]
    with delivering(url, hooks[0].endpoint("crm")) as made:
        put(url, "a-1")
        await hooks[0].tried(1)
        rows = DeliveryRows(url)

        async def disabled() -> bool:
            return rows.states(["crm"])["crm"].disabled.startswith("it answered 410")

        await until(disabled)
        put(url, "a-2", "b-1")
        rows.disable("crm", "")
        made.wake()
        await hooks[0].took(3)
        rows.close()
    assert sorted(event.id for event in hooks[0].events) == ["a-1", "a-2", "b-1"]


async def test_event_that_always_fails_is_given_up_and_the_next_of_its_call_follows(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    hooks[0].statuses = [500] * 4
    with delivering(url, hooks[0].endpoint("crm")) as made:
        put(url, "a-1", "a-2")
        await hooks[0].took(1)
        await rows_of(made, url, "crm", "failed", 1)
        rows = DeliveryRows(url)
        assert rows.resend(hooks[0].endpoint("crm"), 1.0, id="a-1", since=0.0) == 1
        made.wake()
        await hooks[0].took(2)
        rows.close()
    assert [event.id for event in hooks[0].events] == ["a-2", "a-1"]


async def test_limited_endpoint_is_left_alone_for_as_long_as_it_says(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    hooks[0].statuses, hooks[0].headers = [429], {"Retry-After": "1"}
    loop = asyncio.get_running_loop()
    with delivering(url, hooks[0].endpoint("crm")):
        put(url, "a-1", "b-1")
        await hooks[0].tried(1)
        begun = loop.time()
        took = await hooks[0].took(2)
    assert all(event.at - begun > 0.9 for event in took)


async def test_address_of_this_machine_is_refused_also_by_its_name(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    named = Endpoint(
        name="named",
        url=hooks[0].url.replace("127.0.0.1", "localhost"),
        secrets=hooks[0].endpoint("x").secrets,
    )
    written = hooks[0].endpoint("written", allow_private=False)
    with delivering(url, named, written):
        put(url, "a-1")
        rows = DeliveryRows(url)

        async def both() -> bool:
            states = rows.states(["named", "written"]).values()
            return all("is no public address" in state.error for state in states)

        await until(both)
        rows.close()
    assert hooks[0].tries == 0


async def test_filters_are_by_kind_and_by_number(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    one = hooks[0].endpoint("one", numbers=frozenset(("4000",)))
    other = hooks[1].endpoint("other", kinds=frozenset(("call.ended",)))
    with delivering(url, one, other):
        put(url, "a-1", number="4001")
        put(url, "b-1", number="4000")
        put(url, "c-1", number="")
        await hooks[0].took(2)
    assert [event.id for event in hooks[0].events] == ["b-1", "c-1"]
    assert hooks[1].tries == 0


async def test_locked_database_makes_it_wait_and_nothing_comes_twice(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    with delivering(url, hooks[0].endpoint("crm")) as made:
        put(url, "a-1", "b-1")
        await hooks[0].took(2)
        await rows_of(made, url, "crm", "delivered", 2)
        put(url, "c-1")
        with sqlite3.connect(Path(url.removeprefix("sqlite:///")), isolation_level=None) as lock:
            lock.execute("BEGIN IMMEDIATE")
            made.wake()
            await until(lambda: _true(made.failing))
            lock.execute("ROLLBACK")
        await hooks[0].took(3)
        await rows_of(made, url, "crm", "delivered", 3)
    assert [event.id for event in hooks[0].events] == ["a-1", "b-1", "c-1"]


async def _true(value: bool) -> bool:
    return value


async def test_restart_goes_on_where_it_was_and_old_events_are_removed(
    url: str, hooks: tuple[HookReceiver, HookReceiver]
) -> None:
    hooks[0].hangs = True
    with delivering(url, hooks[0].endpoint("crm")):
        put(url, "a-1", "a-2", "a-3")
        await hooks[0].tried(1)
    hooks[0].hangs = False
    with delivering(url, hooks[0].endpoint("crm")) as made:
        await hooks[0].took(3)
        await rows_of(made, url, "crm", "delivered", 3)
    rows = DeliveryRows(url)
    assert rows.prune(time.time() + 1) == 0
    assert [event.id for event in rows.after(0, 10)] == ["a-3"]
    rows.close()
    assert [event.id for event in hooks[0].events] == ["a-1", "a-2", "a-3"]
