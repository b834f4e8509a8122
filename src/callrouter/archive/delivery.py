"""Delivery of messages by mail and webhook, in a thread with an event loop of its own.

Rules. What is to be delivered stands in the database, so a restart loses nothing. A delivery that
fails is tried again after 30 s, then after twice as long each time, at most an hour, for three
days. A message may arrive twice, when the process ends between the sending and the note of it: its
id, which the mail has as its Message-ID, is the same.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from callrouter.archive import message_rows as messages
from callrouter.archive.delivery_transports import Undelivered, post_webhook, send_mail
from callrouter.archive.file_store import FileStore
from callrouter.archive.message_rows import Due
from callrouter.errors import CallrouterError
from callrouter.route.rules.mailboxes import Box
from callrouter.storage.engine import said

AT_ONCE: Final = 8
"""Deliveries on their way at the same time; each holds its message in memory."""

_LOOK_SECONDS: Final = 5.0
_GOODBYE_SECONDS: Final = 2.0
"""How long what is under way at the end may take."""
_FIRST_RETRY_SECONDS: Final = 30.0
_LAST_RETRY_SECONDS: Final = 3600.0

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def retry_seconds(tries: int) -> float:
    """How long to wait after so many tries."""
    return min(_FIRST_RETRY_SECONDS * 2.0 ** min(tries - 1, 20), _LAST_RETRY_SECONDS)


class MessageDelivery:
    """Delivery of the messages that are due. boxes: as the dialplan has them."""

    def __init__(self, folder: FileStore) -> None:
        self.boxes: Mapping[str, Box] = {}
        self._folder = folder
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._wake = asyncio.Event()
        self._busy: set[tuple[str, str]] = set()  # messages and ways that are tried now
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="voicemail-delivery", daemon=True)

    def serve(self, engine: Engine) -> None:
        """Deliver from this database from now on."""
        self._engine = engine
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread.start()

    def wake(self) -> None:
        """There is something to deliver. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def close(self) -> None:
        """Stop. What is under way has a moment to end; else it is tried again at the next start."""
        if self._loop is not None:
            self._closing = True
            self.wake()
            self._thread.join()
            self._loop.close()

    def _run(self) -> None:
        assert self._loop is not None  # noqa: S101 - `serve` has made it
        self._loop.run_until_complete(self._deliver())

    async def _deliver(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as end, asyncio.TaskGroup() as group:
                while not self._closing:
                    self._wake.clear()
                    for due in self._due():
                        self._busy.add((due.message["id"], due.way))
                        group.create_task(self._try(due))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._wake.wait()
                end.reschedule(asyncio.get_running_loop().time() + _GOODBYE_SECONDS)

    def _due(self) -> list[Due]:
        """What to begin with now, written down as tried: what cannot be is not sent either.

        Otherwise a disk that is full would have the same message sent over and over.
        """
        assert self._engine is not None  # noqa: S101 - `serve` has set it
        begun: list[Due] = []
        now = time.time()
        try:
            messages.hasten(self._engine, now + _LAST_RETRY_SECONDS, now)
            for due in messages.due(self._engine, now, AT_ONCE):
                if len(self._busy) + len(begun) >= AT_ONCE:
                    break
                if (due.message["id"], due.way) in self._busy:
                    continue
                values = {"tries": due.tries + 1, "due": now + retry_seconds(due.tries + 1)}
                messages.tried(self._engine, due.message["id"], due.way, values)
                begun.append(due)
        except SQLAlchemyError as error:
            self._failed(error)
        else:
            self._failing = False
        return begun

    async def _try(self, due: Due) -> None:
        message = due.message["id"]
        error = ""
        try:
            await self._send(due)
        except (CallrouterError, OSError) as failure:
            error = str(failure)
        except Exception as failure:  # noqa: BLE001 - a bug of ours must cost this one try only
            _log.error("internal error in a delivery", message=message, exc_info=failure)
            error = "internal error"
        values: dict[str, Any] = {"state": "delivered", "error": ""}
        if error:
            values = {"error": error[:500]}
            if time.time() + retry_seconds(due.tries + 1) > due.until:
                values["state"] = "failed"
        _say(due, error, given_up="state" in values)
        assert self._engine is not None  # noqa: S101 - `serve` has set it
        try:
            messages.tried(self._engine, message, due.way, values)
        except SQLAlchemyError as failure:
            self._failed(failure)
        self._busy.discard((message, due.way))
        self._wake.set()

    async def _send(self, due: Due) -> None:
        box = self.boxes.get(due.message["box"])
        audio = self._folder.read(due.message["file"])
        if due.way == "mail" and box is not None and box.mail is not None:
            await send_mail(box.mail, due.message, audio)
        elif due.way == "webhook" and box is not None and box.webhook is not None:
            await post_webhook(box.webhook, due.message, audio, int(time.time()))
        else:
            raise Undelivered(f"the dialplan has no {due.way} for this box any more")

    def _failed(self, error: SQLAlchemyError) -> None:
        if not self._failing:
            self._failing = True
            _log.error("messages are not delivered: the database fails", error=said(error))


def _say(due: Due, error: str, *, given_up: bool) -> None:
    told = {"message": due.message["id"], "box": due.message["box"], "way": due.way}
    if not error:
        _log.info("message delivered", **told)
    elif given_up:
        _log.error("message not delivered: given up", tries=due.tries + 1, error=error, **told)
    else:
        _log.warning("message not delivered yet", tries=due.tries + 1, error=error, **told)
