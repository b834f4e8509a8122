"""Reports of a worker, read strictly.

A worker takes RTP from strangers and may be theirs one day: what it says is checked like what comes
from a network, and no name of a file is taken from it that it was not given.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Session = Annotated[str, Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Report(BaseModel):
    """Base of all reports: no silent conversions; more than is asked for does no harm."""

    model_config = ConfigDict(strict=True, frozen=True)


class Ready(Report):
    """First report: the worker listens at this port of loopback and can hold so many calls."""

    do: Literal["ready"]
    sip_port: int = Field(ge=1, le=65535)
    slots: int = Field(ge=1, le=1000)


class Beat(Report):
    """Heartbeat: what the worker has now. ports: of PJSIP's bridge. rss: bytes."""

    do: Literal["beat"]
    calls: Count
    players: Count
    recorders: Count
    sessions: Count
    ports: Count
    rss: int = Field(ge=0)

    @property
    def empty(self) -> bool:
        """It has nothing that belongs to a call."""
        return not (self.calls or self.players or self.recorders or self.sessions or self.ports)


class SaysPlayed(Report):
    """End of a play or tone."""

    do: Literal["played"]
    session: Session


class SaysDigit(Report):
    """Press of a key."""

    do: Literal["digit"]
    session: Session
    digit: str = Field(pattern=r"^[0-9*#A-D]$")
    method: Literal["rfc4733", "info", "inband"]


class SaysRecorded(Report):
    """End of a recording."""

    do: Literal["recorded"]
    session: Session
    file: Annotated[str, Field(max_length=4096)]
    ms: int = Field(ge=0, le=10**9)
    complete: bool
    why: Literal["stopped", "silence", "limit", "closed", "failed"]
    fault: Annotated[str, Field(max_length=1000)] = ""
    quiet: bool


class Closed(Report):
    """End of a session, whose slot is free."""

    do: Literal["closed"]
    session: Session


class Ack(Report):
    """Acknowledgement of a command, done or not."""

    ack: int
    error: Annotated[str, Field(max_length=1000)] = ""


SessionReport = SaysPlayed | SaysDigit | SaysRecorded | Closed

_READER: TypeAdapter[Ready | Beat | SessionReport] = TypeAdapter(
    Annotated[Ready | Beat | SessionReport, Field(discriminator="do")]
)


def read(message: dict[str, Any]) -> Ready | Beat | SessionReport | Ack:
    """Read one message. Raises ValueError (pydantic's) for what is none."""
    if isinstance(message, dict) and "ack" in message:
        return Ack.model_validate(message)
    return _READER.validate_python(message)
