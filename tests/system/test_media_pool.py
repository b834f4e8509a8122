"""The media pool of a running callrouter: seen, counted, replaced, and gone with it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.polling import PATIENCE, until
from support.pools import are_gone
from support.ports import rtp_ports
from support.serving import Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:5080"}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


@asynccontextmanager
async def served(folder: Path, media: str) -> AsyncIterator[Serving]:
    place = lay_out(folder, _DIALPLAN)
    first, last = rtp_ports()
    with place.config.open("a", encoding="utf-8") as file:
        file.write(f"media: {{{media}, ports: {first}-{last}}}\n")
    serving = await Serving.start(place)
    try:
        yield serving
    finally:
        await serving.stop()


async def asked(serving: Serving, *options: str) -> str:
    """What `callrouter media` prints."""
    process = await asyncio.create_subprocess_exec(
        *command("media", "--config", serving.place.config, *options),
        cwd=serving.place.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0
    return out.decode()


async def workers(serving: Serving) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await asked(serving, "--json"))["workers"]
    return found


def owner(pid: int) -> int:
    """The user of a process."""
    return Path(f"/proc/{pid}").stat().st_uid


async def test_killed_worker_is_counted_and_replaced_and_a_stop_ends_them_all(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, "workers: {min: 2, max: 3}") as serving:
        first = await workers(serving)
        assert [worker["state"] for worker in first] == ["serving", "serving"]
        slots = first[0]["slots"]
        os.kill(first[0]["pid"], signal.SIGKILL)

        async def is_replaced() -> bool:
            metrics = await serving.metrics()
            return (
                metrics["callrouter_media_lost_total"] == 1
                and metrics["callrouter_media_workers"] == 2
                and metrics["callrouter_media_slots"] == 2 * slots
            )

        await until(is_replaced)
        second = await workers(serving)
        table = await asked(serving)
        assert f"0 of {2 * slots} slots in use; 0 reservations refused, 1 workers lost" in table
        assert all(f" {worker['pid']} " in table for worker in second)
        serving.signal(signal.SIGTERM)
        assert await serving.ended() == 0
        await are_gone([worker["pid"] for worker in (*first, *second)])


async def test_workers_of_a_killed_callrouter_end_by_themselves(tmp_path: Path) -> None:
    async with served(tmp_path, "workers: {min: 2, max: 2}") as serving:
        pids = [worker["pid"] for worker in await workers(serving)]
        serving.signal(signal.SIGKILL)
        await are_gone(pids)


async def test_user_of_the_workers_who_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become somebody else")
    media = "workers: {max: 1}, user: nobody-of-that-name"
    with pytest.raises(AssertionError, match="there is no user nobody-of-that-name"):
        async with served(tmp_path, media):
            pass


async def test_workers_run_as_the_user_that_the_settings_name(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become somebody else")
    media = "workers: {max: 1}, user: nobody"
    async with served(tmp_path, media) as serving:
        (worker,) = await workers(serving)
        assert owner(worker["pid"]) != 0
        assert "media workers run as root" not in serving.log()
