"""The grammar of voicemail boxes, and their compiled values."""

import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.login_credentials import SecretFile, Variable, secret_at
from callrouter.dialplan.grammar.media_options import Days
from callrouter.dialplan.grammar.names import PromptName
from callrouter.route.rules import mailboxes as boxes
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_DAY: Final = 86400.0
_USUAL_SIZE: Final = 500_000_000
_SIZE: Final = re.compile(r"([0-9]{1,6})(kB|MB|GB)")
_SIZE_UNITS: Final = {"kB": 1000, "MB": 1000**2, "GB": 1000**3}
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_SERVER: Final = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_USUAL_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


def _size(value: object) -> int:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(f"expected a size such as 500kB, 100MB or 2GB, found {shown(value)}")
    return int(found[1]) * _SIZE_UNITS[found[2]]


def _mail_address(value: object) -> str:
    return fields.matched(value, _MAIL, 'a mail address such as "a@example.com"')


def _mail_addresses(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _server(value: object) -> tuple[str, int]:
    found = _SERVER.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[2] or 0) > 65535:
        wanted = '"mail.example.com" or "mail.example.com:587"'
        raise ValueError(f"expected a mail server such as {wanted}, found {shown(value)}")
    return found[1].strip("[]"), int(found[2] or 0)


def _url(value: object) -> str:
    wanted = 'an address such as "https://crm.example.com/voicemail"'
    text = value if isinstance(value, str) and value.isascii() and value.isprintable() else ""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or " " in text or len(text) > 1000 or parts.username or parts.password:
        # Not what was found: it may have a password in it.
        raise ValueError(f"expected {wanted}, without user and password")
    return text


def _messages(value: object) -> int:
    return fields.whole(value, 1, 10_000, "a count of messages")


