"""callrouter registers with a gateway, and is called at the Contact it registered."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from support.message import SDP, Message
from support.phone import Phone
from support.ports import free_port
from support.proving import PASSWORDS, parameters, proving, response
from support.serving import Serving, command

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def registrations(serving: Serving) -> list[dict[str, Any]]:
    """Our own, as `callrouter registrations --json` says."""
    place = serving.place
    process = await asyncio.create_subprocess_exec(
        *command("registrations", "--json", "--config", place.config),
        cwd=place.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    answer: list[dict[str, Any]] = json.loads(out)["gateways"]
    return answer


def plan(folder: Path, port: int) -> dict[str, Any]:
    auth = {"user": "us", "password_file": str(folder / "us")}
    return {
        "gateways": {
            "carrier": {
                "address": f"127.0.0.1:{port}",
                "auth": auth,
                "register": {"user": "07561234567", "domain": "carrier.example"},
            }
        },
        "trunks": {"carrier": {"registered": "carrier"}},
        "targets": {"out": {"number": "1", "via": "carrier"}},
        "numbers": {"4000": {"route": [{"hunt": ["out"]}]}},
        "extensions": {},
    }


async def granted(gateway: Phone, request: Message, seconds: int) -> None:
    gateway.reply(request, 200, Contact=f"{request['Contact']};expires={seconds}")


async def test_registers_is_called_there_and_unregisters_at_the_end(tmp_path: Path) -> None:
    port = free_port()
    async with proving(tmp_path, plan(tmp_path, port)) as serving:
        server = ("127.0.0.1", serving.place.port)
        gateway = await Phone.open("127.0.0.1", port, server)
        first = await gateway.expect("REGISTER")
        assert first.uri == "sip:carrier.example"
        assert first["To"] == "<sip:07561234567@carrier.example>"
        kept = [row for row in first.rows if row[0] in {"Via", "From", "Call-ID", "CSeq", "To"}]
        challenge = 'Digest realm="carrier", nonce="n", qop="auth", algorithm=SHA-256'
        gateway.send(Message("SIP/2.0 401 Prove", [*kept, ("WWW-Authenticate", challenge)]))
        proven = await gateway.expect("REGISTER")
        given = parameters(proven["Authorization"])
        assert given["response"] == response(given, PASSWORDS["us"], "REGISTER")
        await granted(gateway, proven, 300)
        contact = proven.contact
        # The carrier calls from an address that is nobody's, at the Contact that only it knows.
        caller = await Phone.open("127.0.0.71", free_port(), server)
        user = contact.removeprefix("sip:").partition("@")[0]
        caller.invite(user, SDP, to="<sip:4000@carrier.example>")
        invite = await gateway.expect("INVITE")
        gateway.reply(invite, 486)
        await gateway.expect("ACK")
        caller.ack(await caller.expect(486))
        record = await serving.record("4000")
        assert (record["trunk"], record["number"]) == ("carrier", "4000")
        stranger = await Phone.open("127.0.0.72", free_port(), server)
        stranger.invite("guessed", SDP, to="<sip:4000@carrier.example>")
        listed = await registrations(serving)
        assert [(row["gateway"], row["state"]) for row in listed] == [("carrier", "registered")]
        assert 0 < listed[0]["left"] <= 300
        assert (await serving.metrics())["callrouter_registrations"] == 1
        assert stranger.quiet()
        serving.signal(signal.SIGTERM)
        gone = await gateway.expect("REGISTER")
        assert gone["Expires"] == "0"
        assert parameters(gone["Authorization"])["nc"] == "00000002"
        gateway.reply(gone, 200)
        assert await serving.ended() == 0
        for phone in (gateway, caller, stranger):
            await phone.close()


async def test_reload_without_it_takes_it_back(tmp_path: Path) -> None:
    port = free_port()
    async with proving(tmp_path, plan(tmp_path, port)) as serving:
        gateway = await Phone.open("127.0.0.1", port, ("127.0.0.1", serving.place.port))
        await granted(gateway, await gateway.expect("REGISTER"), 300)
        file = tmp_path / "dialplan.yaml"
        text = file.read_text()
        file.write_text(text.replace("  domain: carrier.example", "  domain: other.example"))
        serving.signal(signal.SIGHUP)
        both = [await gateway.expect("REGISTER"), await gateway.expect("REGISTER")]
        said = {(request["To"].partition("@")[2], request["Expires"]) for request in both}
        assert said == {("carrier.example>", "0"), ("other.example>", "600")}
        await gateway.close()
