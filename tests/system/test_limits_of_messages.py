"""The limits of one message, as the settings have them, with the counter of each."""

from pathlib import Path

import pytest
from support.message import SDP
from support.phone import Phone
from support.polling import until
from support.ports import free_port
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {desk: {uri: "sip:127.0.0.1:9"}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


async def test_what_is_over_a_limit_gets_its_status_and_its_count(tmp_path: Path) -> None:
    place = lay_out(tmp_path, _DIALPLAN)
    settings = place.config.read_text(encoding="utf-8")
    limits = "limits: {headers: 100, header_size: 1024, body_size: 2048, "
    place.config.write_text(settings.replace("limits: {", limits), encoding="utf-8")
    serving = await Serving.start(place)
    phone = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
    try:
        for name, status, body, rows in (
            ("headers", 513, "", [(f"X-{number}", "y") for number in range(100)]),
            ("header_size", 513, "", [("Subject", "x" * 1024)]),
            ("body_size", 413, SDP + "a=tool:x\r\n" * 210, []),
        ):
            phone.invite("4000", body, *rows)
            await phone.expect(status)
            counter = f"callrouter_over_{name}_total"

            async def counted(counter: str = counter) -> bool:
                return (await serving.metrics())[counter] == 1

            await until(counted)
        assert (await serving.metrics())["callrouter_malformed_total"] == 3
        assert place.records() == []
    finally:
        await phone.close()
        await serving.stop()
