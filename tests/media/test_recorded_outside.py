"""Calls to outside by the worker: recorded, with a notice, and digits behind the number.

Call-backs are recorded where their number says so.
"""

import shutil
from pathlib import Path

import pytest
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.proving import Telephone, proving
from support.softphone import Softphone
from support.typed import run
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TONE = 1400
_DIALLED = "13800138000,105"
_HOTLINE = "02012345678"
_CUSTOMER = "13800138000"


async def test_called_party_gets_the_digits_and_the_notice_and_the_extension_the_recording(
    tmp_path: Path,
) -> None:
    port = free_port()
    shared = shared_folder()
    parts = {
        "gateways": {"out": {"address": f"127.0.0.1:{port}"}},
        "outbound": {"default": "main", "emergency": ["main"], "permission": "staff"},
        "outbound_lines": {"main": {"via": "out"}},
        "permissions": {"staff": {"record": {"notice": "told"}}},
        "prompts": {"told": {"tone": {"hertz": _TONE, "for": "5s"}}},
        "targets": {"desk": {"extension": "101"}},
        "numbers": {"4000": {"route": [{"hunt": ["desk"]}]}},
    }
    async with proving(tmp_path, parts, media_settings(shared, 1, 2)) as serving:
        callee = await Softphone.start(port=port, answer_after=0.1)
        caller = await Telephone.open("127.0.0.41", free_port(), ("127.0.0.1", serving.place.port))
        await caller.calls(_DIALLED)
        while (said := await caller.expect_any(PATIENCE, "200")).status != 200:
            pass
        caller.ack(said)
        assert [(await callee.event("digit"))["digit"] for _ in range(3)] == ["1", "0", "5"]
        file = tmp_path / "callee.wav"
        await callee.record(file)
        await callee.hears_tone(file, _TONE)
        caller.request("BYE")
        await caller.expect(200)
        (record,) = await serving.records(_DIALLED, 1)
        (kept,) = record["recordings"]
        assert (kept["of"], kept["result"]) == ("101", "complete")
        assert [it["which"] for it in record["heard"]] == ["ringback", "told"]
        await callee.quit()
        await caller.close()
    shutil.rmtree(shared)


async def test_call_back_is_recorded_as_its_number_says_and_both_hear_the_notice(
    tmp_path: Path,
) -> None:
    port, desk = free_port(), free_port()
    shared = shared_folder()
    parts = {
        "gateways": {"out": {"address": f"127.0.0.1:{port}"}},
        "prompts": {"told": {"tone": {"hertz": _TONE, "for": "5s"}}},
        "targets": {"agent": {"uri": f"sip:agent@127.0.0.1:{desk}"}},
        "extensions": {"301": {"targets": ["agent"]}},
        "queues": {"back": {"agents": ["301"]}},
        "call_backs": {"missed": {"queue": "back", "via": "out"}},
        "numbers": {
            _HOTLINE: {
                "call_back": "missed",
                "record": {"notice": "told"},
                "route": [{"queue": "back"}],
            }
        },
    }
    async with proving(tmp_path, parts, media_settings(shared, 1, 2)) as serving:
        agent = await Phone.open("127.0.0.1", desk, ("127.0.0.1", serving.place.port))
        customer = await Softphone.start(port=port, answer_after=0.1)
        add = ("callbacks", "add", "missed", _CUSTOMER, "--number", _HOTLINE)
        ended = await run(tmp_path, *add, "--config", serving.place.config)
        assert ended.code == 0, ended.err
        for _ in range(3):  # silence first, then the customer's media, then the worker's
            agent.reply(await agent.expect("INVITE"), 200, SDP)
            await agent.expect("ACK")
        file = tmp_path / "customer.wav"
        await customer.record(file)
        await customer.hears_tone(file, _TONE)
        agent.request("BYE")
        await agent.expect(200)
        (record,) = await serving.records(_CUSTOMER, 1)
        (kept,) = record["recordings"]
        assert (kept["of"], kept["result"]) == (_HOTLINE, "complete")
        assert (record["direction"], record["hung_up_by"]) == ("outbound", "caller")
        await customer.quit()
        await agent.close()
    shutil.rmtree(shared)
