"""The lab as it is: config/lab.yaml and its seven numbers, on the ports that its files name."""

import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.ports import free_port, is_free
from support.records import answered, lasted, refused, results
from support.serving import ROOT, Place, Record, Serving
from support.sipp import Sipp

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CONFIG = ROOT / "config" / "lab.yaml"
_DIALPLAN = ROOT / "dialplans" / "lab.yaml"
_PORTS = (5060, 5080, 5081, 5082, 5083, 5099, 9090)


@dataclass(frozen=True, slots=True)
class Lab:
    """The running lab. ports: where it has what its files have at a port."""

    serving: Serving
    ports: dict[int, int]

    @property
    def address(self) -> tuple[str, int]:
        """Where it takes calls."""
        return ("127.0.0.1", self.ports[5060])

    async def callee(self, scenario: str, port: int, **keys: str) -> Sipp:
        """Let SIPp play a target."""
        return await Sipp.callee(self.serving.place.folder, scenario, self.ports[port], keys=keys)

    async def call(self, number: str, scenario: str = "caller_hangs_up") -> Record:
        """Let SIPp call a number, each once; the record that it leaves."""
        to = f"127.0.0.1:{self.ports[5060]}"
        caller = await Sipp.caller(self.serving.place.folder, scenario, to, number)
        await caller.done()
        return await self.serving.record(number)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")  # its records are relative to the working directory
    ports = {port: port for port in _PORTS}
    config = _CONFIG
    if not all(map(is_free, _PORTS)):
        # Somebody on this machine has the lab open; then it is the same lab at other ports.
        ports = {port: free_port() for port in _PORTS}
        config = moved(folder, ports)
    serving = await Serving.start(Place(folder, config, ports[5060], ports[9090]))
    yield Lab(serving, ports)
    serving.signal(signal.SIGTERM)
    assert await serving.ended(10) == 0
    await serving.stop()


def moved(folder: Path, ports: dict[int, int]) -> Path:
    """The lab's two files with other ports."""
    for source in (_CONFIG, _DIALPLAN):
        text = re.sub(
            r":(\d{4})\b", lambda port: f":{ports[int(port[1])]}", source.read_text("utf-8")
        )
        copy = folder / source.relative_to(ROOT)
        copy.parent.mkdir()
        copy.write_text(text, "utf-8")
    return folder / _CONFIG.relative_to(ROOT)


async def test_4000_rings_its_one_target(lab: Lab) -> None:
    callee = await lab.callee("callee_answers", 5080)
    record = await lab.call("4000")
    await callee.done()
    answered(record, "4000", by="caller")


async def test_4001_goes_from_busy_to_unanswered_to_the_third_target(lab: Lab) -> None:
    callees = [
        await lab.callee("callee_busy", 5081),
        await lab.callee("callee_rings", 5082),
        await lab.callee("callee_answers", 5083),
    ]
    record = await lab.call("4001")
    for callee in callees:
        await callee.done()
    answered(record, "4001", by="caller", legs=3)
    assert results(record) == [("busy", 486), ("no_answer", 408), ("answered", 200)]
    lasted(record["legs"][1], 3.0)


async def test_4002_stops_at_busy(lab: Lab) -> None:
    callee = await lab.callee("callee_busy", 5081)
    record = await lab.call("4002", "caller_is_refused")
    await callee.done()
    refused(record, "4002", "BUSY", 486, 17)
    assert results(record) == [("busy", 486)]


async def test_4003_leaves_the_dead_target_after_two_seconds(lab: Lab) -> None:
    callee = await lab.callee("callee_answers", 5080)
    record = await lab.call("4003")
    await callee.done()
    answered(record, "4003", by="caller", legs=2)
    assert results(record) == [("unreachable", 408), ("answered", 200)]
    lasted(record["legs"][0], 2.0)


@pytest.mark.parametrize(
    ("to", "port"), [("101", 5081), ("102", 5082), ("main;ext=102", 5082), ("103", 5080)]
)
async def test_4004_rings_who_is_named_in_to(lab: Lab, to: str, port: int) -> None:
    caller = await Phone.open("127.0.0.1", free_port(), lab.address)
    callee = await Phone.open("127.0.0.1", lab.ports[port], lab.address)
    user, _, parameter = to.partition(";")
    uri = f"sip:{user}@lab.example" + (f";{parameter}" if parameter else "")
    caller.invite("4004", to=f"<{uri}>")
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
    await caller.close()
    await callee.close()


async def test_4005_follows_the_redirect(lab: Lab) -> None:
    first = await lab.callee("callee_redirects", 5081, elsewhere=f"127.0.0.1:{lab.ports[5083]}")
    second = await lab.callee("callee_answers", 5083)
    record = await lab.call("4005")
    await first.done()
    await second.done()
    answered(record, "4005", by="caller", legs=2)
    assert results(record) == [("redirected", 302), ("answered", 200)]


async def test_4006_ends_after_four_seconds_in_all(lab: Lab) -> None:
    first = await lab.callee("callee_rings", 5081)
    second = await lab.callee("callee_rings", 5082)
    record = await lab.call("4006", "caller_is_refused")
    await first.done()
    await second.done()
    refused(record, "4006", "NO_ANSWER", 408, 102)
    assert results(record) == [("no_answer", 408)] * 2
    lasted(record["legs"][0], 3.0)
    lasted(record["legs"][1], 0.9)


async def test_unknown_number_is_404(lab: Lab) -> None:
    record = await lab.call("4999", "caller_is_refused")
    assert (record["disposition"], record["status"], record["legs"]) == ("REJECTED", 404, [])
