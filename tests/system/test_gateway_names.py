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
from support.polling import PATIENCE, until
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
  moved: {uri: "sip:moved@127.0.0.1:MOVED"}
numbers:
  "6001": {route: [{hunt: [moved], redirects: follow, progress: 20s}]}
  "6000": {route: [{hunt: [mobile, desk], progress: 20s}]}
"""


class Office:
    """A callrouter whose DNS server the test owns; two carriers, and a desk at another name."""

    def __init__(self, serving: Serving, phones: Phones, dns: NameServer) -> None:
        self.serving = serving
        self.phones = phones
        self.dns = dns
        self.carriers: list[CarrierGateway] = []
        self.ports: list[int] = []

    async def call(self, number: str = "6000") -> Outcome:
        outcome = self.phones.call(number, 0.0)
        await outcome.over.wait()
        return outcome

    async def trace(self, outcome: Outcome) -> list[str]:
        """Why what was done, by the call's record."""

        async def look() -> list[dict[str, Any]]:
            records = self.serving.place.records()
            return [record for record in records if record["call_id"] == outcome.call_id]

        return [verdict["why"] for verdict in (await until(look))[0]["trace"]]

    async def gateways(self) -> dict[str, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *command("gateways", "--json", "--config", self.serving.place.config),
            cwd=self.serving.place.folder,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
        return {it["name"]: it for it in json.loads(out)["gateways"]}

    async def desk_is_known(self) -> None:
        """Wait until the name in the desk's URI is looked up, in each way it may be used."""

        async def look() -> bool:
            found = await self.gateways()
            names = (f"{self.ports[2]}:udp", "5060:any", "0:any")
            return all(found[f"host:pbx.example:{name}"]["state"] == "up" for name in names)

        await until(look)

    async def located(self, *ports: int) -> None:
        """Wait until the gateway is known to be at these ports."""
        wanted = [f"udp:127.0.0.1:{port}" for port in ports]

        async def look() -> bool:
            found = (await self.gateways())["named"]
            return [it["place"] for it in found["places"]] == wanted

        await until(look, 2 * PATIENCE)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    ports = [free_port() for _ in range(4)]
    dns = await NameServer.open()
    dns.add("pbx.example", "A", "127.0.0.1")
    place = lay_out(
        folder, _DIALPLAN.replace("PORT", str(ports[2])).replace("MOVED", str(ports[3]))
    )
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
        assert [len(carrier.rung) for carrier in it.carriers[:3]] == [1, 0, 1]
        assert it.carriers[0].rung[0].uri == "sip:13800138000@carrier.example"
        it.carriers[0].calls = 503
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers[:3]] == [2, 1, 1]
        it.dns.silent = True
        it.dns.news.clear()
        await asyncio.wait_for(it.dns.news.wait(), PATIENCE)
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers[:3]] == [3, 2, 1]
        it.dns.silent = False
        services(it, it.ports[1])
        await it.located(it.ports[1])
        assert (await it.call()).status == 200
        assert [len(carrier.rung) for carrier in it.carriers[:3]] == [3, 3, 1]


async def test_redirection_to_a_name_of_the_dialplan_is_followed_and_to_any_other_is_not(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        await it.desk_is_known()
        moved = it.carriers[3]
        moved.calls = 302
        for contact in (f"<sip:x@pbx.example:{it.ports[0]}>", f"<sip:x@PBX.example:{it.ports[1]}>"):
            moved.contact = contact
            assert (await it.call("6001")).status == 200
        # What is known is used: nobody waits for DNS.
        it.dns.silent = True
        moved.contact = f"<sip:evil@evil.example:{it.ports[2]}>, <sip:x@pbx.example:{it.ports[0]}>"
        assert (await it.call("6001")).status == 200
        assert [len(carrier.rung) for carrier in it.carriers[:3]] == [2, 1, 0]
        assert it.carriers[0].rung[0].uri == f"sip:x@pbx.example:{it.ports[0]}"
        it.dns.silent = False
        it.dns.add("evil.example", "A", "127.0.0.1")
        moved.contact = f"<sip:evil@evil.example:{it.ports[2]}>"
        assert (await it.call("6001")).status == 480
        assert len(it.carriers[2].rung) == 0
        assert not any(name.startswith("evil") for name, _ in it.dns.asked)


async def test_redirection_to_a_name_without_port_goes_where_its_services_are(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as it:
        for index in (0, 1):
            it.dns.add("_sip._udp.pbx.example", "SRV", f"{index} 1 {it.ports[index]} pbx.example.")
        await it.desk_is_known()
        it.carriers[3].calls, it.carriers[3].contact = 302, "<sip:x@pbx.example>"
        it.carriers[0].calls = 503
        assert (await it.call("6001")).status == 200
        assert [len(carrier.rung) for carrier in it.carriers] == [1, 1, 0, 1]
        assert it.carriers[1].rung[0].uri == "sip:x@pbx.example"
