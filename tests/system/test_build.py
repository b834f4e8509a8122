"""Which build runs, as the program says it: the same one that these tests are run with."""

from pathlib import Path

import pytest
from support.programs import run
from support.serving import Serving, command, lay_out

from callrouter import __version__, build

_DIALPLAN = """country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@127.0.0.1:5080"}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_version_says_which_build_runs(tmp_path: Path) -> None:
    said = await run(*command("--version"), cwd=tmp_path)
    assert said == (0, f"callrouter, version {__version__}, {build()}\n")


async def test_metrics_say_which_build_serves(tmp_path: Path) -> None:
    serving = await Serving.start(lay_out(tmp_path, _DIALPLAN))
    try:
        metrics = await serving.metrics()
    finally:
        await serving.stop()
    assert metrics[f'callrouter_build_info{{build="{build()}",version="{__version__}"}}'] == 1.0
