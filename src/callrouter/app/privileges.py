"""Privileges of the process: as whom it runs, and who may read what it makes."""

import os
import pwd
from typing import Final

from callrouter.errors import CallrouterError

_OWN_FILES: Final = 0o077
_ENTER: Final = 0o011


class PrivilegeError(CallrouterError):
    """A user that does not exist, or that it takes root to become."""


def become(user: str) -> None:
    """Run as a user for good, with its groups alone. Raises PrivilegeError.

    Before anything is opened: what is opened later, by a reload too, is opened with the same
    rights.
    """
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"user: there is no user {user}") from None
    if os.geteuid() == found.pw_uid:
        return
    if os.geteuid() != 0:
        raise PrivilegeError(f"user: only root can become {user}")
    os.initgroups(user, found.pw_gid)
    os.setresgid(found.pw_gid, found.pw_gid, found.pw_gid)
    os.setresuid(found.pw_uid, found.pw_uid, found.pw_uid)


def keep_to_ourselves(*, others_enter: bool) -> None:
    """Let all that is made from now on be for our own user alone.

    others_enter: another user, that of the media workers, has to get through the folders we make,
    to files that are opened to it one by one. It still cannot list them.
    """
    os.umask(_OWN_FILES & ~_ENTER if others_enter else _OWN_FILES)
