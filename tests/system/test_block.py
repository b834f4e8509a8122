"""Blocks, overrides and presence: by command, over real SIP, and over a restart."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.phones import Outcome, Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.programs import run
from support.serving import Place, Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(slots=True)
class Desk:
    """A callrouter that can be killed and started again, and a phone."""

    place: Place
    serving: Serving
    callers: Phones

    async def call(self, number: str) -> Outcome:
        """Make a call to its end."""
        outcome = self.callers.call(number, 0.0)
        await outcome.over.wait()
        return outcome

    async def do(self, *arguments: str) -> dict[str, Any]:
        """Give the JSON answer of a command that succeeds."""
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--json", "--config", self.place.config),
            cwd=self.place.folder,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
        assert process.returncode == 0, out
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def restart(self) -> None:
        """Kill it as soon as all of its state is on disk, and start it again."""
        assert (await self.do("ban", "add", "192.0.2.1"))["kept"]
        self.serving.signal(signal.SIGKILL)
        await self.serving.ended()
        self.serving = await Serving.start(self.place)

    async def rung(self, outcome: Outcome) -> list[str]:
        """The targets that rang for a call."""

        async def look() -> list[dict[str, Any]]:
            records = self.place.records()
            return [record for record in records if record["call_id"] == outcome.call_id]

        record = (await until(look))[0]
        return [leg["target"] for leg in record["legs"]]


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    port = free_port()
    place = lay_out(
        folder,
        f"""\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  day: {{uri: "sip:day@127.0.0.1:{port}"}}
  night: {{uri: "sip:night@127.0.0.1:{port}"}}
schedules:
  always: {{open: ["Mon-Sun 00:00-24:00"]}}
extensions:
  "6003": {{targets: [night]}}
numbers:
  "6000": {{route: [{{hunt: [day]}}]}}
  "6001":
    route:
      - when: {{schedule: always}}
        hunt: [day]
      - hunt: [night]
  "6002":
    auto_block: {{calls: 3, within: 60s, for: 600s, when: always}}
    route: [{{hunt: [day]}}]
  "6003":
    to_header: extensions
    route: [{{hunt: [day]}}]
""",
    )
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    running = Desk(place, serving, callers)
    try:
        yield running
    finally:
        await callers.close()
        await callees.close()
        await running.serving.stop()


async def test_caller_blocked_by_hand_is_refused_over_a_kill_until_released(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        first = it.place.records
        assert (await it.call("6000")).status == 200
        caller = (await until(_found(first)))[0]["caller"]
        await it.do("block", "add", caller, "--for", "1h")
        assert (await it.call("6000")).status == 403
        await it.restart()
        assert (await it.call("6000")).status == 403
        listed = await it.do("block", "list")
        assert [(block["caller"], block["by_hand"]) for block in listed["blocks"]] == [
            (caller, True)
        ]
        await it.do("block", "remove", caller)
        assert (await it.call("6000")).status == 200


async def test_change_that_cannot_be_kept_on_disk_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert (await it.do("block", "add", "4001"))["kept"]
        state = it.place.folder / "var" / "state.db"
        state.unlink()
        state.mkdir()  # as full as a disk can be, and one that root cannot write to either
        assert not (await it.do("block", "add", "4002"))["kept"]
        code, said = await run(
            *command("presence", "set", "6003", "--config", it.place.config), cwd=tmp_path
        )
        assert (code, said.splitlines()[-1]) == (
            0,
            "callrouter: warning: a restart undoes this: the state cannot be kept on disk, and the "
            "log says why",
        )


async def test_caller_who_called_too_often_is_still_blocked_after_a_kill(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        statuses = [(await it.call("6002")).status for _ in range(4)]
        assert statuses == [200, 200, 403, 403]
        await it.restart()
        assert (await it.call("6002")).status == 403
        assert (await it.call("6000")).status == 200
        listed = await it.do("block", "list")
        assert [(block["number"], block["by_hand"]) for block in listed["blocks"]] == [
            ("6002", False)
        ]


async def test_attempts_before_a_kill_count_after_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert [(await it.call("6002")).status for _ in range(2)] == [200, 200]
        await it.restart()
        assert (await it.call("6002")).status == 403


async def test_override_survives_a_kill_and_ends_by_itself(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert await it.rung(await it.call("6001")) == ["day"]
        await it.do("override", "set", "always", "closed", "--for", "20s")
        assert await it.rung(await it.call("6001")) == ["night"]
        await it.restart()
        assert await it.rung(await it.call("6001")) == ["night"]

        async def open_again() -> bool:
            return await it.rung(await it.call("6001")) == ["day"]

        await until(open_again)
        assert (await it.do("override", "list"))["overrides"] == []


async def test_override_that_is_cleared_lets_the_hours_count(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.do("override", "set", "always", "closed")
        assert await it.rung(await it.call("6001")) == ["night"]
        await it.do("override", "clear", "always")
        assert await it.rung(await it.call("6001")) == ["day"]


async def test_extension_that_is_away_is_not_rung_until_it_is_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert await it.rung(await it.call("6003")) == ["night"]
        await it.do("presence", "set", "6003", "on leave")
        assert await it.rung(await it.call("6003")) == ["day"]
        await it.restart()
        assert await it.rung(await it.call("6003")) == ["day"]
        await it.do("presence", "clear", "6003")
        assert await it.rung(await it.call("6003")) == ["night"]


async def test_calls_in_progress_are_shown_while_they_last(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        talking = it.callers.call("6000", 60.0)
        await talking.answered.wait()
        shown = await it.do("calls")
        assert [(call["called"], call["state"]) for call in shown["calls"]] == [
            ("6000", "answered")
        ]


def _found(records: Any) -> Any:
    async def look() -> Any:
        return records()

    return look
