"""Digest as the other side does it, written apart from ours; and telephones that register."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from support.message import SDP, Message
from support.phone import Phone, place, token
from support.serving import Serving, lay_out

_HASHES: Final[dict[str, Callable[[bytes], Any]]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
PASSWORDS: Final = {
    "carrier_a": "c4rrier",
    "wanderer": "w4nder",
    "old_carrier": "0ld",
    "101": "one-oh-one",
    "102": "one-oh-two",
    "us": "0urs",
}


def parameters(value: str) -> dict[str, str]:
    """The parameters of a challenge or of credentials, without quotes."""
    found = re.findall(r'([a-z]+)=(?:"([^"]*)"|([^",\s]+))', value)
    return {name: quoted or bare for name, quoted, bare in found}


def response(given: dict[str, str], password: str, method: str) -> str:
    """What the response of these credentials has to be."""
    hashed = _HASHES[given.get("algorithm", "MD5")]

    def h(text: str) -> str:
        return str(hashed(text.encode()).hexdigest())

    who = h(f"{given['username']}:{given['realm']}:{password}")
    asked = h(f"{method}:{given['uri']}")
    counted = ("nonce", "nc", "cnonce", "qop") if "qop" in given else ("nonce",)
    middle = ":".join(given[name] for name in counted)
    return h(f"{who}:{middle}:{asked}")


def credentials(
    challenge: Message,
    user: str,
    password: str = "",
    method: str = "INVITE",
    *,
    count: int = 1,
    algorithm: str = "",
    uri: str = "sip:127.0.0.1",
    qop: bool = True,
) -> tuple[str, str]:
    """The Authorization row that answers a 401.

    algorithm: "" for the first that it names. uri: what it says it asks for. qop: False for what
    RFC 2069 had.
    """
    rows = [parameters(value) for value in challenge.all("WWW-Authenticate")]
    asked = rows[0] if not algorithm else {row["algorithm"]: row for row in rows}[algorithm]
    given = {
        "username": user,
        "realm": asked["realm"],
        "nonce": asked["nonce"],
        "uri": uri,
        "algorithm": asked["algorithm"],
    }
    if qop:
        given |= {"cnonce": "c0ffee", "qop": "auth", "nc": f"{count:08x}"}
    given["response"] = response(given, password or PASSWORDS[user], method)
    bare = {"algorithm", "qop", "nc"}
    text = ", ".join(
        f"{name}={value}" if name in bare else f'{name}="{value}"' for name, value in given.items()
    )
    return ("Authorization", f"Digest {text}")


class Telephone(Phone):
    """A scripted peer that registers, and calls with a password.

    user: its own. domain: the name by which it knows callrouter.
    """

    user = "101"
    domain = "127.0.0.1"

    def register(
        self, *rows: tuple[str, str], contact: str | None = None, expires: int | None = 600
    ) -> Message:
        """Send a REGISTER. contact: its value; None for its usual one, "" for none."""
        here = place(self.host, self.port)
        address = f"<sip:{self.user}@{self.domain}>"
        self.cseq += 1
        headers = [
            ("Via", f"SIP/2.0/UDP {here};branch=z9hG4bK{token()};rport"),
            ("From", f"{address};tag={token()}"),
            ("To", address),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} REGISTER"),
            ("Max-Forwards", "70"),
            *rows,
        ]
        if contact != "":
            headers.append(("Contact", contact or f"<sip:{self.user}@{here}>"))
        if expires is not None:
            headers.append(("Expires", str(expires)))
        message = Message("REGISTER sip:127.0.0.1 SIP/2.0", headers)
        self.send(message)
        return message

    async def registered(
        self,
        *rows: tuple[str, str],
        contact: str | None = None,
        expires: int | None = 600,
        status: int = 200,
    ) -> Message:
        """Register with the password; the answer."""
        self.register(*rows, contact=contact, expires=expires)
        challenge = await self.expect(401)
        proof = credentials(challenge, self.user, method="REGISTER")
        self.register(*rows, proof, contact=contact, expires=expires)
        return await self.expect(status)

    async def calls(self, number: str, user: str = "", body: str = SDP) -> None:
        """Call with the password. user: of the credentials and of From."""
        user = user or self.user
        self.invite(number, body, caller=user)
        challenge = await self.expect(401)
        self.ack(challenge)
        tag = self.local
        message = self.invite(number, body, credentials(challenge, user), caller=user)
        assert message["From"] != tag


@asynccontextmanager
async def proving(
    folder: Path, parts: dict[str, Any], settings: str = ""
) -> AsyncIterator[Serving]:
    """A callrouter with passwords in files, and these parts of a dialplan beside the usual ones.

    settings: what is added to its settings.
    """
    for user, password in PASSWORDS.items():
        (folder / user).write_text(f"{password}\n")
    plan: dict[str, Any] = {
        "country": "CN",
        "trunks": {
            "lab": {"addresses": ["127.0.0.1"]},
            "carrier": {
                "addresses": ["127.0.0.21"],
                "auth": {"user": "carrier_a", "password_file": str(folder / "carrier_a")},
            },
            "guesser": {
                "addresses": ["127.0.0.22"],
                "auth": {"user": "carrier_a", "password_file": str(folder / "carrier_a")},
            },
            "roaming": {"auth": {"user": "wanderer", "password_file": str(folder / "wanderer")}},
            "old": {
                "addresses": ["127.0.0.23"],
                "auth": {
                    "user": "old_carrier",
                    "password_file": str(folder / "old_carrier"),
                    "without_qop": True,
                },
            },
            "phones": {"phones": True},
        },
        "extensions": {
            "101": {"phone": {"user": "101", "password_file": str(folder / "101")}},
            "102": {
                "phone": {
                    "user": "102",
                    "password_file": str(folder / "102"),
                    "without_qop": True,
                }
            },
        },
        **parts,
    }
    place = lay_out(folder, yaml.safe_dump(plan, sort_keys=False))
    with place.config.open("a", encoding="utf-8") as file:
        file.write(settings)
    serving = await Serving.start(place)
    try:
        yield serving
    finally:
        await serving.stop()
