"""A Bitrix24 that is played by its REST over HTTP, and the bridge of examples/bitrix24 to it."""

import base64
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from aiohttp import web

USERS: Final = {"101": "11", "102": "12", "201": "21", "202": "22"}
"""Ids of users by their extensions."""


def bridge_program() -> ModuleType:
    """The bridge, which is in no package."""
    path = Path(__file__).parents[2] / "examples" / "bitrix24" / "bitrix24_bridge.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BRIDGE: Final = bridge_program()


@asynccontextmanager
async def bridged(rest: str, secret: str, folder: Path, fetch: str = "") -> AsyncIterator[str]:
    """The bridge to a Bitrix24; the URL that it hears events at."""
    state = str(folder / "bridge.db")
    bridging = BRIDGE.Bridging(rest=rest, secret=secret, state=state, fetch=fetch)
    runner = web.AppRunner(BRIDGE.application(bridging))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/callrouter"
    finally:
        await runner.cleanup()


@dataclass
class PlayedCall:
    """A call there. shown: to these users now. seen: each list of them that there was."""

    registered: dict[str, Any]
    shown: set[str] = field(default_factory=set)
    seen: list[list[str]] = field(default_factory=list)
    finished: dict[str, Any] = field(default_factory=dict)
    records: list[bytes] = field(default_factory=list)


class PlayedBitrix24:
    """The server. known: numbers that the CRM has already. fails: so many requests fail first."""

    def __init__(self) -> None:
        self.calls: dict[str, PlayedCall] = {}
        self.leads: dict[str, dict[str, Any]] = {}
        self.known: set[str] = set()
        self.fails = 0
        self.rest = ""

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        played = cls()
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/rest/1/token/{method}.json", played._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        played.rest = f"http://127.0.0.1:{runner.addresses[0][1]}/rest/1/token"
        try:
            yield played
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        if self.fails:
            self.fails -= 1
            return web.json_response({"error": "QUERY_LIMIT_EXCEEDED"}, status=503)
        act = getattr(self, request.match_info["method"].replace(".", "_").lower())
        return web.json_response({"result": act(await request.json())})

    def user_get(self, said: dict[str, Any]) -> list[dict[str, str]]:
        user = USERS.get(said["FILTER"]["UF_PHONE_INNER"])
        return [] if user is None else [{"ID": user}]

    def telephony_externalcall_register(self, said: dict[str, Any]) -> dict[str, Any]:
        assert said["SHOW"] == 0
        call_id = f"externalCall.{len(self.calls) + 1}"
        self.calls[call_id] = PlayedCall(said)
        made: dict[str, Any] = {"CALL_ID": call_id, "CRM_CREATED_LEAD": None}
        if said["CRM_CREATE"] and said["PHONE_NUMBER"] not in self.known:
            lead = str(len(self.leads) + 100)
            self.known.add(said["PHONE_NUMBER"])
            self.leads[lead] = {"ASSIGNED_BY_ID": said["USER_ID"], "SOURCE": said["CRM_SOURCE"]}
            made["CRM_CREATED_LEAD"] = int(lead)
        return made

    def telephony_externalcall_show(self, said: dict[str, Any]) -> bool:
        call = self.calls[said["CALL_ID"]]
        call.shown |= set(said["USER_ID"])
        call.seen.append(sorted(call.shown))
        return True

    def telephony_externalcall_hide(self, said: dict[str, Any]) -> bool:
        call = self.calls[said["CALL_ID"]]
        call.shown -= set(said["USER_ID"])
        call.seen.append(sorted(call.shown))
        return True

    def telephony_externalcall_finish(self, said: dict[str, Any]) -> dict[str, Any]:
        call = self.calls[said["CALL_ID"]]
        assert not call.finished
        call.finished = said
        return {}

    def telephony_externalcall_attachrecord(self, said: dict[str, Any]) -> dict[str, Any]:
        self.calls[said["CALL_ID"]].records.append(base64.b64decode(said["FILE_CONTENT"]))
        return {}

    def crm_lead_update(self, said: dict[str, Any]) -> bool:
        self.leads[str(said["id"])] |= said["fields"]
        return True
