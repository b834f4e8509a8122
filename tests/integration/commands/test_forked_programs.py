"""A program of ours that the tests fork is the one that they would have started."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.forked_programs import Forked, Started
from support.polling import PATIENCE
from support.serving import command

DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@127.0.0.1:5080"}}
numbers: {"4000": {route: [{hunt: [a]}]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d.yaml").write_text(DIALPLAN, encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text("country: XX\n", encoding="utf-8")
    return tmp_path


def ended(kind: type[subprocess.Popen[Any]], folder: Path, *words: str) -> tuple[int, str, str]:
    with kind(
        command(*words), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        said, wrong = process.communicate(timeout=PATIENCE)
    return process.returncode, said, wrong


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "d.yaml"), 0),
        (("check", "wrong.yaml"), 1),
        (("chekc",), 2),
    ],
    ids=["right", "wrong", "no command"],
)
def test_code_and_output_are_the_same(folder: Path, words: tuple[str, ...], code: int) -> None:
    forked = ended(Forked, folder, *words)
    assert forked == ended(Started, folder, *words)
    assert forked[0] == code


def test_only_what_has_the_usual_surroundings_is_forked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_forked(folder)
    assert not is_forked(folder, start_new_session=True)
    assert not is_forked(folder, env=os.environ | {"TZ": "Asia/Tokyo"})
    with monkeypatch.context() as other:
        other.setenv("TZ", "Asia/Tokyo")
        assert not is_forked(folder)
    mask = os.umask(0o077)
    try:
        assert not is_forked(folder)
    finally:
        os.umask(mask)
    assert is_forked(folder)


def is_forked(folder: Path, **options: Any) -> bool:
    """Whether a program that waits for its input is no Python of its own. It is ours either way."""
    with Forked(
        command("check", "--stdin", "d.yaml"),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        **options,
    ) as process:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        assert f"PPid:\t{os.getpid()}\n" in status
        while not (words := Path(f"/proc/{process.pid}/cmdline").read_bytes()):
            pass  # a new program has none for a moment
        process.kill()
        assert process.wait(PATIENCE) < 0
    return b"\0-m\0" not in words
