"""The bench measures: not how fast, but that its figures are there and right."""

import asyncio
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from callrouter.bench.call_profile import PARTS
from callrouter.commands.bench import bench
from tests.support.polling import PATIENCE, until


@pytest.mark.alone
def test_every_call_is_seen_by_both_ends_and_leaves_its_record() -> None:
    result = CliRunner().invoke(bench, ["--rate", "50", "--calls", "50"])
    assert result.exit_code == 0, result.output
    figures = orjson.loads(result.stdout)
    assert (figures["calls"], figures["failed"], figures["records"]) == (50, 0, 50)
    assert figures["retransmissions"] == 0
    assert figures["cpu_us_per_call"] > 0
    assert figures["loop_lag_p99_ms"] > 0


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_calls_over_connections_are_measured_too(transport: str) -> None:
    result = CliRunner().invoke(bench, ["--rate", "50", "--calls", "50", "--transport", transport])
    assert result.exit_code == 0, result.output
    figures = orjson.loads(result.stdout)
    assert (figures["calls"], figures["failed"], figures["records"]) == (50, 0, 50)
    assert figures["retransmissions"] == 0


def test_who_ends_the_bench_ends_what_it_has_started(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "callrouter", "bench", "--rate", "10", "--seconds", "60"]
    benched = subprocess.Popen(argv, env=os.environ | {"TMPDIR": str(tmp_path)})
    try:
        asyncio.run(until(partial(has_records, tmp_path)))
        children = Path(f"/proc/{benched.pid}/task/{benched.pid}/children")
        started = [int(pid) for pid in children.read_text(encoding="ascii").split()]
        benched.send_signal(signal.SIGTERM)
        assert benched.wait(PATIENCE) == 128 + signal.SIGTERM
    finally:
        benched.kill()
        benched.wait()
    assert started
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.iterdir())


async def has_records(folder: Path) -> bool:
    return bool(list(folder.glob("*/var/records.db")))  # noqa: ASYNC240  # of this machine, at once


def test_calls_and_seconds_exclude_each_other() -> None:
    result = CliRunner().invoke(bench, ["--calls", "5", "--seconds", "5"])
    assert result.exit_code == 2
    assert "exclude each other" in result.output


@pytest.mark.alone
def test_profile_says_where_the_time_of_a_call_goes() -> None:
    result = CliRunner().invoke(bench, ["--profile", "--rate", "50", "--calls", "250"])
    if "cannot look at callrouter" in result.output:
        pytest.skip(f"no process may trace another here: {result.output}")
    assert result.exit_code == 0, result.output
    rows = {line[:14].strip(): line[14:].split() for line in result.stdout.splitlines()[1:-1]}
    assert list(rows) == [*PARTS, "together"]
    shares = {part: float(share.rstrip("%")) for part, (share, _) in rows.items()}
    assert sum(shares[part] for part in PARTS) == pytest.approx(100, abs=1)
    # Of some twenty samples one part may have none.
    assert shares["parse"] + shares["transactions"] + shares["legs"] > 0
    assert "250 calls, " in result.stdout  # some fail while py-spy holds it on a busy machine
