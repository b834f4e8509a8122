"""Records and the archive in a real PostgreSQL, which stops, is killed and falls silent."""

import asyncio
import csv
import io
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from alembic import command as alembic
from alembic.config import Config
from support.archives import box, leave, listed, record
from support.phones import Outcome, Phones
from support.polling import PATIENCE, gone, until
from support.ports import free_port
from support.postgres import PASSWORD, USER, Postgres
from support.serving import Place, Serving, command, lay_out

from callrouter.archive.call_archive import Archive
from callrouter.observe.cdr.rows import COLUMNS
from callrouter.route.rules.mailboxes import Box
from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.outbox import enqueue, outbox_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RATE = 20.0
_HOLD = 0.1
"""A call that is over within the millisecond of its answer costs nothing."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    server = await Postgres.open()
    yield server
    server.close()


@dataclass(slots=True)
class Lines:
    """A callrouter whose records go to PostgreSQL, its callers and its callees."""

    serving: Serving
    callers: Phones
    postgres: Postgres
    database: str

    async def calls(self, count: int) -> list[Outcome]:
        """So many calls, 20 a second, that are answered and over."""
        made = await self.callers.calls("6000", count, _RATE, _HOLD)
        assert {outcome.status for outcome in made} == {200}
        return made

    async def recorded(self, *calls: Outcome) -> None:
        """Wait until these calls, and no others, each have one row."""
        due = sorted(call.call_id for call in calls)

        async def look() -> bool:
            rows = self.postgres.rows(self.database, "SELECT call_id FROM calls")
            return sorted(row["call_id"] for row in rows) == due

        await until(look)

    async def count(self, name: str, least: float) -> float:
        """Wait until a metric has come so far; what it is then."""

        async def look() -> float:
            value = (await self.serving.metrics())[f"callrouter_{name}"]
            return value if value >= least else 0.0

        return await until(look)


def placed(folder: Path, url: str) -> tuple[Place, int]:
    """A place where 6000 is answered at a port, with its records there."""
    port = free_port()
    place = lay_out(
        folder,
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets:\n  answers: {{uri: 'sip:service@127.0.0.1:{port}'}}\n"
        "rate_plans: plans.yaml\n"
        "numbers:\n  '6000': {rate_plan: local, route: [{hunt: [answers]}]}\n",
    )
    plans = "country: CN\nplans: {local: {currency: CNY, blocks: 60/60, price: 0.1/min}}\n"
    (folder / "plans.yaml").write_text(plans, encoding="utf-8")
    settings = place.config.read_text(encoding="utf-8")
    place.config.write_text(
        settings.replace("sqlite:///var/callrouter.db", url)
        + f"state: 'sqlite:///var/state.db'\ncontrol: {folder}/c.sock\n",
        encoding="utf-8",
    )
    return place, port


@asynccontextmanager
async def lines(place: Place, port: int, postgres: Postgres, database: str) -> AsyncIterator[Lines]:
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    try:
        yield Lines(serving, callers, postgres, database)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def said(*arguments: str | Path, **variables: str) -> str:
    """What a command prints, which must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"COLUMNS": "200"} | variables,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_call_is_in_postgresql_and_every_view_of_cdr_shows_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    postgres.new("seen")
    passes = tmp_path / "passes"
    passes.write_text(f"127.0.0.1:*:seen:{USER}:{PASSWORD}\n", encoding="utf-8")
    passes.chmod(0o600)
    url = f"postgresql://{USER}@127.0.0.1:{postgres.port}/seen?passfile={passes}"
    place, port = placed(tmp_path / "it", url)
    async with lines(place, port, postgres, "seen") as up:
        calls = await up.calls(3)
        await up.recorded(*calls)
        asked = ("cdr", "--config", place.config)
        newest = json.loads(await said(*asked, "--json", "--last", "1"))
        assert len(newest) == 1
        name = newest[0]["id"]
        everyone = json.loads(await said(*asked, "--json"))
        assert [row["call_id"] for row in everyone] == [it.call_id for it in reversed(calls)]
        assert [leg["target"] for leg in everyone[0]["legs"]] == ["answers"]
        assert everyone[0]["trace"]
        assert {(row["cost"], row["currency"]) for row in everyone} == {("0.1000", "CNY")}
        (kept,) = postgres.rows(
            "seen", "SELECT cost, pg_typeof(cost)::text AS kind FROM calls LIMIT 1"
        )
        assert (str(kept["cost"]), kept["kind"]) == ("0.1000", "numeric")
        (sum_,) = postgres.rows("seen", "SELECT sum(cost) AS cost FROM calls")
        assert str(sum_["cost"]) == "0.3000"
        dearer = tmp_path / "dearer.yaml"
        plans = (place.folder / "plans.yaml").read_text(encoding="utf-8")
        dearer.write_text(plans.replace("0.1/min", "0.25/min"), encoding="utf-8")
        again = ("rerate", "--config", place.config, "--plans", dearer, "--json")
        for options, changed in (((), 3), (("--apply",), 3), ((), 0)):
            (row,) = json.loads(await said(*again, *options))
            assert (row["changed"], row["after"]) == (changed, "0.7500")
        everyone = json.loads(await said(*asked, "--json"))
        assert {row["cost"] for row in everyone} == {"0.2500"}
        for wanted in (
            ("--disposition", "ANSWERED"),
            ("--since", "1h"),
            ("--caller", "1001"),
            ("--called", "6000"),
            ("--number", "6000"),
        ):
            assert len(json.loads(await said(*asked, "--json", *wanted))) == 3
        assert json.loads(await said(*asked, "--json", "--disposition", "BUSY")) == []
        table = list(csv.DictReader(io.StringIO(await said(*asked, "--csv", "--last", "0"))))
        assert {row["call_id"] for row in table} == {it.call_id for it in calls}
        assert name in await said(*asked)
        assert "answers" in await said(*asked, name)
        by_variable = f"postgresql://{USER}@127.0.0.1:{postgres.port}/seen"
        shown = await said("cdr", name, "--json", "--database", by_variable, PGPASSWORD=PASSWORD)
        assert json.loads(shown)[0]["id"] == name


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_database_that_stops_under_calls_gets_each_record_once(
    tmp_path: Path, postgres: Postgres, how: str
) -> None:
    database = f"under_{how}"
    place, port = placed(tmp_path, postgres.new(database))
    async with lines(place, port, postgres, database) as up:
        calling = asyncio.create_task(up.calls(100))
        await up.count("records_written_total", 10)
        getattr(postgres, how)()
        try:
            await up.count("records_spooled_total", 20)
            assert (await up.serving.metrics())["callrouter_store_failing"] == 1
        finally:
            await postgres.start()
        await up.recorded(*await calling)
        metrics = await up.serving.metrics()
        assert metrics["callrouter_records_lost_total"] == 0
        assert metrics["callrouter_records_rejected_total"] == 0
        log = up.serving.log()
        assert log.count("records go to the spool: the database does not take them") == 1
        assert "every user of this machine can read a secret" in log
        assert "geheim" not in log
        await gone(place.folder / "var" / "spool" / "records.jsonl")


