"""Voicemail on its way to a real mail server (aiosmtpd) and a real webhook (aiohttp)."""

import asyncio
import base64
import email
import email.policy
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from support.archives import audio, box, leave, listed, opened, url_in
from support.ports import free_port

from callrouter.archive import call_archive as archive_module
from callrouter.archive import delivery as delivering
from callrouter.archive import message_rows as messages
from callrouter.archive.call_archive import Archive
from callrouter.archive.delivery_transports import SIGNATURE, TIMESTAMP, signature
from callrouter.route.rules.mailboxes import Mail, Secret, Webhook
from callrouter.storage.cdr_table import open_for_writing

KEY = "the webhook's key"
WITHIN = 60.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Inbox:
    """A mail server's mails, as they come. answers: what it says first, before it takes them."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.mails: asyncio.Queue[tuple[Envelope, email.message.EmailMessage]] = asyncio.Queue()
        self.tries = 0
        self._loop = asyncio.get_running_loop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.tries += 1
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self._loop.call_soon_threadsafe(self.mails.put_nowait, (envelope, mail))
        return "250 OK"

    async def next(self) -> tuple[Envelope, Any]:
        async with asyncio.timeout(WITHIN):
            return await self.mails.get()


class Hook:
    """A webhook's posts, as they come. statuses: what it answers first, before 204."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.posts: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.elsewhere = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        await self.posts.put((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def other(self, _request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()

    async def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        async with asyncio.timeout(WITHIN):
            headers, body = await self.posts.get()
        stamp = int(headers[TIMESTAMP])
        assert headers[SIGNATURE] == f"sha256={signature(KEY, stamp, body)}"
        return headers, json.loads(body)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "_TURN_SECONDS", 0.01)
    monkeypatch.setattr(delivering, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(delivering, "_FIRST_RETRY_SECONDS", 0.05)
    monkeypatch.setenv("TEST_KEY", KEY)
    monkeypatch.setenv("TEST_PASSWORD", "swordfish")


@pytest_asyncio.fixture(loop_scope="session")
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application(client_max_size=10**8)
    app.router.add_post("/vm", hook.take)
    app.router.add_post("/elsewhere", hook.other)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/vm"
    yield hook
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[Controller]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def mail_to(controller: Controller, **values: Any) -> Mail:
    usual: dict[str, Any] = {
        "to": ("sales@example.com", "boss@example.com"),
        "sender": "voicemail@example.org",
        "host": "127.0.0.1",
        "port": controller.port,
        "tls": "none",
        "user": "",
        "password": None,
    }
    return Mail(**(usual | values))


async def close(archive: Archive) -> None:
    await asyncio.to_thread(archive.close)


def deliveries(folder: Path) -> list[dict[str, Any]]:
    engine = open_for_writing(url_in(folder))
    try:
        return [
            delivery
            for row in messages.listed(engine, None, deleted=True)
            for delivery in (messages.one(engine, row["id"]) or {})["deliveries"]
        ]
    finally:
        engine.dispose()


async def test_message_is_mailed_with_its_audio(
    tmp_path: Path, inbox: Inbox, server: Controller
) -> None:
    archive = opened(tmp_path, box(mail=mail_to(server)))
    leave(archive, caller="+8675612345", ms=2500)
    envelope, mail = await inbox.next()
    await close(archive)
    assert envelope.mail_from == "voicemail@example.org"
    assert envelope.rcpt_tos == ["sales@example.com", "boss@example.com"]
    assert mail["Subject"] == "Voicemail for sales from +8675612345 (2 s)"
    assert mail["Message-ID"] == "<c1-1@example.org>"
    (attached,) = mail.iter_attachments()
    assert attached.get_content_type() == "audio/wav"
    assert attached.get_content() == audio(2500)


async def test_caller_cannot_write_into_the_head(
    tmp_path: Path, inbox: Inbox, server: Controller
) -> None:
    archive = opened(tmp_path, box(mail=mail_to(server)))
    leave(archive, caller="x\r\nBcc: all@example.com\r\n\r\nevil")
    envelope, mail = await inbox.next()
    await close(archive)
    assert len(envelope.rcpt_tos) == 2
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Voicemail for sales from x??Bcc: all@example.com????evil (2 s)"


async def test_refused_mail_is_tried_again(
    tmp_path: Path, inbox: Inbox, server: Controller
) -> None:
    inbox.answers = ["451 later", "550 no"]
    archive = opened(tmp_path, box(mail=mail_to(server)))
    leave(archive)
    await inbox.next()
    await close(archive)
    (delivery,) = deliveries(tmp_path)
    assert (delivery["state"], delivery["tries"], delivery["error"]) == ("delivered", 3, "")


async def test_what_was_not_delivered_is_after_a_restart(
    tmp_path: Path, inbox: Inbox, server: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_FIRST_RETRY_SECONDS", 0.5)
    mail = mail_to(server)
    gone = Mail(
        to=mail.to,
        sender=mail.sender,
        host=mail.host,
        port=9,
        tls=mail.tls,
        user=mail.user,
        password=mail.password,
    )
    archive = opened(tmp_path, box(mail=gone))
    leave(archive)
    await asyncio.to_thread(listed, archive)
    await close(archive)
    (delivery,) = deliveries(tmp_path)
    assert delivery["state"] == "waiting"
    again = opened(tmp_path, box(mail=mail))
    await inbox.next()
    await close(again)
    assert [one["state"] for one in deliveries(tmp_path)] == ["delivered"]


async def test_mail_over_starttls_with_a_password(
    tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    logins = []

    def check(_s: Any, _session: Any, _envelope: Any, _method: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        logins.append((data.login, data.password))
        return AuthResult(success=True)

    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
    )
    controller.start()
    try:
        mail = mail_to(
            controller,
            host="localhost",
            tls="starttls",
            user="voicemail",
            password=Secret(file="", env="TEST_PASSWORD"),
        )
        archive = opened(tmp_path, box(mail=mail))
        leave(archive)
        await inbox.next()
        await close(archive)
    finally:
        controller.stop()
    assert logins == [(b"voicemail", b"swordfish")]


async def test_server_whose_certificate_is_not_trusted_gets_nothing(
    tmp_path: Path, inbox: Inbox
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), tls_context=context)
    controller.start()
    try:
        archive = opened(tmp_path, box(mail=mail_to(controller, host="localhost", tls="starttls")))
        leave(archive)
        await wait_for_error(tmp_path, "certificate verify failed")
        await close(archive)
    finally:
        controller.stop()
    assert inbox.tries == 0


async def wait_for_error(folder: Path, text: str) -> None:
    async with asyncio.timeout(WITHIN):
        while not any(text in one["error"] for one in await asyncio.to_thread(deliveries, folder)):
            pass


async def test_message_is_posted_and_signed(tmp_path: Path, hook: Hook) -> None:
    archive = opened(
        tmp_path, box(webhook=Webhook(url=hook.url, secret=Secret(file="", env="TEST_KEY")))
    )
    leave(archive, caller="+8675612345", ms=60_000)
    headers, posted = await hook.next()
    await close(archive)
    assert headers["Content-Type"] == "application/json"
    assert base64.b64decode(posted.pop("audio")) == audio(60_000)
    assert posted == {
        "id": "c1-1",
        "box": "sales",
        "call": "c1",
        "caller": "+8675612345",
        "started": 1_800_000_000.0,
        "ms": 60_000,
        "complete": True,
    }


async def test_webhook_that_fails_is_tried_again_and_redirects_are_not_followed(
    tmp_path: Path, hook: Hook
) -> None:
    hook.statuses = [500, 307]
    archive = opened(
        tmp_path, box(webhook=Webhook(url=hook.url, secret=Secret(file="", env="TEST_KEY")))
    )
    leave(archive)
    posts = [(await hook.next())[1] for _ in range(3)]
    await close(archive)
    assert {post["id"] for post in posts} == {"c1-1"}
    assert hook.elsewhere == 0


async def test_delivery_is_given_up_at_its_time(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callrouter.archive.retention.DELIVER_SECONDS", 0.0)
    hook.statuses = [500]
    archive = opened(
        tmp_path, box(webhook=Webhook(url=hook.url, secret=Secret(file="", env="TEST_KEY")))
    )
    leave(archive)
    await wait_for_error(tmp_path, "the webhook answered 500")
    await close(archive)
    (delivery,) = deliveries(tmp_path)
    assert (delivery["state"], delivery["tries"]) == ("failed", 1)


async def test_missing_key_holds_back_the_webhook_and_not_the_mail(
    tmp_path: Path, hook: Hook, inbox: Inbox, server: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_KEY")
    both = box(
        mail=mail_to(server), webhook=Webhook(url=hook.url, secret=Secret(file="", env="TEST_KEY"))
    )
    archive = opened(tmp_path, both)
    leave(archive)
    await inbox.next()
    await wait_for_error(tmp_path, "the environment variable TEST_KEY has no secret in it")
    monkeypatch.setenv("TEST_KEY", KEY)
    await hook.next()
    await close(archive)


async def test_deleted_message_is_delivered_no_more(tmp_path: Path, hook: Hook) -> None:
    hook.statuses = [500] * 1000
    archive = opened(
        tmp_path, box(webhook=Webhook(url=hook.url, secret=Secret(file="", env="TEST_KEY")))
    )
    leave(archive)
    await hook.next()
    archive.delete_message("c1-1")
    await asyncio.to_thread(listed, archive)
    await close(archive)
    assert [one["state"] for one in deliveries(tmp_path)] == ["dropped"]


async def test_hanging_webhook_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    connected = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(hang, "127.0.0.1", 0, limit=10**6)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
    archive = opened(
        tmp_path, box(webhook=Webhook(url=url, secret=Secret(file="", env="TEST_KEY")))
    )
    leave(archive, ms=1500)
    async with asyncio.timeout(WITHIN):
        await connected.wait()
        await close(archive)
    silent.close()
    assert [one["state"] for one in deliveries(tmp_path)] == ["waiting"]
