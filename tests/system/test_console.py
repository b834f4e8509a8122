"""The console in a real browser, beside real calls: each page, each role, and what goes wrong."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect
from support.kept_recordings import recorded_call
from support.message import SDP
from support.page_reader import accessibility_faults, chromium, confirmed, opened, overflow
from support.phone import Phone
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import command
from support.web_console import PASSWORD, Browser, Console, web_pid

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets: {{desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}}}
lists: {{bad: {{prefixes: ["139"]}}}}
numbers:
  "7000": {{route: [{{hunt: [desk]}}]}}
  "7001": {{block: [bad], route: [{{hunt: [desk]}}]}}
"""
EVIL = "<script>alert(1)</script>"
FORMULA = "=1+2"


@dataclass
class Scene:
    """The server and its console, a browser, and a telephone. admin: who is signed in."""

    console: Console
    chromium: Chromium
    desk: Phone
    admin: Browser

    async def page(self, path: str, person: Browser | None = None, **context: Any) -> Page:
        """A page as somebody sees it, the administrator unless another is named."""
        page = await opened(self.chromium, person or self.admin, **context)
        await page.goto(path)
        return page

    async def calls(self, number: str = "7000", caller: str = "13800138000") -> Phone:
        """Somebody calls."""
        server = ("127.0.0.1", self.console.place.port)
        phone = await Phone.open("127.0.0.1", free_port(), server)
        to = f'"{EVIL}" <sip:{number}@127.0.0.1>'
        phone.invite(number, SDP, caller=caller, to=to)
        return phone

    async def talks(self, caller: str = "13800138000") -> Phone:
        """Somebody who talks to the desk."""
        phone = await self.calls(caller=caller)
        invite = await self.desk.expect("INVITE")
        self.desk.reply(invite, 180)
        await phone.expect(180)
        self.desk.reply(invite, 200, SDP)
        phone.ack(await phone.expect(200))
        await self.desk.expect("ACK")
        return phone

    async def recorded(self, caller: str) -> dict[str, Any]:
        """The record of somebody's newest call, once it is on disk."""

        async def look() -> list[dict[str, Any]]:
            return [one for one in self.console.place.records("7000") if one["caller"] == caller]

        return (await until(look, PATIENCE))[-1]

    async def hangs_up(self, phone: Phone) -> None:
        """The caller leaves."""
        phone.request("BYE")
        await phone.expect(200)
        self.desk.reply(await self.desk.expect("BYE"), 200)
        await phone.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    desk = free_port()
    folder = tmp_path_factory.mktemp("console")
    console = await Console.start(folder, DIALPLAN.format(desk=desk))
    phone = await Phone.open("127.0.0.1", desk, ("127.0.0.1", console.place.port))
    try:
        async with chromium() as browser:
            yield Scene(console, browser, phone, console.person("admin", name="ann"))
        assert "internal error" not in console.serving.log()
        assert "Traceback" not in console.serving.log()
    finally:
        await phone.close()
        await console.serving.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answered(scene: Scene) -> dict[str, Any]:
    """The record of an answered call, which is over."""
    await scene.hangs_up(await scene.talks(FORMULA))
    return await scene.recorded(FORMULA)


async def test_first_administrator_comes_by_a_link_and_signs_in_again(scene: Scene) -> None:
    secret = scene.console.people().invite("admin")
    page = await scene.page(f"/invitation/{secret}", scene.console.browser())
    await page.get_by_label("Name").fill("grace")
    await page.get_by_label("Password, 10").fill("short")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page).to_have_url(f"{scene.admin.origin}/invitation/{secret}")  # the browser's no
    await page.get_by_label("Password, 10").fill(PASSWORD)
    await page.get_by_label("again").fill(PASSWORD + "!")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")
    await page.get_by_label("Password, 10").fill(PASSWORD)
    await page.get_by_label("again").fill(PASSWORD)
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_role("heading", name="Live calls")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await page.goto("/calls")
    await expect(page).to_have_url(f"{scene.admin.origin}/login?next=/calls")
    await page.get_by_label("Name").fill("grace")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("is wrong")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Calls", exact=True)).to_be_visible()
    await page.context.close()


async def test_call_comes_within_a_second_and_leaves_in_two_tabs(scene: Scene) -> None:
    tabs = [await scene.page("/"), await scene.page("/")]
    for tab in tabs:
        await expect(tab.get_by_text("Nobody calls now.")).to_be_visible()
    began = time.monotonic()
    phone = await scene.calls()
    await expect(tabs[0].locator("tbody tr")).to_have_count(1)
    appeared = time.monotonic() - began
    invite = await scene.desk.expect("INVITE")
    scene.desk.reply(invite, 180)
    for tab in tabs:
        await expect(tab.locator("tbody tr")).to_contain_text("ringing")
        await expect(tab.locator("tbody tr")).to_contain_text("desk")
    await phone.expect(180)
    link = tabs[0].locator("tbody a")
    await link.focus()
    scene.desk.reply(invite, 200, SDP)
    phone.ack(await phone.expect(200))
    await scene.desk.expect("ACK")
    await expect(tabs[0].locator("tbody tr")).to_contain_text("answered")
    await expect(link).to_be_focused()  # whoever goes by keyboard is not thrown out
    began = time.monotonic()
    await scene.hangs_up(phone)
    for tab in tabs:
        await expect(tab.get_by_text("Nobody calls now.")).to_be_visible()
    left = time.monotonic() - began
    assert max(appeared, left) < 1 + 4  # on a machine that has other work
    for tab in tabs:
        await tab.context.close()


