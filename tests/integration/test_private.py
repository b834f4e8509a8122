"""Files and folders that are ours alone."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from callrouter.private import ClaimError, Claims, own_database, own_folder, tighten_all

_HOLD = (
    "import sys, pathlib, signal\n"
    "from callrouter.private import Claims\n"
    "claims = Claims()\n"
    "claims.folder('spool folder', pathlib.Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "signal.pause()\n"
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_claim_names_the_folder_and_the_process_and_ends_with_the_process(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with Claims() as claims, pytest.raises(ClaimError) as refused:
            claims.folder("spool folder", tmp_path)
        first.send_signal(signal.SIGKILL)
    assert str(refused.value) == (
        f"another callrouter is using the spool folder {tmp_path} "
        f"(process {first.pid} has locked {tmp_path}/lock)"
    )
    with Claims() as claims:
        claims.folder("spool folder", tmp_path)
    assert mode(tmp_path / "lock") == 0o600


def test_one_process_may_claim_a_folder_twice_and_keeps_it_by_either_name(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").symlink_to("one")
    with Claims() as claims:
        claims.folder("voicemail folder", tmp_path / "one")
        claims.folder("recordings folder", tmp_path / "other")
        asked = subprocess.run(
            [sys.executable, "-c", _HOLD, str(tmp_path / "one")],
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"(process {os.getpid()} has locked" in asked.stderr


def test_a_file_is_claimed_beside_it_and_not_made(tmp_path: Path) -> None:
    with Claims() as claims:
        claims.file("state file", tmp_path / "var" / "state.db")
        assert [path.name for path in (tmp_path / "var").iterdir()] == ["state.db.lock"]


def test_a_folder_that_cannot_be_claimed_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Claims() as claims, pytest.raises(ClaimError, match=r"the spool folder .*cannot be used"):
        claims.folder("spool folder", tmp_path / "file")


def test_what_an_earlier_version_left_open_is_closed_and_what_is_closed_stays(
    tmp_path: Path,
) -> None:
    base = tmp_path / "calls.db"
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"calls.db{suffix}").touch(0o644)
    (tmp_path / "tight").touch(0o400)
    own_database(base)
    assert [mode(tmp_path / f"calls.db{suffix}") for suffix in ("", "-wal", "-shm")] == [0o600] * 3
    (tmp_path / "folder").mkdir(0o755)
    own_folder(tmp_path / "folder")
    assert mode(tmp_path / "folder") == 0o700
    tighten_all(tmp_path, 0o600)
    assert mode(tmp_path / "tight") == 0o400
    own_database(tmp_path / "new" / "calls.db")
    assert mode(tmp_path / "new" / "calls.db") == 0o600


def test_a_link_is_not_followed_to_be_closed(tmp_path: Path) -> None:
    (tmp_path / "far").touch(0o644)
    (tmp_path / "calls.db").symlink_to("far")
    tighten_all(tmp_path, 0o640)
    assert mode(tmp_path / "far") == 0o640  # as a file of the folder, not by the link
