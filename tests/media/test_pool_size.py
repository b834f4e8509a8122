"""How many workers there are: never more than allowed, one ahead of need, fewer when idle."""

from itertools import pairwise

import pytest
from support.polling import until
from support.pools import Ear, Rig, pooled
from support.ports import rtp_ports

from callrouter.media.pool import pool
from callrouter.media.pool.reservation import Reservation
from callrouter.metric import LAG_MS


async def filled(rig: Rig, workers: int) -> list[Reservation]:
    """Reserve single slots until none is free in so many workers."""
    held: list[Reservation] = []

    async def look() -> bool:
        while (slots := rig.pool.reserve(1, Ear().post)) is not None:
            held.append(slots)
        serving = rig.workers("serving")
        return len(serving) == workers and not any(w["slots"] - w["used"] for w in serving)

    await until(look)
    return held


async def test_pool_grows_to_its_bound_and_then_refuses() -> None:
    async with pooled(1, 3) as rig:
        held = await filled(rig, workers=3)
        capacity = rig.workers()[0]["slots"]
        assert len(held) == rig.pool.slots == rig.pool.used == 3 * capacity
        refused = rig.pool.refused
        assert rig.pool.reserve(1, Ear().post) is None
        assert rig.pool.refused == refused + 1
        assert len(rig.workers()) == 3
        for slots in held:
            slots.release()
            slots.release()
        assert rig.pool.used == 0
        assert rig.pool.reserve(capacity, Ear().post) is not None
        assert rig.pool.reserve(capacity + 1, Ear().post) is None


async def test_next_worker_starts_before_the_first_is_full() -> None:
    async with pooled(1, 3) as rig:
        capacity = rig.workers()[0]["slots"]
        assert rig.pool.reserve(1, Ear().post) is not None
        await rig.serving(2)
        # So whoever comes next finds all slots of one worker, and one is kept for that.
        small = rig.pool.reserve(1, Ear().post)
        large = rig.pool.reserve(capacity, Ear().post)
        assert small is not None
        assert large is not None
        assert small.port != large.port


async def test_idle_workers_are_ended_one_by_one_down_to_the_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pooled(1, 4) as rig:
        held = await filled(rig, workers=4)

        async def ended() -> bool:
            return len(rig.diary.said("media worker ended")) == 3

        monkeypatch.setattr(pool, "_SHRINK_SECONDS", 0.6)
        for slots in held:
            slots.release()
        await until(ended)
        assert len(rig.workers("serving")) == 1
        assert rig.pool.lost_by == {}
        assert [line["status"] for line in rig.diary.said("media worker ended")] == [0, 0, 0]


async def test_workers_alive_share_no_port_for_rtp() -> None:
    async with pooled(3, 3) as rig:
        ranges = sorted(cut for cut in rig.pool._supervisor._slices)
        assert ranges[0].low >= rtp_ports()[0]
        assert ranges[-1].high <= rtp_ports()[1]
        assert all(one.high < two.low for one, two in pairwise(ranges))
        names = [worker["name"] for worker in rig.workers()]
        assert len({name.partition("-")[0] for name in names}) == 3


async def test_session_that_was_opened_frees_its_slot_only_when_it_is_closed() -> None:
    async with pooled(1, 1) as rig:
        capacity = rig.pool.slots
        slots = rig.pool.reserve(capacity, Ear().post)
        assert slots is not None
        for _ in range(capacity - 1):
            slots.open()
        slots.release()
        assert rig.pool.used == capacity - 1
        assert rig.pool.reserve(2, Ear().post) is None

        async def is_free() -> bool:
            return rig.pool.used == 0

        await until(is_free)
        assert rig.pool.reserve(capacity, Ear().post) is not None


@pytest.mark.alone
async def test_commands_are_acknowledged_soon() -> None:
    async with pooled(1, 1) as rig:
        slots = rig.pool.reserve(1, Ear().post)
        assert slots is not None
        session = slots.open()
        for sent in range(2, 22):  # `open` was the first
            slots.stop(session)

            async def is_known(count: int = sent) -> bool:
                return rig.acks == count

            await until(is_known)
        soon = rig.pool.acks.counts[: LAG_MS.index(50) + 1]
        assert sum(soon) > rig.acks // 2


async def test_leaking_worker_takes_no_more_calls_and_quits_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pooled(1, 2) as rig:
        slots = rig.pool.reserve(1, Ear().post)
        assert slots is not None
        leaking = rig.holder(slots)["pid"]
        monkeypatch.setattr("callrouter.media.pool.worker_handle._RSS_BYTES", 1)

        async def is_retiring() -> bool:
            return any(w["pid"] == leaking and w["state"] == "retiring" for w in rig.workers())

        await until(is_retiring)
        monkeypatch.undo()
        slots.tone(slots.open(), 440, 0.1)  # its call goes on
        await _serving_another(rig, leaking)
        other = rig.pool.reserve(1, Ear().post)
        assert other is not None
        assert rig.holder(other)["pid"] != leaking
        slots.release()
        await rig.replaced(leaking, 2)
        assert rig.pool.lost_by == {}
        assert not rig.diary.said("media command failed")


async def _serving_another(rig: Rig, than: int) -> None:
    async def look() -> bool:
        return any(worker["pid"] != than for worker in rig.workers("serving"))

    await until(look)
