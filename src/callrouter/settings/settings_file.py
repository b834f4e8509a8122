"""Settings: what callrouter listens on, where its files are, what its limits are.

Every file and folder that a settings file names is relative to that file, so that a command does
the same wherever it is typed.
"""

import os
import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.voicemail_boxes import Size
from callrouter.errors import ConfigError, Diagnostic
from callrouter.settings.listen import Connections, Listener, TlsSettings
from callrouter.settings.security import StrangersEntry
from callrouter.settings.web_console import WebSettings
from callrouter.settings.webhook_endpoints import EndpointEntry
from callrouter.yamlfile.mistakes import Mistakes, StrictModel
from callrouter.yamlfile.reader import load
from callrouter.yamlfile.wording import shown

PORTS_EACH: Final = 16
"""UDP ports that a worker needs at least: a pair for each session, and as many that rest."""
_LEAST_TRACE: Final = 10_000_000
_RANGE: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = ("postgresql://", "postgres://")


def _database(value: object) -> str:
    if isinstance(value, str) and value.startswith((_SQLITE, *_POSTGRESQL)):
        return value
    raise ValueError(
        'expected a database such as "sqlite:///var/callrouter.db" or '
        f'"postgresql://callrouter@db.example/calls", found {shown(value)}'
    )


def _state(value: object) -> str:
    if isinstance(value, str) and value.startswith("sqlite:///"):
        return value
    raise ValueError(f'expected a database such as "sqlite:///var/state.db", found {shown(value)}')


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"expected the name of a file, found {shown(value)}")
    return Path(value)


FilePath = Annotated[Path, BeforeValidator(_path)]


