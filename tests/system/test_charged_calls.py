"""What calls cost, over real SIP: both legs of a toll-free call, by the plans that went live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from support.phones import Phones
from support.polling import until
from support.ports import free_port
from support.serving import Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A minute of the tariff is two seconds here.
PLANS: Final = """\
country: CN
plans:
  toll_free: {currency: CNY, decimals: 2, blocks: 2/2, price: 0.15/s, forwarded: outbound}
  outbound:
    currency: CNY
    decimals: 2
    blocks: 2/2
    price: 9/s
    rates: [{prefixes: ["+86"], kinds: [mobile], price: 0.075/s}]
"""
MINUTE: Final = 2000


def minutes(first: int, last: int) -> int:
    """The blocks of a time in milliseconds: whole seconds, then whole minutes of the tariff."""
    return -(-(-(-(last - first) // 1000) * 1000) // MINUTE)


@asynccontextmanager
async def hotline(folder: Path) -> AsyncIterator[tuple[Serving, Phones]]:
    """A toll-free number that is forwarded to somebody's mobile by a carrier."""
    carrier = free_port()
    place = lay_out(
        folder,
        "country: CN\nrate_plans: plans.yaml\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"gateways: {{carrier: {{address: '127.0.0.1:{carrier}'}}}}\n"
        "targets: {mobile: {number: '13800138000', via: carrier}}\n"
        "numbers: {'4008001234': {rate_plan: toll_free, route: [{hunt: [mobile]}]}}\n",
    )
    (folder / "plans.yaml").write_text(PLANS, encoding="utf-8")
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, carrier)
    try:
        yield serving, callers
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def called(serving: Serving, callers: Phones, hold: float) -> dict[str, Any]:
    """Make one call; its record."""
    outcome = callers.call("4008001234", hold)
    await outcome.over.wait()

    async def look() -> list[dict[str, Any]]:
        records = serving.place.records()
        return [record for record in records if record["call_id"] == outcome.call_id]

    return (await until(look))[0]


async def test_toll_free_call_costs_both_legs_and_a_running_server_takes_new_prices(
    tmp_path: Path,
) -> None:
    async with hotline(tmp_path) as (serving, callers):
        record = await called(serving, callers, MINUTE / 1000 + 0.3)
        (leg,) = record["legs"]
        inbound = minutes(record["answered_ms"], record["ended_ms"])
        mobile = minutes(leg["answered_ms"], leg["ended_ms"])
        assert inbound >= 2 <= mobile  # and no more, where nothing else keeps the machine
        assert [(one["leg"], one["plan"], one["rate"]) for one in record["charges"]] == [
            (None, "toll_free", "all numbers"),
            (0, "outbound", "+86 mobile"),
        ]
        costs = [Decimal(one["cost"]) for one in record["charges"]]
        assert costs == [Decimal("0.30") * inbound, Decimal("0.15") * mobile]
        assert record["cost"] == str(sum(costs))
        if (inbound, mobile) == (2, 2):
            assert record["cost"] == "0.90"
        assert record["billed_seconds"] == 2 * (inbound + mobile)
        assert (record["rate_plan"], record["currency"]) == ("toll_free", "CNY")

        (tmp_path / "plans.yaml").write_text(PLANS.replace("0.15", "0.25"), encoding="utf-8")
        reload = await asyncio.create_subprocess_exec(
            *command("reload", "--config", serving.place.config), stdout=asyncio.subprocess.DEVNULL
        )
        assert await reload.wait() == 0
        after = await called(serving, callers, 0.1)
        inbound = minutes(after["answered_ms"], after["ended_ms"])
        assert Decimal(after["charges"][0]["cost"]) == Decimal("0.50") * inbound
        assert after["dialplan"] != record["dialplan"]
