"""Bridge from callrouter's webhooks to Bitrix24's telephony: calls, leads, owners, recordings.

It is a program of its own, which knows callrouter by its events alone. An event is worked off while
callrouter waits for the answer: what Bitrix24 refuses is answered 500, and callrouter, which keeps
the order of each call, tells of it again. So the bridge needs no queue. What it has done stands in
a file of SQLite, so that an event that comes twice does nothing twice.
"""

import asyncio
import base64
import json
import os
import shlex
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

TYPES: Final = {"outbound": 1, "inbound": 2}
"""Bitrix24's TYPE of a call; those between extensions are none of a CRM."""
MISSED: Final = "304"
BLOCKED: Final = "423"
STATUS_CODES: Final = {
    "ANSWERED": "200",
    "CANCELLED": "603-S",
    "REJECTED": "603",
    "BUSY": "486",
    "NO_ANSWER": "480",
    "UNAVAILABLE": "503",
    "CONGESTION": "503",
}
"""Bitrix24's STATUS_CODE of a call that goes out, by its disposition."""
REASONS: Final = {
    "no_credit": "402",
    **dict.fromkeys(("blocked_caller", "auto_blocked", "blocked_by_hand", "not_listed"), BLOCKED),
    **dict.fromkeys(("area_refused", "country_refused", "barred"), BLOCKED),
}
_SECONDS: Final = 10.0
"""For one request to Bitrix24; callrouter waits 15 s for all of them."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS calls (
    id TEXT PRIMARY KEY, call_id TEXT NOT NULL, lead TEXT NOT NULL, shown TEXT NOT NULL,
    owner TEXT NOT NULL, missed INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS done (id TEXT PRIMARY KEY);
"""


class Bitrix24Error(Exception):
    """What Bitrix24 did not do."""


@dataclass(frozen=True, slots=True)
class Bridging:
    """How it is set up.

    rest: URL of an incoming webhook of Bitrix24, with its token. secret: callrouter's. usual_user:
    who has calls that nobody has yet. fetch: a command that writes a recording to a file; {id} and
    {file} are put in; "" for none.
    """

    rest: str
    secret: str
    usual_user: str = "1"
    state: str = "bitrix24.db"
    fetch: str = ""


class CallState:
    """A call that Bitrix24 knows. lead: created with it, "" for none. shown: to these users.

    missed: nobody talked to who called.
    """

    def __init__(
        self, call_id: str, lead: str = "", shown: str = "", owner: str = "", missed: int = 0
    ) -> None:
        self.call_id = call_id
        self.lead = lead
        self.shown = [user for user in shown.split(",") if user]
        self.owner = owner
        self.missed = bool(missed)


