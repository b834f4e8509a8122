"""Media workers of another Python than callrouter's, which has no package of ours but pjsua2."""

import importlib.util
import sys
import venv
from pathlib import Path

import pytest
from support.pools import HOST, Ear, Rig

_BROKEN = "raise ImportError('no wheel for this Python')\n"


def _other(folder: Path) -> Path:
    """An environment that has pjsua2 and nothing else; give its interpreter."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    found = importlib.util.find_spec("pjsua2")
    assert found is not None
    assert found.origin is not None
    for path in Path(found.origin).parents[1].glob("pjsua2*"):  # and its libraries
        (packages / path.name).symlink_to(path)
    return folder / "bin" / "python"


@pytest.fixture
def without_pjsua2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own interpreter has none, and none is on the PATH."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pjsua2.py").write_text(_BROKEN)
    monkeypatch.setenv("PYTHONPATH", str(broken))
    monkeypatch.setenv("PATH", "/nonexistent")


def _command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


async def _serves(rig: Rig, python: str) -> None:
    await rig.pool.start([(HOST, 0)])
    try:
        await rig.serving(1)
        assert _command(rig.nursery())[0] == python
        ear = Ear()
        slots = rig.pool.reserve(1, ear.post)
        assert slots is not None
        slots.release()
        assert rig.diary.said("no media: pjsua2 cannot be imported") == []
        assert rig.diary.said("media nursery died") == []
    finally:
        await rig.pool.close()
    assert rig.bugs == []


@pytest.mark.usefixtures("without_pjsua2")
async def test_workers_run_under_the_python_that_the_settings_name(tmp_path: Path) -> None:
    other = str(_other(tmp_path / "other"))
    await _serves(Rig(1, 1, other), other)


@pytest.mark.usefixtures("without_pjsua2")
async def test_python_on_the_path_that_has_pjsua2_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    # The first one found is a shim that has nothing behind it, as pyenv's are.
    (tools / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (tools / "python3.12").chmod(0o755)
    other = _other(tmp_path / "other")
    (tools / "python3.11").write_text(f'#!/bin/sh\nexec {other} "$@"\n')
    (tools / "python3.11").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    await _serves(Rig(1, 1), str(other))


@pytest.mark.usefixtures("without_pjsua2")
async def test_environment_beside_ours_that_has_pjsua2_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _other(tmp_path / "env-media")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    await _serves(Rig(1, 1), str(other))


@pytest.mark.usefixtures("without_pjsua2")
async def test_python_that_is_named_and_lacks_pjsua2_is_the_one_complained_of(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "bare"
    venv.create(folder, symlinks=True)
    python = str(folder / "bin" / "python")
    rig = Rig(1, 1, python)
    await rig.pool.start([(HOST, 0)])
    (line,) = rig.diary.said("no media: pjsua2 cannot be imported")
    assert line["why"] == f"{python}: No module named 'pjsua2'"
    assert "media.python" in line["hint"]
    await rig.pool.close()
