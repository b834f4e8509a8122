"""The grammar of secrets, and of the accounts that a password belongs to.

A secret is never written into a dialplan: it is named by its file or environment variable. What was
found is not repeated in an error either: somebody may have written the secret itself there.
"""

import os
import re
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from callrouter.dialplan.grammar.field_types import ANY_TEXT, HostName, Network, duration, text
from callrouter.route.rules.digest_accounts import DigestAccount
from callrouter.route.rules.mailboxes import Secret
from callrouter.yamlfile.mistakes import StrictModel

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# What stands between quotes in a header without an escape.
_USER: Final = re.compile(r"[A-Za-z0-9._~@+*#!$&'=,;:/?%-]{1,64}")
_REALM: Final = re.compile(r"[A-Za-z0-9 ._~@+*#!$&'=,;:/?%()\[\]-]{1,100}")


def _file(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("expected the name of a file")
    return value


def _like(pattern: re.Pattern[str], expected: str) -> BeforeValidator:
    """What does not match is not shown: it may be a password at the wrong key."""

    def read(value: object) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise ValueError(f"expected {expected}")
        return value

    return BeforeValidator(read)


_A_VARIABLE: Final = _like(_VARIABLE, "the name of an environment variable")
_A_USER: Final = _like(_USER, "a user name of 1 to 64 characters, in quotes when it is digits")
_A_REALM: Final = _like(_REALM, "a realm of 1 to 100 ASCII characters without quotes")
SecretFile = Annotated[str, BeforeValidator(_file), ANY_TEXT]
Variable = Annotated[str, _A_VARIABLE, text("^[A-Za-z_][A-Za-z0-9_]*$")]
User = Annotated[str, _A_USER, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64})]
Realm = Annotated[
    str,
    _A_REALM,
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100}),
]


class LoginEntry(StrictModel):
    """A user and the place of the password."""

    user: User = Field(description="User name of its credentials.", examples=["101"])
    password_file: SecretFile | None = Field(
        default=None,
        description="File whose first line is the password; relative to the dialplan.",
        examples=["/etc/callrouter/101-password"],
    )
    password_env: Variable | None = Field(
        default=None,
        description="Environment variable that has the password.",
        examples=["CALLROUTER_101_PASSWORD"],
    )
    without_qop: bool = Field(
        default=False,
        description="`true`: credentials without `qop` are taken too, as old devices send them "
        "(RFC 2069; RFC 7616 section 3.4.1). Each needs a challenge of its own then. Of a trunk "
        "and of telephones: a gateway says by its challenge what it wants.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password_file is None) == (self.password_env is None):
            raise ValueError("expected one of 'password_file' and 'password_env'")
        return self

    def secret(self, file: str) -> Secret:
        """Where the password is, for a dialplan in a file."""
        return secret_at(file, self.password_file, self.password_env)


class PhoneEntry(LoginEntry):
    """The account by which an extension's telephones register and call."""

    addresses: list[Network] = Field(
        default=[],
        description="Addresses and networks where its telephones may be. When left out: anywhere.",
        examples=[["192.0.2.0/24", "2001:db8::/32"]],
    )


class AuthEntry(LoginEntry):
    """User and password of digest authentication (RFC 7616, SHA-256 and MD5)."""

    realm: Realm | None = Field(
        default=None,
        description="The realm. Of a trunk: what it is challenged with; when left out, that of the "
        "dialplan. Of a gateway: the only one that is answered; when left out, any that this "
        "gateway itself challenges with first.",
        examples=["sip.carrier.example"],
    )


class RegisterEntry(StrictModel):
    """Our registration with a gateway: sent again before it expires, taken back at the end."""

    user: User | None = Field(
        default=None,
        description="User of the address that is registered. When left out: that of `auth`.",
        examples=["07561234567"],
    )
    domain: HostName | None = Field(
        default=None,
        description="Its domain. When left out: the address of the gateway.",
        examples=["sip.carrier.example"],
    )
    expires: Annotated[float, duration(60, 86400)] = Field(
        default=600.0, description="For how long each time: 60s to 24h.", examples=["10m"]
    )


def secret_at(file: str, named: str | None, variable: str | None) -> Secret:
    """Where a secret is: a file named from the folder of the dialplan `file`, or a variable."""
    return Secret(
        file=os.path.join(os.path.dirname(file), named) if named else "", env=variable or ""
    )


def account_of(entry: LoginEntry, realm: str, file: str) -> DigestAccount:
    """Return the compiled account of a dialplan in a file."""
    networks = tuple(entry.addresses) if isinstance(entry, PhoneEntry) else ()
    return DigestAccount(
        user=entry.user,
        secret=entry.secret(file),
        realm=realm,
        networks=networks,
        without_qop=entry.without_qop,
    )