async def test_silent_database_holds_up_neither_calls_nor_the_spool(
    tmp_path: Path, postgres: Postgres
) -> None:
    place, port = placed(tmp_path, postgres.new("silent"))
    async with lines(place, port, postgres, "silent") as up:
        before = await up.calls(5)
        await up.recorded(*before)
        postgres.freeze()
        try:
            meanwhile = await up.calls(40)
            await up.count("records_spooled_total", 40)
        finally:
            postgres.thaw()
        await up.recorded(*before, *meanwhile)
        assert (await up.serving.metrics())["callrouter_records_lost_total"] == 0


async def test_database_away_at_the_start_is_waited_for(tmp_path: Path, postgres: Postgres) -> None:
    place, port = placed(tmp_path, postgres.new("late"))
    postgres.stop()
    try:
        async with lines(place, port, postgres, "late") as up:
            calls = await up.calls(5)
            await up.count("records_spooled_total", 5)
            await postgres.start()
            await up.count("records_replayed_total", 5)
            await up.recorded(*calls)
    finally:
        if not postgres.running:
            await postgres.start()


async def test_killed_callrouter_leaves_each_answered_call_one_record(
    tmp_path: Path, postgres: Postgres
) -> None:
    place, port = placed(tmp_path, postgres.new("killed"))
    async with lines(place, port, postgres, "killed") as up:
        over = await up.calls(10)
        talking = [up.callers.call("6000", 600.0) for _ in range(10)]
        for outcome in talking:
            await outcome.answered.wait()
        up.serving.signal(signal.SIGKILL)
        assert await up.serving.ended() == -signal.SIGKILL
    async with lines(place, port, postgres, "killed") as up:
        await up.count("calls_lost_total", 10)
        lost = "SELECT call_id FROM calls WHERE reason = 'lost'"

        async def look() -> bool:
            return {row["call_id"] for row in postgres.rows("killed", lost)} >= {
                it.call_id for it in talking
            }

        await until(look)
        rows = [row["call_id"] for row in postgres.rows("killed", "SELECT call_id FROM calls")]
        assert len(rows) == len(set(rows))
        assert (
            {it.call_id for it in talking} <= set(rows) <= {it.call_id for it in (*talking, *over)}
        )


