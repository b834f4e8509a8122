"""Masking of credentials in SIP messages, before any of it is kept.

What is a secret: the values of Authorization and Proxy-Authorization (RFC 3261 section 22), the
password in a SIP URI (section 19.1.1), and the keys of media in a description (RFC 4568).

Nearly every message has none, so one look at many of them together comes first, by searches that
are cheap. All expressions are linear in what they read, whatever a peer makes up: a part between
two delimiters is read by a fixed number of starts. No possessive repetition is around one that may
go back: Python before 3.11.5 finds nothing with those (Debian 12 has 3.11.2).
"""

import re
from collections.abc import Sequence
from typing import Final

_PART: Final = rb"[!#-9;=?A-Z\\-\xff]"
"""What is no blank and none of `:@<>"[`, written so that it is looked up in a table."""
_ANY_PASSWORD: Final = re.compile(rb"sips?:%b*+:%b*+[:@]" % (_PART, _PART))
"""In lower case: a search for fixed bytes that case does not matter to would be a slow one."""

_VALUE: Final = re.compile(
    rb"(?i)(\n(?:proxy-)?authorization[ \t]*+:[ \t]*+(?:(?:digest|basic|bearer)(?=[ \t]))?)"
    rb"[^\r\n]*+(?:(?:\r(?!\n)|\r?\n[ \t])[^\r\n]*+)*"
)
_PASSWORD: Final = re.compile(
    rb"(?i)(sips?:%b*+)(?::%b*+){1,4}+@(?:[^\s:@<>\";?]*+@)*+" % (_PART, _PART)
)
_KEY: Final = re.compile(rb"(?i)(\na=crypto:[ \t]*+(?:[\w-]++[ \t]++[\w-]++[ \t]++)?)([^\r\n]*+)")


def hold_credentials(messages: Sequence[bytes]) -> bool:
    """Whether any of these messages may have something to be masked."""
    text = b"\n".join(messages).lower()
    return (
        b"authorization" in text or b"a=crypto:" in text or _ANY_PASSWORD.search(text) is not None
    )


def masked_message(data: bytes) -> bytes:
    """The message with `***` for each credential.

    In the body a secret becomes as many stars as it has bytes, so that Content-Length holds.
    """
    head, blank, body = data.partition(b"\r\n\r\n")
    head = _VALUE.sub(rb"\1 ***", head)
    head = _PASSWORD.sub(rb"\1:***@", head)
    body = _KEY.sub(_starred, body)
    return head + blank + _PASSWORD.sub(_starred_password, body)


def _starred(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])


def _starred_password(found: re.Match[bytes]) -> bytes:
    return found[1] + b":" + b"*" * (len(found[0]) - len(found[1]) - 2) + b"@"
