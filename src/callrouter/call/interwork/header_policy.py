"""Header policy: what of one leg may show on the other, and how statuses cross (A1, A9, B14).

Everything is rebuilt; only what is named here passes, and only when it is clean text. Nothing a
caller writes reaches the other leg as a row of its own making.
"""

import re
from typing import Final

from callrouter.errors import SipError
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.sip.body import SDP, SDP_ROW
from callrouter.sip.grammar import CONTROL, NAME
from callrouter.sip.headers import Address
from callrouter.sip.message import Message, Request
from callrouter.sip.uri import Uri, parse_uri

PASSED: Final[tuple[tuple[str, str], ...]] = (
    ("subject", "Subject"),
    ("priority", "Priority"),
    ("reason", "Reason"),
    ("alert-info", "Alert-Info"),
    ("info-package", "Info-Package"),
    ("user-to-user", "User-to-User"),
)
"""Headers that go through end to end as they are: the key they are read by, and their name."""

_PASSED_BY_KEY: Final = {pair[0]: pair for pair in PASSED}
_ANONYMOUS: Final = "sip:anonymous@anonymous.invalid"
_QUOTED: Final = re.compile(r"\"(?:[^\"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*\"")
_TOKENS: Final = re.compile(rf"{NAME}(?: {NAME})*")
_CAUSE: Final = re.compile(
    r"Q\.850[^,]{0,64}?;[ \t]{0,8}cause[ \t]{0,8}=[ \t]{0,8}([0-9]{1,3})", re.IGNORECASE
)
# One parameter of a tel URI that may stand in the user part of a SIP URI (RFC 3261 section 25.1).
_OF_A_SUBSCRIBER: Final = re.compile(
    r";[A-Za-z0-9-]+(?:=(?:[A-Za-z0-9_.!~*'()&=+$,/?-]|%[0-9A-Fa-f]{2})+)?(?=;|\Z)"
)
_MAX_PARAMS: Final = 128
_MAX_DISPLAY: Final = 128
_MOST_ROWS: Final = 8

_SEEN: Final = ("id", "user", "header", "session", "history", "none", "critical")
_OF_THE_USER: Final = frozenset(("user", "header"))
_PERSONAL: Final = frozenset(
    ("subject", "call-info", "organization", "user-agent", "reply-to", "in-reply-to")
)
"""What says who somebody is without being asked to (RFC 3323 section 5.3)."""

# Our own credentials, our own routing: what a target says about these is not the caller's affair.
_NOT_RELAYED: Final = {401: 500, 407: 500, 421: 500, 422: 500, 487: 480, 503: 500}


def privacy_of(message: Message) -> tuple[str, ...]:
    """What all rows of Privacy ask for, in lower case; only what RFCs 3323, 3325, 7044 know."""
    if "privacy" not in message.headers:
        return ()
    text = ";".join(message.rows("privacy")).replace(",", ";")
    asked = {token.strip(" \t").lower() for token in text.split(";")}
    return tuple(token for token in _SEEN if token in asked)


def is_private(message: Message) -> bool:
    """Whether who sent it wants nothing shown that says who it is (RFC 3323 section 5.3)."""
    return "privacy" in message.headers and not _OF_THE_USER.isdisjoint(privacy_of(message))


def passing(source: PeerProfile, sink: PeerProfile) -> tuple[tuple[str, str], ...]:
    """The headers that pass from one peer to another, as in PASSED."""
    if not (source.passed or sink.passed or source.removed or sink.removed):
        return PASSED
    removed = source.removed | sink.removed
    named = (*PASSED, *source.passed, *(name for name in sink.passed if name not in source.passed))
    return tuple(name for name in named if name[0] not in removed)


