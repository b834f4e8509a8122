"""A new dialplan while calls go on: none is lost, and a broken one changes nothing."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.phones import Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out

from callrouter.api.client import ask
from callrouter.operations.operation import NoValues
from callrouter.operations.running_server import show_status

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RATE = 100.0


@dataclass(slots=True)
class Up:
    """A callrouter of its own, its callers and its callees."""

    serving: Serving
    callers: Phones
    plan: Path
    text: str

    async def version(self) -> str:
        """The version that serves new calls."""
        path = self.serving.place.folder / "var" / "callrouter.sock"
        return (await asyncio.to_thread(ask, path, show_status, NoValues())).dialplan

    async def another_than(self, version: str) -> str:
        """Wait until another version serves."""

        async def look() -> str:
            found = await self.version()
            return "" if found == version else found

        return await until(look)


@asynccontextmanager
async def up(folder: Path, *, watch: bool) -> AsyncIterator[Up]:
    port = free_port()
    text = (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{answers: {{uri: 'sip:service@127.0.0.1:{port}'}}}}\n"
        "numbers:\n  '6000': {route: [{hunt: [answers]}]}\n  '6001': {route: [{hunt: [answers]}]}\n"
    )
    place = lay_out(folder, text, drain="1s")
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(f"watch: {json.dumps(watch)}\n")
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    try:
        yield Up(serving, callers, folder / "dialplan.yaml", text)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def run(place: Place, *arguments: str) -> tuple[int, str, str]:
    """Run a command beside the server: its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments, "--config", place.config),
        cwd=place.folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_reload_under_load_loses_no_call_and_only_new_calls_get_the_new_version(
    tmp_path: Path,
) -> None:
    async with up(tmp_path, watch=False) as it:
        old = await it.version()
        before = it.callers.call("6000", 60.0)
        await before.answered.wait()
        load = asyncio.create_task(it.callers.calls("6000", int(4 * _RATE), _RATE, 0.3))
        it.plan.write_text(
            it.text + "  '6002': {route: [{hunt: [answers], ring: 20s}]}\n", encoding="utf-8"
        )
        code, out, err = await run(it.serving.place, "reload", "--json")
        assert (code, err) == (0, "")
        answer = json.loads(out)
        new = answer["serving"]
        assert (answer["before"], answer["numbers"]) == (
            old,
            {"added": ["6002"], "removed": [], "altered": []},
        )
        assert new == await it.version() != old
        after = it.callers.call("6002", 0.1)
        await after.over.wait()
        made = [*await load, after]
        assert {(outcome.status, outcome.closed) for outcome in made} == {(200, True)}
        assert not before.over.is_set()
        it.serving.signal(signal.SIGTERM)
        assert await it.serving.ended() == 0
        records = {record["call_id"]: record for record in it.serving.place.records()}
        assert records[before.call_id]["dialplan"] == old
        assert records[after.call_id]["dialplan"] == new
        versions = [record["dialplan"] for record in records.values()]
        first_new = versions.index(new)
        assert set(versions[:first_new]) == {old}
        assert set(versions[first_new:]) == {new}
        assert len(versions) == len(made) + 1


async def test_broken_dialplan_changes_nothing_and_every_mistake_is_named(tmp_path: Path) -> None:
    async with up(tmp_path, watch=False) as it:
        old = await it.version()
        it.plan.write_text(it.text.replace("hunt: [answers]", "hunt: [nobody]"), encoding="utf-8")
        code, out, err = await run(it.serving.place, "reload")
        assert (code, out) == (1, "")
        lines = err.splitlines()
        assert [":5:" in lines[0], ":6:" in lines[1]] == [True, True]
        assert all("nobody" in line for line in lines[:2])
        assert old in lines[2]
        assert await it.version() == old
        outcome = it.callers.call("6001", 0.0)
        await outcome.over.wait()
        assert outcome.status == 200
        assert (await it.serving.record("6001"))["dialplan"] == old
        await it.serving.logged("dialplan not reloaded: the old one serves on")
        await it.serving.logged("dialplan mistake", "nobody", times=2)


async def test_sighup_puts_the_changed_file_live(tmp_path: Path) -> None:
    async with up(tmp_path, watch=False) as it:
        old = await it.version()
        it.plan.write_text(it.text.replace("6001", "6005"), encoding="utf-8")
        it.serving.signal(signal.SIGHUP)
        await it.another_than(old)
        outcome = it.callers.call("6005", 0.0)
        await outcome.over.wait()
        assert outcome.status == 200
        assert it.serving.process.returncode is None


def children() -> dict[int, bool]:
    """The processes that this one has started, and whether each holds SIGHUP back (proc(5))."""
    found = {}
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split():
        status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
        held = int(status.partition("SigBlk:")[2].split()[0], 16)
        found[int(pid)] = bool(held & 1 << signal.SIGHUP - 1)
    return found


async def test_hang_up_signal_during_the_start_is_a_reload_after_it(tmp_path: Path) -> None:
    text = "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\nnumbers: {}\n"
    before = children()
    starting = asyncio.create_task(Serving.start(lay_out(tmp_path, text)))

    async def held_back() -> list[int]:
        return [pid for pid, held in children().items() if held and pid not in before]

    try:
        os.kill((await until(held_back))[0], signal.SIGHUP)
    finally:
        serving = await starting
    try:
        await serving.logged("dialplan reloaded", "why=SIGHUP")
        assert serving.process.returncode is None
    finally:
        await serving.stop()


async def test_saved_file_and_exchanged_file_are_both_noticed(tmp_path: Path) -> None:
    async with up(tmp_path, watch=True) as it:
        first = await it.version()
        it.plan.write_text(it.text.replace("6001", "6005"), encoding="utf-8")
        second = await it.another_than(first)
        beside = tmp_path / "dialplan.yaml.new"
        beside.write_text(it.text.replace("6001", "6006"), encoding="utf-8")
        os.replace(beside, it.plan)
        third = await it.another_than(second)
        assert len({first, second, third}) == 3


async def test_file_that_a_list_is_read_from_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "nuisance.txt").write_text("+8613800138000\n", encoding="utf-8")
    async with up(tmp_path, watch=True) as it:
        first = await it.version()
        text = it.text + "lists: {nuisance: {file: nuisance.txt}}\nblock: [nuisance]\n"
        it.plan.write_text(text, encoding="utf-8")
        second = await it.another_than(first)
        (tmp_path / "nuisance.txt").write_text("+8613800138001\n", encoding="utf-8")
        await it.another_than(second)


async def test_reload_after_a_watched_save_says_what_the_save_changed(tmp_path: Path) -> None:
    async with up(tmp_path, watch=True) as it:
        first = await it.version()
        it.plan.write_text(
            it.text.replace("[{hunt: [answers]}]", "[{hunt: [answers], ring: 9s}]", 1)
        )
        second = await it.another_than(first)
        code, out, _ = await run(it.serving.place, "reload")
        assert code == 0
        assert out.startswith(f"dialplan {second} serves already; nothing has changed since\n")
        assert "a file changed" in out
        assert f"(before: {first})" in out
        assert "numbers altered: 1  (6000)" in out
        again = json.loads((await run(it.serving.place, "reload", "--json"))[1])
        assert (again["altered"], again["last"]["altered"]) == (0, 1)


async def test_reload_without_a_server_says_where_nobody_listens(tmp_path: Path) -> None:
    place = lay_out(tmp_path, "")
    code, out, err = await run(place, "reload")
    assert (code, out) == (1, "")
    assert (
        err == f"callrouter: error: no callrouter is listening at {tmp_path}/var/callrouter.sock\n"
    )