class PortRange(NamedTuple):
    """A range of UDP ports."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def _ports(value: object) -> PortRange:
    found = _RANGE.fullmatch(value) if isinstance(value, str) else None
    if found is not None and 1024 <= int(found[1]) < int(found[2]) <= 65535:
        return PortRange(int(found[1]), int(found[2]))
    raise ValueError(
        f"expected two ports from 1024 to 65535 such as 16384-20479, found {shown(value)}"
    )


def _ipv4(value: object) -> str:
    try:
        if isinstance(value, str):
            return str(IPv4Address(value))
    except ValueError:
        pass
    raise ValueError(f"expected an IPv4 address, found {shown(value)}")


NameServer = Annotated[
    fields.SocketAddress, BeforeValidator(lambda value: fields.address(value, 53))
]


class Records(StrictModel):
    """Where call records go."""

    database: Annotated[str, BeforeValidator(_database)] = Field(
        default="sqlite:///var/callrouter.db",
        description="URL of a SQLite file, which is relative to the settings file, or of a "
        "PostgreSQL database.",
        examples=["sqlite:///var/callrouter.db", "postgresql://callrouter@db.example/calls"],
    )
    spool: FilePath = Field(
        default=Path("var/spool"),
        description="Folder where records wait while the database is away, with the journal of "
        "the calls that are up.",
        examples=["var/spool"],
    )


class LogSettings(StrictModel):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged.", examples=["info"]
    )
    format: Literal["json", "text"] = Field(
        default="json", description="For machines or for people.", examples=["text"]
    )


class TraceSettings(StrictModel):
    """The SIP trace."""

    keep: Size = Field(
        description="How much of it is kept, `10MB` or more: the newest messages. A plain call has "
        "about 10 kB.",
        examples=["200MB"],
    )
    folder: FilePath = Field(
        default=Path("var/trace"),
        description="Folder of the SIP trace; nothing else may lie in it.",
        examples=["var/trace"],
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.keep < _LEAST_TRACE:
            raise ValueError(f"expected keep to be 10MB or more, found {self.keep} bytes")
        return self


class Limits(StrictModel):
    """How much, and how long."""

    calls: int = Field(
        default=50000, ge=1, le=1000000, description="Calls at the same time.", examples=[50000]
    )
    calls_per_second: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="New calls in any second, 0 for any number; more are refused with 503.",
        examples=[500],
    )
    lag: Annotated[float, fields.duration(0.01, 5)] = Field(
        default=0.2,
        description="How late the event loop may be, or what waits in the sockets may be read; "
        "past it a growing share of new calls is refused with 503.",
        examples=["100ms"],
    )
    transactions: int = Field(
        default=500_000,
        ge=1000,
        le=10_000_000,
        description="SIP transactions at the same time; past them new calls are refused with 503.",
        examples=[200000],
    )
    message_size: int = Field(
        default=65_535,
        ge=2048,
        le=65_535,
        description="Bytes of the largest datagram that is read; larger ones are dropped. For "
        "connections there is `connections.message_size`.",
        examples=[16384],
    )
    headers: int = Field(
        default=256,
        ge=100,
        le=10_000,
        description="Header rows of a message; one with more gets 513.",
        examples=[150],
    )
    header_size: int = Field(
        default=65_535,
        ge=1024,
        le=1_048_576,
        description="Bytes of a header row; a message with a longer one gets 513.",
        examples=[8192],
    )
    body_size: int = Field(
        default=16_384,
        ge=2048,
        le=1_048_576,
        description="Bytes of a body, which is a session description as a rule; a larger one gets "
        "413.",
        examples=[8192],
    )
    drain: fields.Drain = Field(
        default=30.0,
        description="How long running calls may go on after a stop was asked for: 0s to 3600s.",
        examples=["30s"],
    )


class Workers(StrictModel):
    """How many workers the media pool has."""

    min: int = Field(
        default=1, ge=1, le=1000, description="At least; started with callrouter.", examples=[2]
    )
    max: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="At most; each holds a few sessions. 0: no prompts, menus, voicemail and "
        "recordings.",
        examples=[25],
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if 0 < self.max < self.min:
            raise ValueError(f"expected max to be at least min, {self.min}, found {self.max}")
        return self


class MediaSettings(StrictModel):
    """The media pool, and where RTP reaches it."""

    workers: Workers = Field(
        default=Workers(),
        description="How many workers the media pool has.",
        examples=[{"min": 2, "max": 25}],
    )
    address: Annotated[str | None, BeforeValidator(_ipv4)] = Field(
        default=None,
        description="IPv4 address where RTP is received; left out, the first one in `listen`, and "
        "peers are told what that one advertises.",
        examples=["192.0.2.1"],
    )
    public: Annotated[str | None, BeforeValidator(_ipv4)] = Field(
        default=None,
        description="The address that peers are told instead, behind NAT.",
        examples=["203.0.113.5"],
    )
    ports: Annotated[PortRange, BeforeValidator(_ports)] = Field(
        default=PortRange(16384, 20479),
        description="UDP ports for RTP, first and last; each worker has an equal part of them.",
        examples=["16384-20479"],
    )
    user: fields.Name | None = Field(
        default=None,
        description="The user that workers run as when callrouter is root; left out, they are "
        "root too.",
        examples=["callrouter-media"],
    )
    python: FilePath | None = Field(
        default=None,
        description="The Python that runs the workers, 3.11 or 3.12 with pjsua2 installed; left "
        "out, callrouter's own or, when that has no pjsua2, one that is found.",
        examples=["/opt/callrouter/venv-media/bin/python"],
    )

    voicemail: FilePath = Field(
        default=Path("var/voicemail"),
        description="Folder of the messages in voicemail boxes; workers write to its `incoming`.",
        examples=["var/voicemail"],
    )
    recordings: FilePath = Field(
        default=Path("var/recordings"),
        description="Folder of recorded calls; workers write to its `incoming`.",
        examples=["var/recordings"],
    )

    prompts_cache: FilePath = Field(
        default=Path("var/prompts"),
        description="Folder where prompts and hold music are kept as workers play them; all in it "
        "is made again when it is missing.",
        examples=["var/prompts"],
    )

    @model_validator(mode="after")
    def _each_its_folder(self) -> Self:
        if os.path.normpath(self.voicemail) == os.path.normpath(self.recordings):
            raise ValueError(
                f"expected another folder for recordings than for voicemail, found {self.voicemail}"
            )
        return self

    @model_validator(mode="after")
    def _enough_ports(self) -> Self:
        wanted = self.workers.max * PORTS_EACH
        if self.ports.last + 1 - self.ports.first < wanted:
            raise ValueError(
                f"expected {wanted} ports or more for {self.workers.max} workers, found "
                f"{self.ports}"
            )
        return self

    @property
    def prompts(self) -> Path | None:
        """Where the sounds of a dialplan are kept, None when nobody plays them."""
        return self.prompts_cache if self.workers.max else None


class Settings(StrictModel):
    """A settings file. Its paths are as they are written there: load_settings() places them."""

    listen: list[Listener] = Field(
        min_length=1,
        description="Transport, IP address and port of each listener; a mapping of these, `bind`, "
        "and of `advertise`, the address that peers are told instead.",
        examples=[["udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060"]],
    )
    dialplan: FilePath = Field(
        description="The dialplan; relative to the settings file.", examples=["dialplan.yaml"]
    )
    tls: TlsSettings | None = Field(
        default=None,
        description="How TLS is spoken; must be there with a listener of `tls`.",
        examples=[{"certificate": "tls/fullchain.pem", "key": "tls/key.pem"}],
    )
    connections: Connections = Field(
        default=Connections(),
        description="What TCP and TLS connections may take of us.",
        examples=[{"per_source": 100}],
    )
    strangers: StrangersEntry = Field(
        default=StrangersEntry(),
        description="What becomes of messages from addresses that no trunk has.",
        examples=[{"answer": "403"}],
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
    user: fields.Name | None = Field(
        default=None,
        description="The user to run as when started by root; its group and no other. Left out, "
        "root stays root, and says so.",
        examples=["callrouter"],
    )
    metrics: Annotated[
        fields.SocketAddress, BeforeValidator(lambda value: fields.address(value, 0))
    ] = Field(
        default=fields.SocketAddress("127.0.0.1", 9090),
        description="Address and port where metrics are read.",
        examples=["127.0.0.1:9090"],
    )
    log: LogSettings = Field(
        default=LogSettings(), description="What is logged, and how.", examples=[{"level": "info"}]
    )
    trace: TraceSettings | None = Field(
        default=None,
        description="The SIP trace, which `callrouter trace` shows; left out, there is none.",
        examples=[{"keep": "200MB"}],
    )
    webhooks: list[EndpointEntry] | None = Field(
        default=None,
        description="Endpoints that are told of events: see [events.md](events.md). `[]`: events "
        "are kept for the stream alone; left out, there are none.",
        examples=[[{"name": "crm", "url": "https://crm.example.com/", "secret_env": "CRM_SECRET"}]],
    )
    nameservers: list[NameServer] = Field(
        default=[],
        description="DNS servers that gateways' names are asked of; when left out those of the "
        "system.",
        examples=[["192.0.2.53:53"]],
    )
    limits: Limits = Field(
        default=Limits(), description="How much, and how long.", examples=[{"calls": 50000}]
    )
    media: MediaSettings = Field(
        default=MediaSettings(),
        description="The media pool, and where RTP reaches it.",
        examples=[{"workers": {"min": 2, "max": 25}}],
    )
    web: WebSettings | None = Field(
        default=None,
        description="The console and the API, served by a process of their own; left out, there "
        "are none.",
        examples=[{"listen": "127.0.0.1:8080"}],
    )

    @property
    def rtp(self) -> tuple[str, str]:
        """The IPv4 addresses where RTP is received and that peers are told; "" for none."""
        media = self.media
        fourth = next((listen for listen in self.listen if ":" not in listen.host), None)
        if media.address or fourth is None:
            host = media.address or ""
            return host, media.public or host
        told = fourth.host if fourth.advertise is None else fourth.advertise.host
        return fourth.host, media.public or told

    @model_validator(mode="after")
    def _endpoints_have_names_of_their_own(self) -> Self:
        names = [endpoint.name for endpoint in self.webhooks or ()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"expected webhooks with a name each, found '{twice}' twice")
        return self

    @model_validator(mode="after")
    def _tls_has_a_certificate(self) -> Self:
        if self.tls is None and any(listen.transport == "tls" for listen in self.listen):
            raise ValueError("expected 'tls' with a certificate, since a listener is for TLS")
        return self

    @model_validator(mode="after")
    def _rtp_has_an_address(self) -> Self:
        if self.media.workers.max and not self.rtp[0]:
            raise ValueError("expected media.address, since no listener has an IPv4 address")
        return self


def load_settings(path: Path) -> Settings:
    """Read a settings file; its paths are ready to open. Raises ConfigError with every mistake."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        missing = (
            "there is no settings file: --config or CALLROUTER_CONFIG names another, and "
            "`callrouter init` writes one"
        )
        raise ConfigError([Diagnostic(missing, str(path))]) from error
    except OSError as error:
        raise ConfigError([Diagnostic(f"cannot be read: {error.strerror}", str(path))]) from error
    document = load(path)
    mistakes = Mistakes(document)
    settings = mistakes.checked((), Settings, document.data)
    if settings is None or mistakes.any():  # a key that is there twice
        raise mistakes.error()
    return _placed(settings, path.parent)


