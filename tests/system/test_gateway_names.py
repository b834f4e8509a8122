"""Gateways that DNS says the place of: SRV failover, changes, and DNS that falls silent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.gateway import CarrierGateway
from support.nameserver import NameServer
from support.phones import Outcome, Phones
from support.polling import until
from support.ports import free_port
from support.serving import Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
gateways:
  named: {address: carrier.example, transport: udp}
targets:
  mobile: {number: "13800138000", via: named}
  desk: {uri: "sip:desk@pbx.example:PORT"}
numbers:
  "6000": {route: [{hunt: [mobile, desk], progress: 2s}]}
"""


class Office:
    """A callrouter whose DNS server the test owns; two carriers, and a desk at another name."""

    def __init__(self, serving: Serving, phones: Phones, dns: NameServer) -> None:
        self.serving = serving
        self.phones = phones
        self.dns = dns
        self.carriers: list[CarrierGateway] = []
        self.ports: list[int] = []

    async def call(self) -> Outcome:
        outcome = self.phones.call("6000", 0.0)
        await outcome.over.wait()
        return outcome

    async def trace(self, outcome: Outcome) -> list[str]:
        """Why what was done, by the call's record."""

        async def look() -> list[dict[str, Any]]:
            records = self.serving.place.records()
            return [record for record in records if record["call_id"] == outcome.call_id]

        return [verdict["why"] for verdict in (await until(look, within=10))[0]["trace"]]

    async def gateways(self) -> dict[str, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *command("gateways", "--json", "--config", self.serving.place.config),
            cwd=self.serving.place.folder,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            out, _ = await process.communicate()
        return {it["name"]: it for it in json.loads(out)["gateways"]}

    async def desk_is_known(self) -> None:
        """Wait until the name in the desk's URI is looked up."""

        async def look() -> bool:
            found = (await self.gateways())[f"host:pbx.example:{self.ports[2]}:udp"]
            return bool(found["state"] == "up")

        await until(look, 20.0)

    async def located(self, *ports: int, within: float = 20.0) -> None:
        """Wait until the gateway is known to be at these ports."""
        wanted = [f"udp:127.0.0.1:{port}" for port in ports]

        async def look() -> bool:
            found = (await self.gateways())["named"]
            return [it["place"] for it in found["places"]] == wanted

        await until(look, within)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    ports = [free_port() for _ in range(3)]
    dns = await NameServer.open()
    dns.add("pbx.example", "A", "127.0.0.1")
    place = lay_out(folder, _DIALPLAN.replace("PORT", str(ports[2])))
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(f"nameservers: ['127.0.0.1:{dns.port}']\n")
    carriers = [await CarrierGateway.open("127.0.0.1", port) for port in ports]
    serving = await Serving.start(place)
    phones = await Phones.open(("127.0.0.1", place.port))
    it = Office(serving, phones, dns)
    it.carriers, it.ports = carriers, ports
    try:
        yield it
    finally:
        await phones.close()
        await serving.stop()
        dns.close()
        for carrier in carriers:
            carrier.close()


def services(it: Office, *ports: int) -> None:
    """Let DNS have these SRV records, the first preferred."""
    it.dns.zone[("_sip._udp.carrier.example", "SRV")] = [
        f"{index} 1 {port} host.carrier.example." for index, port in enumerate(ports)
    ]
    it.dns.zone[("host.carrier.example", "A")] = ["127.0.0.1"]


async def test_name_is_rung_by_its_srv_records_with_failover_and_kept_while_dns_is_silent(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        await it.desk_is_known()
        outcome = await it.call()
        assert outcome.status == 200, "the desk is rung at once: the carrier's name is unknown"
        assert len(it.carriers[2].rung) == 1
        assert any("is not resolved yet" in why for why in await it.trace(outcome))
        services(it, it.ports[0], it.ports[1])
        await it.located(it.ports[0], it.ports[1])
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers] == [1, 0, 1]
        assert it.carriers[0].rung[0].uri == "sip:13800138000@carrier.example"
        it.carriers[0].calls = 503
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers] == [2, 1, 1]
        it.dns.silent = True
        it.dns.news.clear()
        await asyncio.wait_for(it.dns.news.wait(), 20)
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers] == [3, 2, 1]
        it.dns.silent = False
        services(it, it.ports[1])
        await it.located(it.ports[1], within=40.0)
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers] == [3, 3, 1]
