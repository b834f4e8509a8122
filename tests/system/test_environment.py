"""What scripts/environment.sh makes of a lock all of whose packages have newer releases."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
OLD: Final = ROOT / "tests" / "data" / "locks" / "old.lock"
_PROJECT: Final = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "callrouter"
version = "0"
dependencies = ["pytest-cov"]

[tool.setuptools]
packages = []
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of a clone the script looks at, with the old lock as requirements.lock."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "environment.sh", tmp_path / "scripts")
    shutil.copy(OLD, tmp_path / "requirements.lock")
    (tmp_path / "pyproject.toml").write_text(_PROJECT)
    return tmp_path


def _made(clone: Path) -> subprocess.CompletedProcess[str]:
    script = 'set -euo pipefail; source scripts/environment.sh; environment requirements.lock "$1"'
    return subprocess.run(
        ["bash", "-c", script, "bash", sys.executable],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _locked(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z-]+)==(\S+)", lock, re.MULTILINE))


def test_environment_holds_what_an_old_lock_names_and_nothing_newer(clone: Path) -> None:
    made = _made(clone)
    assert made.returncode == 0, made.stderr
    python = clone / ".venv" / "bin" / "python"
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    installed = {row["name"].lower(): row["version"] for row in json.loads(listed.stdout)}
    installed.pop("pip")
    assert installed.pop("callrouter") == "0"
    assert installed == _locked(OLD.read_text())
    again = _made(clone)
    assert (again.returncode, again.stderr) == (0, "")


def test_image_installs_the_lock_as_the_scripts_do() -> None:
    flags = "pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r"
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    script = (ROOT / "scripts" / "environment.sh").read_text(encoding="utf-8")
    assert f"{flags} requirements.lock" in image
    assert "pip check" in image
    assert "--no-deps --require-hashes --only-binary :all: --requirement" in script


def test_lock_that_lacks_a_package_is_refused_by_name(clone: Path) -> None:
    lock = OLD.read_text()
    without = re.sub(r"^iniconfig==.*\n(    --hash.*\n)+", "", lock, flags=re.MULTILINE)
    assert without != lock
    (clone / "requirements.lock").write_text(without)
    made = _made(clone)
    assert made.returncode != 0
    assert "pytest 8.3.4 requires iniconfig, which is not installed" in made.stderr
    assert "error: requirements.lock does not hold all that callrouter needs" in made.stderr
    assert _made(clone).returncode != 0  # it is not taken for made


def test_package_that_is_not_the_one_that_was_locked_is_refused(clone: Path) -> None:
    lock = OLD.read_text()
    first = re.search(r"pluggy==1\.5\.0 \\\n    --hash=sha256:([0-9a-f]{64})", lock)
    assert first is not None
    (clone / "requirements.lock").write_text(lock.replace(first[1], "0" * 64))
    made = _made(clone)
    assert made.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in made.stderr
