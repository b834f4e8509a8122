"""libFuzzer on each target for a short while: 20 seconds in all; with `--full` ten minutes."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
RFC_4475: Final = HERE.parents[0] / "data" / "rfc4475"
NAMES: Final = ("message", "uri", "headers", "sdp", "digest", "dialplan")
SHORT: Final = 3
LONG: Final = 100
SLOWEST: Final = 5
"""Seconds that one input may take."""

pytest.importorskip("atheris", reason="atheris is for Linux on x86-64 only")


@pytest.mark.parametrize("name", NAMES)
def test_no_input_raises_what_is_no_error_of_ours(name: str, tmp_path: Path, full: bool) -> None:
    found = tmp_path / "found"
    found.mkdir()
    seconds = LONG if full else SHORT
    seeds = [HERE / "corpus" / name, *([RFC_4475] if name == "message" else [])]
    options = ["-max_len=4096", f"-timeout={SLOWEST}", f"-max_total_time={seconds}", "-verbosity=1"]
    run = subprocess.run(
        [sys.executable, HERE / "targets.py", name, *options, found, *seeds],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=seconds + 120,
    )
    said = run.stderr.decode("utf-8", "replace") + run.stdout.decode("utf-8", "replace")
    crashes = {file.name: file.read_bytes() for file in tmp_path.glob("*-*") if file.is_file()}
    assert not crashes, f"reproducers: {crashes}\n{said[-4000:]}"
    assert run.returncode == 0, said[-4000:]
    assert "Done " in said, said[-4000:]
