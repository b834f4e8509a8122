"""Sessions and invitations end when they should."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from callrouter.storage.engine import StoreError
from callrouter.web.access.accounts_database import (
    INVITATIONS,
    PEOPLE,
    SESSIONS,
    TOKENS,
    open_accounts,
)
from callrouter.web.access.api_tokens import ApiTokens
from callrouter.web.access.audit import BEGUN, DONE, REFUSED, Audit
from callrouter.web.access.people import AccountError, People
from callrouter.web.access.roles import ROLES, Scope
from callrouter.web.access.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions

PASSWORD = "correct horse battery"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_accounts(f"sqlite:///{tmp_path}/web.db")
    people = People(opened)
    people.accept(people.invite("ops"), "ann", PASSWORD)
    yield opened
    opened.dispose()


def earlier(engine: Engine, column: "sa.Column[float]", seconds: float) -> None:
    """Let something have happened so long before."""
    with engine.begin() as connection:
        connection.execute(sa.update(column.table).values({column.name: column - seconds}))


@pytest.mark.parametrize("full", ["INSERT", "UPDATE"])
def test_what_cannot_be_audited_is_not_changed_and_what_is_changed_is_answered(
    engine: Engine, full: str
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER full BEFORE {full} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    audit, changed = Audit(engine), False
    with suppress(SQLAlchemyError), audit.change("ann", "127.0.0.1", "top_up", "acme 5"):
        changed = True
    assert [row["result"] for row in audit.newest(9)] == [BEGUN] * changed
    assert changed is (full == "UPDATE")


def test_change_that_is_refused_is_in_the_audit_once(engine: Engine) -> None:
    audit = Audit(engine)
    with pytest.raises(AccountError), audit.change("ann", "127.0.0.1", "top_up", "acme 5"):
        raise AccountError("no account is named acme")
    with audit.change("ann", "127.0.0.1", "top_up", "acme 6"):
        pass
    said = [(row["what"], row["result"]) for row in audit.newest(9)]
    assert said == [("acme 6", DONE), ("acme 5", f"{REFUSED}: no account is named acme")]


def test_session_ends_after_its_rest_and_after_its_length(engine: Engine) -> None:
    sessions = Sessions(engine)
    secret = sessions.begin("ann")
    earlier(engine, SESSIONS.c.used, IDLE_SECONDS - 60)
    assert sessions.identity(secret, "") is not None  # which notes that it was used
    earlier(engine, SESSIONS.c.used, IDLE_SECONDS - 60)
    assert sessions.identity(secret, "") is not None
    earlier(engine, SESSIONS.c.used, IDLE_SECONDS + 60)
    assert sessions.identity(secret, "") is None
    another = sessions.begin("ann")
    earlier(engine, SESSIONS.c.began, LONGEST_SECONDS + 60)
    assert sessions.identity(another, "") is None


def test_nothing_that_lets_somebody_in_is_kept_as_it_is(engine: Engine, tmp_path: Path) -> None:
    sessions, people = Sessions(engine), People(engine)
    secrets = [PASSWORD, sessions.begin("ann"), people.invite("viewer")]
    who = sessions.identity(secrets[1], "")
    assert who is not None
    secrets.append(ApiTokens(engine).make(who, "tests", [Scope.CALLS], 0)[1])
    engine.dispose()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [secret for secret in secrets if secret.encode() in kept] == []
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_invitation_is_good_once_and_for_a_day(engine: Engine) -> None:
    people = People(engine)
    secret = people.invite("viewer")
    with pytest.raises(AccountError):
        people.accept(secret, "bob", "short")
    people.accept(secret, "bob", PASSWORD)
    with pytest.raises(AccountError):
        people.accept(secret, "eve", PASSWORD)
    late = people.invite("viewer")
    earlier(engine, INVITATIONS.c.until, 25 * 3600)
    assert people.invitation(late) is None
    first = people.invite_first()
    assert people.invite_first() != first
    assert people.invitation(first) is None


def test_token_ends_with_its_days_and_has_no_more_than_its_person(engine: Engine) -> None:
    tokens, sessions = ApiTokens(engine), Sessions(engine)
    who = sessions.identity(sessions.begin("ann"), "")
    assert who is not None
    _, secret = tokens.make(who, "tests", [Scope.CALLS, Scope.BLOCKS], 30)
    with engine.begin() as connection:
        connection.execute(sa.update(PEOPLE).values(role="viewer"))
    found = tokens.identity(secret, "")
    assert found is not None
    assert found.scopes == {Scope.CALLS} == ROLES["viewer"]
    earlier(engine, TOKENS.c.until, 31 * 86400)
    assert tokens.identity(secret, "") is None


def test_database_of_another_version_is_refused(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="version 99"):
        open_accounts(f"sqlite:///{tmp_path}/web.db")
