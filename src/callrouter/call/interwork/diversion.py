"""Diversion and History-Info: what the next network is told of a call that was forwarded.

Theory: both headers carry the way of a call, one entry for each time it was forwarded. Diversion
(RFC 5806) names who forwarded it, the last one first; History-Info (RFC 7044) names every target
in order, by an index that grows a level each time. Ours is the called number, which goes on to a
gateway that is told so.

Rules: nothing is passed on as it came. An entry that is read is built anew from its URI and the
parameters known here; one that is not understood is left out, but counts as once forwarded.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from callrouter.call.interwork.caller_identity import hidden_by
from callrouter.call.interwork.header_policy import privacy_of, telephone_params
from callrouter.errors import SipError
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.values.plan import Redirection, Target
from callrouter.sip.headers import parse_address, parse_params, split_values
from callrouter.sip.message import Request, Response
from callrouter.sip.uri import Uri, host_port, parse_uri

_READ: Final = 20
"""Entries of each header that are looked at."""

_LONGEST: Final = 128
_MANY: Final = 99
# Marks and user-unreserved characters (RFC 3261 section 25.1); all else is escaped.
_SAFE: Final = "-_.!~*'()&=+$,/"
# What may stand in a user part as it came.
_IN_USER: Final = re.compile(r"(?:[A-Za-z0-9_.!~*'()&=+$,/?-]|%[0-9A-Fa-f]{2})*")
_OTHERS: Final = re.compile(r";cause(?:=[^;]*)?(?=;|\Z)", re.IGNORECASE)
_WORD: Final = re.compile(r"[a-z0-9-]{1,32}")
_COUNTER: Final = re.compile(r"[0-9]{1,3}")
_INDEX: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,15}")
_CAUSE: Final = re.compile(r"[3-6][0-9]{2}")
_PRIVACY: Final = re.compile(r"(?:^|&)privacy=", re.IGNORECASE)
_FAILED: Final = re.compile(r"(?:^|&)reason=SIP *; *cause=([3-6][0-9]{2})(?![0-9])", re.IGNORECASE)
_HIDING: Final = frozenset({"header", "session", "history"})
_NOBODY: Final = "sip:anonymous@anonymous.invalid"

_UNKNOWN: Final = "unknown"
_UNCONDITIONAL: Final = "unconditional"
_TIME_OF_DAY: Final = "time-of-day"
_REASONS: Final = {
    "busy": "user-busy",
    "no_answer": "no-answer",
    "unreachable": "unavailable",
}
"""By the result of the target before; RFC 5806 has no word for a callee who refused."""

_KNOWN: Final = frozenset(
    (
        *_REASONS.values(),
        *(_UNKNOWN, _UNCONDITIONAL, _TIME_OF_DAY, "do-not-disturb"),
        *("deflection", "follow-me", "out-of-service", "away"),
    )
)
_CAUSES: Final = {
    _UNCONDITIONAL: 302,
    "user-busy": 486,
    "no-answer": 408,
    "unavailable": 503,
}
"""RFC 4458 section 2; its 404 (unknown) for all others."""
_MOVED: Final = frozenset((301, 302))
_STATED: Final = re.compile(r"(?:^|;)[ \t]*cause[ \t]*=[ \t]*([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_STATED_CAUSES: Final = {
    ("SIP", "302"): _UNCONDITIONAL,
    ("SIP", "480"): "deflection",
    ("SIP", "487"): "deflection",
    **{("SIP", status): "user-busy" for status in ("486", "600")},
    **{("SIP", status): "unavailable" for status in ("503", "502", "500", "504")},
    ("SIP", "408"): "no-answer",
    ("Q.850", "17"): "user-busy",
    **{("Q.850", cause): "no-answer" for cause in ("18", "19", "102")},
    **{("Q.850", cause): "unavailable" for cause in ("20", "27", "34", "38", "41", "42")},
}
"""What a Reason (RFC 3326), or a `cause` parameter (RFC 4458), means in RFC 5806's words."""


def diversions(invite: Request) -> int:
    """How often a call was forwarded before it came here, by the header that says more."""
    counted = 0
    for value in _values(invite, "diversion"):
        try:
            counter = parse_params(parse_address(value).params).get("counter", "1")
        except SipError:
            counter = "1"
        counted += max(int(counter), 1) if _COUNTER.fullmatch(counter) else 1
    changed = sum(1 for entry in _history(invite) if entry.cause)
    return min(max(counted, changed), _MANY)


