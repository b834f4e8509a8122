"""Settings: what callrouter listens on, where its files are, what its limits are."""

import os
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError

from callrouter.dialplan import fields
from callrouter.dialplan.mistakes import Mistakes
from callrouter.dialplan.schema import Entry
from callrouter.dialplan.wording import shown
from callrouter.dialplan.yaml import load


class Listen(NamedTuple):
    """A listener. transport: "udp" or "tcp". host: an IP address without brackets."""

    transport: str
    host: str
    port: int


def _listen(value: object) -> Listen:
    wanted = 'a transport and an IP address such as "udp:192.0.2.1:5060"'
    transport, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if transport not in {"udp", "tcp"}:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    host, port = fields.address(place, fields.SIP_PORT)
    if host in {"0.0.0.0", "::"}:
        raise ValueError(
            "expected the address of one interface, since peers are told to send there"
        )
    return Listen(transport, host, port)


def _database(value: object) -> str:
    if isinstance(value, str) and value.startswith("sqlite:///"):
        return value
    found = shown(value)
    raise ValueError(f'expected a database such as "sqlite:///var/callrouter.db", found {found}')


def _state(value: object) -> str:
    if isinstance(value, str) and value.startswith("sqlite:///"):
        return value
    raise ValueError(f'expected a database such as "sqlite:///var/state.db", found {shown(value)}')


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"expected the name of a file, found {shown(value)}")
    return Path(value)


FilePath = Annotated[Path, BeforeValidator(_path)]


class Records(Entry):
    """Where call records go."""

    database: Annotated[str, BeforeValidator(_database)] = Field(
        default="sqlite:///var/callrouter.db",
        description="Database URL; a relative file is relative to the working directory.",
        examples=["sqlite:///var/callrouter.db"],
    )
    spool: FilePath = Field(
        default=Path("var/spool"),
        description="Folder where records wait while the database is away.",
        examples=["var/spool"],
    )


class Log(Entry):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged.", examples=["info"]
    )
    format: Literal["json", "text"] = Field(
        default="json", description="For machines or for people.", examples=["text"]
    )


class Limits(Entry):
    """How much, and how long."""

    calls: int = Field(
        default=50000, ge=1, le=1000000, description="Calls at the same time.", examples=[50000]
    )
    drain: fields.Drain = Field(
        default=30.0,
        description="How long running calls may go on after a stop was asked for: 0s to 3600s.",
        examples=["30s"],
    )


class Settings(Entry):
    """A settings file. `dialplan` is ready to open: load_settings() has resolved it."""

    listen: list[Annotated[Listen, BeforeValidator(_listen)]] = Field(
        min_length=1,
        description="Transport, IP address and port of each listener.",
        examples=[["udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060"]],
    )
    dialplan: FilePath = Field(
        description="The dialplan; relative to the settings file.", examples=["dialplan.yaml"]
    )
    records: Records = Field(default=Records(), description="Where call records go.", examples=[{}])
    state: Annotated[str, BeforeValidator(_state)] = Field(
        default="sqlite:///var/state.db",
        description="Where blocks, overrides, presence and turns are kept over a restart.",
        examples=["sqlite:///var/state.db"],
    )
    control: FilePath = Field(
        default=Path("var/callrouter.sock"),
        description="Socket by which commands such as `callrouter reload` reach the server; only "
        "its own user may open it.",
        examples=["var/callrouter.sock"],
    )
    watch: bool = Field(
        default=True,
        description="Load the dialplan again as soon as one of its files changes.",
        examples=[False],
    )
    metrics: Annotated[fields.Address, BeforeValidator(lambda value: fields.address(value, 0))] = (
        Field(
            default=fields.Address("127.0.0.1", 9090),
            description="Address and port where metrics are read.",
            examples=["127.0.0.1:9090"],
        )
    )
    log: Log = Field(
        default=Log(), description="What is logged, and how.", examples=[{"level": "info"}]
    )
    limits: Limits = Field(
        default=Limits(), description="How much, and how long.", examples=[{"calls": 50000}]
    )


def load_settings(path: Path) -> Settings:
    """Read a settings file. Raises ConfigError with every mistake, in file order."""
    document = load(path)
    mistakes = Mistakes(document)
    try:
        settings = Settings.model_validate(document.data)
    except ValidationError as error:
        mistakes.invalid((), error, Settings)
        raise mistakes.error() from error
    if mistakes.any():  # a key that is there twice
        raise mistakes.error()
    dialplan = Path(os.path.normpath(path.parent / settings.dialplan))
    return settings.model_copy(update={"dialplan": dialplan})
