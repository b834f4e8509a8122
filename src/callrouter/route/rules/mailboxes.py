"""Voicemail boxes, as compiled from the dialplan.

Secrets stand here by the file or variable that has them, and are read when they are needed, so that
they can be changed without a reload and no compiled dialplan knows them.
"""


class Secret:
    """The place of a secret. file: its first line, "" for none. env: a variable, "" for none."""

    __slots__ = ("env", "file")

    def __init__(self, file: str, env: str) -> None:
        self.file = file
        self.env = env


class Mail:
    """The mailing of messages. tls: starttls, tls or none. password: None without a user."""

    __slots__ = ("host", "password", "port", "sender", "tls", "to", "user")

    def __init__(
        self,
        to: tuple[str, ...],
        sender: str,
        host: str,
        port: int,
        tls: str,
        user: str,
        password: Secret | None,
    ) -> None:
        self.to = to
        self.sender = sender
        self.host = host
        self.port = port
        self.tls = tls
        self.user = user
        self.password = password


class Webhook:
    """A webhook where messages are posted, and the key that signs them."""

    __slots__ = ("secret", "url")

    def __init__(self, url: str, secret: Secret) -> None:
        self.url = url
        self.secret = secret


class Box:
    """A voicemail box.

    greeting: a prompt. beep: a tone follows it. max_seconds, min_seconds: of a message; a shorter
    one is not kept. silence_seconds: silence that ends it. pin: None for a box that nobody can dial
    in to. keep_seconds: from a message to its deletion. most_messages, most_bytes: what the box
    holds. mail, webhook: None for none.
    """

    __slots__ = (
        "beep",
        "greeting",
        "keep_seconds",
        "mail",
        "max_seconds",
        "min_seconds",
        "most_bytes",
        "most_messages",
        "name",
        "pin",
        "silence_seconds",
        "webhook",
    )

    def __init__(
        self,
        name: str,
        greeting: str,
        *,
        beep: bool,
        max_seconds: float,
        min_seconds: float,
        silence_seconds: float,
        keep_seconds: float,
        most_messages: int,
        most_bytes: int,
        pin: Secret | None = None,
        mail: Mail | None = None,
        webhook: Webhook | None = None,
    ) -> None:
        self.name = name
        self.greeting = greeting
        self.beep = beep
        self.max_seconds = max_seconds
        self.min_seconds = min_seconds
        self.silence_seconds = silence_seconds
        self.keep_seconds = keep_seconds
        self.most_messages = most_messages
        self.most_bytes = most_bytes
        self.pin = pin
        self.mail = mail
        self.webhook = webhook
