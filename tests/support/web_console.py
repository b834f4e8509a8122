"""A running server with its web process, and people who use it over HTTP."""

import asyncio
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import orjson

from callrouter.web.access.accounts_database import open_accounts
from callrouter.web.access.people import People
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Place, Serving, lay_out

PASSWORD: Final = "correct horse battery"
_TOKEN: Final = re.compile(r'"X-Form-Token": "([0-9a-f]+)"')


@dataclass
class Answer:
    """What HTTP answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Browser:
    """Who asks, with their cookie, and the token of their forms."""

    port: int
    cookie: str = ""
    token: str = ""
    bearer: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Make a request; a dict is JSON for the API, and a form for a page."""
        sent: dict[str, str] = {**self.headers}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if self.bearer:
            sent["Authorization"] = f"Bearer {self.bearer}"
        elif method != "GET":
            sent |= {"Origin": self.origin, "X-Form-Token": self.token}
        if isinstance(body, dict):
            is_api = path.startswith("/api/")
            body = orjson.dumps(body) if is_api else urlencode(body).encode()
            kind = "application/json" if is_api else "application/x-www-form-urlencoded"
            sent["Content-Type"] = kind
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, _headers(response), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def signed_up(self, secret: str, name: str) -> Self:
        """Take an invitation up, and stay signed in."""
        form = {"name": name, "password": PASSWORD, "again": PASSWORD}
        return self.signed_in(self.ask("POST", f"/invitation/{secret}", form))

    def signed_in(self, answer: Answer) -> Self:
        """Keep the session that an answer has begun."""
        assert answer.status == 303, answer.text
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        found = _TOKEN.search(self.get("/me").text)
        assert found is not None
        self.token = found[1]
        return self


def _headers(response: HTTPResponse) -> dict[str, str]:
    """By name; of one that is there more than once, the first."""
    return {name.lower(): value for name, value in reversed(response.getheaders())}


@dataclass
class Console:
    """The server, and where its console is."""

    serving: Serving
    port: int
    database: str

    @classmethod
    async def start(cls, folder: Path, dialplan: str, web: str = "") -> Self:
        """Start a server with a console, and wait until that answers. web: more of its settings."""
        place = lay_out(folder, dialplan)
        port = free_port()
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(f"web:\n  listen: '127.0.0.1:{port}'\n{web}trace: {{keep: 20MB}}\n")
        console = cls(await Serving.start(place), port, f"sqlite:///{folder}/var/web.db")
        try:
            await console.answers()
        except BaseException:
            await console.serving.stop()
            raise
        return console

    @property
    def place(self) -> Place:
        return self.serving.place

    def browser(self) -> Browser:
        """Who is not known yet."""
        return Browser(self.port)

    def person(self, role: str, extension: str = "", name: str = "") -> Browser:
        """Somebody with a role, who has signed up."""
        secret = self.people().invite(role, extension)
        return self.browser().signed_up(secret, name or f"{role}-{secret[:6].strip('-_')}x")

    def people(self) -> People:
        """The accounts, as the web process has them."""
        return People(open_accounts(self.database))

    async def answers(self) -> None:
        """Wait until the web process answers; the socket lets who comes early wait."""

        async def look() -> bool:
            try:
                answer = await asyncio.to_thread(self.browser().get, "/login")
            except OSError:
                return False
            return answer.status == 200

        await until(look, PATIENCE)


def web_pid(serving: Serving) -> int:
    """The web process of a server, 0 while there is none."""
    tasks = Path(f"/proc/{serving.process.pid}/task").iterdir()
    for pid in (pid for task in tasks for pid in (task / "children").read_text().split()):
        if b"\0web\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    return 0