class DiversionTarget(NamedTuple):
    """The place that a call goes on to.

    uri: the Request-URI. number: of this leg, from 1. reason: why, as `reason_of` has it.
    diversion, history_info: which headers are sent there. redirections: who sent it on to there,
    one after the other; the reason is that of the first one of them being rung. trusted: it may
    know who wants to be hidden.
    """

    uri: str
    number: int
    reason: str
    diversion: bool
    history_info: bool
    redirections: tuple[Redirection, ...] = ()
    trusted: bool = False


def reason_of(last: str, *, timed: bool) -> str:
    """Why a call goes on (RFC 5806 section 4).

    last: the result of the target before, "" when there was none. timed: the time of day chose the
    first one.
    """
    if last:
        return _REASONS.get(last, _UNKNOWN)
    return _TIME_OF_DAY if timed else _UNCONDITIONAL


def forwarded_rows(invite: Request, called: str, goal: DiversionTarget, host: str) -> str:
    """The rows for a B-leg's INVITE. called: who forwards. host: what stands for us in URIs."""
    called = numbers.plain(called)
    us = f"sip:{_escaped(called[:_LONGEST])}@{host}" if called else f"sip:{host}"
    rows = ""
    if goal.diversion:
        for one in reversed(goal.redirections):
            rows += f"Diversion: <{_forwarder(one, host)}>;reason={one.reason};counter=1\r\n"
        rows += f"Diversion: <{us}>;reason={goal.reason};counter=1\r\n"
        for value in _values(invite, "diversion"):
            built = _diversion(invite, value, trusted=goal.trusted)
            if built:
                rows += f"Diversion: {built}\r\n"
    if goal.history_info:
        entries, base = _continued(invite, called, us)
        cause = _CAUSES.get(goal.reason, 404)
        changed = base
        for one in goal.redirections:
            # Who sent it on says so in its own entry, what it named says where it came from
            # (RFC 7044 section 10.2).
            index = f"{base}.{one.number}"
            why = f"?Reason=SIP%3Bcause%3D{one.status}"
            entries.append(
                f"<{_forwarder(one, host)};cause={cause}{why}>;index={index};mp={changed}"
            )
            changed, cause = index, _CAUSES.get(one.reason, 404)
        entries.append(f"<{goal.uri};cause={cause}>;index={base}.{goal.number};mp={changed}")
        rows += f"History-Info: {', '.join(entries)}\r\n"
    return rows


def redirection_of(target: Target, number: int, response: Response, after: str) -> Redirection:
    """Note that a target sent the call on by a 3xx. number: of its leg. after: as it keeps it."""
    uri = "" if target.extension else target.uri
    why = _redirected_because(response)
    return Redirection(uri, target.extension, number, why, response.status, after)


def _redirected_because(response: Response) -> str:
    """Why a 3xx sends the call on: as its Diversion, its Reason or its Contact says (RFC 5806 7).

    One that moves the callee, and says no more, did so in any case.
    """
    for value in split_values(response.rows("diversion"))[:1]:
        try:
            reason = parse_params(parse_address(value).params).get("reason", "").strip('"').lower()
        except SipError:
            break
        if reason in _KNOWN:
            return reason
    for value in split_values(response.rows("reason"))[:_READ]:
        protocol, _, rest = value.partition(";")
        found = _STATED.search(rest)
        word = _STATED_CAUSES.get((protocol.strip(" \t").upper(), found[1] if found else ""))
        if word:
            return word
    for value in split_values(response.rows("contact"))[:1]:
        try:
            cause = parse_uri(parse_address(value).uri).param("cause") or ""
        except SipError:
            break
        if ("SIP", cause) in _STATED_CAUSES:
            return _STATED_CAUSES["SIP", cause]
    return _UNCONDITIONAL if response.status in _MOVED else _UNKNOWN


def _forwarder(one: Redirection, host: str) -> str:
    """The URI of who sent a call on; a telephone of ours by its extension, at our address."""
    if one.extension:
        return f"sip:{_escaped(one.extension)}@{host}"
    return _built(parse_uri(one.uri)) or f"sip:{host}"


def _values(invite: Request, name: str) -> list[str]:
    return split_values(invite.rows(name))[:_READ] if name in invite.headers else []


