"""A real Kamailio as the carrier: it challenges our REGISTER, our INVITE and our BYE."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.message import SDP
from support.phone import Phone
from support.polling import until
from support.ports import bound, free_port
from support.proving import proving

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROGRAM = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")
CONFIG = """\
debug=1
log_stderror=yes
fork=no
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("auth", "qop", "auth")
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "nonce_count", 1)
request_route {{
    if (is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}
    if (is_method("ACK|CANCEL")) {{ loose_route(); t_relay(); exit; }}
    if (!pv_www_authenticate("carrier.example", "0urs", "0")) {{
        www_challenge("carrier.example", "1");
        exit;
    }}
    consume_credentials();
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    if (has_totag()) {{ loose_route(); t_relay(); exit; }}
    record_route();
    $du = "sip:127.0.0.1:{callee}";
    t_relay();
}}
"""


@asynccontextmanager
async def kamailio(folder: Path, port: int, callee: int, algorithm: str) -> AsyncIterator[Path]:
    """Run it; its log."""
    config, log = folder / "kamailio.cfg", folder / "kamailio.log"
    config.write_text(CONFIG.format(port=port, callee=callee, algorithm=algorithm))
    assert PROGRAM is not None, "apt-get install kamailio"
    with log.open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "-DD", "-E", "-f", str(config), "-m", "32", "-M", "4", "-Y", str(folder)),
            *("-w", str(folder), "-P", str(folder / "kamailio.pid")),
            stdout=err,
            stderr=err,
        )
    try:
        await bound("udp", port)
        yield log
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_register_call_and_bye_are_proven_to_kamailio(
    tmp_path: Path, algorithm: str, full: bool
) -> None:
    if algorithm == "MD5" and not full:
        pytest.skip("MD5 as well is for --full")
    port, callee_port = free_port(), free_port()
    auth = {"user": "us", "password_file": str(tmp_path / "us"), "realm": "carrier.example"}
    address = f"127.0.0.1:{port}"
    parts: dict[str, Any] = {
        "gateways": {
            "carrier": {"address": address, "auth": auth, "register": {"expires": "60s"}},
        },
        "targets": {"out": {"number": "123", "via": "carrier"}},
        "numbers": {"4000": {"route": [{"hunt": ["out"]}]}},
        "extensions": {},
    }
    async with (
        kamailio(tmp_path, port, callee_port, algorithm) as log,
        proving(tmp_path, parts) as serving,
    ):
        server = ("127.0.0.1", serving.place.port)
        caller = await Phone.open("127.0.0.1", free_port(), server)
        callee = await Phone.open("127.0.0.1", callee_port, ("127.0.0.1", port))

        async def registered() -> bool:
            return (await serving.metrics())["callrouter_registrations"] == 1

        try:
            await until(registered, 40.0)
            caller.invite("4000", SDP)
            invite = await callee.expect("INVITE")
            assert invite["Authorization"] == ""  # Kamailio has consumed it
            callee.reply(invite, 200, SDP)
            caller.ack(await caller.expect(200))
            await callee.expect("ACK")
            caller.request("BYE")
            callee.reply(await callee.expect("BYE"), 200)
            await caller.expect(200)
            record = await serving.record("4000")
            assert record["disposition"] == "ANSWERED"
        except (TimeoutError, AssertionError) as error:
            raise AssertionError(f"{error}\n{log.read_text()[-3000:]}\n{serving.log()}") from error
        await caller.close()
        await callee.close()
