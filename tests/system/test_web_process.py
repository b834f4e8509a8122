"""The web process beside a running server: it is watched, and lets in only whom it should."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
import pytest_asyncio
from support.polling import PATIENCE, until
from support.serving import command
from support.web_console import PASSWORD, Browser, Console, web_pid

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
extensions: {"801": {targets: [desk]}, "802": {targets: [desk]}}
numbers: {"7000": {route: [{hunt: [desk]}]}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    console = await Console.start(tmp_path_factory.mktemp("console"), DIALPLAN)
    yield console
    await console.serving.stop()


@pytest.fixture(scope="module")
def admin(console: Console) -> Browser:
    return console.person("admin", name="ann")


async def test_who_comes_after_a_kill_of_the_web_process_waits_for_the_next(
    console: Console,
) -> None:
    pid = web_pid(console.serving)
    os.kill(pid, signal.SIGKILL)
    # The socket is the server's: who comes now is not refused, and waits.
    answer = await asyncio.to_thread(console.browser().get, "/login")
    assert answer.status == 200
    await console.serving.logged("web process ended", "status=-9")
    assert web_pid(console.serving) not in {0, pid}


async def test_address_that_is_taken_is_said_before_anything_is_served(console: Console) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("web", "--config", console.place.config), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    where = f"http://127.0.0.1:{console.port}"
    assert f"cannot listen on {where}: Address already in use" in said.decode()


async def test_web_process_ends_with_a_server_that_was_killed(tmp_path: Path) -> None:
    console = await Console.start(tmp_path, DIALPLAN)
    pid = web_pid(console.serving)
    await console.serving.stop()

    async def gone() -> bool:
        return has_ended(pid)

    await until(gone, PATIENCE)


def has_ended(pid: int) -> bool:
    """It is gone, or nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True


async def test_first_administrator_is_invited_once(console: Console) -> None:
    browser = console.browser()
    output = console.serving.process.stdout
    assert output is not None
    found = None
    async with asyncio.timeout(PATIENCE):
        while found is None:
            found = re.search(r"/invitation/(\S+)", (await output.readline()).decode())
    first = browser.get(found[0])
    assert first.status in {200, 404}  # 404: another test's administrator was quicker
    assert browser.get("/invitation/guessed").status == 404


async def test_whoever_is_not_signed_in_is_asked_to(console: Console) -> None:
    browser = console.browser()
    page = browser.get("/calls")
    assert (page.status, page.headers["location"]) == (303, "/login?next=/calls")
    api = browser.get("/api/v1/records")
    assert (api.status, api.json["code"]) == (401, "not_signed_in")
    assert api.headers["content-type"] == "application/problem+json"


async def test_every_answer_has_the_headers_of_safety(console: Console) -> None:
    for path in ("/login", "/api/v1/status", "/static/console.css", "/nothing"):
        headers = console.browser().get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


async def test_unsafe_request_of_another_site_is_refused(console: Console, admin: Browser) -> None:
    path, body = "/api/v1/overrides/office", {"open": True}
    assert admin.ask("PUT", path, body, Origin="http://evil.example").status == 403
    assert admin.ask("PUT", path, body, Sec_Fetch_Site="cross-site").status == 403
    assert admin.ask("PUT", path, body, X_Form_Token="").status == 403
    no_origin = Browser(admin.port, headers={"Cookie": admin.cookie}, bearer="")
    assert no_origin.ask("PUT", path, body, Origin="").status == 403
    login = {"name": "ann", "password": PASSWORD}
    assert console.browser().ask("POST", "/login", login, Origin="null").status == 403
    assert admin.ask("PUT", path, body).status == 200


async def test_page_that_is_not_there_keeps_the_menu(console: Console, admin: Browser) -> None:
    known, stranger = admin.get("/nothing"), console.browser().get("/nothing")
    assert (known.status, stranger.status) == (404, 404)
    assert ('href="/calls"' in known.text, 'href="/calls"' in stranger.text) == (True, False)


async def test_request_by_a_name_of_somebody_else_is_refused(console: Console) -> None:
    for host in ("evil.example:8080", "127.0.0.1.evil.example", "[::1", ""):
        answer = console.browser().get("/api/v1/status", Host=host)
        assert (answer.status, answer.json["code"]) == (421, "malformed")
    for host in ("localhost", "127.0.0.1:9999", "[::1]:8080"):
        assert console.browser().get("/login", Host=host).status == 200


async def test_login_begins_a_new_session_and_logout_ends_it(console: Console) -> None:
    browser = console.person("viewer", name="vera")
    first = browser.cookie
    wrong = browser.ask("POST", "/login", {"name": "vera", "password": "not this one"})
    assert wrong.status == 403
    browser.signed_in(browser.ask("POST", "/login", {"name": "vera", "password": PASSWORD}))
    assert browser.cookie != first
    assert Browser(console.port, cookie=first).get("/me").status == 303
    assert browser.ask("POST", "/logout", {}).status == 303
    assert browser.get("/me").status == 303


async def test_many_logins_are_slowed_down(console: Console) -> None:
    browser = console.browser()
    form = {"name": "nobody", "password": "guessed"}
    statuses = {browser.ask("POST", "/login", form).status for _ in range(20)}
    assert statuses == {403, 429}


