"""Transports of one message: mail, webhook. message: its row, as `message_rows.due` has it."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

import aiohttp
import aiosmtplib
import orjson

from callrouter.errors import CallrouterError
from callrouter.route.rules.mailboxes import Mail, Webhook
from callrouter.secret import read_secret

SIGNATURE: Final = "X-Callrouter-Signature"
TIMESTAMP: Final = "X-Callrouter-Timestamp"

_SECONDS: Final = 60.0
"""For one try, from the connection to the last answer."""


class Undelivered(CallrouterError):  # noqa: N818 - it is what happened, and no fault of ours
    """A failed try of a delivery; another one may not fail."""


async def send_mail(mail: Mail, message: dict[str, Any], audio: bytes) -> None:
    """Mail it. Raises as `post_mail`."""
    await post_mail(mail, compose(mail, message, audio))


async def post_mail(mail: Mail, composed: EmailMessage) -> None:
    """Give a mail to its server. Raises Undelivered, or SecretError for the password."""
    password = None if mail.password is None else read_secret(mail.password)
    try:
        await aiosmtplib.send(
            composed,
            recipients=list(mail.to),
            hostname=mail.host,
            port=mail.port,
            username=mail.user or None,
            password=password,
            use_tls=mail.tls == "tls",
            start_tls=mail.tls == "starttls",
            timeout=_SECONDS,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Undelivered(f"{mail.host}: {type(error).__name__}: {error}") from error


def compose(mail: Mail, message: dict[str, Any], audio: bytes) -> EmailMessage:
    """Write the mail. What the caller says of itself can end no line of its head."""
    caller = _plain(message["caller"]) or "an unknown caller"
    when = datetime.fromtimestamp(message["started"]).astimezone()
    seconds = round(message["ms"] / 1000)
    whole = "" if message["complete"] else "It is not complete: something went wrong.\n"
    composed = EmailMessage()
    composed["From"] = mail.sender
    composed["To"] = ", ".join(mail.to)
    composed["Subject"] = f"Voicemail for {message['box']} from {caller} ({seconds} s)"
    composed["Date"] = format_datetime(datetime.now(UTC))
    composed["Message-ID"] = f"<{message['id']}@{mail.sender.rpartition('@')[2]}>"
    composed.set_content(
        f"{caller} left a message of {seconds} seconds for {message['box']}.\n"
        f"When: {when.isoformat(' ', 'seconds')}\n"
        f"Call: {message['call']}\n{whole}"
    )
    composed.add_attachment(
        audio, maintype="audio", subtype="wav", filename=f"{message['box']}-{message['id']}.wav"
    )
    return composed


async def post_webhook(webhook: Webhook, message: dict[str, Any], audio: bytes, now: int) -> None:
    """Post it. Raises Undelivered for any answer but 2xx, or SecretError for the key.

    The signature is the HMAC-SHA256, in hex, of the timestamp (Unix seconds), a point and the body.
    """
    key = read_secret(webhook.secret)
    body = orjson.dumps(
        {
            "id": message["id"],
            "box": message["box"],
            "call": message["call"],
            "caller": message["caller"],
            "started": message["started"],
            "ms": message["ms"],
            "complete": message["complete"],
            "audio": base64.b64encode(audio).decode(),
        }
    )
    headers = {
        "Content-Type": "application/json",
        TIMESTAMP: str(now),
        SIGNATURE: f"sha256={signature(key, now, body)}",
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
            # A redirect would carry what a caller said to a place that nobody has named.
            session.post(
                webhook.url, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError) as error:
        raise Undelivered(f"{type(error).__name__}: {error}") from error
    if not 200 <= status < 300:
        raise Undelivered(f"the webhook answered {status}")


def signature(key: str, now: int, body: bytes) -> str:
    """What a receiver compares with the signature that came."""
    return hmac.new(key.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:100]