async def test_lost_connection_is_said_and_comes_back(scene: Scene) -> None:
    page = await scene.page("/")
    await expect(page.get_by_text("Nobody calls now.")).to_be_visible()
    os.kill(web_pid(scene.console.serving), signal.SIGKILL)
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator("#lost")).to_be_hidden()
    phone = await scene.talks()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await scene.hangs_up(phone)
    await page.context.close()


async def test_search_finds_a_part_of_a_number_and_says_when_it_finds_none(
    scene: Scene, answered: dict[str, Any]
) -> None:
    page = await scene.page("/calls")
    await page.get_by_label("Part of a number").fill(FORMULA)
    row = page.locator("tbody tr", has_text=FORMULA)
    await expect(row).to_have_count(1)
    await page.get_by_label("Part of a number").fill("99999")
    await expect(page.get_by_text("No call is like that.")).to_be_visible()
    await page.get_by_label("Day").fill("2020-01-01")
    await page.goto("/calls?day=yesterday")
    await expect(page.get_by_role("alert")).to_contain_text("expected a date")
    day = time.strftime("%Y-%m-%d", time.gmtime(answered["started"]))
    csv = scene.admin.get(f"/calls.csv?day={day}&part=1%2B2").text
    assert f",'{FORMULA}," in csv
    assert f",{FORMULA}," not in csv
    await page.context.close()


async def test_page_of_a_call_tells_its_whole_story(scene: Scene, answered: dict[str, Any]) -> None:
    page = await scene.page(f"/calls/{answered['id']}")
    messages = page.locator("details.message")
    said = [await one.locator("svg").get_attribute("aria-label") for one in await messages.all()]
    assert said[0] == "caller → callrouter: INVITE 7000"
    assert "callrouter → desk: INVITE desk" in said
    assert "desk → callrouter: 200 Said" in said
    assert len(set(said)) == 13  # one that is sent again is there twice
    await messages.first.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(messages.first.locator("pre")).to_contain_text(EVIL)
    rules = await page.locator(".verdicts li").all_inner_texts()
    assert any("number 7000" in rule and "dialplan.yaml:" in rule for rule in rules)
    assert page.mistakes == []  # type: ignore[attr-defined]
    missing = scene.admin.get("/calls/no-such-call")
    assert missing.status == 404
    await page.context.close()


async def test_times_are_those_of_who_looks_with_the_dialplans_in_the_tooltip(
    scene: Scene, answered: dict[str, Any]
) -> None:
    page = await scene.page(f"/calls/{answered['id']}", timezone_id="Asia/Shanghai")
    shown, at = page.locator(".facts time"), datetime.fromtimestamp(answered["started"], UTC)
    there = at.astimezone(ZoneInfo("Asia/Shanghai"))
    await expect(shown).to_have_text(f"{there:%Y-%m-%d %H:%M:%S}")
    await expect(shown).to_have_attribute("title", f"{at:%Y-%m-%d %H:%M:%S} +00:00")
    await page.context.close()


async def test_recording_plays_in_the_page_of_its_call(scene: Scene) -> None:
    place = scene.console.place
    call, _ = recorded_call(place.database, place.folder / "var" / "recordings", time.time())
    page = await scene.page(f"/calls/{call}")
    picture = page.locator("img.waveform")
    await picture.scroll_into_view_if_needed()
    drawn = "(image) => image.complete && image.naturalWidth > 0 || image.decode().then(() => true)"
    assert await picture.evaluate(drawn)
    player = page.get_by_label("Recording")
    await player.evaluate("(audio) => audio.load()")
    loaded = "(audio) => new Promise((done) => { audio.onloadedmetadata = () => done(); })"
    await player.evaluate(f"(audio) => audio.duration > 0 ? 0 : ({loaded})(audio)")
    assert await player.evaluate("(audio) => audio.duration") == pytest.approx(2, abs=0.1)
    await page.context.close()


