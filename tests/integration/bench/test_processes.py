"""The kernel's accounting of a process tree."""

import subprocess
import sys
from pathlib import Path

import pytest

from callrouter.bench.processes import BenchError, cpu_seconds, pss_kib, split_cores, start, stop

# A parent whose two children burn CPU: one that has ended and was waited for, one still there.
TREE = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.3: pass\\n"
subprocess.run([sys.executable, "-c", burn], check=True)
alive = subprocess.Popen([sys.executable, "-c", burn + "print(flush=True)\\ntime.sleep(60)"],
                         stdout=subprocess.PIPE)
alive.stdout.readline()
open("ready", "w").close()
time.sleep(60)
"""


def test_children_count_alive_and_ended(tmp_path: Path) -> None:
    core, _ = split_cores()
    process = start([sys.executable, "-c", TREE], tmp_path / "log", core)
    try:
        while not (tmp_path / "ready").exists():
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        assert 0.55 < cpu_seconds(process.pid) < 5
        assert pss_kib(process.pid) > 1000
    finally:
        stop(process, 5)
    assert process.returncode is not None


def test_a_program_that_is_not_there_is_a_bench_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot start no-such-program"):
        start(["no-such-program"], tmp_path / "log", {0})