def _diversion(invite: Request, value: str, *, trusted: bool) -> str:
    """Build an entry of Diversion anew, "" when it is none.

    Who wants privacy is nobody to who is not trusted (RFC 5806 section 11, RFC 3323).
    """
    try:
        address = parse_address(value)
        uri = _built(parse_uri(address.uri))
        params = parse_params(address.params)
    except SipError:
        return ""
    counter = params.get("counter", "1")
    if not uri or not _COUNTER.fullmatch(counter) or not int(counter):
        return ""
    reason = params.get("reason", "").strip('"').lower()
    reason = reason if reason in _KNOWN else _UNKNOWN
    hidden = hidden_by(address.params)
    privacy = params.get("privacy", "").strip('"').lower()
    if hidden_by(f";privacy={privacy}") != hidden or not _WORD.fullmatch(privacy):
        privacy = "full" if hidden else ""
    if not trusted and ("uri" in hidden or not _HIDING.isdisjoint(privacy_of(invite))):
        uri = _NOBODY
        privacy = privacy if hidden else "full"
    rows = f"<{uri}>;reason={reason};counter={int(counter)}"
    if privacy:
        rows += f";privacy={privacy}"
    screen = params.get("screen", "").strip('"').lower()
    return f"{rows};screen={screen}" if screen in {"yes", "no"} else rows


@dataclass(slots=True, kw_only=True, frozen=True)
class _Entry:
    """An entry of History-Info. cause: how it became the target, "" when it did not change."""

    user: str
    cause: str
    index: str
    text: str


def _history(invite: Request) -> list[_Entry]:
    """Read History-Info; who asks for privacy has no name in what is built of it."""
    values = _values(invite, "history-info")
    if not values:
        return []
    hidden = not _HIDING.isdisjoint(privacy_of(invite))
    entries = (_entry(value, hidden=hidden) for value in values)
    return [entry for entry in entries if entry is not None]


def _entry(value: str, *, hidden: bool) -> _Entry | None:
    try:
        address = parse_address(value)
        uri = parse_uri(address.uri)
        params = parse_params(address.params)
    except SipError:
        return None
    index = params.get("index", "")
    text = _NOBODY if hidden or _PRIVACY.search(uri.headers) else _built(uri)
    if not text or not _INDEX.fullmatch(index):
        return None
    cause = uri.param("cause") or ""
    if _CAUSE.fullmatch(cause):
        text += f";cause={cause}"
    else:
        cause = ""
    failed = _FAILED.search(unquote(uri.headers))
    if failed is not None:
        text += f"?Reason=SIP%3Bcause%3D{failed[1]}"
    text = f"<{text}>;index={index}"
    for name in ("rc", "mp", "np"):
        if _INDEX.fullmatch(params.get(name, "")):
            text += f";{name}={params[name]}"
            break
    return _Entry(user=uri.decoded_user(), cause=cause, index=index, text=text)


def _continued(invite: Request, called: str, us: str) -> tuple[list[str], str]:
    """The entries up to the called number, and the index of the last (RFC 7044 section 10.3)."""
    entries = _history(invite)
    texts = [entry.text for entry in entries]
    if not entries:
        return [f"<{us}>;index=1"], "1"
    last = entries[-1]
    if numbers.plain(last.user) == called:
        return texts, last.index
    # Somebody on the way does not write it: the gap is a 0.
    index = f"{last.index}.0"
    return [*texts, f"<{us}>;index={index}"], index


def _built(uri: Uri) -> str:
    """A URI without its headers and parameters but those of a number; "" for no one's."""
    if uri.scheme == "tel":
        params = _OTHERS.sub("", telephone_params(uri)) if uri.params else ""
        return f"tel:{uri.user}{params}" if len(uri.user) <= _LONGEST else ""
    place = host_port(uri.host, uri.port) if uri.port else host_port(uri.host, 0)[:-2]
    number, *said = uri.user.split(";")
    user = _escaped(unquote(number, errors="surrogateescape"))
    for param in said:
        # A ";" means something else escaped (RFC 3261 section 19.1.4).
        kept = _IN_USER.fullmatch(param)
        user += f";{param if kept else _escaped(unquote(param, errors='surrogateescape'))}"
    if not number or len(user) > _LONGEST or len(place) > _LONGEST:
        return ""
    return f"{uri.scheme}:{user}@{place}"


def _escaped(user: str) -> str:
    return quote(user, safe=_SAFE, errors="surrogateescape")
