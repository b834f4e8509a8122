"""Workers that die and hang: who is told, and how soon there is another."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from support.polling import until
from support.pools import Ear, are_gone, is_alive, pooled

from callrouter.call.services.media import MediaLost
from callrouter.media.pool import supervisor
from callrouter.media.protocol import HUNG_SECONDS

_REPLACED_SECONDS = 3.0
_SLACK_SECONDS = 1.5
"""For a machine with other things to do."""


@pytest.mark.alone
@pytest.mark.parametrize("at_once", [True, False], ids=["one reservation", "four"])
async def test_killed_worker_loses_each_reservation_once_and_is_replaced(at_once: bool) -> None:
    async with pooled(1, 1) as rig:
        ears = [Ear() for _ in range(1 if at_once else 4)]
        held = [rig.pool.reserve(4 // len(ears), ear.post) for ear in ears]
        assert all(held)
        pid = rig.pids()[0]
        for slots in held:
            assert slots is not None
            for _ in range(slots.count):
                slots.open()
        os.kill(pid, signal.SIGKILL)
        start = time.monotonic()
        await asyncio.gather(*(ear.lost.wait() for ear in ears))
        assert time.monotonic() - start < HUNG_SECONDS  # by its end, not by its silence
        await rig.replaced(pid, 1, within=_REPLACED_SECONDS)
        for ear, slots in zip(ears, held, strict=True):
            assert slots is not None
            slots.play("nobody", [Path("x.wav")])
            slots.open()
            slots.release()
            assert [type(event) for event in ear.heard] == [MediaLost]
            assert ear.heard[0].slots is slots  # type: ignore[union-attr]
        assert rig.pool.lost_by == {"died": 1}
        assert rig.pool.used == 0


@pytest.mark.alone
async def test_stopped_worker_is_killed_within_the_heartbeats_time() -> None:
    async with pooled(1, 1) as rig:
        ear = Ear()
        slots = rig.pool.reserve(1, ear.post)
        assert slots is not None
        pid = rig.holder(slots)["pid"]
        os.kill(pid, signal.SIGSTOP)
        start = time.monotonic()
        await ear.lost.wait()
        assert time.monotonic() - start < HUNG_SECONDS + _SLACK_SECONDS
        await are_gone([pid])
        await rig.serving(1, within=_REPLACED_SECONDS)
        assert rig.pool.lost_by == {"hung": 1}


async def test_calls_outlive_the_nursery_and_another_one_forks_the_next_workers() -> None:
    async with pooled(2, 3) as rig:
        ear = Ear()
        slots = rig.pool.reserve(1, ear.post)
        assert slots is not None
        session = slots.open()
        old = rig.nursery()
        survivor = rig.holder(slots)
        os.kill(old, signal.SIGKILL)
        await are_gone([old])
        slots.tone(session, 440, 0.1)
        other = next(
            worker["pid"] for worker in rig.workers() if worker["name"] != survivor["name"]
        )
        os.kill(other, signal.SIGKILL)

        await rig.replaced(other, 2)
        assert rig.holder(slots)["name"] == survivor["name"]
        assert ear.heard == []
        assert not rig.diary.said("media command failed")
        # An orphan that hangs is killed all the same, though nobody but its pidfd tells of its end.
        os.kill(survivor["pid"], signal.SIGSTOP)
        await ear.lost.wait()
        await are_gone([survivor["pid"]])
        await rig.serving(2)


@pytest.mark.alone
async def test_all_processes_killed_at_once_are_back_soon() -> None:
    async with pooled(4, 6) as rig:
        ears = [Ear() for _ in range(6)]
        held = [rig.pool.reserve(2, ear.post) for ear in ears]
        pids = [rig.nursery(), *rig.pids()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        start = time.monotonic()
        await asyncio.gather(*(ear.lost.wait() for ear, s in zip(ears, held, strict=True) if s))
        await are_gone(pids)
        await rig.serving(4)
        assert time.monotonic() - start < _REPLACED_SECONDS
        assert not set(pids) & {rig.nursery(), *rig.pids()}


async def test_machine_that_stood_still_costs_no_worker() -> None:
    async with pooled(2, 2) as rig:
        slots = rig.pool.reserve(1, Ear().post)
        assert slots is not None
        session = slots.open()
        for pid in rig.pids():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(HUNG_SECONDS + 1.0)  # noqa: ASYNC251  # nothing runs, the clock goes on
        for pid in rig.pids():
            os.kill(pid, signal.SIGCONT)
        heard = rig.acks
        slots.stop(session)

        async def is_known() -> bool:
            return rig.acks > heard + 1

        await until(is_known)
        assert rig.pool.lost_by == {}


async def test_next_worker_comes_later_and_later_when_they_die_young() -> None:
    async with pooled(1, 1) as rig:
        waits = []
        for _ in range(3):
            pid = rig.pids()[0]
            start = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            await rig.replaced(pid, 1)
            waits.append(time.monotonic() - start)
        first, longest = supervisor._BACK_OFF
        assert waits[0] >= first
        assert waits[1] >= 2 * first
        assert waits[2] >= 4 * first
        assert longest >= 4 * first


@pytest.mark.alone
async def test_worker_that_dies_old_is_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_YOUNG_SECONDS", 0.0)
    async with pooled(1, 1) as rig:
        for _ in range(5):
            pid = rig.pids()[0]
            start = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            await rig.replaced(pid, 1)
            assert time.monotonic() - start < _SLACK_SECONDS


async def test_worker_that_hangs_while_it_starts_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrouter.media.pool.worker_handle.START_SECONDS", 4.0)
    async with pooled(1, 2) as rig:
        nursery = rig.nursery()
        assert rig.pool.reserve(1, Ear().post) is not None  # so a second one starts
        while not (pid := max((w["pid"] for w in rig.workers("starting")), default=0)):  # noqa: ASYNC110
            await asyncio.sleep(0)  # it is ready in less than `until` waits
        os.kill(pid, signal.SIGSTOP)
        await are_gone([pid])
        await rig.serving(2)
        assert is_alive(nursery)
        assert rig.pool.lost_by["hung"] == 1


async def test_nursery_that_hangs_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "START_SECONDS", 4.0)
    async with pooled(1, 2) as rig:
        nursery = rig.nursery()
        os.kill(nursery, signal.SIGSTOP)
        assert rig.pool.reserve(1, Ear().post) is not None  # so a second one is asked for
        await are_gone([nursery])
        await rig.serving(2)
