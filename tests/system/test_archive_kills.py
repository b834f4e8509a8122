"""A process that is killed while it keeps messages: none that was reported is lost."""

import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from support.archives import box, listed, opened

_TESTS = Path(__file__).parents[1]
_CHILD = """\
import sys
from pathlib import Path
from support.archives import box, leave, listed, opened

archive = opened(Path(sys.argv[1]), box(most_messages=10**5, most_bytes=10**12))
for index in range(10**5):
    print(leave(archive, f"{sys.argv[2]}x{index}").name, file=sys.stderr)
    if index % 20 == 19:
        listed(archive)
"""


def kill_after(folder: Path, count: int, name: str) -> list[str]:
    """Let a process keep messages and kill it; the files it has reported."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder), name],
        stdout=subprocess.DEVNULL,  # its log
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_TESTS), *sys.path])},
        text=True,
    )
    assert child.stderr is not None
    reported = list(islice((line for line in child.stderr if line.endswith(".wav\n")), count))
    child.send_signal(signal.SIGKILL)
    reported += [line for line in child.stderr if line.endswith(".wav\n")]
    child.wait()
    return [line.strip() for line in reported]


@pytest.mark.parametrize("count", [1, 37, 70])
def test_no_message_is_lost_when_the_process_is_killed(tmp_path: Path, count: int) -> None:
    reported = kill_after(tmp_path, count, "a") + kill_after(tmp_path, count, "b")
    archive = opened(tmp_path, box(most_messages=10**5, most_bytes=10**12))
    kept = {message.file.name for message in listed(archive)}
    archive.close()
    assert set(reported) <= kept
    left = {path.name for path in (tmp_path / "voicemail").rglob("*") if path.is_file()}
    assert left == kept
