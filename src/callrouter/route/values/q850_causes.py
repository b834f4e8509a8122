"""The Q.850 causes of SIP final statuses.

The table is that of RFC 3398 section 8.2.6.1, with which RFC 4497 agrees. Where it asks for
something we do not have (a Warning header) or is silent, the choice is ours and says so.

The other way round nothing is mapped: whoever we ring answers with a SIP status, and a cause in its
Reason header (RFC 6432) goes into the record and on to the caller beside that status.
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
    488: 65,  # RFC 3398 asks the Warning header; its section 7.2.4.1 has 488 for 65
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
