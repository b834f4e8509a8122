"""A hundred thousand damaged messages over UDP, TCP and TLS to the running program, beside calls.

With `--full` it is a million. Each call beside them goes through, probes in between are answered,
no bug is logged, and nothing is left over at the end.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

import pytest
from support.edge import OURS, Authority, Ports, lay_out_edge
from support.phones import Phones
from support.ports import free_port
from support.serving import Serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS: Final = 20
PROBE_MS: Final = 8000
"""A batch of a hundred messages and the probe behind it, on a machine with other work."""

DIALPLAN: Final = """\
country: CN
trunks: {{near: {{addresses: [127.0.0.1]}}}}
targets:
  calm: {{uri: "sip:desk@127.0.0.1:{calm}"}}
  wild: {{uri: "sip:wild@127.0.0.1:{wild}"}}
numbers:
  "7001": {{route: [{{hunt: [calm]}}]}}
  "7009": {{route: [{{hunt: [wild], ring: 2s, progress: 1s}}]}}
"""


async def flood(serving: Serving, ports: Ports, count: int, wild: int) -> int:
    """Send so many messages; how long the slowest probe took, milliseconds."""
    script = Path(__file__).with_name("flood.py")
    arguments = [1, ports.plain, ports.tls, count, wild, "7009"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, script, *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, wrong = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{wrong.decode()[-3000:]}\n{serving.log()[-3000:]}"
    return int(said)


async def test_damaged_messages_over_sockets_hurt_no_call(tmp_path: Path, full: bool) -> None:
    authority, ports = Authority(tmp_path), Ports()
    authority.issue("own", *OURS)
    authority.issue("other", "other.test")
    calm, wild = free_port(), free_port()
    place = lay_out_edge(tmp_path, ports, DIALPLAN.format(calm=calm, wild=wild))
    serving = await Serving.start(place)
    address = ("127.0.0.1", ports.plain)
    callers, callees = await Phones.open(address), await Phones.open(address, calm)
    try:
        count = 1_000_000 if full else 100_000
        flooding = asyncio.create_task(flood(serving, ports, count, wild))
        outcomes = await callers.calls("7001", CALLS, rate=2.0, hold=2.0)
        assert [(one.status, one.closed) for one in outcomes] == [(200, True)] * CALLS
        slowest = await flooding
        assert slowest < PROBE_MS
        records = await serving.records("7001", CALLS)
        assert {record["disposition"] for record in records} == {"ANSWERED"}
        log = serving.log()
        assert "internal error" not in log
        assert "Traceback" not in log
        if full:
            await serving.nothing_is_left(within=120.0)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()
