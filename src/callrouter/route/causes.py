"""SIP final statuses and Q.850 causes, mapped both ways.

The tables are those of RFC 3398 (sections 8.2.6.1 and 7.2.4.1), with which RFC 4497 agrees. Where
they ask for something we do not have (a Warning header, a cause location) or are silent, the
choice is ours and says so.
"""

from typing import Final

_CAUSES: Final[dict[int, int]] = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,  # RFC 3398 has none: the caller left, which is normal clearing
    488: 65,  # RFC 3398 asks the Warning header; 65 is the cause that maps back to 488
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 65,  # as 488
}

_STATUSES: Final[dict[int, int]] = {
    1: 404,
    2: 404,
    3: 404,
    16: 480,  # RFC 3398 has none, for it ends calls by BYE; 480 is its status for 31
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,  # 603 only when the user is known to have refused
    22: 410,
    23: 410,
    26: 404,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 503,
    41: 503,
    42: 503,
    47: 503,
    55: 403,
    57: 403,
    58: 503,
    65: 488,
    70: 488,
    79: 501,
    87: 403,
    88: 503,
    102: 504,
    111: 500,
    127: 500,
}


def cause_of(status: int) -> int:
    """Return the Q.850 cause of a final SIP status.

    A status that the RFC does not list goes by its class: below 400 is 16 (normal clearing), 4xx is
    127 (interworking), 5xx is 41 (temporary failure), 6xx is 21 (rejected).
    """
    cause = _CAUSES.get(status)
    if cause is not None:
        return cause
    if status < 400:
        return 16
    if status < 500:
        return 127
    return 41 if status < 600 else 21


def status_of(cause: int) -> int:
    """Return the SIP status that answers a call refused for a Q.850 cause: 500 if not listed."""
    return _STATUSES.get(cause, 500)
