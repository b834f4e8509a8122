"""Requests to a running server over its socket: one JSON object a line.

The answer is one line too: {"ok": true, ...}, or {"ok": false, "error": "..."}, with "diagnostics"
when files have mistakes.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_BYTES = 16 * 1024
"""The longest request."""
MOST = 1000
"""Entries of a list in one answer."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Seconds = Annotated[float, Field(gt=0, le=10 * 366 * 86400)]
Until = Annotated[float, Field(ge=0, le=2**40)]
"""Unix seconds, 0 for no end."""


class OperationRequest(BaseModel):
    """Base of all requests: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Status(OperationRequest):
    """The status of the server."""

    do: Literal["status"] = "status"


class Drain(OperationRequest):
    """A drain: no new calls, and the end with the last one; or, on being False, calls again."""

    do: Literal["drain"] = "drain"
    on: bool = True


class Reload(OperationRequest):
    """A reload of the dialplan."""

    do: Literal["reload"] = "reload"


class ListCalls(OperationRequest):
    """The calls in progress, the newest first."""

    do: Literal["calls"] = "calls"
    most: Count = 100


class ShowMedia(OperationRequest):
    """The media pool and its workers."""

    do: Literal["media"] = "media"


class RecordCall(OperationRequest):
    """The start of a recording of a call in progress, or its end."""

    do: Literal["record"] = "record"
    call: Name
    on: bool


class ListBlocks(OperationRequest):
    """The callers that are blocked, the newest first. caller: this one only."""

    do: Literal["block list"] = "block list"
    caller: Name | None = None
    most: Count = 100


class AddBlock(OperationRequest):
    """A block of a caller at a number, None for all of them; seconds: None for ever."""

    do: Literal["block add"] = "block add"
    caller: Name
    number: Name | None = None
    seconds: Seconds | None = None


class RemoveBlock(OperationRequest):
    """The release of a caller at a number; None for where all numbers refuse them."""

    do: Literal["block remove"] = "block remove"
    caller: Name
    number: Name | None = None


class SetOverride(OperationRequest):
    """An override: a schedule switched open or closed."""

    do: Literal["override set"] = "override set"
    schedule: Name
    open: bool
    until: Until = 0.0


class ClearOverride(OperationRequest):
    """The end of an override: a schedule follows its hours again."""

    do: Literal["override clear"] = "override clear"
    schedule: Name


class ListOverrides(OperationRequest):
    """The schedules that are switched."""

    do: Literal["override list"] = "override list"


class SetPresence(OperationRequest):
    """The absence of an extension: it is not to be rung."""

    do: Literal["presence set"] = "presence set"
    extension: Name
    reason: Name = "away"


class ClearPresence(OperationRequest):
    """The return of an extension: it may be rung again."""

    do: Literal["presence clear"] = "presence clear"
    extension: Name


class ListPresence(OperationRequest):
    """The extensions that are away."""

    do: Literal["presence list"] = "presence list"


class ListGateways(OperationRequest):
    """The gateways, and how they are."""

    do: Literal["gateway list"] = "gateway list"


class DrainGateway(OperationRequest):
    """A drain of a gateway: it is to get no new calls."""

    do: Literal["gateway drain"] = "gateway drain"
    gateway: Name


class EnableGateway(OperationRequest):
    """The end of a gateway's drain: it may get calls again."""

    do: Literal["gateway enable"] = "gateway enable"
    gateway: Name


class ListBans(OperationRequest):
    """The addresses that are not heard, the newest first."""

    do: Literal["ban list"] = "ban list"
    most: Count = 100


class AddBan(OperationRequest):
    """A ban of an IP address, which is heard no more; seconds: None for ever."""

    do: Literal["ban add"] = "ban add"
    address: Name
    seconds: Seconds | None = None


class RemoveBan(OperationRequest):
    """The end of a ban: an IP address is heard again."""

    do: Literal["ban remove"] = "ban remove"
    address: Name


class ListRegistrations(OperationRequest):
    """Registered telephones, and our registrations with gateways."""

    do: Literal["registrations"] = "registrations"


AnyRequest = (
    Status
    | Drain
    | Reload
    | ListCalls
    | ShowMedia
    | RecordCall
    | ListBlocks
    | AddBlock
    | RemoveBlock
    | ListBans
    | AddBan
    | RemoveBan
    | SetOverride
    | ClearOverride
    | ListOverrides
    | SetPresence
    | ClearPresence
    | ListPresence
    | ListGateways
    | DrainGateway
    | EnableGateway
    | ListRegistrations
)

READER: TypeAdapter[AnyRequest] = TypeAdapter(Annotated[AnyRequest, Field(discriminator="do")])
