"""Settings of the web process: where console and API listen, and how browsers reach them."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.login_credentials import SecretFile
from callrouter.settings.listen import OwnCertificate
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_PORT: Final = 8080
_LOOPBACK: Final = frozenset(("127.0.0.1", "::1", "localhost"))


def _url(value: object) -> str:
    wanted = 'expected an address such as "https://calls.example.org"'
    if not isinstance(value, str):
        raise ValueError(f"{wanted}, found {shown(value)}")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{wanted}, found {shown(value)}")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{wanted} without a path, found {shown(value)}")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _sqlite(value: object) -> str:
    if isinstance(value, str) and value.startswith("sqlite:///"):
        return value
    raise ValueError(f'expected a database such as "sqlite:///var/web.db", found {shown(value)}')


def _issuer(value: object) -> str:
    found = value.rstrip("/") if isinstance(value, str) else ""
    parts = urlsplit(found)
    if parts.scheme == "https" and parts.hostname and not (parts.query or parts.fragment):
        return found
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return found
    raise ValueError(
        f'expected an address such as "https://login.example.org", found {shown(value)}'
    )


class SignOnSettings(StrictModel):
    """A login at another place, by OpenID Connect."""

    issuer: Annotated[str, BeforeValidator(_issuer)] = Field(
        description="The provider, as it names itself.", examples=["https://login.example.org"]
    )
    client: fields.Label = Field(
        description="The client id that the provider has given.", examples=["callrouter"]
    )
    secret_file: SecretFile = Field(
        description="File whose first line is the client's secret; relative to the settings file.",
        examples=["/etc/callrouter/sign-on-secret"],
    )
    name: fields.Label = Field(
        default="preferred_username",
        description="The claim that somebody's name is in.",
        examples=["email"],
    )
    claim: fields.Label = Field(
        default="roles", description="The claim that their roles are in.", examples=["groups"]
    )
    roles: dict[str, Literal["viewer", "agent", "supervisor", "ops", "admin"]] = Field(
        min_length=1,
        description="Which role each value of the claim is; the first that somebody has counts. "
        "Who has none is not let in.",
        examples=[{"telephony-admins": "admin", "staff": "viewer"}],
    )


class WebSettings(StrictModel):
    """The console and the API."""

    listen: Annotated[
        fields.SocketAddress, BeforeValidator(lambda value: fields.address(value, _PORT))
    ] = Field(
        default=fields.SocketAddress("127.0.0.1", _PORT),
        description="Address and port of the console and the API. Another address than one of "
        "loopback needs `tls`, or a `url` of https.",
        examples=["127.0.0.1:8080"],
    )
    tls: OwnCertificate | None = Field(
        default=None,
        description="Speak HTTPS by this certificate; left out, HTTP.",
        examples=[{"certificate": "tls/fullchain.pem", "key": "tls/key.pem"}],
    )
    url: Annotated[str, BeforeValidator(_url)] | None = Field(
        default=None,
        description="The address by which browsers reach the console through a proxy on this "
        "machine, which has to send X-Forwarded-For.",
        examples=["https://calls.example.org"],
    )
    sign_on: SignOnSettings | None = Field(
        default=None,
        description="A login by OpenID Connect, beside that by password.",
        examples=[
            {
                "issuer": "https://login.example.org",
                "client": "callrouter",
                "secret_file": "sign-on-secret",
                "roles": {"staff": "viewer"},
            }
        ],
    )
    database: Annotated[str, BeforeValidator(_sqlite)] = Field(
        default="sqlite:///var/web.db",
        description="Where people, their sessions, API tokens and the audit are kept.",
        examples=["sqlite:///var/web.db"],
    )

    @property
    def is_https(self) -> bool:
        """Whether browsers come by HTTPS."""
        return self.tls is not None or (self.url or "").startswith("https:")

    @property
    def address(self) -> str:
        """The address that people type."""
        if self.url is not None:
            return self.url
        host = f"[{self.listen.host}]" if ":" in self.listen.host else self.listen.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.listen.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which browsers may ask, without ports; none is said when any may be: then
        they compare the name with our certificate.
        """
        if self.tls is not None:
            return frozenset()
        named = urlsplit(self.address).hostname or ""
        return _LOOPBACK | {self.listen.host, named}

    def placed(self, folder: Path) -> Self:
        """The same, its files named from the folder of the settings."""
        tls, sign_on = self.tls, self.sign_on
        if sign_on is not None:
            file = os.path.normpath(folder / sign_on.secret_file)
            sign_on = sign_on.model_copy(update={"secret_file": file})
        placed_tls = None if tls is None else tls.placed(folder)
        return self.model_copy(update={"tls": placed_tls, "sign_on": sign_on})

    @model_validator(mode="after")
    def _not_in_the_clear(self) -> Self:
        host = self.listen.host
        if not ip_address(host).is_loopback and not self.is_https:
            raise ValueError(
                f"expected 'tls', or a 'url' of https, since {host} is not an address of loopback "
                "and passwords would go over the network as they are"
            )
        return self
