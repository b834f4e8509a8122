"""Who may call and be called by TLS: names, authorities, trunks, sips, new certificates."""

import asyncio
import signal
import ssl
from pathlib import Path

import pytest
from support.edge import OURS, Authority, Edge, talk
from support.polling import PATIENCE, until
from support.stream_phone import StreamPhone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_gateway_with_the_right_name_is_called_and_sees_our_certificate(edge: Edge) -> None:
    context = edge.authority.server("pbx.test", clients=True)
    port = edge.ports.target("named")
    callee = await StreamPhone.listen("127.0.0.1", port, edge.at("tls"), context)
    caller = await edge.caller("udp")
    try:
        invite = await talk(caller, callee, "7004")
        assert invite.uri == f"sip:07561234567@127.0.0.1:{port};transport=tls"
        shown = callee.links[0].transport.get_extra_info("peercert")
        assert ("DNS", "sip.test") in shown["subjectAltName"]
    finally:
        await caller.close()
        await callee.close()


@pytest.mark.parametrize("names", [("wrong.test",), ("127.0.0.1",)])
async def test_gateway_with_another_name_in_its_certificate_gets_no_call(
    edge: Edge, names: tuple[str, ...]
) -> None:
    port = edge.ports.target("named")
    context = edge.authority.server(*names)
    callee = await StreamPhone.listen("127.0.0.1", port, edge.at("tls"), context)
    caller = await edge.caller("udp")
    try:
        caller.invite("7004")
        caller.ack(await caller.expect(500))
        assert callee.seen == []
    finally:
        await caller.close()
        await callee.close()


async def test_gateway_of_an_unknown_authority_gets_no_call(edge: Edge, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    port = edge.ports.target("named")
    context = stranger.server("pbx.test")
    callee = await StreamPhone.listen("127.0.0.1", port, edge.at("tls"), context)
    caller = await edge.caller("udp")
    try:
        caller.invite("7004")
        caller.ack(await caller.expect(500))
        assert callee.seen == []
    finally:
        await caller.close()
        await callee.close()


async def test_certificate_of_a_carrier_is_its_trunk_wherever_it_comes_from(edge: Edge) -> None:
    callee = await edge.callee("udp")
    context = edge.authority.client("carrier.test")
    caller = await StreamPhone.connect(edge.at("tls"), context, host="127.0.0.9")
    try:
        await talk(caller, callee, "7001")
        records = edge.serving.place.records
        found = await until(
            lambda: asyncio.to_thread(
                lambda: [row for row in records("7001") if row["source"] == "127.0.0.9"]
            ),
        )
        assert found[0]["trunk"] == "carrier"
    finally:
        await caller.close()
        await callee.close()


@pytest.mark.parametrize("names", [(), ("someone.test",)])
async def test_without_the_carriers_certificate_a_strange_address_is_a_stranger(
    edge: Edge, names: tuple[str, ...]
) -> None:
    context = edge.authority.client(*names)
    caller = await StreamPhone.connect(edge.at("tls"), context, host="127.0.0.9")
    caller.invite("7001")
    async with asyncio.timeout(PATIENCE):
        await caller.links[0].lost.wait()
    assert caller.seen == []
    await caller.close()


async def test_certificate_of_an_unknown_authority_ends_the_connection(
    edge: Edge, tmp_path: Path
) -> None:
    context = edge.authority.client()
    context.load_cert_chain(*Authority(tmp_path).issue("forged", "carrier.test"))
    before = (await edge.serving.metrics())["callrouter_connections_handshake_total"]
    try:
        caller = await StreamPhone.connect(edge.at("tls"), context, host="127.0.0.9")
    except OSError:
        pass
    else:  # with TLS 1.3 the client learns of it later
        await asyncio.wait_for(caller.links[0].lost.wait(), PATIENCE)

    async def counted() -> bool:
        metrics = await edge.serving.metrics()
        return metrics["callrouter_connections_handshake_total"] > before

    await until(counted)


async def test_name_that_is_asked_for_chooses_the_certificate(edge: Edge) -> None:
    for name, wanted in (("other.test", "other.test"), ("sip.test", "sip.test")):
        caller = await StreamPhone.connect(edge.at("tls"), edge.authority.client(), name=name)
        shown = caller.links[0].transport.get_extra_info("peercert")
        assert ("DNS", wanted) in shown["subjectAltName"]
        await caller.close()


async def test_tls_1_1_is_refused(edge: Edge) -> None:
    context = edge.authority.client()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await StreamPhone.connect(edge.at("tls"), context)


async def test_sips_call_goes_only_where_every_hop_is_tls(edge: Edge) -> None:
    datagrams, callee = await edge.callee("udp"), await edge.callee("tls")
    caller = await edge.caller("tls")
    caller.scheme = callee.scheme = "sips"
    try:
        invite = await talk(caller, callee, "7008")
        assert invite.uri == f"sips:desk@127.0.0.1:{edge.ports.target('tls')}"
        assert invite.contact == f"sips:127.0.0.1:{edge.ports.tls}"
        ringing = next(message for message in caller.seen if message.status == 180)
        assert ringing.contact == f"sips:127.0.0.1:{edge.ports.tls}"
        assert datagrams.seen == []
    finally:
        for phone in (caller, callee, datagrams):
            await phone.close()


async def test_sips_call_without_a_way_by_tls_is_480(edge: Edge) -> None:
    callee = await edge.callee("udp")
    caller = await edge.caller("tls")
    caller.scheme = "sips"
    caller.invite("7001")
    caller.ack(await caller.expect(480))
    assert callee.seen == []
    await caller.close()
    await callee.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sips_call_that_comes_without_tls_is_refused(edge: Edge, transport: str) -> None:
    caller = await edge.caller(transport)
    caller.scheme = "sips"
    caller.invite("7003")
    caller.ack(await caller.expect(403))
    await caller.close()


async def test_new_certificate_serves_new_connections_and_drops_none(edge: Edge) -> None:
    old = await edge.caller("tls")
    callee = await edge.callee("udp")
    serial = await serial_of(edge)
    edge.authority.issue("own", *OURS)

    async def renewed() -> bool:
        return await serial_of(edge) != serial

    await until(renewed)
    renewed_serial = await serial_of(edge)
    own = edge.serving.place.folder / "own.pem"
    whole = own.read_bytes()
    own.write_bytes(b"rubbish")
    await edge.serving.logged("certificates not reloaded", "own.pem with ")
    assert await serial_of(edge) == renewed_serial
    own.write_bytes(whole)
    taken = edge.serving.log().count("certificates reloaded")
    edge.serving.signal(signal.SIGHUP)
    await edge.serving.logged("certificates reloaded", times=taken + 1)
    await talk(old, callee, "7001")
    await old.close()
    await callee.close()


async def serial_of(edge: Edge) -> str:
    """The serial number of the certificate that a new connection is shown."""
    caller = await edge.caller("tls")
    assert isinstance(caller, StreamPhone)
    shown = caller.links[0].transport.get_extra_info("peercert")
    await caller.close()
    return str(shown["serialNumber"])
