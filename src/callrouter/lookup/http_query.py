"""HTTP query: one question, and what its answer comes to.

Rules: the other system is trusted with nothing. What it sends is bounded in time and size, is not
unpacked, sets no cookie and is never followed elsewhere; whatever is not exactly an answer is a
failure with a reason of our own words.
"""

import asyncio
import re
import ssl
from typing import Final, NamedTuple
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from callrouter.route.values.external_lookup import (
    CALLED,
    CALLER,
    Lookup,
    LookupAnswer,
    said,
    said_of_carrier,
)

LARGEST: Final = 16 * 1024
"""Bytes of an answer at most."""

_NAMES: Final = {
    "owner": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"),
    "carrier": re.compile(r"[^\W_](?:[^\W_]|[ .&'()+/_-]){0,99}"),
}
"""How what is named is written, by the key of the answer that has it."""
_NOBODY: Final = frozenset({204, 404})
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "callrouter",
}


class Reply(NamedTuple):
    """Outcome of a query. sound: it was answered, be it that nobody is responsible."""

    answer: LookupAnswer
    sound: bool


def open_session() -> aiohttp.ClientSession:
    """Open connections for all questions; certificates are checked by the system's authorities.

    Those aiohttp has read when it was imported: to read them again is a twentieth of a start.
    """
    connector = aiohttp.TCPConnector(limit=0, ssl=True)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


async def ask(session: aiohttp.ClientSession, lookup: Lookup, number: str) -> Reply:
    """Ask once. Takes no longer than the look-up may; raises nothing that comes from outside."""
    try:
        placed = quote(number, safe="")
        url = URL(lookup.url.replace(CALLER, placed).replace(CALLED, placed), encoded=True)
        async with (
            asyncio.timeout(lookup.timeout_seconds),
            session.get(url, allow_redirects=False) as response,
        ):
            return await _read(response, lookup)
    except TimeoutError:
        return _failed(f"no answer within {lookup.timeout_seconds:g} s")
    except aiohttp.ClientConnectorCertificateError as error:
        found = error.certificate_error
        told = found.verify_message if isinstance(found, ssl.SSLCertVerificationError) else "wrong"
        return _failed(f"its certificate is not trusted: {told}")
    except aiohttp.ClientConnectorError as error:
        return _failed(f"cannot be reached: {error.os_error.strerror}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _failed(f"no HTTP answer could be read: {type(error).__name__}")


async def _read(response: aiohttp.ClientResponse, lookup: Lookup) -> Reply:
    if response.status in _NOBODY:
        return Reply(_said(lookup, ""), sound=True)
    if response.status != 200:
        return _failed(f"answered {response.status}")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            return _failed(f"answered with more than {LARGEST // 1024} KiB")
    return _understood(bytes(body), lookup)


def _understood(body: bytes, lookup: Lookup) -> Reply:
    key = "carrier" if lookup.of_carrier else "owner"
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _failed("answered with what is no JSON")
    if not isinstance(found, dict) or key not in found:
        return _failed(f"answered without '{key}'")
    named = found[key]
    if named is None:
        return Reply(_said(lookup, ""), sound=True)
    if not isinstance(named, str) or not _NAMES[key].fullmatch(named):
        return _failed(
            f"answered with {'a' if lookup.of_carrier else 'an'} '{key}' that is no name"
        )
    return Reply(_said(lookup, named), sound=True)


def _said(lookup: Lookup, named: str) -> LookupAnswer:
    return said_of_carrier(named) if lookup.of_carrier else said(named)


def _failed(why: str) -> Reply:
    return Reply(LookupAnswer(named="", why=why), sound=False)