def passed_rows(
    message: Message,
    source: PeerProfile = USUAL,
    sink: PeerProfile = USUAL,
    *,
    private: bool = False,
) -> str:
    """The rows of a message that go to the other leg, Content-Type of its body included.

    source, sink: who sent it, and who gets it. private: the sender has asked before for what
    `is_private` says.
    """
    rows = sink.rows
    headers = message.headers
    private = not sink.trusted and (private or ("privacy" in headers and is_private(message)))
    named = _PASSED_BY_KEY
    if not (source is USUAL and sink is USUAL):
        named = {pair[0]: pair for pair in passing(source, sink)}
    # Of the few that are there one or none is in a message as a rule.
    for key in filter(headers.__contains__, named):
        if not (private and key in _PERSONAL):
            for value in message.rows(key)[:_MOST_ROWS]:
                if not CONTROL.search(value):
                    rows += f"{named[key][1]}: {value}\r\n"
    if message.body:
        kind = headers.get("content-type", SDP)
        if kind == SDP:
            rows += SDP_ROW
        elif not CONTROL.search(kind):
            rows += f"Content-Type: {kind}\r\n"
        disposition = headers.get("content-disposition")
        if disposition is not None and not CONTROL.search(disposition):
            rows += f"Content-Disposition: {disposition}\r\n"
    return rows


def caller_uri(address: Address) -> Uri | None:
    """The caller's SIP or tel URI; None when From holds something else, or nobody."""
    try:
        uri = parse_uri(address.uri)
    except SipError:
        return None
    return uri if uri.user else None


def shown_name(address: Address) -> str:
    """The display name for a header of ours with a blank behind it, "" for none that is clean.

    One that is not of tokens is quoted (RFC 3261 section 25.1), whether it came so or not.
    """
    name = address.display
    if not name or len(name) > _MAX_DISPLAY:
        return ""
    if (name.isascii() and name.isalnum()) or _TOKENS.fullmatch(name) or _QUOTED.fullmatch(name):
        return f"{name} "
    if name[0] == '"' or CONTROL.search(name) or not _is_unicode(name):
        return ""
    escaped = name.replace("\\", "\\\\")
    return f'"{escaped}" '


def _is_unicode(text: str) -> bool:
    """Whether a text came from bytes that were UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # what was no UTF-8 is there as surrogates
        return False
    return True


def from_value(address: Address, caller: Uri | None, host: str) -> str:
    """The From value of a B-leg, without its tag: the caller's name and number at our address.

    host: what stands for us in URIs.
    """
    shown = shown_name(address)
    if caller is None or caller.host == "anonymous.invalid":
        return f"{shown}<{_ANONYMOUS}>"
    if caller.params and caller.scheme == "tel":
        # What is said of the number stays with it (RFC 3261 section 19.1.6).
        return f"{shown}<sip:{caller.user}{telephone_params(caller)}@{host};user=phone>"
    return f"{shown}<sip:{caller.user}@{host}>"


def telephone_params(uri: Uri) -> str:
    """The parameters of a tel URI that are clean, with the leading ";"; "" for too many."""
    params = "".join(_OF_A_SUBSCRIBER.findall(uri.params))
    return params if len(params) <= _MAX_PARAMS else ""


def max_forwards(request: Request) -> int:
    """How many more hops the request may make (RFC 3261 section 16.3). Raises SipError 400, 483."""
    text = request.headers.get("max-forwards")
    if not text:
        return 70
    hops = int(text) if len(text) <= 3 and text.isascii() and text.isdigit() else 256
    if hops > 255:
        raise SipError("Max-Forwards is not a number from 0 to 255")
    if hops == 0:
        raise SipError("too many hops", 483)
    return hops


def relayed_status(status: int) -> int:
    """The status to give the caller for a target's (RFC 3261 section 16.7 step 6)."""
    if status < 400:
        return 480
    return _NOT_RELAYED.get(status, status)


def passed_reason(message: Message) -> str:
    """The Reason values of a message on one line, "" for none (RFC 3326)."""
    if "reason" not in message.headers:
        return ""
    return ", ".join(value for value in message.rows("reason") if not CONTROL.search(value))


def q850_cause_of(reason: str) -> int:
    """The Q.850 cause in a Reason value, 0 when it has none (RFC 3326)."""
    match = _CAUSE.search(reason) if reason else None
    return int(match[1]) if match is not None else 0
