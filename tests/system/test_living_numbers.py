"""Numbers that take calls only while they are active, over real SIP and restarts."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.phones import Phones
from support.polling import until
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Numbers:
    """A callrouter whose numbers have lives."""

    def __init__(self, serving: Serving, callers: Phones) -> None:
        self.serving = serving
        self._callers = callers

    async def asked(self, *words: str) -> dict[str, Any]:
        """What `callrouter numbers` answers."""
        config = str(self.serving.place.config)
        said = await self.printed("numbers", *words, "--json", "--config", config)
        found: dict[str, Any] = orjson.loads(said)
        return found

    @staticmethod
    async def printed(*words: str, errors: bool = False) -> str:
        """What a command prints, or what it says beside."""
        process = await asyncio.create_subprocess_exec(
            *command(*words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, beside = await process.communicate()
        return (beside if errors else said).decode()

    async def change(self, change: str, *more: str) -> dict[str, Any]:
        return await self.asked("change", change, "4000", "--who", "li", *more)

    async def called(self, number: str = "4000") -> int:
        outcome = self._callers.call(number, 0.05)
        await outcome.over.wait()
        return outcome.status

    async def answers(self, status: int) -> None:
        """Wait until calls are answered so: calls hear of a change a moment later."""

        async def look() -> bool:
            return await self.called() == status

        await until(look)


@asynccontextmanager
async def numbers(place: Place, carrier: int) -> AsyncIterator[Numbers]:
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, carrier)
    try:
        yield Numbers(serving, callers)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def test_number_takes_calls_only_while_it_is_active(tmp_path: Path) -> None:
    carrier = free_port()
    place = lay_out(
        tmp_path,
        "country: CN\ngateways: {gw: {address: '127.0.0.1:9'}}\n"
        "outbound: {emergency: [main]}\noutbound_lines: {main: {via: gw}}\n"
        "permissions: {staff: {lines: [main]}}\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{desk: {{uri: 'sip:desk@127.0.0.1:{carrier}'}}}}\n"
        "numbers:\n"
        "  '4000': {route: [{hunt: [desk]}]}\n"
        "  '4008001234': {route: [{hunt: [desk]}]}\n"
        "  '4001': {route: [{hunt: [desk]}], suspended: false}\n",
    )
    async with numbers(place, carrier) as it:
        assert await it.called() == 200  # nobody manages its life
        assert (await it.change("reserve"))["state"] == "reserved"
        await it.answers(404)
        assert "error" in await it.change("resume")
        assert "expected a number" in (await it.asked("change", "activate", "../x"))["error"]
        await it.change("activate")
        await it.answers(200)
        said = await it.asked("set", "4000", "--kind", "toll_free", "--name", "Hotline")
        assert (said["state"], said["kind"], said["name"]) == ("active", "toll_free", "Hotline")
        for words, why in (
            (("--groups", "all,sales"), "groups: expected permissions of the dialplan, or all"),
            (("--groups", "stuff"), "did you mean 'staff'?"),
            (("--country", "ZZ"), "country: expected a country by two capital letters"),
            (("--name", "a\x1b[31mb"), "name: expected printable text"),
        ):
            assert why in (await it.asked("set", "4000", *words))["error"]
        for written in ("02012345678", "+862012345678", "8602012345678"):
            said = await it.asked("set", written, "--groups", "staff")
            assert (said["number"], said["groups"]) == ("+862012345678", ["staff"])
        for written in ("4008001234", "+864008001234"):
            said = await it.asked("set", written, "--line", "virtual")
            assert (said["number"], said["routed"]) == ("4008001234", True)

        async def explained() -> bool:
            words = ("explain", "--from", "1001", "--to", "4000", "--config")
            text = await it.printed(*words, str(it.serving.place.config))
            return 'number 4000 is carrier, toll_free, "Hotline"' in text

        await until(explained)
        await it.change("suspend", "--note", "no answer to letters")
        await it.answers(480)
        assert await it.called("4001") == 200
        listed = (await it.asked("list"))["numbers"]
        assert [(row["number"], row["state"]) for row in listed] == [
            ("4000", "suspended"),
            *((number, "unmanaged") for number in ("+862012345678", "4008001234", "4001")),
        ]
        it.serving.signal(signal.SIGKILL)
        await it.serving.ended()
    async with numbers(place, carrier) as it:
        assert await it.called() == 480  # from its first call on

        async def refused() -> list[dict[str, Any]]:
            return [one for one in place.records("4000") if one["reason"] == "suspended"]

        trace = (await until(refused))[-1]["trace"]
        assert ("life of number 4000", "suspended") in [(it["rule"], it["value"]) for it in trace]
        await it.change("disconnect", "--seconds", "60")
        await it.answers(410)
        await it.change("undo")
        await it.answers(480)
        await it.change("disconnect", "--seconds", "1")

        async def gone() -> bool:
            shown = await it.asked("show", "4000")
            return bool(shown["number"]["state"] == "gone")

        await until(gone)
        await it.answers(410)
        assert "cannot be connected again" in (await it.change("activate"))["error"]
        changes = (await it.asked("show", "4000"))["changes"]
        assert [(one["state"], one["who"]) for one in reversed(changes)] == [
            *(("reserved", "li"), ("active", "li"), ("changed", "operator")),
            *(("suspended", "li"), ("disconnecting", "li")),
            *(("suspended", "li"), ("disconnecting", "li"), ("gone", "callrouter")),
        ]
        await it.serving.logged("numbers are routed that have no life", "4001")
        await it.asked("change", "activate", "4002")
        checked = await it.printed("check", "--config", str(place.config), errors=True)
        assert "warning: number 4001 is routed, and has no life in the database" in checked
        assert "warning: number 4002 is active in the database, and routed nowhere" in checked
    for file in place.database.parent.glob("callrouter.db*"):
        file.write_bytes(b"no database" * 1000)
    checked = await it.printed("check", "--config", str(place.config), errors=True)
    assert f"{place.config}:" in checked
    assert "warning: numbers are not compared with the database" in checked
