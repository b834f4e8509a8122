"""As whom the process runs, and secrets that are open to all."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from callrouter.privileges import PrivilegeError, become, open_to_all


def test_user_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(PrivilegeError, match="there is no user nobody-of-that-name"):
        become("nobody-of-that-name")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_root_becomes_the_user_for_good_and_with_its_groups_alone() -> None:
    program = (
        "import os; from callrouter.privileges import become, PrivilegeError\n"
        "become('nobody'); print(os.getresuid(), os.getresgid(), os.getgroups())\n"
        "try: become('root')\n"
        "except PrivilegeError as error: print(error)\n"
    )
    done = subprocess.run(  # our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    found = pwd.getpwnam("nobody")
    who, again = done.stdout.splitlines()
    uid, gid = found.pw_uid, found.pw_gid
    assert who == f"{(uid,) * 3} {(gid,) * 3} [{gid}]"
    assert again == "user: only root can become root"


def test_files_that_every_user_can_read_are_named(tmp_path: Path) -> None:
    closed, opened = tmp_path / "closed", tmp_path / "opened"
    for file, mode in ((closed, 0o640), (opened, 0o644)):
        file.touch()
        file.chmod(mode)
    assert open_to_all([closed, opened, tmp_path / "missing"]) == [str(opened)]
