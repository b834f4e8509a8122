"""The grammar of what trunks and gateways share: session timers, headers, trust."""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from callrouter.dialplan.grammar import field_types as fields
from callrouter.route.rules.peer_profile import TIMED, USUAL, PeerProfile, SessionRule
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_VALUE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
# What the dialogs, the transactions and the media of a leg live by: its own on each side.
_OURS: Final = frozenset(
    (
        *("via", "from", "to", "call-id", "cseq", "contact", "route", "record-route", "path"),
        *("max-forwards", "allow", "allow-events", "supported", "require", "proxy-require"),
        *("unsupported", "authorization", "proxy-authorization", "www-authenticate"),
        *("proxy-authenticate", "authentication-info", "session-expires", "min-se", "rseq", "rack"),
        *("replaces", "refer-to", "referred-by", "join", "event", "subscription-state", "expires"),
        *("content-type", "content-length", "content-encoding", "content-disposition", "warning"),
        *("p-asserted-identity", "p-preferred-identity", "remote-party-id", "privacy", "identity"),
        *("diversion", "history-info", "service-route", "retry-after", "user-agent", "server"),
        *("i", "m", "f", "t", "v", "l", "c", "e", "k", "r", "b", "s", "o", "x", "a", "d", "j", "u"),
        *("n", "y", "mime-version", "accept", "accept-encoding", "record-session", "target-dialog"),
    )
)


def _header(value: object) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ValueError(f"expected the name of a header such as X-Account, found {shown(value)}")
    if value.lower() in _OURS:
        raise ValueError(f"'{value}' is each side's own: it never passes")
    return value


def _value(value: object) -> str:
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError(
            f"expected a text of 1 to 256 characters on one line, found {shown(value)}"
        )
    return value


Header = Annotated[str, BeforeValidator(_header), fields.text("^[A-Za-z][A-Za-z0-9-]{0,63}$")]
HeaderText = Annotated[
    str,
    BeforeValidator(_value),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 256}),
]
_Expires = Annotated[float, fields.duration(90.0, 86400.0)]
_AskEvery = Annotated[float, fields.duration(1.0, 86400.0)]


class TimerEntry(StrictModel):
    """How calls find out that the other side has vanished (RFC 4028).

    A session interval is agreed with who knows session timers; who then is silent for too long has
    vanished: the record's reason is `session_expired`. Who knows none is asked inside the call, by
    UPDATE or OPTIONS; one that says that there is no such call, or nothing, is gone: `peer_gone`.
    """

    expires: _Expires = Field(
        default=1800.0,
        description="The session interval that is asked for: 90s to 24h.",
        examples=["1800s"],
    )
    min: _Expires = Field(
        default=90.0,
        description="The shortest interval that is taken; who asks for less is answered 422.",
        examples=["90s"],
    )
    ask_every: _AskEvery | None = Field(
        default=None,
        description="From one question to the next to who knows no session timers: 1s to 24h. When "
        "left out: `300s` for all trunks and gateways; who has a session timer of its own is "
        "refreshed instead, by a repeated offer where there is no UPDATE.",
        examples=["300s"],
    )


class HeadersEntry(StrictModel):
    """Which headers pass, beside the usual ones."""

    pass_: list[Header] = Field(
        default=[],
        alias="pass",
        description="Further headers that go through, from it and to it.",
        examples=[["X-Account"]],
    )
    set: dict[Header, HeaderText] = Field(
        default={},
        description="Headers with a text of ours in all that a call sends to it.",
        examples=[{"X-Carrier": "abc"}],
    )
    remove: list[Header] = Field(
        default=[],
        description="Headers that go through as a rule, but not from it or to it.",
        examples=[["Subject"]],
    )


def _timer_kind(value: object) -> str | None:
    if isinstance(value, dict | TimerEntry):
        return "timer"
    return "off" if value == "off" else None


SessionTimer = Annotated[
    Annotated[TimerEntry, Tag("timer")] | Annotated[Literal["off"], Tag("off")],
    Discriminator(
        _timer_kind,
        custom_error_type="timer_kind",
        custom_error_message="expected its times such as {expires: 1800s, min: 90s}, or off",
    ),
]


class PeerEntry(StrictModel):
    """What trunks and gateways have in common."""

    trusted: bool = Field(
        default=False,
        description="`true`: what it says in P-Asserted-Identity is believed, and it is told the "
        "same of others, those who ask for privacy too.",
        examples=[True],
    )
    session_timer: SessionTimer | None = Field(
        default=None,
        description="How calls find out that the other side has vanished (RFC 4028). When left "
        "out: as for all trunks and gateways. `off`: it is never asked.",
        examples=[{"expires": "1800s", "min": "90s"}, "off"],
    )
    reliable_provisionals: Literal["supported", "off"] = Field(
        default="supported",
        description="Whether ringing may be acknowledged by PRACK (RFC 3262).",
        examples=["off"],
    )
    headers: HeadersEntry | None = Field(
        default=None,
        description="Which headers go through. When left out: those that RFCs define for a call.",
        examples=[{"pass": ["X-Account"], "set": {"X-Carrier": "abc"}}],
    )


_KEYS: Final = frozenset(PeerEntry.model_fields) | {"caller", "transfer"}


def usual_peer(entry: SessionTimer | None) -> PeerProfile:
    """Compile how everybody is dealt with who says nothing; `USUAL` when the dialplan does not."""
    if entry is None:
        return USUAL
    return PeerProfile(timer=_rule(entry, TIMED.ask_every))


def _rule(entry: SessionTimer, ask_every: int) -> SessionRule | None:
    if isinstance(entry, str):
        return None
    return SessionRule(int(entry.expires), int(entry.min), int(entry.ask_every or ask_every))


def peer_of(
    entry: PeerEntry, usual: PeerProfile = USUAL, transfer: str = "callee", caller: str = "from"
) -> PeerProfile:
    """Compile what a trunk or a gateway says; `usual` when that is nothing."""
    if entry.model_fields_set.isdisjoint(_KEYS):
        return usual
    headers = entry.headers or HeadersEntry()
    return PeerProfile(
        trusted=entry.trusted,
        caller_is_asserted=caller == "pai",
        timer=usual.timer if entry.session_timer is None else _rule(entry.session_timer, 0),
        reliable=entry.reliable_provisionals == "supported",
        transfer=transfer,
        passed=tuple((name.lower(), name) for name in headers.pass_),
        removed=frozenset(name.lower() for name in headers.remove),
        rows="".join(f"{name}: {text}\r\n" for name, text in headers.set.items()),
    )
