"""Gateways that go down and come back, by probes, by calls and by hand, over real SIP."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.gateway import CarrierGateway
from support.phones import Outcome, Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Serving, command, lay_out

from callrouter.api.client import ask
from callrouter.operations.gateways import list_gateways
from callrouter.operations.operation import NoValues

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PROBE = "probe: {every: 1s, timeout: 300ms, down_after: 5, up_after: 2}"
"""It is down after 5 s of silence: we, who play it, may stand still for a while."""


class Office:
    """A callrouter with two gateways, a and b, and a phone that calls."""

    def __init__(self, folder: Path, serving: Serving, phones: Phones) -> None:
        self.folder = folder
        self.serving = serving
        self.phones = phones
        self.ports = (0, 0)
        self.a: CarrierGateway
        self.b: CarrierGateway

    async def call(self, number: str) -> Outcome:
        """Make a call to its end."""
        outcome = self.phones.call(number, 0.0)
        await outcome.over.wait()
        return outcome

    async def legs(self, outcome: Outcome) -> list[tuple[str, int]]:
        """Which gateways a call was tried by, as the targets' URIs name them, and what came."""

        async def look() -> list[dict[str, Any]]:
            records = self.serving.place.records()
            return [record for record in records if record["call_id"] == outcome.call_id]

        record = (await until(look))[0]
        names = {str(port): name for name, port in zip("ab", self.ports, strict=True)}
        return [
            (names[leg["uri"].partition(";")[0].rpartition(":")[2]], leg["status"])
            for leg in record["legs"]
        ]

    async def ask(self, *arguments: str) -> tuple[int, str, str]:
        """Run a `callrouter gateways` command: its exit code and what it wrote."""
        process = await asyncio.create_subprocess_exec(
            *command("gateways", *arguments, "--config", self.serving.place.config),
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, error = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), error.decode()

    async def listed(self) -> dict[str, dict[str, Any]]:
        """The gateways by name."""
        path = self.folder / "var" / "callrouter.sock"
        answer = await asyncio.to_thread(ask, path, list_gateways, NoValues())
        return {it.name: it.model_dump() for it in answer.gateways}

    async def becomes(self, name: str, state: str, within: float = PATIENCE) -> dict[str, Any]:
        """Wait until a gateway is in a state."""

        async def look() -> dict[str, Any] | None:
            found = (await self.listed())[name]
            return found if found["state"] == state else None

        found = await until(look, within)
        assert found is not None
        return found


def dialplan(ports: tuple[int, int], more: str = _PROBE, members: str = "") -> str:
    members = members or "{name: a, priority: 1}, {name: b, priority: 2}"
    return f"""\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
gateways:
  a: {{address: "127.0.0.1:{ports[0]}", {more}}}
  b: {{address: "127.0.0.1:{ports[1]}", {more}}}
gateway_groups:
  out: {{gateways: [{members}]}}
targets:
  mobile: {{number: "13800138000", via: out}}
  only_a: {{number: "13800138000", via: a}}
  desk: {{number: "100", via: b}}
numbers:
  "6000": {{route: [{{hunt: [mobile]}}]}}
  "6001": {{route: [{{hunt: [only_a]}}], backup: [desk]}}
"""


@asynccontextmanager
async def office(folder: Path, more: str = _PROBE) -> AsyncIterator[Office]:
    ports = (free_port(), free_port())
    place = lay_out(folder, dialplan(ports, more))
    a = await CarrierGateway.open("127.0.0.1", ports[0])
    b = await CarrierGateway.open("127.0.0.1", ports[1])
    serving = await Serving.start(place)
    phones = await Phones.open(("127.0.0.1", place.port))
    it = Office(folder, serving, phones)
    it.a, it.b, it.ports = a, b, ports
    try:
        yield it
    finally:
        await phones.close()
        await it.serving.stop()
        a.close()
        b.close()


