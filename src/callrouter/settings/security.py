"""Settings of strangers: what they get, and when they are banned."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.net.overload.source_filter import SCANNERS, SourceFilterRule
from callrouter.state.bans_in_memory import BanRule
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_SHORTEST: Final = 3
"""Characters of a scanner's name: less would be part of many a telephone's."""


def _agent(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and _SHORTEST <= len(value) <= 100:
        return value.lower()
    raise ValueError(f"expected a part of a User-Agent such as sipvicious, found {shown(value)}")


Agent = Annotated[str, BeforeValidator(_agent)]


class StrangersEntry(StrictModel):
    """What becomes of messages from addresses that no trunk has."""

    answer: Literal["none", "403"] = Field(
        default="none",
        description="What their requests get: nothing, or 403. Telephones and trunks that the "
        "dialplan knows by a password are asked for it either way.",
        examples=["403"],
    )
    packets_per_second: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="Requests that are looked at from one /24, or one /56 of IPv6, in any second.",
        examples=[50],
    )
    all_packets_per_second: int = Field(
        default=500,
        ge=1,
        le=100_000,
        description="The same from all strangers together.",
        examples=[1000],
    )
    scanners: list[Agent] = Field(
        default=list(SCANNERS),
        description="Parts of User-Agents that get no answer, wherever they come from.",
        examples=[["friendly-scanner", "sipvicious"]],
    )
    ban_after: int = Field(
        default=20,
        ge=2,
        le=100_000,
        description="An address is banned that did so much wrong within `ban_within`: wrong "
        "passwords, requests over the limit, what is no SIP, the name of a scanner.",
        examples=[10],
    )
    ban_within: Annotated[float, fields.duration(1, 3600)] = Field(
        default=60.0, description="How long a wrong counts.", examples=["5m"]
    )
    ban_for: Annotated[float, fields.duration(1, 604_800)] = Field(
        default=3600.0, description="How long a ban lasts.", examples=["24h"]
    )

    def rule(self, message_size: int) -> SourceFilterRule:
        """What strangers get, as the sockets want it. message_size: bytes of a datagram."""
        return SourceFilterRule(
            self.answer == "403",
            self.packets_per_second,
            self.all_packets_per_second,
            tuple(self.scanners),
            message_size,
        )

    def ban_rule(self) -> BanRule:
        """When they are banned."""
        return BanRule(self.ban_after, self.ban_within, self.ban_for)
