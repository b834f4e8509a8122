"""What `serve` imports: all of it before it says that it listens, nothing while calls are up."""

from pathlib import Path

import pytest
from support.imports import TELLING, told
from support.phone import Phone
from support.ports import free_port
from support.serving import Serving, lay_out
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks:
  lab: {{addresses: [127.0.0.1]}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{port}"}}
numbers:
  "4000": {{route: [{{hunt: [desk]}}]}}
"""
_ASKED = ("calls", "gateways", "block add 4001", "block list", "explain --from 4001 --to 4000")


async def test_neither_a_call_nor_an_operator_makes_serve_import_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    place = lay_out(tmp_path, _DIALPLAN.format(port=port))
    with monkeypatch.context() as patched:
        patched.setenv(*next(iter(TELLING.items())))
        serving = await Serving.start(place)
    try:
        before = told(serving.log())
        desk = await Phone.open("127.0.0.1", port, ("127.0.0.1", place.port))
        caller = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
        caller.invite("4000")
        desk.reply(await desk.expect("INVITE"), 486)
        caller.ack(await caller.expect(486))
        await serving.record("4000")
        await serving.metrics()
        for words in _ASKED:
            assert (await run(tmp_path, *words.split(), "--config", place.config)).code == 0
        place.database.unlink()  # noticed, and made again, with the next record
        caller.invite("4999")
        caller.ack(await caller.expect(404))
        await serving.logged("all spooled records are in the database")
        await caller.close()
        await desk.close()
        assert "callrouter.app.server" in before
        assert told(serving.log())[len(before) :] == []
    finally:
        await serving.stop()
