"""A listener over a real socket, and what its operations act on."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from callrouter.api.client import ask
from callrouter.api.unix_socket import ControlListener
from callrouter.call.admission.login_throttle import LoginThrottle
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.record import CallRecord
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.observe.log import open_log
from callrouter.operations.call_feed import CallFeed
from callrouter.operations.operation import AnswerT, Operation, RequestT, RunningServer
from callrouter.operations.reload.reloader import Reloader
from callrouter.register.gateway_registrations import GatewayRegistrations
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory
from callrouter.storage.account_admin import AccountAdmin
from callrouter.storage.account_service import AccountService
from callrouter.storage.number_admin import NumberAdmin
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
gateways: {gw: {address: "127.0.0.1:5080"}}
targets: {a: {uri: "sip:a@127.0.0.1:5081"}, g: {number: "13800138000", via: gw}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
extensions: {"801": {targets: [a]}}
lists: {nuisance: {numbers: ["13900139000"], prefixes: ["0898"]}}
numbers: {"4000": {block: [nuisance], route: [{hunt: [a, g]}]}}
"""


class OneInProgress(NamedTuple):
    """A call in progress."""

    record: CallRecord


class Answered(NamedTuple):
    """What HTTP answered."""

    status: int
    body: dict[str, Any]


def nowhere(*_: object) -> Flow:
    raise AssertionError("nothing is sent")


class Room:
    """The listener, the parts behind it, and a client.

    reloads: what a reload waits for. keeps: the state is on disk. broken: a fault of ours, in
    showing the media pool. bugs: of who is told of calls.
    """

    def __init__(self, path: Path, plan: str = PLAN) -> None:
        self.path = path
        self.draining = False
        self.may_drain = True
        self.broken = False
        self.keeps = True
        self.reload_began = asyncio.Event()
        self.reloads = asyncio.Event()
        self.reloads.set()
        self.throttle = LoginThrottle()
        self.memory = Memory(lambda *_: None, seed=1)
        self.calls: dict[str, OneInProgress] = {}
        self.bugs: list[Exception] = []
        self.events = CallEvents(self.bugs.append)
        self.feed = CallFeed(self.events)
        self.plan = path.with_name("plan.yaml")
        dialplan = compile_dialplan(parse(plan, "plan.yaml"))
        self.memory.gateways.serve(dialplan.gateways)
        self.reloader = Reloader(
            dialplan, self.plan, lambda _: None, open_log("text", "error"), renew=self.renew
        )
        service = AccountService(f"sqlite:///{path}.db", "one.first", lambda act: act())
        running = RunningServer(
            shared=self.memory.ports,
            accounts=AccountAdmin(service),
            numbers=NumberAdmin(service),
            bans=self.memory.bans,
            throttle=self.throttle,
            gateways=self.memory.gateways,
            queues=self.memory.queues,
            clock=self.memory.clock,
            calls=self.calls,
            follow=self.feed.follow,
            registrations=GatewayRegistrations(Stack(Tokens(), nowhere), {}, lambda: 0.5),
            started=0.0,
            dialplan=lambda: self.reloader.dialplan,
            reload=partial(self.reloader.reload, "asked for"),
            media=self.media,
            record=self.record,
            listen=lambda *_: "",
            end=lambda call: call in self.calls,
            move=lambda *_: "",
            call_backs=lambda _: (),
            call_back=lambda *_: None,
            cancel_call_back=lambda _: None,
            drain=self.drain,
            is_draining=lambda: self.draining,
            kept=self.kept,
        )
        self.running = running
        self.listener = ControlListener(path, running)

    async def renew(self) -> None:
        self.reload_began.set()
        await self.reloads.wait()

    def media(self) -> dict[str, Any]:
        if self.broken:
            raise RuntimeError("a bug")
        pool = {"missing": "", "nursery": 7, "slots": 0, "used": 0, "refused": 0, "lost": {}}
        starting = {"name": "0-1", "state": "starting", "pid": 0, "port": 0, "slots": 0, "used": 0}
        return pool | {"workers": [starting | {"seconds": 0.1}]}

    async def kept(self) -> bool:
        return self.keeps

    def drain(self, on: bool) -> str:
        self.draining = on
        return "" if self.may_drain else "it is stopping already"

    def record(self, call: str, on: bool) -> str:
        return "" if call == "id1" and on else f"no call in progress has the id {call}"

    async def ask(
        self, operation: Operation[RequestT, AnswerT], request: RequestT, seconds: float = 10.0
    ) -> AnswerT:
        return await asyncio.to_thread(ask, self.path, operation, request, seconds)

    async def raw(self, sent: bytes) -> Answered:
        """Send bytes, and read all that comes."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(sent)
        async with asyncio.timeout(20):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert b"\r\nContent-Type: application/json" in head
        return Answered(int(head.split()[1]), orjson.loads(body))

    async def http(self, method: str, target: str, body: bytes = b"") -> Answered:
        """Make a request as curl would."""
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
        return await self.raw(head.encode() + b"\r\n\r\n" + body)
