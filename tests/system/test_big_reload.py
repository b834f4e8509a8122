"""A big dialplan is loaded again under load, and no call notices.

SIPp calls at a steady rate meanwhile. In CI it is a small dialplan and a small rate; `--full` has
100,000 numbers and 300 calls a second.
"""

import asyncio
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support.polling import until
from support.ports import free_port
from support.serving import Serving, lay_out

from callrouter.api.client import ask
from callrouter.bench.processes import split_cores
from callrouter.bench.served_metrics import loop_lag
from callrouter.bench.sipp import Load, Traffic
from callrouter.operations.operation import NoValues
from callrouter.operations.running_server import reload_dialplan

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

TARGETS: Final = 50


@dataclass(frozen=True, slots=True)
class Size:
    """numbers: of the dialplan. rate: calls a second. lag: the longest allowed, seconds; it has to
    be the upper end of a bucket of the metric.
    """

    numbers: int
    rate: int
    seconds: int
    lag: float


# A machine that runs the tests has other work too, and the short run is not about its idle time.
SHORT: Final = Size(5000, 50, 10, 0.2)
LONG: Final = Size(100_000, 300, 60, 0.05)


def with_table(folder: Path, numbers: int, port: int, ring: int) -> str:
    """As `dialplan`, but the numbers have a target each and are the rows of a table."""
    rows = "".join(f"8{index:07},sip:u{index}@127.0.0.1:{port}\n" for index in range(numbers - 1))
    (folder / "rows.csv").write_text(f"number,uri\n{rows}", encoding="utf-8")
    table = (
        f"number_tables: {{many: {{file: rows.csv, route: [{{hunt: [row], ring: {ring}s}}]}}}}\n"
    )
    return dialplan(1, port, ring) + table


def dialplan(numbers: int, port: int, ring: int) -> str:
    """So many numbers over a few targets; another `ring` makes each of them another."""
    targets = "".join(
        f"  t{index}: {{uri: 'sip:t{index}@127.0.0.1:{port}'}}\n" for index in range(TARGETS)
    )
    entries = "".join(
        f"  '8{index:07}': {{route: [{{hunt: [t{index % TARGETS}], ring: {ring}s}}]}}\n"
        for index in range(numbers - 1)
    )
    return (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets:\n{targets}"
        f"numbers:\n  '4000': {{route: [{{hunt: [t0], ring: {ring}s}}]}}\n{entries}"
    )


async def reload(serving: Serving) -> str:
    """Load the dialplan again; the version that serves from then on."""
    path = serving.place.folder / "var" / "callrouter.sock"
    answer = await asyncio.to_thread(ask, path, reload_dialplan, NoValues(), 120.0)
    return answer.serving


async def calls_ended(serving: Serving, count: int) -> None:
    """Wait until so many calls have ended."""

    async def look() -> bool:
        metrics = await serving.metrics()
        return metrics.get("callrouter_calls_total", 0) >= count

    await until(look)


@pytest.mark.parametrize("table", [False, True], ids=["written", "table"])
async def test_big_dialplan_is_reloaded_under_load_without_a_stall(
    tmp_path: Path, full: bool, table: bool
) -> None:
    def written(ring: int) -> str:
        if table:
            return with_table(tmp_path, size.numbers, port, ring)
        return dialplan(size.numbers, port, ring)

    size = LONG if full else SHORT
    port = free_port()
    place = lay_out(tmp_path, dialplan(1, port, 5))
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write("watch: false\n")
    plan = tmp_path / "dialplan.yaml"
    _, cores = split_cores()
    load = Load(calls=size.rate * size.seconds, rate=size.rate)
    serving = await Serving.start(place)
    try:
        plan.write_text(written(5), encoding="utf-8")
        old = await reload(serving)
        plan.write_text(written(6), encoding="utf-8")
        before = await asyncio.to_thread(loop_lag, place.metrics_port)
        with Traffic("load", load, place.port, port, tmp_path, cores) as traffic:
            await calls_ended(serving, size.rate)
            new = await reload(serving)
            await asyncio.to_thread(traffic.wait)
            after = await asyncio.to_thread(loop_lag, place.metrics_port)
            counts = await asyncio.to_thread(traffic.counts)
        metrics = await serving.metrics()
        records = await serving.records("4000", load.calls)
    finally:
        await serving.stop()
    assert (counts.seen, counts.retransmissions) == (load.calls, 0)
    assert metrics["callrouter_retransmissions_total"] == 0
    assert {record["disposition"] for record in records} == {"ANSWERED"}
    versions = [record["dialplan"] for record in records]
    first = versions.index(new)
    assert old != new
    assert set(versions[:first]) == {old}
    assert set(versions[first:]) == {new}
    late = {end: after[end] - before[end] for end in after}
    assert late[size.lag] == late[math.inf], late
