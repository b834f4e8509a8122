"""A trunk's calls beside a flood of strangers, and under more calls than there is room for."""

from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from callrouter.commands.bench import bench

pytestmark = pytest.mark.alone


def measured(*arguments: str) -> dict[str, Any]:
    """The figures that `callrouter bench` prints."""
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 0, result.output
    figures: dict[str, Any] = orjson.loads(result.stdout)
    return figures


def test_flood_of_strangers_hurts_no_call_of_a_trunk(full: bool) -> None:
    rate, seconds = (5000, 60) if full else (500, 3)
    calls = ["--rate", "50", "--seconds", str(seconds), "--flood", str(rate)]
    for sources in (1, 1000) if full else (1000,):
        figures = measured(*calls, "--sources", str(sources))
        assert (figures["calls"], figures["failed"]) == (50 * seconds, 0), figures
        assert figures["datagrams"] == pytest.approx(rate * seconds, rel=0.05), figures
        assert figures["answered"] == 0, figures
        if full:
            assert figures["setup_p99_ms"] < 250, figures
            assert figures["cpu_us_per_datagram"] < 25, figures
            # What the calls of these seconds leave until their transactions are over.
            assert figures["kib_grown"] < 16 * 1024, figures


@pytest.mark.parametrize("configured", [True, False], ids=["configured", "processor"])
def test_three_times_the_capacity_costs_no_call_that_was_let_in(
    configured: bool, full: bool
) -> None:
    if not (configured or full):
        pytest.skip("what the processor allows is found in minutes, on a machine that is quiet")
    capacity = ("--capacity", "300" if full else "100") if configured else ()
    figures = measured("--overload", "3", "--seconds", "300" if full else "5", *capacity)
    assert figures["throughput_percent"] > 80, figures
    assert (figures["failed"], figures["hurt"]) == (0, 0), figures
    assert figures["refused"] > figures["offered"], figures
    assert (figures["afterwards_refused"], figures["afterwards_failed"]) == (0, 0), figures
    if full:
        assert figures["refused_p99_ms"] < 200, figures
        assert figures["afterwards_p99_ms"] < 250, figures
