"""The nursery: it forks, it reaps, and nothing outlives what it is there for."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from support.channel import Channel
from support.polling import until
from support.workers import Nursery

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ended(pid: int) -> None:
    """Wait until a process is gone; nobody tells who is not its parent."""

    async def look() -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]  # noqa: ASYNC240  # the kernel's, at once
        except (FileNotFoundError, ProcessLookupError):
            return True
        return state.split()[0] == "Z"

    await until(look)


async def test_the_end_of_a_worker_is_told_with_its_status(nursery: Nursery) -> None:
    killed, quits, left = [await nursery.spawn() for _ in range(3)]
    os.kill(killed.pid, signal.SIGKILL)
    assert await nursery.exited(killed) == -signal.SIGKILL
    await quits.command("quit")
    assert await nursery.exited(quits) == 0
    await left.close()
    assert await nursery.exited(left) == 0, "its socket was closed, so it ended"
    for worker in (killed, quits):
        await worker.close()


async def test_no_worker_outlives_a_nursery_whose_socket_closes() -> None:
    nursery = await Nursery.start()
    workers = [await nursery.spawn() for _ in range(3)]
    await nursery.stop()
    assert nursery.process.returncode == 0
    for worker in workers:
        await ended(worker.pid)
        await worker.close()


async def test_workers_go_on_when_the_nursery_dies_and_end_with_their_sockets() -> None:
    nursery = await Nursery.start()
    workers = [await nursery.spawn() for _ in range(2)]
    nursery.process.kill()
    await nursery.process.wait()
    for worker in workers:
        await worker.next_beat()
        await worker.close()
        await ended(worker.pid)
    await nursery.close()


async def test_a_worker_that_may_not_have_its_limits_ends_at_once(nursery: Nursery) -> None:
    """Too few descriptors for PJSIP: it cannot start, and says so by its status."""
    mine, theirs = socket.socketpair()
    with theirs:
        nursery.order("starved", theirs, files=4)
    line = await nursery.until(lambda line: line.get("exited") == "starved")
    assert line["status"] > 0
    mine.close()


async def test_rubbish_for_commands_is_refused_and_the_worker_goes_on(nursery: Nursery) -> None:
    worker = await nursery.spawn()
    session = await worker.open()
    for do, fields in {
        "open": {"inband": False, "trusted": True},
        "play": {"files": 7, "loop": False},
        "tone": {"hertz": "high", "seconds": 1},
        "record": {"file": "/x.wav"},
        "bridge": {"other": "nobody"},
        "explode": {},
    }.items():
        assert (await worker.command(do, session, **fields))["error"], do
    await worker.do("tone", session, hertz=400, seconds=1)
    await worker.do("close", session)
    await worker.report("closed", session)
    await worker.nothing_is_left()
    await worker.command("quit")
    assert await nursery.exited(worker) == 0
    await worker.close()


async def test_without_pjsua2_it_says_so_and_ends(tmp_path: Path) -> None:
    broken = tmp_path / "pjsua2"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no such wheel')", encoding="utf-8")
    mine, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "callrouter.media.worker.fork_server"),
            stdin=theirs.fileno(),
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )
    channel = Channel(mine)
    assert (await channel.until(lambda line: "missing" in line))["missing"] == "no such wheel"
    assert await process.wait() != 0
    await channel.close()
