"""Voicemail boxes, as compiled from the dialplan.

Secrets stand here by the file or variable that has them, and are read when they are needed, so that
they can be changed without a reload and no compiled dialplan knows them.
"""

from dataclasses import dataclass

from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class Secret(Serializable):
    """The place of a secret. file: its first line, "" for none. env: a variable, "" for none."""

    file: str
    env: str


@dataclass(slots=True, kw_only=True)
class Mail(Serializable):
    """The mailing of messages. tls: starttls, tls or none. password: None without a user."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    tls: str
    user: str
    password: Secret | None


@dataclass(slots=True, kw_only=True)
class Webhook(Serializable):
    """A webhook where messages are posted, and the key that signs them."""

    url: str
    secret: Secret


@dataclass(slots=True, kw_only=True)
class Box(Serializable):
    """A voicemail box.

    greeting: a prompt. beep: a tone follows it. max_seconds, min_seconds: of a message; a shorter
    one is not kept. silence_seconds: silence that ends it. pin: None for a box that nobody can dial
    in to. keep_seconds: from a message to its deletion. most_messages, most_bytes: what the box
    holds. mail, webhook: None for none.
    """

    name: str
    greeting: str
    beep: bool
    max_seconds: float
    min_seconds: float
    silence_seconds: float
    keep_seconds: float
    most_messages: int
    most_bytes: int
    pin: Secret | None = None
    mail: Mail | None = None
    webhook: Webhook | None = None
