"""`callrouter web` by itself, over HTTPS: no server of calls runs beside it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
import pytest_asyncio
import trustme
from support.polling import PATIENCE
from support.ports import free_port
from support.serving import command, lay_out
from support.web_console import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALPLAN = """\
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
numbers: {"7000": {route: [{hunt: [desk]}]}}
"""


class Alone(NamedTuple):
    """The process. greeting: what it printed. trust: whose certificates a client takes."""

    config: Path
    port: int
    greeting: str
    trust: ssl.SSLContext

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> HTTPResponse:
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=self.trust)
        origin = {"Origin": f"https://127.0.0.1:{self.port}"}
        connection.request(method, path, body, {**origin, **headers})
        return connection.getresponse()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Alone]:
    folder, port = tmp_path_factory.mktemp("alone"), free_port()
    place = lay_out(folder, DIALPLAN)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "web.pem")
    with place.config.open("a", encoding="utf-8") as settings:
        files = "{certificate: web.pem, key: web.pem}"
        settings.write(f"web: {{listen: '127.0.0.1:{port}', tls: {files}}}\n")
    process = await asyncio.create_subprocess_exec(
        *command("web", "--config", place.config), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with asyncio.timeout(2 * PATIENCE):
        greeting = (await process.stdout.readline()).decode()
    yield Alone(place.config, port, greeting, trust)
    process.terminate()
    assert await process.wait() == 0


async def test_cookie_of_https_is_of_this_host_alone(alone: Alone) -> None:
    assert alone.greeting.startswith("the first administrator: https://127.0.0.1:")
    link = alone.greeting.split(str(alone.port))[1].strip()
    form = urlencode({"name": "ann", "password": PASSWORD, "again": PASSWORD})
    answer = await asyncio.to_thread(alone.ask, "POST", link, form)
    assert answer.status == 303
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-callrouter=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"]
    mine = {"Cookie": cookie.partition(";")[0]}
    status = alone.ask("GET", "/api/v1/status", **mine)
    assert (status.status, b"no callrouter is listening" in status.read()) == (503, True)
    page = alone.ask("GET", "/calls", **mine)
    assert (page.status, b"there is no database" in page.read()) == (503, True)


async def test_command_invites_somebody_while_it_runs(alone: Alone) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("web", "--invite", "ops", "--config", alone.config),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    link = said.decode().split(str(alone.port))[1].strip()
    answer = await asyncio.to_thread(alone.ask, "GET", link)
    assert (answer.status, b"<strong>ops</strong>" in answer.read()) == (200, True)
