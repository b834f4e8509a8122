"""Values on which a careless expression backtracks for ever, and what it costs to read them.

Each is 8,000 characters long. Read as it should be, one takes a few times as long as a walk over
it in Python, at most 16; a quadratic expression takes several hundred walks.
"""

import gc
import time
from collections.abc import Callable, Iterable
from typing import Final

from support.rig import Sent, request
from support.stack_edge import Edge

LENGTH: Final = 8_000
LIMIT: Final = 60
"""Walks over the text."""

PIECES: Final = (
    *("a", " ", "\t", '"', "\\", "<", ">", ",", ";", "=", ":", "@", "/", ".", "-", "?", "[", "%"),
    *("1", "\0", "\u00e9", "a ", "a,", "a@", "a-", "a.", '"a"', '"a" ', '\\"', '"\\', "<a", "<a>"),
    *(
        ";a",
        "; a",
        ";a=1",
        ";a =",
        ';a="',
        ';a="b"',
        "; ",
        ";\t;",
        "a=b;",
        "&a=b",
        "%41",
        "::",
        "\r\n ",
    ),
    *(
        "sip:",
        "SIP/",
        "SIP/2.0/UDP h,",
        "<sip:a@h>,",
        ";tag=",
        ";rport",
        ";branch=",
        "Q.850;",
        "Q.850",
    ),
)
FORMS: Final = ("{}", "a{}b", "{}!", "a{}<", '"{}', '"{}" ', f'{"a" * 4000}{{}}"')

FIELDS: Final[dict[str, Callable[[str], bytes]]] = {
    "From": lambda text: request(from_=f"{text}"),
    "From name": lambda text: request(from_=f"{text} <sip:a@h>;tag=x"),
    "From quoted": lambda text: request(from_=f'"{text}" <sip:a@h>;tag=x'),
    "From user": lambda text: request(from_=f"<sip:{text}@h>;tag=x"),
    "From parameters": lambda text: request(from_=f"<sip:a@h>{text}"),
    "From bare": lambda text: request(from_=f"sip:a@h{text}"),
    "To": lambda text: request(to=f"{text}"),
    "To parameters": lambda text: request(to=f"<sip:a@h>{text}"),
    "Via": lambda text: request(via=f"{text}"),
    "Via start": lambda text: request(via=f"SIP{text}"),
    "Via host": lambda text: request(via=f"SIP / 2.0 / UDP {text}"),
    "Via parameters": lambda text: request(via=f"SIP/2.0/UDP h{text};rport"),
    "CSeq": lambda text: request(cseq=f"1{text}"),
    "Request-URI": lambda text: request(uri=f"sip:{text}".replace(" ", "_")),
    "Request-URI user": lambda text: request(uri=f"sip:{text}@h".replace(" ", "_")),
    "Request-URI parameters": lambda text: request(uri=f"sip:4000@h;{text}".replace(" ", "_")),
    "Request-URI scheme": lambda text: request(uri=text.replace(" ", "_")),
    "tel": lambda text: request(uri=f"tel:{text}".replace(" ", "_")),
    "method": lambda text: request().replace(b"INVITE", text.encode(), 1),
    "version": lambda text: request().replace(b"SIP/2.0\r\n", f"SIP/{text}\r\n".encode(), 1),
    "status": lambda text: f"SIP/2.0 200 {text}\r\nVia: {text}\r\nTo: {text}\r\n\r\n".encode(),
    "name": lambda text: request(extra=f"{text}: value\r\n"),
    "lines": lambda text: request(extra=text.replace("a", "\r\n") + "\r\n"),
    "Contact": lambda text: request(extra=f"Contact: {text}\r\n"),
    "Contact URI": lambda text: request(extra=f"Contact: <sip:a@h{text}>\r\n"),
    "Record-Route": lambda text: request(extra=f"Record-Route: {text}\r\n"),
    "Route": lambda text: request(extra=f"Record-Route: <sip:h;lr{text}>, {text}\r\n"),
    "Require": lambda text: request(extra=f"Require: {text}\r\n"),
    "Accept": lambda text: request(extra=f"Accept: {text}\r\n"),
    "Content-Type": lambda text: request(extra=f"Content-Type: {text}\r\n", body=b"v=0"),
    "Content-Length": lambda text: request(extra=f"l: {text}\r\n"),
    "Max-Forwards": lambda text: request().replace(b"Forwards: 70", f"Forwards: {text}".encode()),
    "Reason": lambda text: request(extra=f"Reason: {text}\r\nSubject: {text}\r\n"),
}


def cost(work: Callable[[], object]) -> float:
    """CPU seconds of this process, so that other processes do not count, nor the collector."""
    gc.disable()
    before = time.process_time()
    work()
    spent = time.process_time() - before
    gc.enable()
    return spent


def walk() -> None:
    """Look at each character once."""
    seen = 0
    for char in "x" * LENGTH:
        seen += char == "y"


WALK: Final = sorted(cost(walk) for _ in range(9))[4]


def walks(work: Callable[[], object], again: Callable[[], object] = lambda: None) -> float:
    """What the work costs; the least of some tries when it was too much at first.

    again: makes the work the same again.
    """
    spent = cost(work) / WALK
    for _ in range(4):
        if spent > LIMIT:
            again()
            spent = min(spent, cost(work) / cost(walk))
    return spent


def hold_to_its_length(field: str, texts: Iterable[str]) -> None:
    """Messages with each of these texts in a field cost no more than their length."""
    edge = Edge()
    for text in texts:
        data = FIELDS[field](text)
        answers: list[Sent] = []
        spent = walks(
            lambda data=data, answers=answers: answers.extend(edge.hear(data)),
            again=lambda: edge.wait(100.0),
        )
        assert spent < LIMIT, f"{spent:.0f} walks for {data[:120]!r}..."
        # Nor is an answer larger than what it answers, but for a few rows of our own.
        assert all(len(sent.data) < len(data) + 400 for sent in answers)
    assert edge.noted.bugs == []


def hostile(piece: str, form: str) -> str:
    """A text of `LENGTH` characters, or a few more."""
    return form.format(piece * (LENGTH // len(piece)))
