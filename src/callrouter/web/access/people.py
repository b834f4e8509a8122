"""People who may sign in, and the invitations by which they come."""

import re
import time
from typing import Any, Final

import pyotp
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from callrouter.errors import CallrouterError
from callrouter.web.access import hashed_secrets
from callrouter.web.access.accounts_database import (
    INVITATIONS,
    PEOPLE,
    SESSIONS,
    TOKENS,
    rows,
)
from callrouter.web.access.hashed_secrets import hashed, new_secret
from callrouter.web.access.roles import ROLES

ADMIN: Final = "admin"
AGENT: Final = "agent"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_INVITED_SECONDS: Final = 24 * 3600
_USED: Final = "this invitation was used already, or is over a day old"
_TOTP_STEP: Final = 30
_TOTP_SLACK: Final = 1
"""Steps that a telephone's clock may be wrong by."""


class AccountError(CallrouterError):
    """Something about an account that cannot be so. field: of the form that says it."""

    def __init__(self, why: str, field: str = "") -> None:
        super().__init__(why)
        self.field = field


class People:
    """The people, by name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(self) -> list[dict[str, Any]]:
        """All of them, without what lets them in."""
        query = sa.select(PEOPLE).order_by(PEOPLE.c.name)
        return [_shown(row) for row in rows(self._engine, query)]

    def one(self, name: str) -> dict[str, Any] | None:
        """One of them, with what lets them in."""
        found = rows(self._engine, sa.select(PEOPLE).where(PEOPLE.c.name == name))
        return found[0] if found else None

    def signed_in(self, name: str, password: str, code: str) -> bool:
        """Whether a name, its password and its second factor are right.

        A name that nobody has takes as long as one that somebody has.
        """
        if not self.has_password(name, password):
            return False
        person = self.one(name)
        return person is not None and (not person["totp"] or self._code_is_right(person, code))

    def has_password(self, name: str, password: str) -> bool:
        """Whether a password is somebody's."""
        person = self.one(name)
        kept = "" if person is None else person["password"]
        return len(password) <= hashed_secrets.MOST and hashed_secrets.is_password(kept, password)

    def invite(self, role: str, extension: str = "") -> str:
        """Make an invitation, good once and for a day; returns its secret. Raises AccountError.

        extension: whose calls an agent sees.
        """
        if role not in ROLES:
            raise AccountError(f"expected a role: {', '.join(ROLES)}", "role")
        if role == AGENT and not extension:
            raise AccountError("expected the extension whose calls an agent sees", "extension")
        secret = new_secret()
        with self._engine.begin() as connection:
            connection.execute(sa.delete(INVITATIONS).where(INVITATIONS.c.until < time.time()))
            connection.execute(
                sa.insert(INVITATIONS).values(
                    hash=hashed(secret),
                    role=role,
                    extension=extension,
                    until=time.time() + _INVITED_SECONDS,
                )
            )
        return secret

    def invite_first(self) -> str:
        """Invite the first administrator, "" when there is one; earlier such invitations end."""
        admins = sa.select(PEOPLE).where(PEOPLE.c.role == ADMIN).limit(1)
        if rows(self._engine, admins):
            return ""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(INVITATIONS).where(INVITATIONS.c.role == ADMIN))
        return self.invite(ADMIN)

    def invitation(self, secret: str) -> dict[str, Any] | None:
        """What an invitation is for, while it is good."""
        of = INVITATIONS.c
        query = sa.select(of.role, of.extension)
        found = rows(self._engine, query.where(of.hash == hashed(secret), of.until >= time.time()))
        return found[0] if found else None

    def accept(self, secret: str, name: str, password: str) -> None:
        """Take an invitation up. Raises AccountError; then it is still good, if it was."""
        if not _NAME.fullmatch(name):
            raise AccountError("1 to 64 letters, digits and . _ @ -, no blank", "name")
        check_password(password)
        invited = self.invitation(secret)
        if invited is None:
            raise AccountError(_USED)
        kept = hashed_secrets.password_hash(password)
        try:
            with self._engine.begin() as connection:
                used = connection.execute(
                    sa.delete(INVITATIONS).where(INVITATIONS.c.hash == hashed(secret))
                )
                if not used.rowcount:
                    raise AccountError(_USED)
                connection.execute(
                    sa.insert(PEOPLE).values(
                        name=name,
                        role=invited["role"],
                        extension=invited["extension"],
                        password=kept,
                        totp="",
                        totp_step=0,
                        created=time.time(),
                    )
                )
        except IntegrityError as error:
            raise AccountError("somebody has this name already", "name") from error

    def signed_on(self, name: str, role: str) -> None:
        """Let in somebody whom a provider vouches for, with the role that it says. Raises
        AccountError for the name of somebody who has a password here.
        """
        if not _NAME.fullmatch(name):
            raise AccountError("1 to 64 letters, digits and . _ @ -, no blank", "name")
        values: dict[str, Any] = {"name": name, "role": role, "extension": "", "password": ""}
        values |= {"totp": "", "totp_step": 0, "created": time.time()}
        added = sqlite.insert(PEOPLE).values(values)
        vouched = added.on_conflict_do_update(
            index_elements=["name"], set_={"role": role}, where=PEOPLE.c.password == ""
        )
        with self._engine.begin() as connection:
            if not connection.execute(vouched).rowcount:
                raise AccountError("somebody has this name already, with a password")

    def set_password(self, name: str, password: str) -> None:
        """Give somebody another password. Raises AccountError."""
        check_password(password)
        kept = hashed_secrets.password_hash(password)
        with self._engine.begin() as connection:
            connection.execute(sa.update(PEOPLE).where(PEOPLE.c.name == name).values(password=kept))

    def remove(self, name: str) -> None:
        """Remove somebody with all that lets them in. Raises AccountError.

        The last administrator stays: nobody could invite another.
        """
        with self._engine.begin() as connection:
            admins = set(
                connection.execute(sa.select(PEOPLE.c.name).where(PEOPLE.c.role == ADMIN)).scalars()
            )
            if admins == {name}:
                raise AccountError("the last administrator stays")
            for table, column in ((TOKENS, "person"), (SESSIONS, "person"), (PEOPLE, "name")):
                gone = connection.execute(sa.delete(table).where(table.c[column] == name))
            if not gone.rowcount:
                raise AccountError(f"nobody is named {name}")

    def begin_second_factor(self, name: str, secret: str, code: str) -> None:
        """Ask for codes of this secret from now on. Raises AccountError when the code is wrong, or
        when codes are asked for already: another secret would be a way around those.
        """
        person = self.one(name)
        if person is not None and person["totp"]:
            raise AccountError("codes are asked for already: end that first")
        if not self._code_is_right({"name": name, "totp": secret, "totp_step": 0}, code):
            raise AccountError("this is not the code of this moment", "code")
        self._set_totp(name, secret)

    def end_second_factor(self, name: str, password: str, code: str) -> None:
        """Ask for no more codes. Raises AccountError when neither password nor code is right."""
        person = self.one(name)
        has_code = person is not None and person["totp"] and self._code_is_right(person, code)
        if not has_code and not self.has_password(name, password):
            raise AccountError("expected your password, or the code of this moment", "password")
        self._set_totp(name, "")

    def _set_totp(self, name: str, secret: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.update(PEOPLE).where(PEOPLE.c.name == name).values(totp=secret))

    def _code_is_right(self, person: dict[str, Any], code: str) -> bool:
        """Whether a code is right and was not used; a code is good once (RFC 6238 section 5.2)."""
        now = int(time.time()) // _TOTP_STEP
        totp = pyotp.TOTP(person["totp"], interval=_TOTP_STEP)
        for step in range(now - _TOTP_SLACK, now + _TOTP_SLACK + 1):
            if pyotp.utils.strings_equal(code, totp.at(step * _TOTP_STEP)):
                return self._use_step(person["name"], step)
        return False

    def _use_step(self, name: str, step: int) -> bool:
        unused = (PEOPLE.c.name == name) & (PEOPLE.c.totp_step < step)
        with self._engine.begin() as connection:
            done = connection.execute(sa.update(PEOPLE).where(unused).values(totp_step=step))
            return bool(done.rowcount)


def check_password(password: str) -> None:
    """Raises AccountError for one that is too short or too long."""
    if not hashed_secrets.LEAST <= len(password) <= hashed_secrets.MOST:
        wanted = f"{hashed_secrets.LEAST} to {hashed_secrets.MOST} characters"
        raise AccountError(wanted, "password")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("name", "role", "extension", "created")},
        "second_factor": bool(row["totp"]),
    }
