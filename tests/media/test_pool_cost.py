"""What idle workers cost: memory of their own, and processor time."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.polling import until
from support.pools import pooled

_WORKERS = 25
_SLOT_MB = 4.0
_CORES = 0.3
"""Of all idle workers together."""


def pss(pid: int) -> int:
    """Bytes in memory, what is shared counted in parts (proc(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "Pss":
            return int(value.split()[0]) * 1024
    raise AssertionError("no Pss")


def seconds(pid: int) -> float:
    """Processor time so far."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.alone
async def test_slots_of_25_idle_workers_take_little_memory_and_processor(
    full: bool, record_property: Callable[[str, object], None]
) -> None:
    span = 20.0 if full else 3.0
    async with pooled(_WORKERS, _WORKERS) as rig:
        await rig.serving(_WORKERS)
        pids = rig.pids()
        before = sum(map(seconds, pids))
        loop = asyncio.get_running_loop()
        end = loop.time() + span

        async def is_over() -> bool:
            return loop.time() > end

        await until(is_over, within=span + 5)
        cores = (sum(map(seconds, pids)) - before) / span
        memory = sum(map(pss, [*pids, rig.nursery()])) / 2**20
        each = memory / rig.pool.slots
        record_property("found", f"{cores:.3f} cores, {memory:.0f} MB, {each:.2f} MB a slot")
        assert each <= _SLOT_MB
        assert cores <= _CORES
