"""The one exception tree.

Remote faults and our own configuration faults are different classes: a SIP peer can only ever
cause a `SipError`, which carries the status to answer; a file that ops wrote can only ever cause a
`ConfigError`, which carries the places to mend. Anything else that is raised is a bug of ours.
"""

import re
from dataclasses import dataclass
from typing import Final

_USER_INFO: Final = re.compile(
    r"(?<![\w.%+~-])(?!(?<!/)(?:sips?|tel|mailto):)([\w.%+~-]*):(?!//|sips?:)[^\s\"']*@",
    re.IGNORECASE,
)
"""A password before an @ (RFC 3986 section 3.2.1), up to the last one, since it may be ill-written.

In any text, for a URL whose scheme is mistyped has one too. The user of a SIP URI is none.
"""
_PARAMETER: Final = re.compile(
    r"((?:password|passwd|pwd|secret|token|api_?key)\s*=\s*)[^\s&;,\"']+", re.IGNORECASE
)


def masked(text: str) -> str:
    """The text without the passwords of URLs and connection strings in it."""
    return _PARAMETER.sub(r"\1***", _USER_INFO.sub(r"\1:***@", text))


class CallrouterError(Exception):
    """Root of everything callrouter raises on purpose."""


class CommandError(CallrouterError):
    """A command that cannot do what it was asked for."""


class SipError(CallrouterError):
    """A fault of a peer: it sent something that has to be refused.

    status: the SIP status code to answer with (RFC 3261 section 21).
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class StrangerError(SipError):
    """A request from somebody nobody knows, who as a rule gets no answer at all."""

    def __init__(self) -> None:
        super().__init__("no trunk has this source", 403)


class ParseError(SipError):
    """Bytes that are not a SIP message, URI, header value or SDP body."""


@dataclass(slots=True)
class Diagnostic:
    """One mistake in a file: where it is, what was found, what was expected.

    line and column count from 1; 0 means that the mistake has no place inside the file.
    """

    message: str
    file: str
    line: int = 0
    column: int = 0
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.severity}: {self.message}"


class ConfigError(CallrouterError):
    """A configuration or dialplan that must not go live.

    diagnostics: every mistake found, in file order; never empty.
    """

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__("\n".join(str(d) for d in diagnostics))
        self.diagnostics = diagnostics