async def test_gateway_that_stops_answering_probes_is_skipped_until_it_answers_again(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        outcome = await it.call("6000")
        assert await it.legs(outcome) == [("a", 200)]
        it.a.probes = it.a.calls = 0
        found = await it.becomes("a", "down")
        assert found["why"] == "OPTIONS is not answered"
        before = len(it.a.rung)
        outcome = await it.call("6000")
        assert outcome.status == 200
        assert await it.legs(outcome) == [("b", 200)]
        outcome = await it.call("6001")
        assert await it.legs(outcome) == [("b", 200)], "the backup number rings"
        assert len(it.a.rung) == before
        metrics = await it.serving.metrics()
        assert metrics["callrouter_gateway_up"] == 1
        assert metrics["callrouter_gateway_legs_total"] == 3
        it.a.probes = it.a.calls = 200
        await it.becomes("a", "up")
        assert await it.legs(await it.call("6000")) == [("a", 200)]
        assert it.a.asked[0]["Accept"] == "application/sdp"


async def test_503_is_answered_by_the_next_gateway_and_retry_after_is_a_rest(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "rest: {failures: 5, for: 60s}") as it:
        it.a.calls, it.a.retry_after = 503, "12 (busy)"
        outcome = await it.call("6000")
        assert outcome.status == 200
        assert await it.legs(outcome) == [("a", 503), ("b", 200)]
        assert await it.legs(await it.call("6000")) == [("b", 200)]
        found = await it.becomes("a", "resting")
        assert found["why"] == "calls are answered 503"
        await it.becomes("a", "up")
        it.a.calls, it.a.retry_after = 503, ""
        assert await it.legs(await it.call("6000")) == [("a", 503), ("b", 200)]
        found = await it.becomes("a", "resting")
        assert found["places"][0]["rests_until"] - found["since"] > 50, "as long as is written"
        it.b.calls, it.b.retry_after = 503, "86400"
        outcome = await it.call("6000")
        assert outcome.status == 500, "503 would say that callrouter is overloaded"
        found = await it.becomes("b", "resting")
        assert 290 < found["places"][0]["rests_until"] - found["since"] <= 301, (
            "no longer than 300 s"
        )


async def test_drained_gateway_gets_no_calls_over_a_kill_and_a_reload_until_it_is_enabled(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        code, out, _ = await it.ask("drain", "a")
        assert code == 0
        assert "drained" in out
        assert await it.legs(await it.call("6000")) == [("b", 200)]
        config = it.folder / "dialplan.yaml"
        changed = dialplan(it.ports, members="{name: a}, {name: b, priority: 9}")
        config.write_text(changed, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *command("reload", "--config", it.serving.place.config),
            cwd=it.folder,
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == 0
        code, out, _ = await it.ask("--json")
        assert (code, json.loads(out)["gateways"][0]["state"]) == (0, "drained")
        await it.becomes("b", "up")
        it.serving.signal(signal.SIGKILL)
        await it.serving.ended()
        it.serving = await Serving.start(it.serving.place)
        assert (await it.listed())["a"]["state"] == "drained"
        outcome = await it.call("6000")
        assert await it.legs(outcome) == [("b", 200)]
        code, _, _ = await it.ask("enable", "a")
        assert code == 0
        assert await it.legs(await it.call("6000")) == [("a", 200)]
        code, _, error = await it.ask("enable", "a")
        assert (code, error) == (1, "callrouter: error: gateway a is not drained\n")
        code, _, error = await it.ask("drain", "c")
        assert code == 1
        assert "the dialplan has no gateway c; it has: a, b" in error


async def test_reload_keeps_a_dead_gateway_down(tmp_path: Path) -> None:
    async with office(tmp_path) as it:
        it.a.probes = 503
        since = (await it.becomes("a", "down"))["since"]
        config = it.folder / "dialplan.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("6001", "6002"), encoding="utf-8")
        it.serving.signal(signal.SIGHUP)
        await it.serving.logged("dialplan reloaded")
        found = (await it.listed())["a"]
        assert (found["state"], found["since"]) == ("down", since)