async def test_viewer_sees_no_number_and_no_message(scene: Scene) -> None:
    viewer = scene.console.person("viewer")
    await scene.hangs_up(await scene.talks("13800138001"))
    mine = await scene.recorded("13800138001")
    for path in (f"/calls/{mine['id']}", "/calls", "/calls.csv", "/api/v1/records"):
        text = viewer.get(path).text
        assert "13···01" in text, path
        assert "13800138001" not in text, path
        assert mine["call_id"] not in text, path
    assert viewer.get(f"/api/v1/records/{mine['id']}/ladder").status == 403
    for path in ("/what-if?called=7000", "/people", "/audit"):
        assert viewer.get(path).status == 403, path


async def test_what_if_says_what_the_command_says(scene: Scene) -> None:
    page = await scene.page("/what-if")
    await page.get_by_label("Caller").fill("13900139000")
    await page.get_by_label("Called").fill("7001")
    await page.get_by_label("When").fill("2026-03-07T12:01")
    await page.get_by_role("button", name="Ask").click()
    shown = await page.locator("#explanation").text_content()
    process = await asyncio.create_subprocess_exec(
        *command("explain", "--from", "13900139000", "--to", "7001"),
        *("--at", "2026-03-07T12:01", "--config", scene.console.place.config),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert shown == printed.decode()
    await page.get_by_label("When").fill("some day")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_role("alert")).to_contain_text("expected a time")
    await page.context.close()


async def test_people_are_invited_and_tokens_made_in_the_page(scene: Scene) -> None:
    page = await scene.page("/people")
    await page.get_by_label("Role").select_option("supervisor")
    await page.get_by_role("button", name="Make a link").click()
    link = await page.locator("#link").get_attribute("href") or ""
    invited = scene.console.browser().signed_up(link.rpartition("/")[2], "sue")
    assert invited.get("/api/v1/me").json["role"] == "supervisor"
    await page.goto("/people")
    await confirmed(page, "Remove sue")
    await expect(page.get_by_role("button", name="Remove sue")).to_have_count(0)
    assert invited.get("/api/v1/me").status == 401
    await page.goto("/me")
    await page.get_by_label("What for").fill("wallboard")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.get_by_role("alert")).to_be_visible()  # no scope was chosen
    await page.get_by_label("What for").fill("wallboard")
    await page.get_by_label("see live calls").check()
    await page.get_by_role("button", name="Make a token").click()
    secret = await page.locator("#secret").text_content() or ""
    assert Browser(scene.console.port, bearer=secret).get("/api/v1/calls").status == 200
    await page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_pages_are_for_everybody(scene: Scene, answered: dict[str, Any], theme: str) -> None:
    """axe-core finds nothing serious, and nothing is wider than 360 pixels."""
    page = await scene.page("/", color_scheme=theme, viewport={"width": 360, "height": 740})
    paths = ["/", "/calls", f"/calls/{answered['id']}", "/what-if?called=7000", "/me", "/people"]
    for path in [*paths, "/audit", "/nothing"]:
        await page.goto(path)
        assert await accessibility_faults(page) == [], path
        assert await overflow(page) <= 0, path
    await page.context.clear_cookies()
    await page.goto("/login")
    assert await accessibility_faults(page) == []
    assert page.mistakes == []  # type: ignore[attr-defined]
    await page.context.close()


async def test_menu_opens_by_keyboard_one_group_at_a_time(scene: Scene) -> None:
    page = await scene.page("/audit", viewport={"width": 360, "height": 740})
    groups = page.locator("nav summary")
    bar = await page.locator("header").bounding_box()
    assert bar is not None
    assert bar["height"] < 200
    shown = page.locator("nav li:visible")
    await expect(shown).to_have_count(0)
    await groups.first.press("Enter")
    await expect(shown).to_have_text(["Live calls", "Calls", "What if", "Reports"])
    await groups.last.press("Space")
    await expect(shown).to_have_text(["Webhooks", "Settings", "People", "Audit"])
    assert await accessibility_faults(page) == []
    assert await overflow(page) <= 0
    await page.keyboard.press("Escape")
    await expect(shown).to_have_count(0)
    await expect(groups.last).to_be_focused()
    assert page.mistakes == []  # type: ignore[attr-defined]
    await page.context.close()
    viewer = await scene.page("/", scene.console.person("viewer"))
    assert await viewer.locator("nav summary").all_inner_texts() == ["Calls", "Rules"]
    await viewer.context.close()


async def test_language_and_theme_are_kept(scene: Scene) -> None:
    page = await scene.page("/calls", color_scheme="light")
    light = await page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    await page.get_by_role("button", name="dark").click()
    await expect(page.locator("body")).not_to_have_css("background-color", light)
    await page.get_by_role("button", name="Tiếng Việt").click()
    await expect(page.get_by_role("heading", name="Cuộc gọi")).to_be_visible()
    await page.locator("nav summary").first.press("Enter")
    await page.get_by_role("link", name="Cuộc gọi đang diễn ra").click()
    await expect(page.locator("html")).to_have_attribute("lang", "vi")
    await expect(page.locator("#live")).to_contain_text("Hiện không có cuộc gọi nào.")
    await page.context.close()
