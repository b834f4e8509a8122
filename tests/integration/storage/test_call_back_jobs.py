"""Call-backs on disk, in SQLite and PostgreSQL: who claims a job has it, and none is lost."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support.polling import PATIENCE, until
from support.postgres import Postgres

from callrouter.pending import Pending, Unavailable
from callrouter.queues.call_back_book import (
    CALLING,
    CONNECTED,
    ENDED,
    WAITING,
    CallBackJob,
)
from callrouter.storage.call_back_jobs import CallBackJobs
from callrouter.storage.cdr_table import open_for_writing

pytestmark = pytest.mark.asyncio(loop_scope="session")

JOB = CallBackJob(
    id="a",
    rule="missed",
    number="4303",
    called="4303",
    caller="+8613800138001",
    dialled="13800138001",
    missed_at=100.0,
    due=100.0,
)


def at_once(act: Callable[[], None]) -> None:
    act()


class Opened:
    """One process with the jobs. found: those that it was told of last."""

    def __init__(self, url: str) -> None:
        self.jobs = CallBackJobs(url, at_once)
        self.found: Sequence[CallBackJob] = ()
        self.told = threading.Event()
        self.jobs.start(self._found)

    def _found(self, found: Sequence[CallBackJob]) -> None:
        self.found = found
        self.told.set()


async def answer_of(asked: Pending[bool | Unavailable]) -> bool:
    async def look() -> bool:
        return asked.answer is not None

    await until(look)
    assert isinstance(asked.answer, bool)
    return asked.answer


async def row(opened: Opened) -> CallBackJob:
    asked = opened.jobs.newest(1)

    async def look() -> CallBackJob | None:
        answer = asked.answer
        return None if answer is None or isinstance(answer, Unavailable) else answer[0]

    return await until(look)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[Postgres]:
    opened = await Postgres.open()
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, server: Postgres) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/calls.db"
    return server.new(f"jobs_{request.node.name.partition('[')[0][5:30]}")


async def test_of_two_who_claim_a_job_one_has_it_and_it_is_counted_once(url: str) -> None:
    one, other = Opened(url), Opened(url)
    one.jobs.put(JOB)
    assert await row(one) == JOB
    claimed = replace(JOB, state=CALLING, attempts=1, lease=time.time() + 60)
    asked = [it.jobs.claim(claimed) for it in (one, other)]
    assert sorted([await answer_of(it) for it in asked]) == [False, True]
    assert await row(other) == claimed
    for it in (one, other):
        it.jobs.close()


async def test_what_a_killed_process_had_claimed_is_told_to_the_next(url: str) -> None:
    one = Opened(url)
    one.jobs.put(JOB)
    assert await answer_of(one.jobs.claim(replace(JOB, state=CALLING, attempts=1, lease=1.0)))
    one.jobs.close()
    next_one = Opened(url)
    assert await asyncio.to_thread(next_one.told.wait, PATIENCE)
    (found,) = next_one.found
    assert (found.state, found.attempts, found.why) == (WAITING, 0, "")
    next_one.jobs.close()


async def test_one_whose_attempt_was_answered_is_over(url: str) -> None:
    engine = open_for_writing(url)
    with engine.begin() as connection:
        columns = sa.inspect(engine).get_columns("calls")
        needed = {it["name"]: 0 for it in columns if not it["nullable"]}
        texts = {it["name"] for it in columns if isinstance(it["type"], sa.Text)}
        needed = {name: "" if name in texts else 0 for name in needed}
        values = needed | {"id": "b", "call_back_of": "a", "answered_ms": 5}
        calls = sa.table("calls", *(sa.column(name) for name in values))
        connection.execute(sa.insert(calls).values(values))
    engine.dispose()
    one = Opened(url)
    one.jobs.put(replace(JOB, state=CALLING, attempts=1, lease=1.0))
    one.jobs.close()
    next_one = Opened(url)

    async def look() -> bool:
        return (await row(next_one)).state == ENDED

    await until(look)
    assert (await row(next_one)).why == CONNECTED
    assert next_one.found == ()
    next_one.jobs.close()


async def test_jobs_wait_while_the_database_is_away(tmp_path: Path) -> None:
    away = tmp_path / "folder"
    away.write_text("in the way")
    one = Opened(f"sqlite:///{away}/calls.db")
    one.jobs.put(JOB)
    asked = one.jobs.claim(replace(JOB, state=CALLING, attempts=1, lease=time.time() + 60))

    async def failing() -> bool:
        return one.jobs.failing

    await until(failing)
    assert asked.answer is None
    away.unlink()
    assert await answer_of(asked)
    assert not one.jobs.failing
    one.jobs.close()


async def test_where_nobody_is_called_back_the_list_is_empty_at_once(tmp_path: Path) -> None:
    assert CallBackJobs(f"sqlite:///{tmp_path}/calls.db", at_once).newest(10) == ()
