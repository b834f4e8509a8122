"""The mailer of accounts: owners are mailed of notices, suspension, reclaim and their end.

The administrator is mailed of numbers that are being disconnected in the same way.

Rules. What is to be mailed stands in the database, put there with the change that it tells of, so a
restart loses nothing. A mail that fails is tried again as voicemail's is, for three days. It may
arrive twice, when the process ends between the sending and the note of it; its Message-ID is the
same then.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from callrouter.archive.delivery import retry_seconds
from callrouter.archive.delivery_transports import post_mail
from callrouter.billing.account_rules import ADMINISTRATOR
from callrouter.errors import CallrouterError
from callrouter.route.rules.mailboxes import Mail
from callrouter.storage.account_books import ACCOUNTS, EVENTS, MAIL_DUE
from callrouter.storage.background import Reopened, TurnThread
from callrouter.storage.cdr_table import OpenedForWriting
from callrouter.storage.engine import StoreError, begin_writing

_LOOK_SECONDS: Final = 2.0
_AT_ONCE: Final = 20
_TRIED_SECONDS: Final = 3 * 86400.0

_SUBJECTS: Final = {
    "notice": "The balance of account {account} is low",
    "suspended": "Account {account} is suspended",
    "reclaimed": "Account {account} is reclaimed",
    "restored": "Account {account} is active again",
    "resumed": "Account {account} is resumed",
}

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class _Outgoing(OpenedForWriting):
    """The database, open for the mails that are due."""

    def due(self, now: float) -> list[dict[str, Any]]:
        """Those to be sent now, written down as tried: what cannot be is not sent either."""
        it = EVENTS.c
        query = (
            sa.select(EVENTS, ACCOUNTS.c.currency)
            .outerjoin(ACCOUNTS, ACCOUNTS.c.name == it.account)
            .where(it.mail == MAIL_DUE, it.due <= now)
            .order_by(it.at)
            .limit(_AT_ONCE)
        )
        self.check()
        with begin_writing(self.engine) as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
            for event in found:
                tries = event["tries"] + 1
                later = {"tries": tries, "due": now + retry_seconds(tries)}
                connection.execute(sa.update(EVENTS).where(it.id == event["id"]).values(later))
        return found

    def settle(self, event: str, state: str) -> None:
        """Note what became of a mail: sent or failed."""
        with begin_writing(self.engine) as connection:
            connection.execute(sa.update(EVENTS).where(EVENTS.c.id == event).values(mail=state))


class AccountMailer:
    """Mailer of what becomes of accounts. In a thread of its own, with a loop for each turn."""

    def __init__(self, store_url: str) -> None:
        self._mails: Mapping[str, Mail] = {}
        self._database = Reopened(
            partial(_Outgoing, store_url),
            "owners of accounts are not mailed: the database is away",
            "owners of accounts are mailed again",
        )
        self._thread = TurnThread("account mail", _LOOK_SECONDS, self._turn, lambda: None)

    def serve(self, mails: Mapping[str, Mail]) -> None:
        """Mail these owners from now on, by their accounts."""
        self._mails = mails
        if mails and not self._thread.alive:
            self._thread.start()

    def close(self) -> None:
        """End; what is not sent is sent after the next start."""
        self._thread.close()
        self._database.close()

    def _turn(self) -> None:
        if self._database.waits:
            return
        try:
            outgoing = self._database.store()
            due = outgoing.due(time.time())
            self._database.end()
            # Mostly there are none, and then a loop of asyncio is not made for them either.
            for event, error in asyncio.run(self._sent(due)) if due else ():
                if not error:
                    outgoing.settle(event["id"], "sent")
                elif event["at"] + _TRIED_SECONDS < time.time():
                    outgoing.settle(event["id"], "failed")
        except (SQLAlchemyError, OSError, StoreError) as error:
            self._database.begin(error)

    async def _sent(self, due: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
        return [(event, await self._send(event)) for event in due if not self._thread.closing]

    async def _send(self, event: dict[str, Any]) -> str:
        """Mail one; returns why it could not be sent."""
        told = {"account": event["account"], "what": event["what"]}
        mail = self._mails.get(event["account"])
        try:
            if mail is None:
                raise CallrouterError("the rate plans have no mail for it any more")
            compose = compose_number if event["account"] == ADMINISTRATOR else compose_notice
            await post_mail(mail, compose(mail, event))
        except (CallrouterError, OSError) as error:
            _log.warning("owner of an account not mailed yet", error=str(error), **told)
            return str(error) or "failed"
        _log.info("owner of an account mailed", **told)
        return ""


def compose_notice(mail: Mail, event: dict[str, Any]) -> EmailMessage:
    """Write the mail of an event of an account."""
    when = datetime.fromtimestamp(event["at"]).astimezone()
    said = (
        f"Account: {event['account']}\n"
        f"Balance: {event['balance']:f} {event['currency']}\n"
        f"What: {event['what']}\n"
        f"When: {when.isoformat(' ', 'seconds')}\n"
    )
    return _composed(mail, event, _SUBJECTS[event["what"]].format(account=event["account"]), said)


def compose_number(mail: Mail, event: dict[str, Any]) -> EmailMessage:
    """Write the mail of a number that is being disconnected."""
    subject = f"Number {event['what']} is being disconnected"
    return _composed(mail, event, subject, event["note"])


def _composed(mail: Mail, event: dict[str, Any], subject: str, said: str) -> EmailMessage:
    composed = EmailMessage()
    composed["From"] = mail.sender
    composed["To"] = ", ".join(mail.to)
    composed["Subject"] = subject
    composed["Date"] = format_datetime(datetime.now(UTC))
    composed["Message-ID"] = f"<{event['id']}@{mail.sender.rpartition('@')[2]}>"
    composed.set_content(said)
    return composed
