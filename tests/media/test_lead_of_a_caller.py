"""One unknown caller: queue, agent 101, put through to 102 by it, survey 5; one lead, of 102."""

import json
import shutil
from pathlib import Path

import pytest
from support.hooks import SECRET
from support.played_bitrix24 import PlayedBitrix24, bridged
from support.polling import until
from support.serving import Serving, lay_out
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}, phones: {phones: true}}
extensions:
  "101": {phone: {user: "101", password_file: "101", addresses: [127.0.0.1]}}
  "102": {lines: 1, phone: {user: "102", password_file: "102", addresses: [127.0.0.1]}}
queues: {support: {agents: ["101"], ring: 30s}}
numbers:
  "4000": {crm: {create: inbound, source: Web}, survey: true, route: [{queue: support}]}
"""


@pytest.mark.parametrize("how", ["attended", "blind"])
async def test_caller_of_a_queue_is_one_lead_of_who_had_the_call_last(
    tmp_path: Path, how: str, full: bool
) -> None:
    if how == "blind" and not full:
        pytest.skip("its parts are played by the clock")
    place = lay_out(tmp_path, _DIALPLAN)
    for extension in ("101", "102"):
        (tmp_path / extension).write_text(f"{extension}-secret\n")
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
        agent = await Softphone.start(answer_after=0.2)
        colleague = await Softphone.start(answer_after=0.2)
        server = f"127.0.0.1:{place.port}"
        try:
            for phone, extension in ((agent, "101"), (colleague, "102")):
                said = await phone.register(server, extension, f"{extension}-secret")
                assert said["active"]
            await caller.talk(f"sip:4000@{server}")
            await agent.state("confirmed")
            await serving.logged("queue: answered")
            if how == "blind":
                await agent.transfer(f"sip:102@{server}")
            else:
                await agent.hold()
                await agent.media("sendonly")
                await agent.talk(f"sip:102@{server}")
                await agent.join()
            await colleague.state("confirmed")
            for _ in range(1 if how == "blind" else 2):
                await agent.state("disconnected")
            await agent.call(f"sip:102@{server}")
            assert (await agent.state("disconnected"))["status"] == 486
            rung = [line for line in colleague.heard if line.get("event") == "incoming"]
            assert len(rung) == 1  # its line is in use, so it was not even asked
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
