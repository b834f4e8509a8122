"""SIP messages as plain text: enough for a test to say and to see exactly what is on the wire."""

from typing import Final, Self

SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\n"
)
_ECHOED: Final = frozenset(("Via", "Record-Route", "From", "Call-ID", "CSeq"))


class Message:
    """One message. start: its first line. rows: header name and value, as sent, in order."""

    def __init__(self, start: str, rows: list[tuple[str, str]], body: str = "") -> None:
        self.start = start
        self.rows = rows
        self.body = body

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a datagram."""
        head, _, body = data.decode().partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        rows = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return cls(start, rows, body)

    def render(self) -> bytes:
        """Write a datagram."""
        rows = [*self.rows, ("Content-Length", str(len(self.body)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in rows)
        return f"{self.start}\r\n{head}\r\n{self.body}".encode()

    def __str__(self) -> str:
        return f"{self.start} ({self['CSeq']})"

    def __getitem__(self, name: str) -> str:
        """The first value of a header, "" when there is none."""
        return next((value for key, value in self.rows if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.rows if key.lower() == name.lower()]

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/") else 0

    @property
    def method(self) -> str:
        """The method of a request, or of what is answered."""
        return self["CSeq"].split(" ")[1]

    @property
    def cseq(self) -> int:
        """The number in CSeq."""
        return int(self["CSeq"].split(" ")[0])

    @property
    def uri(self) -> str:
        """The Request-URI."""
        return self.start.split(" ")[1]

    @property
    def branch(self) -> str:
        """The topmost branch."""
        return _parameter(self["Via"], "branch")

    def tag(self, name: str) -> str:
        """The tag in From or To, "" when there is none."""
        return _parameter(self[name], "tag")

    def answered(self, status: int, tag: str, contact: str, body: str = "") -> "Message":
        """A response to this request. tag: ours, for one that begins a dialog."""
        rows = [(name, value) for name, value in self.rows if name in _ECHOED]
        to = self["To"]
        rows += [
            ("To", to if ";tag=" in to else f"{to};tag={tag}"),
            ("Contact", f"<{contact}>"),
        ]
        if body:
            rows.append(("Content-Type", "application/sdp"))
        return Message(f"SIP/2.0 {status} Said", rows, body)

    @property
    def contact(self) -> str:
        """The URI in Contact."""
        return self["Contact"].partition("<")[2].partition(">")[0]


def _parameter(value: str, name: str) -> str:
    return value.partition(f";{name}=")[2].partition(";")[0]
