"""A toll-free number spends its balance: its owner is mailed, others told, and callers refused."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from support.books import audit
from support.hooks import SECRET, HookReceiver
from support.phones import Outcome, Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")


class OwnersInbox:
    """The mail server of the account's owner."""

    def __init__(self) -> None:
        self.mails: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self._loop.call_soon_threadsafe(self.mails.put_nowait, mail)
        return "250 OK"

    async def next(self) -> EmailMessage:
        async with asyncio.timeout(PATIENCE):
            return await self.mails.get()


async def inbox_at(port: int) -> AsyncIterator[OwnersInbox]:
    inbox = OwnersInbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    await asyncio.to_thread(controller.start)
    yield inbox
    await asyncio.to_thread(controller.stop)


async def spoken(callers: Phones, seconds: float = 0.2) -> Outcome:
    outcome = callers.call("4008001234", seconds)
    await outcome.over.wait()
    return outcome


async def test_owner_and_webhook_hear_of_a_balance_that_falls_and_its_callers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_WEBHOOK", SECRET)
    carrier, smtp = free_port(), free_port()
    place = lay_out(
        tmp_path,
        "country: CN\nrate_plans: plans.yaml\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"gateways: {{carrier: {{address: '127.0.0.1:{carrier}'}}}}\n"
        "targets: {mobile: {number: '13800138000', via: carrier}}\n"
        "numbers: {'4008001234': {rate_plan: toll_free, account: acme, "
        "route: [{hunt: [mobile]}]}}\n",
    )
    (tmp_path / "plans.yaml").write_text(
        "country: CN\n"
        "accounts:\n  acme:\n    kind: prepaid\n    currency: CNY\n"
        f"    mail: {{to: owner@example.com, from: billing@example.com, "
        f"server: '127.0.0.1:{smtp}', tls: none}}\n"
        "plans:\n"
        "  toll_free: {currency: CNY, blocks: 60/60, price: 6/min, forwarded: outbound}\n"
        "  outbound: {currency: CNY, blocks: 60/60, price: 4/min}\n",
        encoding="utf-8",
    )
    async with HookReceiver.open() as hook:
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(
                f"webhooks: [{{name: crm, url: '{hook.url}', secret_env: TEST_WEBHOOK, "
                "events: ['account.*'], allow_private: true}]\n"
            )
        serving = await Serving.start(place)
        server = ("127.0.0.1", place.port)
        callers, callees = await Phones.open(server), await Phones.open(server, carrier)
        try:
            async for inbox in inbox_at(smtp):
                await _top_up(place.config, "40")
                assert (await inbox.next())["Subject"] == "Account acme is active again"
                assert (await spoken(callers)).status == 200
                low = await inbox.next()
                assert low["Subject"] == "The balance of account acme is low"
                assert low["To"] == "owner@example.com"
                assert "Balance: 30.0000 CNY" in low.get_content()
                for _ in range(2):
                    assert (await spoken(callers)).status == 200
                assert (await inbox.next())["Subject"] == "Account acme is suspended"

                async def refused() -> bool:
                    return (await spoken(callers)).status == 402

                await until(refused)
                told = await hook.took(3)
                assert [event.kind for event in told] == [
                    *("account.restored", "account.notice", "account.suspended"),
                ]
                assert told[-1].body["data"]["account"]["balance"] == "10.0000"
                await _top_up(place.config, "20")
                assert (await inbox.next())["Subject"] == "Account acme is active again"
                assert (await spoken(callers)).status == 200
                record = place.records()[0]
                assert [one["cost"] for one in record["charges"]] == ["6.0000", "4.0000"]
            audit(f"sqlite:///{place.database}")
        finally:
            await callers.close()
            await callees.close()
            await serving.stop()


async def _top_up(config: Path, amount: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("accounts", "top-up", "acme", amount, "--config", config),
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