class Bridge:
    """The bridge: one Bitrix24, one callrouter."""

    def __init__(self, bridging: Bridging) -> None:
        self._set = bridging
        self._webhook = Webhook(bridging.secret)
        self._base = sqlite3.connect(bridging.state, isolation_level=None)
        self._base.executescript(_SCHEMA)
        self._users: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def take(self, request: web.Request) -> web.Response:
        """Answer a webhook of callrouter."""
        try:
            event = self._webhook.verify(await request.text(), dict(request.headers))
        except WebhookVerificationError as error:
            return web.Response(status=401, text=str(error))
        name = request.headers["webhook-id"]
        async with self._one_at_a_time:
            if self._is_done(name):
                return web.Response(status=204)
            try:
                await self.told(event["type"], event["data"])
            except (Bitrix24Error, aiohttp.ClientError, TimeoutError) as error:
                return web.Response(status=500, text=f"{type(error).__name__}: {error}")
            self._done(name)
        return web.Response(status=204)

    async def told(self, kind: str, data: Mapping[str, Any]) -> None:
        """Carry an event over. Raises Bitrix24Error, ClientError, TimeoutError."""
        call = data.get("call")
        if call is None or call["direction"] not in TYPES:
            return
        known = self._known(call["id"])
        if known is None:
            known = await self._register(call)
        if kind == "call.ringing":
            await self._show(known, [await self._user(one) for one in call["ringing"]])
        elif kind in {"call.answered", "queue.answered", "call.transferred"} and call["owner"]:
            known.owner = await self._user(call["owner"])
            await self._show(known, [known.owner])
            if kind == "call.transferred":
                await self._hand_over(known)
        elif kind == "call.missed":
            known.missed = True
        elif kind == "call.ended":
            await self._finish(known, call)
        self._keep(call["id"], known)

    async def _register(self, call: Mapping[str, Any]) -> CallState:
        """Have Bitrix24 know a call, and create a lead for who is unknown where that is wanted."""
        outbound = call["direction"] == "outbound"
        other = "called" if outbound else "caller"
        owner = await self._user(call["owner"])
        made = await self._ask(
            "telephony.externalcall.register",
            USER_ID=owner,
            PHONE_NUMBER=call[f"{other}_number"] or call[other],
            CALL_START_DATE=datetime.fromtimestamp(call["started"], UTC).isoformat(),
            TYPE=TYPES[call["direction"]],
            SHOW=0,
            CRM_CREATE=int(call["create"]),
            CRM_SOURCE=call["source"],
            LINE_NUMBER="" if call["number"] is None else call["number"]["key"],
        )
        lead = made.get("CRM_CREATED_LEAD") or ""
        state = CallState(made["CALL_ID"], str(lead), owner=owner)
        self._keep(call["id"], state)  # at once: to register it again would be another lead
        return state

    async def _show(self, known: CallState, users: list[str]) -> None:
        """Show the call's card to these users, and to nobody else."""
        gone = [user for user in known.shown if user not in users]
        new = [user for user in users if user not in known.shown]
        if gone:
            await self._ask("telephony.externalcall.hide", CALL_ID=known.call_id, USER_ID=gone)
        if new:
            await self._ask("telephony.externalcall.show", CALL_ID=known.call_id, USER_ID=new)
        known.shown = users

    async def _hand_over(self, known: CallState) -> None:
        """Give the lead to who has the call now."""
        if known.lead:
            fields = {"ASSIGNED_BY_ID": known.owner}
            await self._ask("crm.lead.update", id=known.lead, fields=fields)

    async def _finish(self, known: CallState, call: Mapping[str, Any]) -> None:
        """End the call there, with all that is known of it."""
        await self._show(known, [])
        if call["owner"]:
            known.owner = await self._user(call["owner"])
        code = status_code(call, missed=known.missed)
        begun = call["answered_at"] or call["ended_at"]
        more: dict[str, Any] = {"FAILED_REASON": call["reason"]} if code != "200" else {}
        if call["cost"] is not None:
            more |= {"COST": call["cost"]["amount"], "COST_CURRENCY": call["cost"]["currency"]}
        if call["survey"]:
            more["VOTE"] = call["survey"]
        step = f"{known.call_id} finished"
        if not self._is_done(step):
            await self._ask(
                "telephony.externalcall.finish",
                CALL_ID=known.call_id,
                USER_ID=known.owner,
                DURATION=round(call["ended_at"] - begun),
                STATUS_CODE=code,
                **more,
            )
            self._done(step)
        if self._set.fetch:
            for recording in call["recordings"]:
                if not self._is_done(recording):
                    await self._attach(known, recording)
                    self._done(recording)

    async def _attach(self, known: CallState, recording: str) -> None:
        """Attach a recording. Raises Bitrix24Error."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{recording}.wav"
            words = [word.format(id=recording, file=file) for word in shlex.split(self._set.fetch)]
            process = await asyncio.create_subprocess_exec(*words)
            if await process.wait():
                raise Bitrix24Error(f"the recording {recording} cannot be fetched")
            content = base64.b64encode(file.read_bytes()).decode()
        await self._ask(
            "telephony.externalCall.attachRecord",
            CALL_ID=known.call_id,
            FILENAME=f"{recording}.wav",
            FILE_CONTENT=content,
        )

    async def _user(self, extension: str) -> str:
        """The user with an extension; the usual one for none, and where nobody has it."""
        if not extension:
            return self._set.usual_user
        if extension not in self._users:
            found = await self._ask("user.get", FILTER={"UF_PHONE_INNER": extension})
            if not found:
                return self._set.usual_user
            self._users[extension] = str(found[0]["ID"])
        return self._users[extension]

    async def _ask(self, method: str, **values: Any) -> Any:
        """Call a method of Bitrix24's REST. Raises Bitrix24Error, ClientError, TimeoutError."""
        limit = aiohttp.ClientTimeout(total=_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(f"{self._set.rest.rstrip('/')}/{method}.json", json=values) as response,
        ):
            text = await response.text()
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise Bitrix24Error(f"{method}: no JSON, status {response.status}") from error
        if "error" in answer:
            raise Bitrix24Error(f"{method}: {answer['error']}")
        return answer["result"]

    def _is_done(self, step: str) -> bool:
        query = "SELECT 1 FROM done WHERE id = ?"
        return self._base.execute(query, (step,)).fetchone() is not None

    def _done(self, step: str) -> None:
        self._base.execute("INSERT INTO done VALUES (?)", (step,))

    def _known(self, id: str) -> CallState | None:
        query = "SELECT call_id, lead, shown, owner, missed FROM calls WHERE id = ?"
        row = self._base.execute(query, (id,)).fetchone()
        return None if row is None else CallState(*row)

    def _keep(self, id: str, known: CallState) -> None:
        shown, missed = ",".join(known.shown), int(known.missed)
        row = (id, known.call_id, known.lead, shown, known.owner, missed)
        self._base.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?)", row)


def status_code(call: Mapping[str, Any], *, missed: bool) -> str:
    """Bitrix24's STATUS_CODE of a call that is over."""
    if call["reason"] in REASONS:
        return REASONS[call["reason"]]
    return MISSED if missed else STATUS_CODES[call["disposition"]]


def application(bridging: Bridging) -> web.Application:
    """The bridge as an HTTP server: POST /callrouter."""
    app = web.Application()
    app.router.add_post("/callrouter", Bridge(bridging).take)
    return app


def main() -> None:
    """Serve, set up by the environment."""
    try:
        bridging = Bridging(
            rest=os.environ["BITRIX24_REST"],
            secret=os.environ["CALLROUTER_SECRET"],
            usual_user=os.environ.get("BITRIX24_USER", "1"),
            state=os.environ.get("BRIDGE_STATE", "bitrix24.db"),
            fetch=os.environ.get("FETCH_RECORDING", ""),
        )
    except KeyError as error:
        sys.exit(f"the environment has no {error.args[0]}: see the README")
    host, _, port = os.environ.get("BRIDGE_LISTEN", "127.0.0.1:8024").rpartition(":")
    web.run_app(application(bridging), host=host, port=int(port))


if __name__ == "__main__":
    main()
