"""Calls over real SIP leave the records that `callrouter explain` tells of before.

One server, several random dialplans after another, callers at several addresses of this machine.
Left out of these dialplans is what depends on other calls or on chance; tests/wire has that.
"""

import asyncio
from pathlib import Path
from random import Random
from typing import Final, Self, cast
from urllib.parse import quote

import pytest
from support.dialplans import SOURCES, Dialplans, Drawn, drawn_facts, written
from support.explaining import agree, explained
from support.message import SDP, Message
from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.serving import Serving, lay_out

from callrouter.api.client import ask
from callrouter.operations.operation import NoValues
from callrouter.operations.running_server import reload_dialplan
from callrouter.route.values.facts import Facts

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS: Final = 50
"""Under each dialplan."""
ADDRESSES: Final = {"one": "127.1.0.1", "two": "127.2.0.1", "three": "127.3.0.1"}
ANSWERS: Final = {"t0": 486, "t1": 404, "t2": 603}
"""By the user of a target's URI; the others take the call."""
CHANCE: Final = frozenset(("random", "weighted", "round_robin"))
ECHOED: Final = frozenset(("Via", "From", "Call-ID", "CSeq"))


class Callees(asyncio.DatagramProtocol):
    """All targets: each INVITE gets its final response at once."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, port: int) -> Self:
        loop = asyncio.get_running_loop()
        local = ("127.0.0.1", port)
        _, callees = await loop.create_datagram_endpoint(cls, local_addr=local)
        return callees

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = Message.parse(data)
        if request.status or request.method == "ACK":
            return
        status, body = 200, ""
        if request.method == "INVITE":
            status = ANSWERS.get(request.uri.partition(":")[2].partition("@")[0], 200)
            body = SDP if status == 200 else ""
        rows = [(name, value) for name, value in request.rows if name in ECHOED]
        to = request["To"]
        rows.append(("To", to if ";tag=" in to else f"{to};tag=t"))
        rows.append(("Contact", request.uri.join("<>")))
        if body:
            rows.append(("Content-Type", "application/sdp"))
        answer = Message(f"SIP/2.0 {status} Said", rows, body)
        self._transport.sendto(answer.render(), address)

    def close(self) -> None:
        self._transport.close()


def settled(plan: Drawn, port: int) -> Drawn:
    """The dialplan with all of its parties on this machine, and the same for each call."""
    for (name, trunk), host in zip(plan["trunks"].items(), ADDRESSES.values(), strict=True):
        assert name in SOURCES
        trunk["addresses"] = [f"{host.removesuffix('.1')}.0/24"]
    for gateway in plan["gateways"].values():
        gateway["address"] = f"127.0.0.1:{port}"
    for name, target in plan["targets"].items():
        if "uri" in target:
            target["uri"] = f"sip:{name}@127.0.0.1:{port}"
    numbers = plan["numbers"].values()
    routes = [number.get(part, ()) for number in numbers for part in ("route", "overflow")]
    for hunt in (*plan["groups"].values(), *(step for route in routes for step in route)):
        if hunt.get("strategy") in CHANCE:
            del hunt["strategy"]
            hunt["hunt"] = [one["name"] if isinstance(one, dict) else one for one in hunt["hunt"]]
    for rules in (plan, *numbers):
        rules.pop("auto_block", None)
    return plan


async def call(facts: Facts, server: tuple[str, int]) -> str:
    """Call, and hang up on whoever answers. Its Call-ID, once the call is over."""
    phone = await Phone.open(ADDRESSES[facts.trunk], free_port(), server)
    try:
        extension = f";ext={facts.to_ext}" if facts.to_ext else ""
        to = f"<sip:{quote(facts.to_user, safe='')}@127.0.0.1{extension}>"
        caller = quote(facts.caller, safe="")
        phone.invite(quote(facts.called, safe=""), SDP, to=to, caller=caller)
        while (answer := await phone.expect_any()).status < 200:
            pass
        phone.ack(answer)
        if answer.status == 200:
            phone.request("BYE")
            await phone.expect(200)
        return phone.call_id
    finally:
        await phone.close()


async def test_explain_tells_the_records_of_real_calls(tmp_path: Path, full: bool) -> None:
    dice = Random(2026)
    port = free_port()
    plans = [settled(Dialplans(dice).draw(), port) for _ in range(20 if full else 4)]
    place = lay_out(tmp_path, written(plans[0]))
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write("watch: false\n")
    callees = await Callees.open(port)
    serving = await Serving.start(place)
    count = 0
    try:
        for plan in plans:
            if count:
                (tmp_path / "dialplan.yaml").write_text(written(plan), encoding="utf-8")
                path = tmp_path / "var" / "callrouter.sock"
                await asyncio.to_thread(ask, path, reload_dialplan, NoValues(), PATIENCE)
            calls = [drawn_facts(dice) for _ in range(CALLS)]
            made = {await call(facts, ("127.0.0.1", place.port)): facts for facts in calls}
            count += CALLS
            for record in (await serving.records("", count))[-CALLS:]:
                facts = made.pop(record["call_id"])
                facts.at = record["started"]
                agree(explained(facts, "--config", str(place.config)), record)
    finally:
        callees.close()
        await serving.stop()
