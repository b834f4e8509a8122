"""A thousand steps of calls and crashes: what is promised is there."""

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import suppress
from typing import Final

import pytest
from support.polling import until
from support.pools import Ear, Rig, pooled

from callrouter.call.services.media import MediaLost
from callrouter.media.pool import supervisor
from callrouter.media.pool.reservation import Reservation
from callrouter.media.pool.worker_handle import ENDING

_WORKERS: Final = 4
_STEPS: Final = {"reserve": 6, "open": 8, "release": 5, "crash": 0.2, "turn": 8}
"""How often each, against the others."""


class Walk:
    """Calls that come and go. held: reservations and who hears of them."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.rng = random.Random(seed)
        self.held: list[tuple[Reservation, Ear]] = []
        self.ears: list[Ear] = []
        self.crashes = 0

    async def step(self) -> None:
        chosen = self.rng.choices(list(_STEPS), list(_STEPS.values()))[0]
        if chosen == "turn":
            await asyncio.sleep(self.rng.random() / 100)  # as long as anything takes
        else:
            getattr(self, chosen)()
        self.held = [(slots, ear) for slots, ear in self.held if not ear.lost.is_set()]
        self.look()

    def look(self) -> None:
        held: Counter[int] = Counter()
        for slots, _ in self.held:
            held[slots.port] += slots.count
        for worker in self.rig.workers():
            kept = held.pop(worker["port"], 0) if worker["state"] != ENDING else 0
            assert kept <= worker["used"] <= worker["slots"]
        assert not held, "slots of workers that are gone are lost"
        assert len(self.rig.workers()) <= _WORKERS

    def reserve(self) -> None:
        ear = Ear()
        slots = self.rig.pool.reserve(self.rng.randint(1, 4), ear.post)
        if slots is not None:
            self.held.append((slots, ear))
            self.ears.append(ear)

    def open(self) -> None:
        if self.held:
            slots, _ = self.rng.choice(self.held)
            if len(slots.sessions) < slots.count:
                slots.tone(slots.open(), 440, 0.1)

    def release(self) -> None:
        if self.held:
            self.held.pop(self.rng.randrange(len(self.held)))[0].release()

    def crash(self) -> None:
        pids = self.rig.pids()
        if pids:
            with suppress(ProcessLookupError):  # it was killed a moment ago
                os.kill(self.rng.choice(pids), signal.SIGKILL)
            self.crashes += 1


async def test_no_step_is_promised_more_slots_than_there_are(
    full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_YOUNG_SECONDS", 0.0)  # or it would back off longer and longer
    async with pooled(2, _WORKERS) as rig:
        walk = Walk(rig, seed=4711)
        for _ in range(10_000 if full else 1000):
            await walk.step()
        for slots, _ in walk.held:
            slots.release()

        async def is_idle() -> bool:
            return rig.pool.used == 0 and not rig.workers("starting")

        await until(is_idle)
        assert walk.crashes
        assert rig.pool.lost_by["hung"] == rig.pool.lost_by["broken"] == 0
        assert 0 < rig.pool.lost_by["died"] <= walk.crashes
        for ear in walk.ears:
            assert len([event for event in ear.heard if isinstance(event, MediaLost)]) <= 1
        assert rig.diary.said("media worker leaks and is retired") == []
        # A worker that had been promised too much would have refused to open a session.
        assert rig.diary.said("media command failed") == []
