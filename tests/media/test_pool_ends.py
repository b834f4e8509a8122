"""What is left of a pool: nothing, however it ends; and what there is without pjsua2."""

import asyncio
import gc
import json
import os
import resource
import signal
import sys
from pathlib import Path

import pytest
from support.polling import PATIENCE, until
from support.pools import HOST, Ear, Rig, are_gone, descriptors, pooled

from callrouter.media.pool.worker_handle import START_SECONDS

_PARENT = """\
import asyncio, json
from support.pools import HOST, Rig

async def main():
    rig = Rig(3, 3)
    await rig.pool.start([(HOST, 0)])
    print(json.dumps([rig.nursery(), *rig.pids()]), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_closed_pool_leaves_no_process_and_no_descriptor() -> None:
    async with pooled(1, 1):  # what is opened once for all is open now
        pass
    gc.collect()
    before = descriptors()
    for _ in range(3):
        async with pooled(2, 3) as rig:
            slots = rig.pool.reserve(2, Ear().post)
            assert slots is not None
            slots.open()
            os.kill(rig.holder(slots)["pid"], signal.SIGKILL)
            await rig.serving(2)
    assert descriptors() == before


async def test_pool_that_hangs_in_all_its_parts_is_closed_all_the_same() -> None:
    before = descriptors()
    async with pooled(2, 2) as rig:
        pids = [rig.nursery(), *rig.pids()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
    await are_gone(pids)
    assert descriptors() == before


async def test_nursery_that_dies_while_the_pool_is_closed_leaves_nothing() -> None:
    before = descriptors()
    async with pooled(2, 2) as rig:
        os.kill(rig.nursery(), signal.SIGKILL)
    assert descriptors() == before


async def test_call_is_not_hurt_when_no_descriptor_is_left_for_one_more_worker() -> None:
    async with pooled(1, 2) as rig:
        usual = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, usual[1]))
        try:
            slots = rig.pool.reserve(1, Ear().post)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        assert slots is not None
        assert len(rig.diary.said("media worker cannot be started")) == 1
        await rig.serving(2)


async def test_workers_end_by_themselves_when_callrouter_is_killed() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _PARENT),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        assert process.stdout is not None
        pids = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
        assert len(pids) == 4
    finally:
        process.kill()
        await process.wait()
    await are_gone(pids)


async def test_without_pjsua2_there_is_one_warning_and_no_media(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pjsua2.py").write_text("raise ImportError('no such wheel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))  # no other interpreter either
    rig = Rig(2, 4)
    start = asyncio.get_running_loop().time()
    await rig.pool.start([(HOST, 0)])
    assert asyncio.get_running_loop().time() - start < START_SECONDS
    why = f"{sys.executable}: no such wheel"
    (line,) = rig.diary.said("no media: pjsua2 cannot be imported")
    assert line["why"] == why
    assert "media.python" in line["hint"]
    nursery = rig.nursery()
    if nursery:
        await are_gone([nursery])
    assert rig.pool.reserve(1, Ear().post) is None
    assert rig.pool.status()["missing"] == why
    seen = len(rig.diary.lines)

    async def has_ticked() -> bool:
        return rig.nursery() == 0

    await until(has_ticked)
    assert len(rig.diary.lines) == seen
    await rig.pool.close()


async def test_pool_of_no_workers_starts_nothing() -> None:
    rig = Rig(1, 0)
    await rig.pool.start([(HOST, 0)])
    assert rig.pool.reserve(1, Ear().post) is None
    assert rig.nursery() == 0
    assert rig.diary.lines == []
    await rig.pool.close()
