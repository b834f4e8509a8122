"""Calls by real sockets while the shared state is slow, refuses and loses answers.

No port is taken for memory: each call ends in one record, no line stays reserved, nothing hangs.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Final

import pytest
import pytest_asyncio
from support.phones import Outcome, Phones
from support.ports import free_port
from support.slow_state import SlowState
from support.wire import Noted, left_over

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.services.media_services import MediaServices
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.pending import Later, Pending, Unavailable
from callrouter.register.bindings import Binding
from callrouter.route.values.external_lookup import Lookup, LookupAnswer, said
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory
from callrouter.yamlfile.reader import parse

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST: Final = "127.0.0.1"
EACH: Final = 60
"""Calls to each number."""
DIALPLAN: Final = """\
country: CN
trunks: {{near: {{addresses: [127.0.0.1]}}}}
gateways: {{carrier: {{address: "127.0.0.1:{desk}"}}}}
lookups: {{crm: {{url: "http://192.0.2.9/?caller={{caller}}", timeout: 1s}}}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}
  other: {{uri: "sip:other@127.0.0.1:{desk}"}}
  nobody: {{uri: "sip:rings@127.0.0.1:{desk}"}}
  abroad: {{number: "+442079460000", via: carrier}}
  phone: {{extension: "101"}}
extensions: {{"101": {{phone: {{user: u101, password_env: A_WORD}}, lines: 2}}}}
numbers:
  "4000": {{lines: 5, route: [{{hunt: [desk], ring: 5s}}]}}
  "4001": {{lines: 5, route: [{{hunt: [desk]}}], overflow: [{{hunt: [other]}}]}}
  "4002": {{lookup: crm, route: [{{hunt: [desk]}}]}}
  "4003": {{route: [{{hunt: [phone], ring: 3s}}, {{hunt: [nobody, abroad], ring: 1s}}]}}
  "4004": {{auto_block: {{calls: 20, within: 10s, for: 2s}}, route: [
    {{hunt: [desk, other], strategy: round_robin}}]}}
"""


class SlowCrm:
    """A directory that answers now and then."""

    def __init__(self, stack: Stack, dice: Random) -> None:
        self._stack = stack
        self._dice = dice

    def find(self, lookup: Lookup, caller: str) -> Later[LookupAnswer]:
        pending = Pending[LookupAnswer | Unavailable]()
        after = self._dice.uniform(0.0, 2 * lookup.timeout_seconds)
        self._stack.timers.start(self._stack.now + after, lambda _now: pending.settle(said("101")))
        return pending


class Room:
    """callrouter's core on real sockets, with a state that is far away; and all other parties."""

    def __init__(self, seed: int) -> None:
        self.bugs: list[Exception] = []
        self.listeners = Listeners()
        self.stack = Stack(Tokens(), self.listeners.connect)
        self.driver = Driver(asyncio.get_running_loop(), self.stack, self.bugs.append)
        self.memory = Memory(lambda *_: None, seed)
        self.noted = Noted()
        self.state = SlowState(self.memory, self.stack, Random(seed))
        self.desk = free_port()
        crm = SlowCrm(self.stack, Random(seed))
        text = DIALPLAN.format(desk=self.desk)
        self.calls = Calls(
            stack=self.stack,
            dialplan=compile_dialplan(parse(text, "slow.yaml")),
            events=self.noted.events,
            limit=1000,
            epoch=self.memory.clock.zero,
            shared=self.state.ports,
            directory=crm,
            media=MediaServices(),
        )

    async def open(self) -> None:
        port = await self.listeners.listen(self.driver, "udp", HOST, 0)
        self.callers = await Phones.open((HOST, port))
        self.callees = await Phones.open((HOST, port), self.desk)
        place = ("UDP", HOST, port, HOST, self.desk)
        until = self.memory.clock.now() + 3600
        flow = self.listeners.connect("UDP", HOST, self.desk)
        uri = f"sip:101@{HOST}:{self.desk}"
        self.memory.bindings.bind(
            "101",
            Binding(key=uri, uri=uri, expires=until, call_id="", cseq=0, place=place, flow=flow),
        )

    async def close(self) -> None:
        await self.callers.close()
        await self.callees.close()
        self.listeners.close()
        self.driver.close()

    async def idle(self) -> None:
        """Wait until no call is left."""
        over = asyncio.Event()
        self.driver.step(lambda: self.calls.drain(over.set))
        async with asyncio.timeout(60):
            await over.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def room() -> AsyncIterator[Room]:
    made = Room(seed=7)
    await made.open()
    yield made
    await made.close()


async def test_calls_end_in_one_record_each_and_no_line_stays_reserved(room: Room) -> None:
    numbers = ("4000", "4001", "4002", "4003", "4004")
    async with asyncio.timeout(120):
        outcomes: list[list[Outcome]] = await asyncio.gather(
            *(room.callers.calls(number, EACH, rate=8.0, hold=1.5) for number in numbers)
        )
    await room.idle()
    assert room.bugs == []
    assert room.noted.bugs == []
    made = {one.call_id for found in outcomes for one in found}
    assert len(made) == len(numbers) * EACH
    ended = Counter(record.call_id for record in room.noted.ended)
    assert ended == dict.fromkeys(made, 1)
    statuses = [{one.status for one in found} for found in outcomes]
    assert statuses == [{200, 486}, {200}, {200}, {200}, {200, 403}]
    answered = {record.call_id for record in room.noted.ended if record.status == 200}
    assert answered == {one.call_id for found in outcomes for one in found if one.status == 200}
    # Lines ran out, and only the answers said so: the snapshot that decisions read shows none used.
    targets = {leg.target for record in room.noted.ended for leg in record.legs}
    assert targets == {"desk", "other", "nobody", "abroad", "phone", "phones 101"}
    assert "over_limit" in {record.reason for record in room.noted.ended}
    # All fates were met, and what was not answered was counted.
    assert min(room.state.fates.values()) > 20
    failures = room.state.ports.failures.counts
    assert failures["lines"] > 0
    assert failures["registrations"] > 0
    # What is late or unclaimed goes back by itself.
    for _ in range(300):
        room.stack.run_timers(room.stack.now + 0.5)
    assert room.memory.snapshot().lines == {}
    assert left_over(room.stack) == {}
