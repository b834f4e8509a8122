"""Real softphones (PJSIP) that register with a password, are called, and call each other."""

from pathlib import Path

import pytest
from support.proving import PASSWORDS, proving
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_softphone_registers_is_called_by_another_and_unregisters(tmp_path: Path) -> None:
    (tmp_path / "102").write_text("one-oh-two\n")
    parts = {
        "extensions": {
            name: {"phone": {"user": name, "password_file": str(tmp_path / name)}}
            for name in ("101", "102")
        },
        "targets": {"desk": {"extension": "102"}},
        "numbers": {"4200": {"route": [{"hunt": ["desk"]}]}},
        # Who is at an address of a trunk is taken at its word, and softphones are at 127.0.0.1.
        "trunks": {"phones": {"phones": True}},
    }
    async with proving(tmp_path, parts) as serving:
        registrar = f"127.0.0.1:{serving.place.port}"
        one, other = await Softphone.start(), await Softphone.start(answer_after=0.1)
        wrong = await one.register(registrar, "101", "wrong")
        assert (wrong["status"], wrong["active"]) == (401, False)
        for phone, user, password in ((one, "101", PASSWORDS["101"]), (other, "102", "one-oh-two")):
            said = await phone.register(registrar, user, password)
            assert (said["status"], said["active"]) == (200, True)
        await one.talk(f"sip:4200@{registrar}")
        await other.media()
        await other.hang_up()
        await one.state("disconnected")
        record = await serving.record("4200")
        assert (record["trunk"], record["caller"], record["disposition"]) == (
            "phones",
            "101",
            "ANSWERED",
        )
        assert [leg["target"] for leg in record["legs"]] == ["desk"]
        assert (await other.unregister())["active"] is False
        await one.call(f"sip:4200@{registrar}")
        assert (await one.state("disconnected"))["status"] == 480
        await one.quit()
        await other.quit()
