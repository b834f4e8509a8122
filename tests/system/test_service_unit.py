"""scripts/callrouter@.service as systemd reads it."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from support.serving import ROOT

UNIT: Final = ROOT / "scripts" / "callrouter@.service"
EXPOSURE: Final = 20
"""Tenths: 0 is nothing, 100 all that a process can do to the machine."""


def version() -> int:
    """That of systemd, 0 where there is none."""
    if shutil.which("systemd-analyze") is None:
        return 0
    told = subprocess.run(
        ["systemd-analyze", "--version"], capture_output=True, text=True, check=True
    )
    return int(told.stdout.split()[1])


pytestmark = pytest.mark.skipif(version() < 250, reason="no systemd-analyze that judges a file")


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


def test_unit_has_no_mistake(tmp_path: Path) -> None:
    installed = "/opt/callrouter/venv/bin/callrouter"
    text = UNIT.read_text(encoding="utf-8")
    assert installed in text
    unit = tmp_path / "callrouter@main.service"
    unit.write_text(text.replace(installed, sys.executable), encoding="utf-8")
    assert analyze("verify", str(unit)) == ""


def test_unit_leaves_the_service_little_that_it_could_do() -> None:
    analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(UNIT))
