"""One attempt to deliver an event: signed and posted as Standard Webhooks 1.0.0 says.

Rules. A redirection is a failure: it would carry what is told to a place that nobody has named. The
address is looked at after DNS, and the connection goes to that very address, so that no name leads
into our own network. What is answered counts by its status alone, and its body is not read.
"""

import asyncio
import socket
import ssl
from binascii import Error as Base64Error
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook
from yarl import URL

from callrouter.errors import CallrouterError
from callrouter.secret import SecretError, read_secret
from callrouter.webhooks.endpoint import Endpoint

ATTEMPT_SECONDS: Final = 15.0
_GONE: Final = 410
_LIMITED: Final = 429
_SAYS_WHEN: Final = frozenset((_LIMITED, 503))
_LONGEST_WAIT: Final = 86400.0
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""IPv4 behind NAT64 (RFC 6052)."""

DELIVERED: Final = "delivered"
FAILED: Final = "failed"
GONE: Final = "gone"
RESULTS: Final = (DELIVERED, FAILED, GONE)


class Attempt(NamedTuple):
    """What became of an attempt. result: one of RESULTS. status: of HTTP, 0 for no answer.

    wait_seconds: for how long the endpoint wants to be left alone, 0 when it does not say.
    """

    result: str
    status: int = 0
    error: str = ""
    wait_seconds: float = 0.0


class RefusedAddressError(CallrouterError):
    """An address that events are not sent to."""


class CheckedResolver(AbstractResolver):
    """Resolver of the names in endpoints' URLs, which gives addresses that may be connected to."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up. Raises OSError, RefusedAddressError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [(kind, str(place[0])) for kind, _, _, _, place in found]
        if not self._allow_private:
            for _, address in addresses:
                check_address(address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def check_address(address: str) -> None:
    """Raises RefusedAddressError for one of this machine, this link or a private network."""
    read = ip_address(address.partition("%")[0])
    inner = read
    if isinstance(read, IPv6Address):
        inner = _carried(read) or read
    if not inner.is_global or inner.is_multicast:
        raise RefusedAddressError(
            f"{address} is no public address; allow_private in the settings allows it"
        )


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at, None for none."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (None if teredo is None else teredo[1])


def open_session(endpoint: Endpoint) -> aiohttp.ClientSession:
    """Open connections for one endpoint; certificates are checked by the system's authorities."""
    resolver = CheckedResolver(allow_private=endpoint.allow_private)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1, resolver=resolver, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": "application/json", "User-Agent": "callrouter"},
        timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS),
        auto_decompress=False,
    )


async def attempt(
    session: aiohttp.ClientSession, endpoint: Endpoint, id: str, body: str, now: datetime
) -> Attempt:
    """Post an event once. Takes ATTEMPT_SECONDS at most; raises nothing that comes from outside."""
    try:
        host = URL(endpoint.url).host or ""
        if not endpoint.allow_private and _is_address(host):  # which no resolver is asked for
            check_address(host)
        headers = signed(endpoint, id, body, now)
        async with session.post(
            endpoint.url, data=body.encode(), headers=headers, allow_redirects=False
        ) as response:
            return _judged(response.status, response.headers.get("Retry-After", ""), now)
    except TimeoutError:
        return Attempt(FAILED, error=f"no answer within {ATTEMPT_SECONDS:g} s")
    except aiohttp.ClientConnectorCertificateError as error:
        found = error.certificate_error
        told = found.verify_message if isinstance(found, ssl.SSLCertVerificationError) else "wrong"
        return Attempt(FAILED, error=f"its certificate is not trusted: {told}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Attempt(FAILED, error=f"cannot be reached: {error or type(error).__name__}")
    except (RefusedAddressError, SecretError) as error:
        return Attempt(FAILED, error=str(error))


def signed(endpoint: Endpoint, id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of an event: id, time and a signature by each secret. Raises SecretError."""
    signatures = []
    for secret in endpoint.secrets:
        try:
            key = Webhook(read_secret(secret))
        except (Base64Error, EmptyWebhookSecretError) as error:
            place = secret.env or secret.file
            raise SecretError(f"{place}: expected whsec_ and a key in base64") from error
        signatures.append(key.sign(id, now, body))
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _judged(status: int, retry_after: str, now: datetime) -> Attempt:
    if 200 <= status < 300:
        return Attempt(DELIVERED, status)
    if status == _GONE:
        return Attempt(GONE, status, "it answered 410: it wants no more events")
    wait = _seconds(retry_after, now) if status in _SAYS_WHEN else 0.0
    return Attempt(FAILED, status, f"it answered {status}", wait)


def _seconds(retry_after: str, now: datetime) -> float:
    """Read Retry-After (RFC 9110 section 10.2.3); 0 for what is none."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, min((when - now).total_seconds(), _LONGEST_WAIT))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
