"""The character classes of RFC 3261 section 25.1 and the names that messages are made of.

Every pattern here matches in linear time: no nested quantifier can match the same text two ways.
"""

import re
from typing import Final

NAME: Final = r"[A-Za-z0-9\-.!%*_+`'~]+"
QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
HOST: Final = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.])?"
PARAMETER: Final = re.compile(
    rf"[ \t]*;[ \t]*({NAME})(?:[ \t]*=[ \t]*({QUOTED}|[^\s;,\"=]+))?", re.DOTALL
)
IS_TOKEN: Final = re.compile(rf"{NAME}\Z")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

MAGIC_COOKIE: Final = "z9hG4bK"
USUAL_METHODS: Final = frozenset(
    (
        *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO", "PRACK"),
        *("REFER", "MESSAGE", "REGISTER", "PUBLISH", "SUBSCRIBE", "NOTIFY"),
    )
)
"""Those that RFCs name; a peer may send any other token."""

COMPACT: Final = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact header names (RFC 3261 section 7.3.3 and the IANA registry) to the long ones."""

SPELLINGS: Final = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "From",
    "History-Info",
    "Identity",
    "In-Reply-To",
    "Info-Package",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "P-Early-Media",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Recv-Info",
    "Refer-To",
    "Referred-By",
    "Replaces",
    "Reply-To",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Session-Expires",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
)
"""The headers that have a meaning to us, as RFCs spell them."""

KNOWN_NAMES: Final = (
    {name: name.lower() for name in SPELLINGS}
    | {name.lower(): name.lower() for name in SPELLINGS}
    | COMPACT
    | {short.upper(): long for short, long in COMPACT.items()}
)
"""The usual spellings of header names to the lower-case long ones."""

REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    433: "Anonymity Disallowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}


def header_key(name: str) -> str | None:
    """The lower-case long name for an unusual spelling, or None when it is no header name.

    Spaces before the colon belong to the grammar (HCOLON), so they never make another name.
    """
    name = name.rstrip(" \t")
    if not IS_TOKEN.match(name):
        return None
    name = name.lower()
    return COMPACT.get(name, name)


def reason_phrase(status: int) -> str:
    """The standard's phrase for a status code; a neutral one where it names none."""
    return REASONS.get(status, "Unknown")
