"""A prepaid call that ends with its money: both parties hear a tone before."""

import asyncio
import shutil
from pathlib import Path

import pytest
from support.ports import free_port
from support.serving import Serving, command, lay_out
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TONE = 1400


async def test_caller_and_callee_hear_a_tone_before_the_money_ends(tmp_path: Path) -> None:
    port = free_port()
    place = lay_out(
        tmp_path,
        "country: CN\nrate_plans: plans.yaml\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{desk: {{uri: 'sip:desk@127.0.0.1:{port}'}}}}\n"
        "numbers: {'4000': {rate_plan: dear, account: acme, route: [{hunt: [desk]}]}}\n",
    )
    (tmp_path / "plans.yaml").write_text(
        "country: CN\n"
        "accounts: {acme: {kind: prepaid, currency: CNY, notice: 0, suspend: 0}}\n"
        "plans: {dear: {currency: CNY, blocks: 8/8, price: 1/s}}\n",
        encoding="utf-8",
    )
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 1, 2))
    serving = await Serving.start(place)
    phones = [await Softphone.start(), await Softphone.start(port=port, answer_after=0.1)]
    try:
        await _paid(place.config)
        await phones[0].talk(f"sip:4000@127.0.0.1:{place.port}")
        files = [tmp_path / "caller.wav", tmp_path / "callee.wav"]
        for phone, file in zip(phones, files, strict=True):
            await phone.record(file)
        for phone, file in zip(phones, files, strict=True):
            await phone.hears_tone(file, _TONE)
        for phone in phones:
            await phone.state("disconnected")
        (record,) = await serving.records("4000", 1)
        assert (record["reason"], record["cost"]) == ("no_credit", "8.0000")
        assert record["ended_ms"] - record["answered_ms"] == 8000
    finally:
        for phone in phones:
            await phone.quit()
        await serving.stop()
        shutil.rmtree(shared)


async def _paid(config: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("accounts", "top-up", "acme", "8", "--config", config),
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
