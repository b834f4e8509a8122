"""A trunk's calls beside a flood of strangers, and under more calls than there is room for."""

import orjson
import pytest
from click.testing import CliRunner

from callrouter.commands.bench import bench


def test_flood_of_strangers_hurts_no_call_of_a_trunk(full: bool) -> None:
    rate, seconds = (5000, 20) if full else (500, 3)
    arguments = ["--rate", "50", "--seconds", str(seconds), "--flood", str(rate)]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 0, result.output
    figures = orjson.loads(result.stdout)
    assert (figures["calls"], figures["failed"]) == (50 * seconds, 0)
    assert figures["datagrams"] == pytest.approx(rate * seconds, rel=0.05)
    assert figures["answered"] == 0
    if full:
        assert figures["setup_p99_ms"] < 250
        assert figures["cpu_us_per_datagram"] < 25
        # What the calls of these seconds leave until their transactions are over.
        assert figures["kib_grown"] < 16 * 1024
