"""A mail server with one inbox, which takes what comes."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from support.polling import PATIENCE


class Inbox:
    """What it took, in the order it came."""

    def __init__(self) -> None:
        self._mails: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[Self]:
        inbox = cls()
        controller = Controller(inbox, hostname="127.0.0.1", port=port)
        await asyncio.to_thread(controller.start)
        try:
            yield inbox
        finally:
            await asyncio.to_thread(controller.stop)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self._loop.call_soon_threadsafe(self._mails.put_nowait, mail)
        return "250 OK"

    async def next(self) -> EmailMessage:
        """The next mail, once it is there."""
        async with asyncio.timeout(PATIENCE):
            return await self._mails.get()