def older(url: str, revision: str) -> None:
    """Make the tables as an earlier version had them."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "callrouter.storage:migrations")
        config.attributes["connection"] = connection
        alembic.upgrade(config, revision)
    engine.dispose()


_OLD: dict[str, Any] = {
    **dict.fromkeys(COLUMNS[: COLUMNS.index("voicemail")], ""),
    "id": "old",
    "call_id": "old@x",
    "started": 1.5e9,
    "caller": "021 1234",
    "called": "6000",
    "ringing_ms": None,
    "answered_ms": 10,
    "ended_ms": 99,
    "disposition": "ANSWERED",
    "status": 200,
    "cause": 16,
    "legs": "[]",
    "trace": "[]",
}
"""A row of the first version."""
_LATER: dict[str, dict[str, Any]] = {
    "0001": {},
    "0002": {"voicemail": "[]", "recordings": "[]", "heard": "[]"},
    "0003": {"voicemail": "[]", "heard": "[]", "called_number": "6000"},
    "0004": {"heard": "[]", "called_number": "6000", "queues": "[]"},
}
"""What each version has beside that."""


@pytest.mark.parametrize("revision", _LATER)
async def test_tables_of_an_older_version_are_brought_up_to_date(
    tmp_path: Path, postgres: Postgres, revision: str
) -> None:
    name = f"older{revision}"
    url = postgres.new(name)
    older(url, revision)
    row = _OLD | _LATER[revision]
    marks = ", ".join(["%s"] * len(row))
    insert = f"INSERT INTO calls ({', '.join(row)}) VALUES ({marks})"
    postgres.rows(name, insert, *row.values())
    if revision != "0001":  # which had no archive
        message = "'m', 'box', 'old', '021', 1.5e9, 900, 1, 'm.wav', TRUE, 'new', 2e9"
        postgres.rows(name, f"INSERT INTO messages VALUES ({message})")
    place, port = placed(tmp_path, url)
    process = await asyncio.create_subprocess_exec(
        *command("cdr", "--config", place.config), stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    assert process.returncode == 1
    assert f"version {revision} of the tables".encode() in error
    async with lines(place, port, postgres, name) as up:
        (call,) = await up.calls(1)
        await until(lambda: _rows(postgres, name, 2))
        shown = json.loads(await said("cdr", "--config", place.config, "--json"))
        assert [row["call_id"] for row in shown] == [call.call_id, "old@x"]
        assert [row["cost"] for row in shown] == ["0.1000", None]
        kept = [row["id"] for row in postgres.rows(name, "SELECT id FROM messages")]
        assert kept == ([] if revision == "0001" else ["m"])


async def _rows(postgres: Postgres, database: str, count: int) -> bool:
    return len(postgres.rows(database, "SELECT id FROM calls")) == count


async def test_events_of_two_writers_are_committed_in_the_order_of_their_positions(
    postgres: Postgres,
) -> None:
    engine = await asyncio.to_thread(open_for_writing, postgres.new("outbox"))

    def put(id: str) -> None:
        with engine.begin() as connection:
            enqueue(connection, [outbox_event(id, "balance.low", "acme", 1.5e9, {"by": "€"})])

    with engine.begin() as first:
        enqueue(first, [outbox_event("a", "call.started", "c1", 1.5e9, {})])
        second = asyncio.create_task(asyncio.to_thread(put, "b"))
        done, _ = await asyncio.wait({second}, timeout=0.2)
        assert not done
    await second
    await asyncio.to_thread(put, "b")
    query = "SELECT position, id, subject, seq, data FROM outbox ORDER BY position"
    assert [tuple(row.values()) for row in postgres.rows("outbox", query)] == [
        (1, "a", "c1", 1, "{}"),
        (2, "b", "acme", 1, '{"by":"€"}'),
    ]
    engine.dispose()


async def test_tables_of_a_newer_version_are_refused(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new("newer")
    older(url, "head")
    postgres.rows("newer", "UPDATE alembic_version SET version_num = '9999'")
    await refused(tmp_path, url, "was made by a newer callrouter")


async def test_database_of_another_encoding_is_refused(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new("latin", "LATIN1")
    await refused(tmp_path, url, "must have the encoding UTF8, not LATIN1")


async def refused(folder: Path, url: str, why: str) -> None:
    place, _ = placed(folder, url)
    process = await asyncio.create_subprocess_exec(
        *command("serve", "--config", place.config),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert why in error.decode()
    assert "geheim" not in error.decode()


_ODD = ("4e\u2603\U0001f600", "a\\b'c\"d;--", "%s %(x)s $1", "\u202e\x85\x7f", '{"a": [1]}')


async def test_odd_texts_arrive_as_they_are_and_what_does_not_fit_stops_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    place, port = placed(tmp_path, postgres.new("odd"))
    fit = [_OLD | {"id": f"odd-{i}", "caller": text, "number": text} for i, text in enumerate(_ODD)]
    noise = os.urandom(6000).hex()  # which no compression makes fit an index
    unfit = [
        _OLD | {"id": "nul", "caller": "a\0b"},
        _OLD | {"id": "half", "caller": "\ud800"},
        _OLD | {"id": "large", "status": 2**31},
        _OLD | {"id": "larger", "ended_ms": 2**63},
        _OLD | {"id": "huge", "started": 10**400},
        _OLD | {"id": "index", "number": noise},
        _OLD | {"id": "key" + noise},
    ]
    spool = place.folder / "var" / "spool"
    spool.mkdir(parents=True)
    entries = [entry for pair in zip(unfit, [*fit, fit[0], fit[0]], strict=True) for entry in pair]
    (spool / "records.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    async with lines(place, port, postgres, "odd") as up:
        calls = await up.calls(3)
        await up.count("records_replayed_total", len(fit))
        assert await up.count("records_rejected_total", len(unfit)) == len(unfit)
        rows = postgres.rows(
            "odd", "SELECT caller, number FROM calls WHERE id LIKE 'odd-%' ORDER BY id"
        )
        assert [(row["caller"], row["number"]) for row in rows] == [(text, text) for text in _ODD]

        async def live() -> bool:
            found = postgres.rows("odd", "SELECT call_id FROM calls WHERE id NOT LIKE 'odd-%'")
            return {row["call_id"] for row in found} == {it.call_id for it in calls}

        await until(live)
        await gone(spool / "records.jsonl")


async def test_trigger_that_refuses_a_call_costs_no_other_one(
    tmp_path: Path, postgres: Postgres
) -> None:
    place, port = placed(tmp_path, postgres.new("picky"))
    async with lines(place, port, postgres, "picky") as up:
        first = await up.calls(1)
        await up.recorded(*first)
        postgres.rows(
            "picky",
            "CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF substr(new.call_id, 6, 1) < '4' THEN RAISE EXCEPTION 'not this one'; END IF; "
            "RETURN new; END $$",
        )
        postgres.rows(
            "picky",
            "CREATE TRIGGER picky BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION picky()",
        )
        calls = await up.calls(60)
        taken = [it for it in calls if it.call_id[5] >= "4"]
        assert 0 < len(taken) < 60
        await up.recorded(*first, *taken)
        await up.count("records_rejected_total", 60 - len(taken))


async def test_servers_that_start_at_once_on_an_empty_database_share_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.new("shared")
    places = [placed(tmp_path / name, url) for name in ("a", "b", "c")]
    async with AsyncExitStack() as stack:
        servers = await asyncio.gather(
            *(
                stack.enter_async_context(lines(place, port, postgres, "shared"))
                for place, port in places
            )
        )
        made = await asyncio.gather(*(server.calls(20) for server in servers))
        await servers[0].recorded(*(call for calls in made for call in calls))
        for server in servers:
            assert "does not take them" not in server.serving.log()
        ids = [row["id"] for row in postgres.rows("shared", "SELECT id FROM calls")]
        assert len(set(ids)) == 60


async def test_archive_keeps_lists_counts_and_expires(tmp_path: Path, postgres: Postgres) -> None:
    place, _ = placed(tmp_path, postgres.new("archive"))
    archive = opened(place, postgres, "archive", box())
    try:
        leave(archive, "c1", caller="a\0b\ud800")
        leave(archive, "c2")
        first, second = await asyncio.to_thread(listed, archive)
        assert first.caller == "a\\x00b\\ud800"
        record(archive, "c3")
        record(archive, "c4")
        await asyncio.to_thread(listed, archive)
        for kind, here in (("voicemail", {"c1", "c2"}), ("recordings", {"c3", "c4"})):
            rows = json.loads(await said(kind, "list", "--config", place.config, "--json"))
            assert {row["call"] for row in rows} == here
            assert {row["complete"] for row in rows} == {True}
        await said("voicemail", "delete", second.id, "--config", place.config)
        archive.mark_heard(first.id)
        (left,) = await asyncio.to_thread(listed, archive)
        assert (left.id, left.heard) == (first.id, True)
        assert postgres.rows("archive", "SELECT sum(ms)::int AS ms FROM recorded") == [{"ms": 6000}]
        postgres.rows("archive", "UPDATE messages SET expires = 0")
        postgres.rows("archive", "UPDATE recordings SET expires = 0")

        async def expired() -> bool:
            return not any(
                postgres.rows("archive", f"SELECT id FROM {table}")
                for table in ("messages", "recordings")
            ) and not any(
                any((tmp_path / "var" / folder).rglob("*.wav"))
                for folder in ("voicemail", "recordings")
            )

        await until(expired)
    finally:
        await asyncio.to_thread(archive.close)


async def test_archive_goes_on_after_its_database_was_away(
    tmp_path: Path, postgres: Postgres
) -> None:
    place, _ = placed(tmp_path, postgres.new("absent"))
    archive = opened(place, postgres, "absent", box())
    try:
        leave(archive, "c1")
        await asyncio.to_thread(listed, archive)
        postgres.kill()
        try:
            leave(archive, "c2")
            record(archive, "c3")
            await until(partial(_failing, archive))
        finally:
            await postgres.start()
        assert len(await asyncio.to_thread(listed, archive)) == 2
        assert len(postgres.rows("absent", "SELECT id FROM recordings")) == 1
    finally:
        await asyncio.to_thread(archive.close)


async def _failing(archive: Archive) -> bool:
    return archive.failing


def opened(place: Place, postgres: Postgres, database: str, *boxes: Box) -> Archive:
    """An archive at the folders of a place, whose rows are in a database."""
    var = place.folder / "var"
    archive = Archive(
        postgres.url(database), var / "voicemail", var / "recordings", lambda step: step()
    )
    archive.serve({one.name: one for one in boxes})
    archive.start()
    return archive


async def test_what_is_no_text_is_asked_for_in_vain(tmp_path: Path, postgres: Postgres) -> None:
    place, _ = placed(tmp_path, postgres.new("vain"))
    older(postgres.url("vain"), "head")
    for arguments in (("cdr", "\udcff"), ("voicemail", "show", "\udcff")):
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--config", place.config), stderr=asyncio.subprocess.PIPE
        )
        _, error = await process.communicate()
        assert process.returncode == 1
        assert b"there is no" in error
    for option in ("--caller", "--called", "--number"):
        shown = await said("cdr", option, "\udcff", "--json", "--config", place.config)
        assert json.loads(shown) == []


async def test_server_is_found_by_name_by_socket_and_among_several(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.new("found")
    older(url, "head")
    account = url.partition("@")[0]
    at = f"127.0.0.1:{postgres.port}"
    for way in (
        f"{account}@localhost:{postgres.port}/found",
        f"{account}@/found?host={postgres.folder}&port={postgres.port}",
        f"{account}@/found?host=localhost:{free_port()}&host={at}&target_session_attrs=read-write",
        url.replace("postgresql:", "postgres:"),
    ):
        assert json.loads(await said("cdr", "--database", way, "--json")) == []
