import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from support.charged import toll_free_call
from support.observed import answered, refused

from callrouter.observe.cdr.rows import COLUMNS, encode
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.storage.cdr_table import Store, migrate
from callrouter.storage.engine import SCHEMA, StoreError


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def fill(url: str, count: int) -> None:
    store = Store(url)
    store.insert([encode(answered(f"{n:04}", 1000.0 + n)) for n in range(count)])
    store.close()


def test_missing_folder_is_made_and_the_table_has_the_columns(url: str):
    Store(url).close()
    with sqlite3.connect(file_of(url)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(calls)")]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [(SCHEMA,)]
    assert tuple(columns) == COLUMNS


def test_schema_is_the_head_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", "callrouter.storage:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def tables(url: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(file_of(url)) as connection:
        return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()


def test_new_file_has_the_tables_that_all_revisions_together_make(url: str, tmp_path: Path):
    Store(url).close()
    migrated = f"sqlite:///{tmp_path}/migrated.db"
    engine = sa.create_engine(migrated)
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    assert sorted(map(str, tables(url))) == sorted(map(str, tables(migrated))), (
        "run python scripts/sqlite_tables.py"
    )


def test_file_that_cannot_take_all_tables_gets_none(url: str):
    file_of(url).parent.mkdir(parents=True)
    with sqlite3.connect(file_of(url)) as connection:
        connection.execute("CREATE TABLE recorded (others TEXT)")
    with pytest.raises(sa.exc.OperationalError, match="recorded already exists"):
        Store(url)
    assert [name for _, name, _, _ in tables(url)] == ["recorded"]


@pytest.mark.parametrize("count", [1, 7, 64, 73, 500])
def test_rows_inserted_twice_are_there_once(url: str, count: int):
    fill(url, count)
    fill(url, count)
    with CdrQuery(url) as calls:
        ids = [call["id"] for call in calls.last(0, Filter())]
    assert ids == [f"{n:04}" for n in reversed(range(count))]


def test_database_from_a_newer_callrouter_is_refused_untouched(url: str):
    Store(url).close()
    with sqlite3.connect(file_of(url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=f"9999.*{SCHEMA}.*newer callrouter"):
        Store(url)
    with pytest.raises(StoreError, match="newer callrouter"):
        CdrQuery(url)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("calls.db", "not a URL"),
        ("mysql://host/calls", "must be sqlite or postgresql"),
        ("postgresql+pg8000://host/calls", "must be sqlite or postgresql"),
        ("postgresql://host:port/calls", "not a URL"),
        ("postgresql://me:s/e@cret@host/calls", "must have %40 for @"),
        ("postgresql://host/calls?sslmod=require", 'invalid connection option "sslmod"'),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_url_that_can_never_work_is_refused(bad: str, said: str):
    with pytest.raises(StoreError, match=said):
        Store(bad)


def test_insert_into_a_removed_file_fails_instead_of_vanishing(url: str):
    store = Store(url)
    file_of(url).unlink()
    with pytest.raises(FileNotFoundError):
        store.insert([encode(answered())])
    Store(url).close()
    with pytest.raises(FileNotFoundError, match="replaced"):
        store.insert([encode(answered())])
    store.close()


def test_locked_database_is_an_error_and_none_of_the_rows_is_in(url: str):
    store = Store(url)
    with sqlite3.connect(file_of(url), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sa.exc.OperationalError, match="locked"):
            store.insert([encode(answered())])
        other.execute("ROLLBACK")
    store.close()
    with CdrQuery(url) as calls:
        assert list(calls.last(0, Filter())) == []


def test_reading_a_missing_database_is_an_error_and_makes_nothing(url: str):
    with pytest.raises(StoreError, match="there is no database"):
        CdrQuery(url)
    assert not file_of(url).parent.exists()


def test_reading_an_empty_or_foreign_file_is_an_error_and_changes_nothing(tmp_path: Path):
    file = tmp_path / "calls.db"
    file.touch()
    with pytest.raises(StoreError, match="version none"):
        CdrQuery(f"sqlite:///{file}")
    assert file.stat().st_size == 0
    file.write_bytes(os.urandom(4096))
    with pytest.raises(StoreError, match="cannot be read: file is not a database"):
        CdrQuery(f"sqlite:///{file}")


def test_filters_find_exactly_their_calls_newest_first(url: str):
    store = Store(url)
    store.insert([encode(answered("a", 10.0)), encode(refused("b", 20.0))])
    store.close()
    with CdrQuery(url) as calls:

        def found(**wanted: object) -> list[str]:
            return [call["id"] for call in calls.last(0, Filter(**wanted))]

        assert found() == ["b", "a"]
        assert found(since=20.0) == ["b"]
        assert found(until=20.0) == ["a"]
        assert found(caller="100") == ["b"]
        assert found(called="4000") == ["a"]
        assert found(number="4000", disposition="ANSWERED") == ["a"]
        assert found(number="4000", disposition="REJECTED") == []
        assert [call["id"] for call in calls.last(1, Filter())] == ["b"]


def test_one_call_is_found_by_its_id_with_legs_and_trace(url: str):
    fill(url, 3)
    with CdrQuery(url) as calls:
        call = calls.one("0001")
        assert call is not None
        assert call["legs"][0]["target"] == "first"
        assert call["trace"][1]["line"] == 17
        assert calls.one("9999") is None


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0006"])
def test_database_of_an_earlier_version_is_migrated_with_its_calls(url: str, revision: str):
    """Also a row that an earlier version spooled: it has nothing for the later columns."""
    engine = sa.create_engine(url)
    file_of(url).parent.mkdir(parents=True)
    config = Config()
    config.set_main_option("script_location", "callrouter.storage:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        columns = [column["name"] for column in sa.inspect(connection).get_columns("calls")]
        row = dict(zip(COLUMNS, encode(answered("old")), strict=True))
        marks = ", ".join(f":{name}" for name in columns)
        connection.execute(sa.text(f"INSERT INTO calls VALUES ({marks})"), row)
        if revision != "0001":  # which had no archive
            message = "'m', 'box', 'old', '021', 1.5e9, 900, 1, 'm.wav', TRUE, 'new', 2e9"
            connection.execute(sa.text(f"INSERT INTO messages VALUES ({message})"))
    engine.dispose()
    fill(url, 1)
    with sqlite3.connect(file_of(url)) as kept:
        messages = [row[0] for row in kept.execute("SELECT id FROM messages")]
    assert messages == ([] if revision == "0001" else ["m"])
    with CdrQuery(url) as calls:
        old, new = calls.one("old"), calls.one("0000")
    assert old is not None
    assert new is not None
    for name in ("voicemail", "recordings"):
        assert old[name] == new[name] == []
    assert (old["cost"], old["charges"], old["call_id"]) == (None, [], "old@peer")


def test_amounts_come_back_to_the_last_decimal(url: str):
    store = Store(url)
    store.insert([encode(toll_free_call())])
    store.close()
    with CdrQuery(url) as calls:
        call = calls.one("0001")
    assert call is not None
    assert (call["cost"], [one["cost"] for one in call["charges"]]) == (
        "0.9000",
        ["0.6000", "0.3000"],
    )
    with sqlite3.connect(file_of(url)) as connection:
        assert connection.execute("SELECT typeof(cost) FROM calls").fetchone() == ("text",)
