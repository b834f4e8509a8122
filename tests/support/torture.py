"""The torture messages of RFC 4475, and what each of them may get."""

import csv
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parents[1] / "data" / "rfc4475"


class Torture(NamedTuple):
    """One message and its verdict. accept, prefer, forbid: statuses and words of verdicts.tsv.

    reply_port: where the answer must go, 0 for the source port.
    """

    name: str
    data: bytes
    transport: str
    reply_port: int
    accept: frozenset[str]
    prefer: str
    forbid: frozenset[str]

    def over(self, transport: str) -> "Torture":
        """The verdict when it comes over another transport than it was written for."""
        if self.name == "clerr.dat" and transport != "UDP":
            # A stream has to wait for the rest (RFC 4475 section 3.1.2.2).
            return self._replace(accept=frozenset(("silence",)))
        if self.transport == "TLS" and transport == "UDP":
            # Without a port in Via it is UDP's (RFC 3261 section 18.2.2).
            return self._replace(reply_port=5060)
        return self

    def allows(self, status: int) -> bool:
        """This final answer may be given; 0 is none at all."""
        said = {str(status), f"{status // 100}xx"} if status else {"silence"}
        if said & self.forbid:
            return False
        if "normal" in self.accept and status not in {0, 400, 500}:
            return True
        return bool(said & self.accept)


def _read() -> dict[str, Torture]:
    with (FOLDER / "verdicts.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    read = {}
    for row in rows:
        accept = set(row["accept"].split("|"))
        if row["silence_ok"] == "True":
            accept.add("silence")
        port = row["reply_port"]
        read[row["file"]] = Torture(
            row["file"],
            (FOLDER / row["file"]).read_bytes(),
            row["transport"],
            int(port) if port.isdigit() else 0,
            frozenset(accept),
            row["prefer"],
            frozenset(filter(None, row["forbid"].split("|"))),
        )
    # The one message that is damaged in the archive, as it was meant (its README says so).
    damaged, whole = read["baddn.dat"], "baddn.terminated.dat"
    data = (FOLDER / whole).read_bytes()
    read[whole] = damaged._replace(name=whole, data=data, accept=frozenset(("400", "200")))
    return read


MESSAGES: Final = _read()
