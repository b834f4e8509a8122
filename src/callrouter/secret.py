"""Where secrets are read: from a file or the environment. Their values reach no log and no error.

Here and not in a part, because parts that know nothing of each other have secrets: voicemail's
mails and webhooks, and the accounts of digest authentication.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError
from callrouter.route.access import Access, Account, Login, Logins
from callrouter.route.boxes import Secret

_LONGEST: Final = 4096


class SecretError(CallrouterError):
    """A secret that is not where the dialplan says, or cannot be one."""


def read_secret(secret: Secret) -> str:
    """Read a secret. Raises SecretError, which says where it was looked for."""
    if secret.env:
        value = os.environ.get(secret.env, "")
        place = f"the environment variable {secret.env}"
    else:
        place = f"the file {secret.file}"
        try:
            with Path(secret.file).open(encoding="utf-8") as file:
                value = file.readline(_LONGEST).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"{place} cannot be read: {type(error).__name__}") from None
    if not value:
        raise SecretError(f"{place} has no secret in it")
    return value


def read_logins(access: Access, complain: Callable[[str, str], None]) -> Logins:
    """Read the passwords of all accounts.

    complain: told whose could not be read, and why. Who has none is challenged, and never let in;
    a gateway's challenges are not answered.
    """
    anywhere: dict[str, Login] = {}
    trunks: dict[str, Login] = {}
    for name, account, password in _read("trunk", access.trunks, complain):
        login = Login(account.user, password, account.realm, trunk=name)
        if name in access.roaming:
            anywhere[account.user] = login
        else:
            trunks[name] = login
    for name, account, password in _read("extension", access.phones, complain):
        anywhere[account.user] = Login(account.user, password, account.realm, extension=name)
    gateways = {
        name: Login(account.user, password, account.realm)
        for name, account, password in _read("gateway", access.gateways, complain)
    }
    return Logins(anywhere, trunks, gateways)


def _read(
    kind: str, accounts: Mapping[str, Account], complain: Callable[[str, str], None]
) -> list[tuple[str, Account, str]]:
    found = []
    for name, account in accounts.items():
        try:
            found.append((name, account, read_secret(account.secret)))
        except SecretError as error:
            complain(f"{kind} {name}", str(error))
    return found
