"""What the process may do: as whom it runs, and secrets that more users can read than should."""

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from callrouter.errors import CallrouterError
from callrouter.route.dialplan import Dialplan

_OWN_FILES = 0o077


class PrivilegeError(CallrouterError):
    """There is no such user, or it takes root to become it."""


def become(user: str) -> None:
    """Run as a user for good, with its groups alone. Raises PrivilegeError.

    Before anything is opened: what is opened later, by a reload too, is opened with the same
    rights. Files made from then on are for that user alone.
    """
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"user: there is no user {user}") from None
    os.umask(_OWN_FILES)
    if os.geteuid() == found.pw_uid:
        return
    if os.geteuid() != 0:
        raise PrivilegeError(f"user: only root can become {user}")
    os.initgroups(user, found.pw_gid)
    os.setresgid(found.pw_gid, found.pw_gid, found.pw_gid)
    os.setresuid(found.pw_uid, found.pw_uid, found.pw_uid)


def open_to_all(files: Iterable[str | Path]) -> list[str]:
    """Those of some files that every user of the machine can read."""
    return [str(file) for file in files if _modes(Path(file)) & stat.S_IROTH]


def secret_files(dialplan: Dialplan) -> list[str]:
    """The files of the passwords of a dialplan's accounts."""
    access = dialplan.access
    accounts = (*access.trunks.values(), *access.phones.values(), *access.gateways.values())
    return [account.secret.file for account in accounts if account.secret.file]


def _modes(file: Path) -> int:
    try:
        return file.stat().st_mode
    except OSError:  # that it is not there is said where it is read
        return 0
