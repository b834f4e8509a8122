"""The grammar of look-ups in other systems, and of how much a trunk may bring."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.route.values import external_lookup as lookups
from callrouter.route.values.external_lookup import CALLED, CALLER
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_LONGEST: Final = 500
_MOST_A_SECOND: Final = 10_000


def _url(value: object) -> str:
    wanted = f'an address such as "https://192.0.2.20/owner?caller={CALLER}"'
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(f"expected {wanted}, found {shown(value)}") from None
    sound = parts.scheme in {"http", "https"} and parts.hostname and port != 0
    if not sound or " " in value or len(value) > _LONGEST or parts.fragment:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    behind = parts.path + "?" + parts.query
    if value.count(CALLER) + value.count(CALLED) != 1 or not (CALLER in behind or CALLED in behind):
        raise ValueError(
            f"expected '{CALLER}' or '{CALLED}' once behind the host, in {shown(value)}"
        )
    return value


def _calls(value: object) -> int:
    return fields.whole(value, 1, _MOST_A_SECOND, "a count of calls")


Pace = Annotated[int, BeforeValidator(_calls), fields.between(1, _MOST_A_SECOND)]


class LookupEntry(StrictModel):
    """Another system that says by HTTP which extension is responsible for a caller.

    It answers a GET with 200 and JSON such as `{"owner": "101"}`; `{"owner": null}`, or 404, says
    that nobody is. Whatever else comes, or comes late, is as if nobody were. One with `{called}` in
    its `url` says which carrier a called number is with: `{"carrier": "China Mobile"}`.
    """

    url: Annotated[str, BeforeValidator(_url), fields.text(r"^https?://.*\{calle[rd]\}")] = Field(
        description="Where to ask; `{caller}` stands for the caller's number, `{called}` for the "
        "called one (`carrier_lookup`). What https says of itself is checked against the "
        "certificate authorities of the machine.",
        examples=["https://192.0.2.20/owner?caller={caller}"],
    )
    timeout: Annotated[float, fields.duration(0.1, 30)] = Field(
        default=2.0,
        description="How long a call waits for the answer: 100ms to 30s.",
        examples=["1s"],
    )
    cache: Annotated[float, fields.duration(0, 86400)] = Field(
        default=600.0,
        description="How long an answer that names somebody counts for later calls: 0s to 24h.",
        examples=["10m"],
    )
    cache_unknown: Annotated[float, fields.duration(0, 86400)] = Field(
        default=60.0,
        description="The same for an answer that says that nobody is responsible.",
        examples=["1m"],
    )


def lookup(name: str, entry: LookupEntry, file: str, line: int) -> lookups.Lookup:
    """Build a look-up."""
    return lookups.Lookup(
        name=name,
        url=entry.url,
        timeout_seconds=entry.timeout,
        known_seconds=entry.cache,
        unknown_seconds=entry.cache_unknown,
        file=file,
        line=line,
    )
