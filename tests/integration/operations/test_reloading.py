"""Reloads that meet, and reloads that fail."""

import asyncio
from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.errors import ConfigError
from callrouter.observe.log import open_log
from callrouter.operations.reload.background_loader import LoadError
from callrouter.operations.reload.reloader import Reloader
from callrouter.route.rules.compiled_dialplan import Dialplan

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@127.0.0.1:5081"}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""


class Rig:
    """A reloader over a file, and the dialplans it brought into service."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "plan.yaml"
        self.write(PLAN)
        self.served: list[Dialplan] = []
        self.log = open_log("text", "error")
        self.reloader = Reloader(load_dialplan(self.path), self.path, self.served.append, self.log)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")


async def test_who_asks_during_a_reload_gets_one_that_began_after_they_asked(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    first = asyncio.create_task(rig.reloader.reload("first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(rig.reloader.reload("later")) for _ in range(3)]
    await first
    rig.write(PLAN.replace("4000", "4001"))
    answers = await asyncio.gather(*later)
    assert answers[0].changes.added == ["4001"]
    assert all(answer is answers[0] for answer in answers)
    assert len(rig.served) == 2
    await rig.reloader.close()


async def test_failed_reload_serves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    old = rig.reloader.dialplan
    rig.write(PLAN.replace("[a]", "[b]"))
    with pytest.raises(ConfigError, match="no target is named 'b'"):
        await rig.reloader.reload("broken")
    assert (rig.served, rig.reloader.dialplan) == ([], old)
    rig.write(PLAN.replace("5081", "5082"))
    done = await rig.reloader.reload("mended")
    assert done.changes.altered == ["4000"]
    assert [dialplan.version for dialplan in rig.served] == [done.new]
    await rig.reloader.close()


async def test_stop_during_a_reload_gives_it_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(tmp_path)
    asked = asyncio.create_task(rig.reloader.reload("too late"))
    await asyncio.sleep(0)
    await rig.reloader.close()
    with pytest.raises(LoadError, match="the server is stopping"):
        await asked
    assert rig.served == []
    rig.log.flush()
    assert capfd.readouterr().err == ""  # no fault of the dialplan's


async def test_python_that_is_away_fails_one_reload_and_not_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    with monkeypatch.context() as away:
        away.setattr("sys.executable", str(tmp_path / "python"))
        with pytest.raises(LoadError, match=r"not compiled: .*No such file.*python"):
            await rig.reloader.reload("first")
    await rig.reloader.reload("again")
    assert len(rig.served) == 1
