"""The control channel between the pool and its workers: JSON, a line each, on a Unix socket.

Read and written by Python's own `json`: a worker's interpreter need have no package but pjsua2.

| from the pool | fields | meaning |
|---|---|---|
| open | session, inband, trusted | an INVITE for this session will come |
| trust | session | its party is where its media is said to go |
| play | session, files, loop | as `MediaSlots.play` |
| tone | session, hertz, seconds | |
| stop | session | |
| record | session, file, other, stereo, max_seconds, silence_seconds | |
| stop_recording | session | |
| press | session, digit | send the party a key, as an event of RFC 4733 |
| bridge, unbridge | session, other | |
| hear, unhear | session, other | its party hears the other's, which does not hear it by that |
| close | session | end the session and its call, whatever it does |
| quit | | end all and exit 0 |

The name in the first column is the value of `do`, in both directions: `{"do": "open", "id": 1,
"session": "x", "inband": false, "trusted": true}`. Each from the pool carries `id`; the worker
answers `{"ack": id}` as soon as it has done or scheduled it, or `{"ack": id, "error": "..."}`.
`play`, `tone` and `record` may come before the session's INVITE: they start when its media flows.

| from the worker | fields | meaning |
|---|---|---|
| ready | sip_port, slots | the first line: where it listens, how many calls it can hold |
| beat | calls, players, recorders, sessions, ports, rss | every `BEAT_SECONDS`; rss in bytes |
| played | session | |
| digit | session, digit, method | |
| recorded | session, file, ms, complete, why, fault, quiet | why it lacks something; nobody spoke |
| closed | session | its call is over and all it had is released |

After `close` or a BYE `closed` always follows, also for a session that was never dialled; its slot
is free then. With `error` nothing of the command happens and no event follows: the pool makes
`Played` or a failed `Recorded` of it.

The nursery's channel is a stream socket, its fd 0, with the same kind of lines. The pool sends
spawn messages, one line with one descriptor each: name, signalling (a list of [host, port], from
where SIP is taken; port 0 is any), rtp_host, rtp_public, rtp_low, rtp_high, user ([uid, gid] or
null), memory_bytes, files. The nursery sends:

| from the nursery | fields | meaning |
|---|---|---|
| awake | | `{"awake": true}`, the first line: pjsua2 is there |
| missing | | `{"missing": "why"}`: pjsua2 cannot be imported; it exits |
| started | pid | `{"started": name, "pid": n}`: forked |
| exited | status | `{"exited": name, "status": n}`: reaped; negative for a signal |
"""

import json
from typing import Any, Final, NoReturn

BEAT_SECONDS: Final = 0.5
"""From one `beat` to the next."""

HUNG_SECONDS: Final = 2.0
"""Silence after which a worker hangs, and the time it has to acknowledge a command."""

MAX_LINE: Final = 256 * 1024
"""Bytes; the longest is a `play` of many files."""


def encode(message: dict[str, Any]) -> bytes:
    """One line, newline included."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


class LineBuffer:
    """Line buffer of the channel: cuts what is read from the channel into messages."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete now.

        Raises ValueError for a line that is no JSON, and for one without end.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise ValueError("a line without end")
        return [_read(line) for line in lines]


def _read(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("a line that is nested too deep") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
