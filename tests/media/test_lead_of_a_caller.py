"""One unknown caller: queue, agent 101, put through to 102 by hand, survey 5; one lead, of 102."""

import json
import shutil
from pathlib import Path

import pytest
from support.hooks import SECRET
from support.played_bitrix24 import PlayedBitrix24, bridged
from support.polling import until
from support.ports import free_port
from support.serving import Serving, lay_out
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  desk_101: {{uri: "sip:101@127.0.0.1:{first}"}}
  desk_102: {{uri: "sip:102@127.0.0.1:{second}"}}
extensions:
  "101": {{targets: [desk_101]}}
  "102": {{targets: [desk_102]}}
queues: {{support: {{agents: ["101"], ring: 30s}}}}
numbers:
  "4000": {{crm: {{create: inbound, source: Web}}, survey: true, route: [{{queue: support}}]}}
  "4002": {{route: [{{hunt: [desk_102], ring: 30s}}]}}
"""


async def test_caller_of_a_queue_is_one_lead_of_who_had_the_call_last(tmp_path: Path) -> None:
    ports = {"first": free_port(), "second": free_port()}
    place = lay_out(tmp_path, _DIALPLAN.format(**ports))
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    shared = shared_folder()
    async with (
        PlayedBitrix24.open() as bitrix,
        bridged(bitrix.rest, SECRET, tmp_path) as bridge,
    ):
        endpoint = {"name": "b", "url": bridge, "secret_file": "secret", "allow_private": True}
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(media_settings(shared, 2, 4))
            settings.write(f"webhooks: {json.dumps([endpoint])}\n")
        serving = await Serving.start(place)
        caller = await Softphone.start(user="013800138000")
        agent = await Softphone.start(port=ports["first"], answer_after=0.2)
        colleague = await Softphone.start(port=ports["second"], answer_after=0.2)
        try:
            await caller.talk(f"sip:4000@127.0.0.1:{place.port}")
            await agent.state("confirmed")
            await serving.logged("queue: answered")
            await agent.transfer(f"sip:4002@127.0.0.1:{place.port}")
            await colleague.state("confirmed")
            await agent.state("disconnected")
            await colleague.hang_up()

            async def asked() -> bool:
                """It presses until the survey has taken it."""
                over = {"event": "state", "state": "disconnected"}
                if any(over.items() <= line.items() for line in caller.heard):
                    return True
                await caller.press("5")
                return False

            await until(asked)

            async def finished() -> bool:
                return any(call.finished for call in bitrix.calls.values())

            await until(finished)
        finally:
            for phone in (caller, agent, colleague):
                await phone.quit()
            log = serving.log()
            await serving.stop()
            shutil.rmtree(shared)
        assert "internal error" not in log
        (call,) = bitrix.calls.values()
        assert bitrix.leads == {"100": {"ASSIGNED_BY_ID": "12", "SOURCE": "Web"}}
        assert call.registered["PHONE_NUMBER"] == "+8613800138000"
        said = (call.finished["USER_ID"], call.finished["STATUS_CODE"], call.finished["VOTE"])
        assert said == ("12", "200", "5")
        assert ["11"] in call.seen
        assert ["12"] in call.seen