Size = Annotated[int, BeforeValidator(_size), fields.text("^[0-9]{1,6}(kB|MB|GB)$")]
MailAddress = Annotated[str, BeforeValidator(_mail_address), fields.text("^[^@ ]+@[^@ ]+$")]
MailAddresses = Annotated[
    list[MailAddress],
    Field(min_length=1, max_length=20),
    BeforeValidator(
        _mail_addresses,
        json_schema_input_type=MailAddress | Annotated[list[MailAddress], Field(min_length=1)],
    ),
]
MailServer = Annotated[
    tuple[str, int],
    BeforeValidator(_server),
    fields.text(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?$"),
]
Url = Annotated[str, BeforeValidator(_url), fields.text("^https?://")]
Longest = Annotated[float, fields.duration(1, 1800)]
Shortest = Annotated[float, fields.duration(0, 30)]
Silence = Annotated[float, fields.duration(1, 60)]


class MailEntry(StrictModel):
    """Mails each message, as a WAV file, to somebody. Tried again for three days."""

    to: MailAddresses = Field(
        description="One mail address, or several.", examples=["sales@example.com"]
    )
    from_: MailAddress = Field(
        alias="from", description="The sender.", examples=["voicemail@example.com"]
    )
    server: MailServer = Field(
        description="The mail server, and its port when it is not the usual one of `tls`.",
        examples=["mail.example.com:587"],
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the way there is encrypted: `starttls` (port 587), `tls` (465) or `none` "
        "(25).",
        examples=["tls"],
    )
    user: fields.Label | None = Field(
        default=None, description="User of the mail server.", examples=["voicemail"]
    )
    password_file: SecretFile | None = Field(
        default=None,
        description="File whose first line is the password.",
        examples=["/etc/callrouter/mail-password"],
    )
    password_env: Variable | None = Field(
        default=None,
        description="Environment variable that has the password.",
        examples=["CALLROUTER_MAIL_PASSWORD"],
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        given = (self.password_file is not None) + (self.password_env is not None)
        if given != (self.user is not None):
            raise ValueError("expected 'user' and one of 'password_file' and 'password_env'")
        return self


class WebhookEntry(StrictModel):
    """Posts each message as JSON, signed with HMAC-SHA256. Tried again for three days."""

    url: Url = Field(
        description="Where to post it.", examples=["https://crm.example.com/voicemail"]
    )
    secret_file: SecretFile | None = Field(
        default=None,
        description="File whose first line is the key of the signature.",
        examples=["/etc/callrouter/webhook-key"],
    )
    secret_env: Variable | None = Field(
        default=None,
        description="Environment variable that has the key.",
        examples=["CALLROUTER_WEBHOOK_KEY"],
    )

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if (self.secret_file is None) == (self.secret_env is None):
            raise ValueError("expected one of 'secret_file' and 'secret_env'")
        return self


class BoxQuota(StrictModel):
    """What a box holds at most. A caller to a full box is not asked for a message."""

    messages: Annotated[int, BeforeValidator(_messages), fields.between(1, 10000)] = Field(
        default=200, description="Count of messages: 1 to 10,000.", examples=[100]
    )
    size: Size | None = Field(
        default=None,
        description="All together; a minute is 1MB. When left out: 500MB.",
        examples=["100MB"],
    )


class VoicemailBox(StrictModel):
    """A box that takes messages, in a step `voicemail`."""

    greeting: PromptName = Field(
        default="voicemail_greeting",
        description="The prompt before the tone.",
        examples=["sales-away"],
    )
    beep: bool = Field(
        default=True, description="`false`: no tone after the greeting.", examples=[False]
    )
    max: Longest = Field(default=180.0, description="Longest message: 1s to 30m.", examples=["5m"])
    min: Shortest = Field(
        default=2.0,
        description="A message shorter than this is not kept: 0s to 30s.",
        examples=["3s"],
    )
    silence: Silence = Field(
        default=5.0, description="Silence that ends the message: 1s to 60s.", examples=["8s"]
    )
    pin_file: SecretFile | None = Field(
        default=None,
        description="File whose first line is the PIN, 4 to 12 digits, by which its messages are "
        "heard in a step `messages`. Without a PIN they cannot be.",
        examples=["/etc/callrouter/sales-pin"],
    )
    pin_env: Variable | None = Field(
        default=None,
        description="Environment variable that has the PIN.",
        examples=["CALLROUTER_SALES_PIN"],
    )
    email: MailEntry | None = Field(
        default=None,
        description="Mails each message.",
        examples=[{"to": "a@example.com", "from": "v@example.com", "server": "mail.example.com"}],
    )
    webhook: WebhookEntry | None = Field(
        default=None,
        description="Posts each message to a program.",
        examples=[{"url": "https://crm.example.com/vm", "secret_env": "CALLROUTER_WEBHOOK_KEY"}],
    )
    keep: Days = Field(
        default=30 * _DAY,
        description="How long a message is kept: 1d to 3650d.",
        examples=["30d"],
    )
    quota: BoxQuota = Field(
        default=BoxQuota(), description="What it holds at most.", examples=[{"messages": 100}]
    )

    @model_validator(mode="after")
    def _one_pin(self) -> Self:
        if self.pin_file is not None and self.pin_env is not None:
            raise ValueError("expected one of 'pin_file' and 'pin_env'")
        if self.min >= self.max:
            raise ValueError("expected 'min' to be shorter than 'max'")
        return self


def box_of(name: str, entry: VoicemailBox, file: str) -> boxes.Box:
    """Return the compiled box of a dialplan in a file."""
    pin = None
    if entry.pin_file or entry.pin_env:
        pin = secret_at(file, entry.pin_file, entry.pin_env)
    return boxes.Box(
        name=name,
        greeting=entry.greeting,
        beep=entry.beep,
        max_seconds=entry.max,
        min_seconds=entry.min,
        silence_seconds=entry.silence,
        keep_seconds=entry.keep,
        most_messages=entry.quota.messages,
        most_bytes=entry.quota.size or _USUAL_SIZE,
        pin=pin,
        mail=None if entry.email is None else mail_of(entry.email, file),
        webhook=None if entry.webhook is None else _webhook(entry.webhook, file),
    )


def mail_of(entry: MailEntry, file: str) -> boxes.Mail:
    """Return how mails go to somebody. file: that the entry is in."""
    host, port = entry.server
    password = None
    if entry.user is not None:
        password = secret_at(file, entry.password_file, entry.password_env)
    return boxes.Mail(
        to=tuple(entry.to),
        sender=entry.from_,
        host=host,
        port=port or _USUAL_PORTS[entry.tls],
        tls=entry.tls,
        user=entry.user or "",
        password=password,
    )


def _webhook(entry: WebhookEntry, file: str) -> boxes.Webhook:
    return boxes.Webhook(url=entry.url, secret=secret_at(file, entry.secret_file, entry.secret_env))
