"""A trunk that brings too many calls, a gateway that is told why a call comes: over real SIP."""

from collections import Counter
from pathlib import Path

import pytest
from support.message import SDP
from support.phone import Phone
from support.phones import Phones
from support.ports import free_port
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")


def dialplan(port: int) -> str:
    return f"""\
country: CN
trunks:
  lab: {{addresses: [127.0.0.1], calls_per_second: 5}}
gateways:
  carrier: {{address: "127.0.0.1:{port}", diversion: true, history_info: true}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{port}"}}
  mobile: {{number: "13912345678", via: carrier}}
numbers:
  "6100": {{route: [{{hunt: [desk]}}]}}
  "6101": {{route: [{{hunt: [desk, mobile]}}]}}
"""


async def test_calls_beyond_the_pace_of_their_trunk_are_refused_and_the_next_second_is_free(
    tmp_path: Path,
) -> None:
    port = free_port()
    place = lay_out(tmp_path, dialplan(port))
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    try:
        burst = [callers.call("6100", 0.0) for _ in range(20)]
        for outcome in burst:
            await outcome.over.wait()
        reasons = {"": 200, "over_limit": 486}
        records = await serving.records("6100", 20)
        assert {record["reason"] for record in records} == set(reasons)
        assert Counter(outcome.status for outcome in burst) == Counter(
            reasons[record["reason"]] for record in records
        )
        rule = "calls_per_second of trunk lab"
        for record in records:
            # Who is refused is the sixth within a second, by the times that callrouter noted.
            now = record["started"]
            taken = [one["started"] for one in records if not one["reason"] and one is not record]
            (verdict,) = [v for v in record["trace"] if v["rule"] == rule]
            count = int(verdict["value"].removesuffix(" of 5"))
            # Of what came at the very same moment some was before it.
            surely = sum(now - 1 < moment < now for moment in taken)
            perhaps = sum(now - 1 <= moment <= now for moment in taken)
            assert surely <= count <= perhaps
            assert bool(record["reason"]) is (count == 5)
        steady = await callers.calls("6100", 20, 10.0, 0.0)
        assert Counter(outcome.status for outcome in steady)[200]
        records = await serving.records("6100", 40)
        taken = sorted(record["started"] for record in records if record["status"] == 200)
        # The second slides: no six of them are within one.
        assert all(last - first >= 0.999 for first, last in zip(taken, taken[5:], strict=False))
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def test_gateway_is_told_that_the_desk_was_busy_and_who_forwarded_before(
    tmp_path: Path,
) -> None:
    port = free_port()
    place = lay_out(tmp_path, dialplan(port))
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    caller = await Phone.open("127.0.0.1", free_port(), server)
    callee = await Phone.open("127.0.0.1", port, server)
    try:
        before = '"Boss" <sip:6000@192.0.2.7>;reason=no-answer;x=y'
        caller.invite("6101", SDP, ("Diversion", before))
        desk = await callee.expect("INVITE")
        assert (desk.all("Diversion"), desk.all("History-Info")) == ([], [])
        callee.reply(desk, 486)
        await callee.expect("ACK")
        mobile = await callee.expect("INVITE")
        us = f"sip:6101@127.0.0.1:{place.port}"
        assert mobile.all("Diversion") == [
            f"<{us}>;reason=user-busy;counter=1",
            "<sip:6000@192.0.2.7>;reason=no-answer;counter=1",
        ]
        assert mobile["History-Info"] == (
            f"<{us}>;index=1, <sip:13912345678@127.0.0.1:{port};cause=486>;index=1.2;mp=1"
        )
        callee.reply(mobile, 486)
        await callee.expect("ACK")
        caller.ack(await caller.expect(486))
        looping = await Phone.open("127.0.0.1", free_port(), server)
        looping.invite("6101", SDP, *[("Diversion", "<sip:1@192.0.2.7>")] * 10)
        looping.ack(await looping.expect(482))
        await looping.close()
        records = await serving.records("6101", 2)
        assert [record["reason"] for record in records] == ["no_target_left", "forwarded_too_often"]
        assert callee.quiet()
    finally:
        await caller.close()
        await callee.close()
        await serving.stop()
