"""What each start of the program imports: a command pays for nothing that it does not use."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest
from support.imports import TELLING, told
from support.polling import PATIENCE
from support.serving import command

PACKAGES: Final = frozenset(
    (
        *("aiohttp", "aiosmtplib", "alembic", "dns", "holidays", "numpy", "orjson", "phonenumbers"),
        *("pjsua2", "prometheus_client", "psycopg", "pydantic", "soundfile"),
        *("soxr", "sqlalchemy", "uvloop", "watchfiles", "yaml"),
    )
)
"""Those of others that cost a start something; `rich` comes with structlog, whoever uses it."""
_FILES: Final = "orjson phonenumbers pydantic yaml"
"""What reading settings and a dialplan takes."""
STARTS: Final = {
    "--help": "",
    "--version": "",
    "ban list": _FILES,
    "block list": _FILES,
    "calls": _FILES,
    "cdr": f"{_FILES} sqlalchemy",
    "check": f"{_FILES} sqlalchemy",
    "check d.yaml": _FILES,
    "diff d.yaml d.yaml --records sqlite:///none.db": f"{_FILES} sqlalchemy",
    "drain": _FILES,
    "explain --from 4001 --to 4000": _FILES,
    "gateways": _FILES,
    "init --country CN --number 4000 --trunk 127.0.0.1 --target sip:a@127.0.0.1:5080 new": _FILES,
    "media": _FILES,
    "override list": _FILES,
    "presence list": _FILES,
    "rate --plan a --answered 2026-03-07 --seconds 60": _FILES,
    "recordings list": f"{_FILES} sqlalchemy",
    "registrations": _FILES,
    "reload": _FILES,
    "schema": _FILES,
    "serve": f"{_FILES} aiohttp aiosmtplib dns prometheus_client sqlalchemy uvloop watchfiles",
    "simulate --from 4001 --to 4000": _FILES,
    "test d.yaml": _FILES,
    "voicemail list": f"{_FILES} sqlalchemy",
}
"""Command lines, and what each imports of these."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dialplan, and settings with a listener that no machine has: `serve` ends when it is opened.

    240.0.0.0/4 is reserved (RFC 1112, section 4).
    """
    folder = tmp_path_factory.mktemp("starts")
    (folder / "callrouter.yaml").write_text(
        'listen: ["udp:240.0.0.1:5060"]\ndialplan: d.yaml\ncontrol: none.sock\n', encoding="utf-8"
    )
    (folder / "d.yaml").write_text(
        "country: CN\n"
        "trunks:\n  lab: {addresses: [127.0.0.1]}\n"
        'targets:\n  a: {uri: "sip:a@127.0.0.1:5080"}\n'
        'numbers:\n  "4000": {route: [{hunt: [a]}]}\n',
        encoding="utf-8",
    )
    return folder


def imported(folder: Path, words: str) -> set[str]:
    """The modules that a command imports until it ends."""
    ended = subprocess.run(
        command(*words.split()),
        cwd=folder,
        env=os.environ | TELLING,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    return set(told(ended.stderr))


@pytest.mark.parametrize(("words", "wanted"), STARTS.items(), ids=[*STARTS])
def test_start_imports_what_it_uses_and_no_more(folder: Path, words: str, wanted: str) -> None:
    found = {module.partition(".")[0] for module in imported(folder, words)}
    assert found & PACKAGES == set(wanted.split())


def test_help_imports_no_command(folder: Path) -> None:
    ours = {module for module in imported(folder, "--help") if module.startswith("callrouter.")}
    assert ours == {"callrouter.cli", "callrouter.errors"}


def test_command_imports_no_operation_but_those_that_it_asks_for(folder: Path) -> None:
    room = "callrouter.operations."
    found = {it for it in imported(folder, "presence list") if it.startswith(room)}
    direct = {module for module in found if "." not in module.removeprefix(room)}
    beside = {f"{room}{name}" for name in ("operation", "reload", "webhook_port")}
    assert direct - beside == {f"{room}presence"}