def _placed(settings: Settings, folder: Path) -> Settings:
    """The same settings, their files named from the folder of the settings file."""

    def at(file: Path) -> Path:
        return Path(os.path.normpath(folder / file))

    def kept(url: str) -> str:
        if not url.startswith(_SQLITE):
            return url
        return f"{_SQLITE}{at(Path(url.removeprefix(_SQLITE)))}"

    records, media, trace = settings.records, settings.media, settings.trace
    web = settings.web
    if web is not None:
        kept_there = {"database": kept(web.database)}
        web = web.placed(folder).model_copy(update=kept_there)
    if trace is not None:
        trace = trace.model_copy(update={"folder": at(trace.folder)})
    webhooks = settings.webhooks
    if webhooks is not None:
        webhooks = [endpoint.placed(folder) for endpoint in webhooks]
    placed = {"database": kept(records.database), "spool": at(records.spool)}
    folders = {
        name: at(getattr(media, name)) for name in ("voicemail", "recordings", "prompts_cache")
    }
    return settings.model_copy(
        update={
            "dialplan": at(settings.dialplan),
            "tls": None if settings.tls is None else settings.tls.placed(folder),
            "records": records.model_copy(update=placed),
            "state": kept(settings.state),
            "control": at(settings.control),
            "trace": trace,
            "webhooks": webhooks,
            "web": web,
            "media": media.model_copy(update=folders),
        }
    )
