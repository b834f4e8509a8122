"""As whom the process runs."""

import os
import pwd
import subprocess
import sys

import pytest

from callrouter.app.privileges import PrivilegeError, become


def test_user_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(PrivilegeError, match="there is no user nobody-of-that-name"):
        become("nobody-of-that-name")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_root_becomes_the_user_for_good_and_with_its_groups_alone() -> None:
    program = (
        "import os; from callrouter.app.privileges import become, PrivilegeError\n"
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
