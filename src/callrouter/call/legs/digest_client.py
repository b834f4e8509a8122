"""A digest client for the requests of a leg whose target challenges (RFC 3261 section 22.2)."""

from typing import Protocol

from callrouter.register.digest_credentials import CHALLENGES, DigestCredentials
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import ClientUser
from callrouter.sip.message import Response


class Asker(Protocol):
    """A leg, as far as its requests go."""

    dialog: Dialog

    def ask(self, method: str, extra: str, body: bytes, user: ClientUser) -> int:
        """Send a request inside the dialog; returns its CSeq."""

    def reachable(self) -> bool:
        """The dialog stands, and is not ending."""


class DigestClient:
    """The digest client for the requests inside a dialog whose target challenges.

    A request that was sent again has another CSeq than it was asked with; `cseq` knows it.
    """

    __slots__ = ("_newest", "credentials", "invite_row")

    def __init__(self, credentials: DigestCredentials) -> None:
        self.credentials = credentials
        self.invite_row = ""
        self._newest: tuple[int, int] = (0, 0)

    def asking(
        self, leg: Asker, method: str, extra: str, body: bytes, user: ClientUser
    ) -> "_Asked":
        """Stand between a request and who hears of its responses."""
        if isinstance(user, _Asked):
            return user
        return _Asked(self, leg, method, extra, body, user)

    def row(self, method: str, uri: str) -> str:
        """The header row for a request of the dialog."""
        row = self.credentials.row(method, uri)
        if method == "INVITE":
            self.invite_row = row
        return row

    def renumbered(self, first: int, newest: int) -> None:
        """A request was sent again with another CSeq."""
        self._newest = (first, newest)

    def cseq(self, number: int) -> int:
        """The CSeq of the request that was asked with this one."""
        first, newest = self._newest
        return newest if number == first else number


class _Asked:
    """One request inside a dialog: sends it again when it is challenged, else passes on."""

    __slots__ = ("_again", "_client", "_first", "_leg", "_tries", "_user")

    def __init__(
        self,
        client: DigestClient,
        leg: Asker,
        method: str,
        extra: str,
        body: bytes,
        user: ClientUser,
    ) -> None:
        self._client = client
        self._leg = leg
        self._again = (method, extra, body)
        self._user = user
        self._tries = 0
        self._first = leg.dialog.local_cseq

    def on_response(self, tx: object, response: Response) -> None:
        """Answer a challenge, or pass the response on."""
        if (
            response.status in CHALLENGES
            and (self._again[0] == "BYE" or self._leg.reachable())
            and self._client.credentials.take(response, self._tries)
        ):
            self._tries += 1
            self._client.renumbered(self._first, self._leg.ask(*self._again, self))
        else:
            self._user.on_response(tx, response)

    def on_failure(self, tx: object, status: int) -> None:
        """Pass it on."""
        self._user.on_failure(tx, status)