async def test_unknown_name_takes_as_long_as_a_known_one(console: Console, admin: Browser) -> None:
    """Both compute one hash: what differs is less than that takes, by far."""
    people = console.people()

    def best(name: str) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            assert not people.signed_in(name, "not the password", "")
            times.append(time.process_time() - began)
        return min(times)

    assert 0.5 < best("ann") / best("nobody") < 2


async def test_each_role_may_do_what_its_scopes_say(console: Console) -> None:
    viewer, ops = console.person("viewer"), console.person("ops")
    agent = console.person("agent", "801")
    switch = ("PUT", "/api/v1/overrides/office", {"open": False})
    block = ("POST", "/api/v1/blocks", {"caller": "13800138000"})
    assert viewer.ask(*switch).status == agent.ask(*switch).status == 403
    assert ops.ask(*switch).status == 200
    assert viewer.ask(*block).status == 403
    assert ops.ask(*block).status == 200
    assert viewer.get("/api/v1/blocks").status == 403
    assert viewer.get("/api/v1/calls").status == 200
    assert ops.get("/api/v1/people").status == 403
    assert agent.ask("PUT", "/api/v1/presence/801", {"reason": "away"}).status == 200
    assert agent.ask("PUT", "/api/v1/presence/802", {"reason": "away"}).status == 403
    assert ops.ask("PUT", "/api/v1/presence/802", {"reason": "dentist"}).status == 200
    phones = ops.get("/api/v1/extensions").json["extensions"]
    assert [one["targets"] for one in phones] == [["desk"], []]  # it is whose it was first
    own = [{"extension": "801", "reason": "away"}]
    assert agent.get("/api/v1/presence").json["away"] == own
    assert agent.ask("PUT", "/api/v1/presence/801", {"reason": "away"}).json["away"] == own
    assert len(ops.get("/api/v1/presence").json["away"]) == 2


async def test_refusals_and_changes_are_in_the_audit(console: Console, admin: Browser) -> None:
    viewer = console.person("viewer", name="victor")
    assert viewer.get("/api/v1/recordings/guessed/audio").status == 403
    assert admin.ask("DELETE", "/api/v1/overrides/office").status == 200
    rows = [
        (row["who"], row["action"], row["result"].partition(":")[0])
        for row in admin.get("/api/v1/audit").json["rows"]
    ]
    assert ("victor", "GET /api/v1/recordings/guessed/audio", "refused") in rows
    assert ("ann", "clear_override", "done") in rows


async def test_api_token_has_its_own_scopes_and_can_be_removed(
    console: Console, admin: Browser
) -> None:
    asked = {"purpose": "wallboard", "scopes": ["calls"]}
    made = admin.ask("POST", "/api/v1/tokens", asked).json
    program = Browser(console.port, bearer=made["secret"])
    assert program.get("/api/v1/calls").status == 200
    assert program.get("/api/v1/blocks").status == 403
    assert program.ask("POST", "/api/v1/tokens", asked).status == 403
    more = {"purpose": "too much", "scopes": ["calls", "everything"]}
    assert admin.ask("POST", "/api/v1/tokens", more).status == 400
    assert admin.ask("DELETE", f"/api/v1/tokens/{made['id']}").status == 200
    assert program.get("/api/v1/calls").status == 401


async def test_second_factor_is_asked_for_and_a_code_is_good_once(console: Console) -> None:
    browser = console.person("ops", name="otto")
    secret = pyotp.random_base32()
    wrong = {"secret": secret, "code": "000000"}
    path = "/api/v1/me/second_factor"
    code = pyotp.TOTP(secret).now()
    if code != "000000":
        assert browser.ask("PUT", path, wrong).status == 400
    assert browser.ask("PUT", path, {"secret": secret, "code": code}).status == 200
    people = console.people()
    assert not people.signed_in("otto", PASSWORD, "")
    assert not people.signed_in("otto", PASSWORD, code)  # it was used
    later = pyotp.TOTP(secret).at(time.time() + 30)
    assert people.signed_in("otto", PASSWORD, later)
    other = {"secret": pyotp.random_base32(), "code": later}
    assert browser.ask("PUT", path, other).json["detail"].startswith("codes are asked for already")
    for proof in ({}, {"code": later}, {"password": "guessed", "code": "000000"}):
        assert browser.ask("POST", f"{path}/end", proof).status == 400
    assert browser.ask("POST", f"{path}/end", {"password": PASSWORD}).status == 200
    assert people.signed_in("otto", PASSWORD, "")


async def test_agent_is_invited_with_an_extension(console: Console, admin: Browser) -> None:
    path, asked = "/api/v1/invitations", {"role": "agent"}
    refused = admin.ask("POST", path, asked)
    assert (refused.status, refused.json["field"]) == (400, "extension")
    assert admin.ask("POST", path, {**asked, "extension": "801"}).status == 200


async def test_last_administrator_stays(console: Console, admin: Browser) -> None:
    for person in admin.get("/api/v1/people").json["people"]:
        if person["role"] == "admin" and person["name"] != "ann":
            assert admin.ask("DELETE", f"/api/v1/people/{person['name']}").status == 200
    answer = admin.ask("DELETE", "/api/v1/people/ann")
    assert (answer.status, answer.json["detail"]) == (400, "the last administrator stays")
