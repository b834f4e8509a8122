"""Calls to outside by the worker: recorded, with a notice, and digits behind the number."""

import shutil
from pathlib import Path

import pytest
from support.polling import PATIENCE
from support.ports import free_port
from support.proving import Telephone, proving
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TONE = 1400
_DIALLED = "13800138000,105"


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
