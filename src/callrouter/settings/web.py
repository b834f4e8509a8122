"""Settings of the web process: where console and API listen, and how browsers reach them."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.settings.listen import OwnCertificate
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_PORT: Final = 8080


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

    def placed(self, folder: Path) -> Self:
        """The same, its certificate's files named from the folder of the settings."""
        if self.tls is None:
            return self
        return self.model_copy(update={"tls": self.tls.placed(folder)})

    @model_validator(mode="after")
    def _not_in_the_clear(self) -> Self:
        host = self.listen.host
        if not ip_address(host).is_loopback and not self.is_https:
            raise ValueError(
                f"expected 'tls', or a 'url' of https, since {host} is not an address of loopback "
                "and passwords would go over the network as they are"
            )
        return self
