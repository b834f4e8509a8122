"""Secrets, read from a file or the environment. Their values reach no log and no error.

Here and not in a part, because parts that know nothing of each other have secrets: voicemail's
mails and webhooks, and the accounts of digest authentication.
"""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.digest_accounts import Access, DigestAccount, Login, Logins
from callrouter.route.rules.mailboxes import Secret

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


def secret_files(dialplan: Dialplan) -> list[str]:
    """The files that a dialplan's passwords, PINs and keys are in, each once."""
    access = dialplan.access
    accounts = (*access.trunks.values(), *access.phones.values(), *access.gateways.values())
    secrets = [account.secret for account in accounts]
    for box in dialplan.boxes.values():
        if box.pin is not None:
            secrets.append(box.pin)
        if box.mail is not None and box.mail.password is not None:
            secrets.append(box.mail.password)
        if box.webhook is not None:
            secrets.append(box.webhook.secret)
    return list(dict.fromkeys(secret.file for secret in secrets if secret.file))


def weaknesses(files: Iterable[str | Path]) -> list[tuple[str, str]]:
    """Those files of secrets that are not as they should be, each with what is wrong with it."""
    found = []
    for file in files:
        try:
            mode = Path(file).stat().st_mode
        except OSError as error:
            found.append((str(file), f"a secret is missing: {error.strerror}"))
            continue
        if not stat.S_ISREG(mode):
            found.append((str(file), "a secret is missing: this is no file"))
        elif mode & (stat.S_IROTH | stat.S_IWOTH):
            found.append((str(file), "every user of this machine can read a secret"))
    return found


def read_logins(access: Access, complain: Callable[[str, str], None]) -> Logins:
    """Read the passwords of all accounts.

    complain: told whose could not be read, and why. Who has none is challenged, and never let in;
    a gateway's challenges are not answered.
    """
    anywhere: dict[str, Login] = {}
    trunks: dict[str, Login] = {}
    for name, account, password in _read("trunk", access.trunks, complain):
        login = Login(
            user=account.user,
            password=password,
            realm=account.realm,
            trunk=name,
            without_qop=account.without_qop,
        )
        if name in access.roaming:
            anywhere[account.user] = login
        else:
            trunks[name] = login
    for name, account, password in _read("extension", access.phones, complain):
        anywhere[account.user] = Login(
            user=account.user,
            password=password,
            realm=account.realm,
            extension=name,
            without_qop=account.without_qop,
        )
    gateways = {
        name: Login(user=account.user, password=password, realm=account.realm)
        for name, account, password in _read("gateway", access.gateways, complain)
    }
    return Logins(anywhere, trunks, gateways)


def _read(
    kind: str, accounts: Mapping[str, DigestAccount], complain: Callable[[str, str], None]
) -> list[tuple[str, DigestAccount, str]]:
    found = []
    for name, account in accounts.items():
        try:
            found.append((name, account, read_secret(account.secret)))
        except SecretError as error:
            complain(f"{kind} {name}", str(error))
    return found
