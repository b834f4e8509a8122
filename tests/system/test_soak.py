"""Calls for two minutes; `callrouter bench --soak 30` makes them for as long as the issue asks."""

import orjson
from click.testing import CliRunner

from callrouter.commands.bench import bench


def test_two_minutes_of_calls_lose_none_and_leave_nothing() -> None:
    result = CliRunner().invoke(bench, ["--soak", "2"])
    assert result.exit_code == 0, result.output
    figures = orjson.loads(result.stdout)
    # Other tests may run beside it, and make callrouter so late that it has no room for a call.
    refused = figures["refused"]
    assert refused <= 12, figures
    assert (figures["calls"], figures["failed"]) == (1200, refused), figures
    assert figures["records"] == 1200 - refused, figures
    assert figures["left"] == {}, figures
    assert figures["grown_percent"] < 5, figures
