"""Whom a provider vouches for comes in with the role that it says, and nobody else does."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from joserfc.jwk import ECKey
from support.openid_provider import CLIENT, SECRET, OpenIdProvider, openid_provider
from support.web_console import Answer, Browser, Console

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
numbers: {"7000": {route: [{hunt: [desk]}]}}
"""
SETTINGS = """\
  sign_on:
    issuer: {issuer}
    client: {client}
    secret_file: sign-on-secret
    roles: {{operators: ops, staff: viewer}}
"""
Scene = tuple[Console, OpenIdProvider]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("sign-on")
    (folder / "sign-on-secret").write_text(SECRET, encoding="utf-8")
    with openid_provider() as provider:
        settings = SETTINGS.format(issuer=provider.issuer, client=CLIENT)
        console = await Console.start(folder, DIALPLAN, settings)
        yield console, provider
        log = console.serving.log()
        await console.serving.stop()
        assert "Traceback" not in log


def signs_on(scene: Scene, browser: Browser, **claims: Any) -> Answer:
    """Go to the provider and come back."""
    console, provider = scene
    provider.claims = claims
    return browser.get(there(console, provider, browser))


def there(console: Console, provider: OpenIdProvider, browser: Browser) -> str:
    """Where the provider sends the browser back to."""
    begun = browser.get("/login/single")
    browser.cookie = begun.headers["set-cookie"].partition(";")[0]
    at_provider = Browser(int(provider.issuer.rpartition(":")[2]))
    sent = at_provider.get(begun.headers["location"].removeprefix(provider.issuer))
    return sent.headers["location"].removeprefix(f"http://127.0.0.1:{console.port}")


async def test_role_is_the_one_that_the_claims_say_at_each_login(scene: Scene) -> None:
    browser = scene[0].browser()
    answer = signs_on(scene, browser, preferred_username="olga", roles=["staff", "operators"])
    browser.signed_in(answer)
    assert browser.get("/api/v1/me").json["role"] == "ops"
    again = scene[0].browser()
    again.signed_in(signs_on(scene, again, preferred_username="olga", roles="staff"))
    assert again.get("/api/v1/me").json["role"] == "viewer"
    assert browser.get("/api/v1/me").json["role"] == "viewer"  # the other session, too
    form = {"name": "olga", "password": ""}
    assert scene[0].browser().ask("POST", "/login", form).status == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": []},
        {"roles": "strangers"},
        {"preferred_username": ""},
        {"preferred_username": "<script>"},
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3600},
    ],
)
async def test_whoever_is_not_vouched_for_does_not_come_in(
    scene: Scene, claims: dict[str, Any]
) -> None:
    right = {"preferred_username": "otto", "roles": "operators"}
    answer = signs_on(scene, scene[0].browser(), **(right | claims))
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


async def test_token_that_another_key_has_signed_is_refused(scene: Scene) -> None:
    provider = scene[1]
    right, provider.key = provider.key, ECKey.generate_key("P-256", {"kid": "1"})
    answer = signs_on(scene, scene[0].browser(), preferred_username="eve", roles="operators")
    provider.key = right
    assert answer.status == 403


async def test_login_ends_once_and_in_the_browser_that_began_it(scene: Scene) -> None:
    console, provider = scene
    provider.claims = {"preferred_username": "olga", "roles": "operators"}
    browser = console.browser()
    back = there(console, provider, browser)
    assert console.browser().get(back).status == 403
    state_cookie = browser.cookie
    assert browser.get(back).status == 303
    assert Browser(console.port, cookie=state_cookie).get(back).status == 403


async def test_name_of_somebody_with_a_password_is_not_taken_over(scene: Scene) -> None:
    scene[0].person("admin", name="ann")
    answer = signs_on(scene, scene[0].browser(), preferred_username="ann", roles="staff")
    assert (answer.status, "with a password" in answer.text) == (403, True)
