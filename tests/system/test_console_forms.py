"""Forms of the console beside a running server: what ops change daily, and wrong input."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect
from support.hooks import SECRET, HookReceiver
from support.kept_recordings import call_row
from support.page_reader import accessibility_faults, chromium, confirmed, opened, overflow
from support.serving import command
from support.web_console import Browser, Console

from callrouter.state.state_file import StateStore
from callrouter.storage.cdr_table import Store

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLANS = """\
country: CN
accounts: {acme: {kind: prepaid, currency: CNY}}
plans: {minute: {currency: CNY, decimals: 2, blocks: 60/60, price: 0.5/min}}
"""
DIALPLAN = """\
country: CN
rate_plans: plans.yaml
timezone: Asia/Shanghai
trunks: {lab: {addresses: [127.0.0.1]}}
gateways: {gw: {address: "127.0.0.1:9"}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
schedules:
  office: {open: ["Mon-Sun 08:30-17:30"]}
extensions: {"801": {targets: [desk]}, "802": {targets: [desk]}}
queues: {sales: {agents: ["801", "802"]}}
lists: {nuisance: {numbers: ["+8613900139000"]}}
call_backs: {missed: {queue: sales, via: gw}}
numbers:
  "4009": {rate_plan: minute, account: acme, route: [{hunt: [desk], ring: 20s}]}
  "7000": {block: [nuisance], route: [{queue: sales}]}
  "4000": {route: [{hunt: [desk]}]}  # the reception
"""
WRONG = DIALPLAN.replace("{hunt: [desk]}", "{hunt: [desks]}")
OTHER = DIALPLAN.replace("{hunt: [desk]}", "{hunt: [desk], ring: 9s}")


@dataclass
class Scene:
    """A server, its console and a browser. ops: who is signed in. hook: is told of events."""

    console: Console
    chromium: Chromium
    ops: Browser
    hook: HookReceiver

    async def page(self, path: str, person: Browser | None = None, **context: object) -> Page:
        page = await opened(self.chromium, person or self.ops, **context)
        await page.goto(path)
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("forms")
    (folder / "plans.yaml").write_text(PLANS, encoding="utf-8")
    (folder / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    left = StateStore(f"sqlite:///{folder}/var/state.db")  # by a server before this one
    left.write({("barred", ("101",)): ("the first call to VN", time.time())})
    left.close()
    async with HookReceiver.open() as hook, chromium() as browser:
        endpoint = {"name": "crm", "url": hook.url, "secret_file": "secret", "allow_private": True}
        console = await Console.start(folder, DIALPLAN, f"webhooks: {json.dumps([endpoint])}\n")
        try:
            yield Scene(console, browser, console.person("ops", name="otto"), hook)
            assert "Traceback" not in console.serving.log()
        finally:
            await console.serving.stop()


async def test_caller_is_blocked_found_and_released(scene: Scene) -> None:
    page = await scene.page("/blocks")
    card = page.locator("form", has=page.get_by_role("heading", name="Block a caller"))
    await card.get_by_label("Caller").fill("13800138000")
    await card.get_by_label("Only at this number").fill("4711")
    await card.get_by_role("button", name="Block").click()
    wrong = card.get_by_role("alert")
    await expect(page.get_by_role("alert")).to_contain_text("no number 4711")
    await expect(card.get_by_label("Caller")).to_have_value("13800138000")
    await card.get_by_label("Caller").fill("nobody")
    await card.get_by_label("Only at this number").fill("7000")
    await card.get_by_role("button", name="Block").click()
    await expect(wrong).to_be_visible()
    await expect(card.get_by_label("Caller")).to_have_attribute("aria-invalid", "true")
    await card.get_by_label("Caller").fill("13800138000")
    await card.get_by_label("How long").select_option("a day")
    await card.get_by_role("button", name="Block").click()
    await expect(page.get_by_role("status")).to_have_text("The caller is blocked.")
    blocks = scene.ops.get("/api/v1/blocks").json["blocks"]
    assert blocks[0]["number"] == "7000"
    assert 86000 < blocks[0]["until"] - time.time() <= 86400
    await page.get_by_label("What refuses").fill("13900139000")
    await page.get_by_role("button", name="Search").click()
    in_list = "Refused by a list of the dialplan: nuisance (is in the list)"
    await expect(page.get_by_text(in_list)).to_be_visible()
    await page.get_by_label("What refuses").fill("13900139001")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("No caller is blocked so.")).to_be_visible()
    await page.goto("/blocks?caller=13800138000")
    await page.locator("#blocks").get_by_role("button", name="Release").click()
    await expect(page.get_by_role("status")).to_have_text("The caller is released.")
    await page.context.close()


async def test_form_is_found_filled_in_and_sent_by_keyboard_alone(scene: Scene) -> None:
    page = await scene.page("/blocks")
    focused = "() => document.activeElement.name || document.activeElement.textContent.trim()"
    passed: list[str] = []
    while passed.count("caller") < 2:  # the first one searches
        await page.keyboard.press("Tab")
        passed.append(await page.evaluate(focused))
        assert len(passed) < 60, passed
    assert passed[0] == "Skip to the content"
    await page.keyboard.type("13800138009")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("The caller is blocked.")
    release = page.locator("#blocks").get_by_role("button", name="Release +8613800138009")
    await release.focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("status")).to_have_text("The caller is released.")
    await page.context.close()


async def test_address_is_banned_and_heard_again(scene: Scene) -> None:
    wrong = scene.ops.ask("POST", "/blocks/ban", {"address": "here"})
    assert wrong.status == 400
    assert 'aria-invalid="true"' in wrong.text
    assert scene.ops.ask("POST", "/blocks/ban", {"address": "127.0.0.1"}).status == 409  # a trunk
    assert scene.ops.ask("POST", "/blocks/ban", {"address": "192.0.2.9"}).status == 303
    assert "192.0.2.9" in scene.ops.get("/blocks").text
    assert scene.ops.ask("POST", "/blocks/hear", {"address": "192.0.2.9"}).status == 303
    assert scene.ops.ask("POST", "/blocks/hear", {"address": "192.0.2.9"}).status == 404


async def test_extension_that_a_guard_has_barred_is_shown_and_let_call_again(scene: Scene) -> None:
    page = await scene.page("/blocks")
    row = page.locator("#barrings tbody tr")
    await expect(row).to_contain_text("the first call to VN")
    await row.get_by_role("button", name="Lift").click()
    await expect(page.get_by_role("status")).to_have_text("The extension may call abroad again.")
    await expect(page.locator("#barrings")).to_have_count(0)
    await page.context.close()


async def test_gateway_is_drained_and_enabled(scene: Scene) -> None:
    page = await scene.page("/gateways")
    await confirmed(page, "Drain gw")
    await expect(page.locator("tbody tr")).to_contain_text("drained")
    await page.get_by_role("button", name="Enable gw").click()
    await expect(page.get_by_role("button", name="Drain gw")).to_be_visible()
    await page.context.close()


async def test_extension_is_away_and_its_calls_go_on_to_another(scene: Scene) -> None:
    page = await scene.page("/extensions?part=801")
    await page.get_by_role("button", name="Ring no more 801").click()
    await expect(page.locator("#extensions tbody")).to_contain_text("away")
    await expect(page.locator("#extensions tbody tr")).to_have_count(1)  # searched as before
    await page.get_by_role("button", name="Ring again 801").click()
    await expect(page.locator("#extensions tbody")).to_contain_text("rung")
    await page.get_by_label("To an extension").fill("801")
    await page.get_by_role("button", name="Forward").click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot go on to 801")
    await page.get_by_label("When").select_option("busy")
    await page.get_by_label("To an extension").fill("802")
    await page.get_by_role("button", name="Forward").click()
    await expect(page.locator("#extensions tbody")).to_contain_text("busy → 802")
    await page.get_by_role("button", name="As the dialplan says").first.click()
    await expect(page.get_by_text("busy → 802")).to_have_count(0)
    await page.context.close()


async def test_agent_switches_their_own_extension_alone(scene: Scene) -> None:
    agent = scene.console.person("agent", "801")
    shown = agent.get("/extensions").text
    assert "<td>801</td>" in shown
    assert "<td>802</td>" not in shown
    assert agent.ask("POST", "/extensions/leave", {"extension": "801"}).status == 303
    assert agent.ask("POST", "/extensions/leave", {"extension": "802"}).status == 403
    assert agent.ask("POST", "/extensions/return", {"extension": "801"}).status == 303


async def test_schedule_is_switched_and_its_calendar_says_so(scene: Scene) -> None:
    page = await scene.page("/schedules")
    days = page.locator(".calendar .day")
    await expect(days).to_have_count(28)
    await expect(days.nth(9)).to_contain_text("08:30-17:30")
    await page.get_by_label("Until").fill("2001-01-01T00:00")
    await page.get_by_role("button", name="Close office").click()
    await expect(page.get_by_role("alert")).to_contain_text("passed already")
    await page.get_by_label("Until").fill("2035-01-01T00:00")
    await page.get_by_role("button", name="Close office").click()
    await expect(page.get_by_role("status")).to_have_text("The schedule is switched.")
    await expect(days.nth(9)).to_contain_text("closed, switched by hand")
    overrides = scene.ops.get("/api/v1/overrides").json["overrides"]
    assert overrides == [{"schedule": "office", "open": False, "until": 2051193600}]
    await page.get_by_role("button", name="As usual").click()
    await expect(days.nth(9)).to_contain_text("08:30-17:30")
    none = scene.ops.get("/schedules?schedule=nope")
    assert (none.status, "the dialplan has no schedule nope" in none.text) == (404, True)
    await page.context.close()


async def test_wallboard_renews_itself(scene: Scene) -> None:
    page = await scene.page("/queues")
    await expect(page.get_by_role("region", name="sales")).to_contain_text("Waiting")
    away = {"reason": "lunch"}
    assert scene.ops.ask("PUT", "/api/v1/presence/802", away).status == 200
    await expect(page.locator("tbody tr", has_text="802")).to_contain_text("lunch")
    assert scene.ops.ask("DELETE", "/api/v1/presence/802").status == 200
    await page.context.set_offline(True)
    await expect(page.locator("#lost")).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.locator("#lost")).to_be_hidden()
    await page.context.close()


async def test_dialplan_is_checked_as_one_types(scene: Scene) -> None:
    folder = scene.console.place.folder
    other = folder / "draft.yaml"
    other.write_text(WRONG, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *command("check", other), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    _, complained = await process.communicate()
    other.unlink()
    page = await scene.page("/dialplan")
    await expect(page.locator("#checked")).to_contain_text("No mistake.")
    await page.get_by_label("Text").fill(WRONG)
    mistakes = page.locator(".mistakes .fails")
    await expect(mistakes).to_have_count(1)
    printed = [line for line in complained.decode().splitlines() if ": error: " in line]
    said = (await mistakes.inner_text()).replace("dialplan.yaml", "draft.yaml")
    assert [said] == printed
    await mistakes.get_by_role("button").click()
    chosen = (
        "() => { const at = document.activeElement; return at.value.slice(at.selectionStart); }"
    )
    assert (await page.evaluate(chosen)).startswith("desks]")
    await page.get_by_role("button", name="Put live").click()
    await expect(page.get_by_role("alert")).to_contain_text("nothing changed")
    await expect(page.get_by_label("Text")).to_have_value(WRONG)  # nothing typed is lost
    assert (folder / "dialplan.yaml").read_text(encoding="utf-8") == DIALPLAN
    assert page.mistakes == []  # type: ignore[attr-defined]
    await page.context.close()


async def test_dialplan_is_compared_put_live_by_one_of_two_and_taken_back(scene: Scene) -> None:
    place = scene.console.place
    store = Store(f"sqlite:///{place.database}")
    store.insert([call_row("1a20000-0009", time.time() - 3600, trunk="lab", source="127.0.0.1")])
    store.close()
    file = place.folder / "dialplan.yaml"
    page, late = await scene.page("/dialplan"), await scene.page("/dialplan")
    await page.get_by_label("Text").fill(OTHER)
    await page.get_by_role("button", name="What would change?").click()
    await expect(page.locator("#compared")).to_contain_text("1 calls, 1 changed")
    await expect(page.locator("#compared")).to_contain_text("desk sip:desk@127.0.0.1:9 9s")
    assert file.read_text(encoding="utf-8") == DIALPLAN
    await page.get_by_role("button", name="Put live").click()
    await expect(page.get_by_role("status").first).to_contain_text("It is live:")
    assert file.read_text(encoding="utf-8") == OTHER
    serving = scene.ops.get("/api/v1/status").json["dialplan"]
    await expect(page.get_by_role("status").first).to_contain_text(serving)
    await late.get_by_label("Text").fill(DIALPLAN + "# mine\n")
    await late.get_by_role("button", name="Put live").click()
    await expect(late.get_by_role("alert")).to_contain_text("has changed since you began")
    await expect(late.locator("#theirs")).to_contain_text("+# mine")
    assert file.read_text(encoding="utf-8") == OTHER
    first = page.locator("#versions tbody tr").nth(1)
    await expect(first).to_contain_text("found in the file")
    await first.get_by_role("link").click()
    await expect(page.get_by_text("This is an older version:")).to_be_visible()
    await page.get_by_role("button", name="Put live").click()
    await expect(page.get_by_role("status").first).to_contain_text("It is live:")
    assert file.read_text(encoding="utf-8") == DIALPLAN
    await expect(page.locator("#versions tbody tr")).to_have_count(3)
    await expect(page.locator("#versions tbody tr").first).to_contain_text("otto")
    for one in (page, late):
        await one.context.close()


async def test_dialplan_over_the_api_is_changed_by_its_tag_alone(scene: Scene) -> None:
    path, file = "/api/v1/dialplan", scene.console.place.folder / "dialplan.yaml"
    found = scene.ops.get(path)
    tag = found.headers["etag"]
    assert found.json["text"] == DIALPLAN
    assert scene.ops.ask("PUT", path, {"text": OTHER}).status == 428
    file.write_text(DIALPLAN + "# by an editor\n", encoding="utf-8")
    late = scene.ops.ask("PUT", path, {"text": OTHER}, If_Match=tag)
    assert (late.status, late.json["code"]) == (412, "changed_meanwhile")
    tag = scene.ops.get(path).headers["etag"]
    wrong = scene.ops.ask("PUT", path, {"text": WRONG}, If_Match=tag)
    assert wrong.status == 409
    assert "desks" in wrong.json["diagnostics"][0]
    assert file.read_text(encoding="utf-8").endswith("# by an editor\n")
    done = scene.ops.ask("PUT", path, {"text": DIALPLAN}, If_Match=tag)
    assert done.status == 200
    etag = done.json["etag"]
    assert file.stat().st_mode & 0o777 == 0o644
    long = {"text": f"# {'x' * 999_990}\n{DIALPLAN}", "etag": etag}
    refused = scene.ops.ask("POST", "/dialplan/put", long)
    assert (refused.status, "use an editor" in refused.text) == (409, True)
    assert scene.ops.ask("POST", f"{path}/check", {"text": "x" * 1_000_001}).status == 400
    supervisor = scene.console.person("supervisor")
    assert supervisor.get(path).status == supervisor.get("/dialplan").status == 403


async def test_account_is_topped_up_once_and_suspended(scene: Scene) -> None:
    page = await scene.page("/accounts")
    card = page.locator("form", has=page.get_by_role("heading", name="Top up"))
    await card.get_by_label("Amount").fill("much")
    await card.get_by_role("button").click()
    await expect(card.get_by_role("alert")).to_contain_text("expected an amount")
    await card.get_by_label("Amount").fill("20.00")
    reference = await card.locator("input[name=reference]").get_attribute("value")
    await card.get_by_role("button").click()
    await expect(page.get_by_role("status")).to_have_text("The payment is booked.")
    again = {"account": "acme", "amount": "20.00", "reference": reference, "note": ""}
    scene.ops.ask("POST", "/accounts/top-up", again)
    await page.reload()
    await expect(page.locator("#accounts tbody tr")).to_contain_text("20.00 CNY")
    await expect(page.locator("#ledger tbody tr")).to_have_count(1)
    await expect(page.locator("#ledger tbody tr")).to_contain_text("otto")
    false = {"amount": "1.00", "who": "mallory"}
    refused = scene.ops.ask("POST", "/api/v1/accounts/acme/top-ups", false)
    assert (refused.status, refused.json["field"]) == (400, "who")
    await confirmed(page, "Suspend acme")
    await page.get_by_role("button", name="Resume acme").click()
    await expect(page.get_by_role("status")).to_have_text("The account pays for calls again.")
    assert scene.console.person("supervisor").get("/accounts").status == 403
    none = scene.ops.get("/accounts?account=nope")
    assert (none.status, "no account is named nope" in none.text) == (404, True)
    await page.context.close()


async def test_customer_is_called_back_and_no_more(scene: Scene) -> None:
    for extension in ("801", "802"):  # nobody is rung meanwhile
        assert scene.ops.ask("PUT", f"/api/v1/presence/{extension}", {}).status == 200
    page = await scene.page("/callbacks")
    await page.get_by_label("Number to be called").fill("13800138000")
    await page.get_by_label("Number of ours").fill("7000")
    await page.get_by_label("Rule").fill("none")
    await page.get_by_role("button", name="Call back").click()
    await expect(page.get_by_role("alert")).to_contain_text("no rule of call-backs none")
    await page.get_by_label("Rule").fill("missed")
    await page.get_by_role("button", name="Call back").click()
    row = page.locator("#call_backs tbody tr")
    await expect(row).to_contain_text("waiting")
    await confirmed(page, "Cancel +8613800138000")
    await expect(row).to_contain_text("ended")
    await page.context.close()


async def test_event_is_sent_again_and_endpoint_disabled(scene: Scene) -> None:
    for method in ("PUT", "DELETE"):
        asked = scene.ops.ask(method, "/api/v1/presence/801", {} if method == "PUT" else None)
        assert asked.status in {200, 404}
    told = await scene.hook.took(1)
    page = await scene.page("/webhooks")
    row = page.locator("#attempts tbody tr", has_text="delivered").first
    await expect(row).to_contain_text("agent")
    await row.get_by_role("button", name="Send again").click()
    await expect(page.get_by_role("status")).to_have_text("The endpoint is told of it again.")
    await scene.hook.took(len(told) + 1)
    await confirmed(page, "Disable crm")
    await expect(page.locator("#endpoints tbody")).to_contain_text("by otto")
    await page.get_by_role("button", name="Enable crm").click()
    await expect(page.locator("#endpoints tbody")).to_contain_text("enabled")
    assert scene.ops.get("/webhooks?endpoint=none").status == 404
    await page.context.close()


async def test_number_is_suspended_and_its_life_told(scene: Scene) -> None:
    page = await scene.page("/numbers")
    await expect(page.get_by_text("No number has a life yet")).to_be_visible()
    assert scene.console.person("viewer").get("/numbers").status == 403
    supervisor = scene.console.person("supervisor")
    change = {"number": "4000", "change": "activate"}
    assert supervisor.ask("POST", "/numbers/change", change).status == 403
    await page.get_by_label("Number").fill("4000")
    await page.get_by_label("Working days;").fill("3")
    await page.get_by_role("button", name="Change").click()
    await expect(page.get_by_role("alert")).to_contain_text("expected only with reserve")
    await expect(page.get_by_label("Number")).to_have_value("4000")
    await page.get_by_label("Working days;").fill("")
    await page.get_by_role("button", name="Change").click()
    await expect(page.get_by_role("status")).to_have_text("The life of the number is changed.")
    await expect(page.locator("#numbers tbody tr", has_text="4000")).to_contain_text("active")
    await expect(page.locator("#numbers tbody tr", has_text="7000")).to_contain_text("unmanaged")
    await page.get_by_label("Part of a number").fill("70")
    await page.keyboard.press("Enter")
    await expect(page.locator("#numbers tbody tr")).to_have_count(1)
    await expect(page.locator("#numbers")).to_contain_text("7000")
    await page.goto("/numbers")
    change = {"number": "4000", "change": "suspend", "note": "no answer to letters"}
    assert scene.ops.ask("POST", "/numbers/change", change).status == 303
    assert "4000 is suspended" in scene.ops.ask("POST", "/numbers/change", change).text
    await page.locator("#numbers").get_by_role("link", name="4000").click()
    newest = page.locator("#history tbody tr").first
    await expect(newest).to_contain_text("otto")
    await expect(newest).to_contain_text("no answer to letters")
    assert scene.ops.get("/numbers?number=7000").status == 404
    assert scene.ops.ask("POST", "/numbers/change", {**change, "change": "resume"}).status == 303
    await page.context.close()


async def test_report_counts_the_calls_of_a_day(scene: Scene) -> None:
    store = Store(f"sqlite:///{scene.console.place.database}")
    noon = 1_800_000_000.0  # 16:00 in Shanghai
    rows = [call_row("r1", noon, answered_ms=400), call_row("r2", noon + 1, disposition="BUSY")]
    store.insert(rows)
    store.close()
    page = await scene.page("/reports?day=2027-01-15")
    row = page.locator("tbody tr", has_text="16:00")
    await expect(row).to_contain_text("50 %")
    await expect(page.locator("svg g")).to_have_count(24)
    await page.get_by_label("How long").select_option("a week by the day")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tbody tr", has_text="01-15")).to_contain_text("50 %")
    asked = scene.ops.get(f"/api/v1/reports/calls?since={noon}&step=3600&spans=1")
    assert (asked.json["whole"]["calls"], asked.json["whole"]["answered"]) == (2, 1)
    assert scene.ops.get("/reports?day=someday").status == 400
    assert "listen:" in scene.ops.get("/settings").text
    await page.context.close()


async def test_edits_of_one_value_leave_the_rest_of_the_dialplan(scene: Scene) -> None:
    file = scene.console.place.folder / "dialplan.yaml"
    page = await scene.page("/schedules")
    day = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=9)).strftime("%Y-%m-%d")
    for first, last, why in (
        ("2020-01-01", "", "expected a day that is not past"),
        (day, "9999-12-31", "expected a day within 366 days"),
        (day, "2020-01-01", f"expected a day from {day} on"),
        ("2026-02-30", "", "expected a date"),
    ):
        values = {"schedule": "office", "first": first, "last": last}
        wrong = scene.ops.ask("POST", "/schedules/close", values)
        assert (wrong.status, why in wrong.text) == (400, True), wrong.text
    await page.get_by_label("First day").fill(day)
    await page.get_by_role("button", name="Close on these days").click()
    await expect(page.get_by_role("status")).to_contain_text("closed on these days")
    await expect(page.locator(".calendar .day").nth(9)).to_contain_text("a closed day")
    closed = DIALPLAN.replace("office: {", f'office: {{closed: ["{day}"], ')
    assert file.read_text(encoding="utf-8") == closed
    await page.get_by_label("Country, or a part").fill("XX")
    await page.get_by_role("button", name="Keep holidays").click()
    await expect(page.get_by_role("alert")).to_contain_text("expected a country")
    await expect(page.get_by_label("Country, or a part")).to_have_value("XX")
    await page.get_by_label("Country, or a part").fill("CN")
    await page.get_by_role("button", name="Keep holidays").click()
    await expect(page.get_by_role("status")).to_contain_text("has these holidays")
    await expect(page.get_by_label("Country, or a part")).to_have_value("CN")
    kept = DIALPLAN.replace("office: {", f'office: {{holidays: "CN", closed: ["{day}"], ')
    assert file.read_text(encoding="utf-8") == kept
    await page.get_by_role("button", name=f"Open again {day}").click()
    await expect(page.get_by_role("status")).to_contain_text("follows its hours")
    none = {"schedule": "office", "region": ""}
    assert scene.ops.ask("POST", "/api/v1/dialplan/holidays", none).status == 200
    assert file.read_text(encoding="utf-8") == DIALPLAN
    versions = scene.ops.get("/api/v1/dialplan/versions").json["versions"]
    assert versions[0]["who"] == "otto"
    again = {"schedule": "office", "first": day, "last": ""}
    assert scene.ops.ask("POST", "/schedules/close", again).status == 303
    change = {"queue": "sales", "extension": "899", "change": "add"}
    wrong = scene.ops.ask("POST", "/queues/agent", change)
    assert (wrong.status, "899" in wrong.text) == (409, True)  # nobody has this extension
    assert file.read_text(encoding="utf-8") == closed
    change = {"queue": "sales", "extension": "802", "change": "remove"}
    assert scene.ops.ask("POST", "/queues/agent", change).status == 303
    lines = {"number": "4000", "lines": "12"}
    assert scene.ops.ask("POST", "/dialplan/lines", lines).status == 303
    assert scene.ops.ask("POST", "/dialplan/lines", {**lines, "lines": "all"}).status == 400
    after = closed.replace('["801", "802"]}}', '["801"]}}').replace(
        '"4000": {route', '"4000": {lines: 12, route'
    )
    assert file.read_text(encoding="utf-8") == after
    supervisor = scene.console.person("supervisor")
    assert supervisor.ask("POST", "/dialplan/lines", lines).status == 403
    await page.context.close()


async def test_caller_is_listed_in_the_dialplan_and_taken_out(scene: Scene) -> None:
    file = scene.console.place.folder / "dialplan.yaml"
    before = file.read_text(encoding="utf-8")
    page = await scene.page("/blocks")
    card = page.locator("form", has=page.get_by_role("heading", name="Callers of a list"))
    await card.get_by_label("What").select_option("first digits")
    await card.get_by_label("Number, or its").fill("some")
    await card.get_by_role("button", name="Add").click()
    await expect(card.get_by_role("alert")).to_contain_text("expected")
    await card.get_by_label("Number, or its").fill("0898")
    await card.get_by_role("button", name="Add").click()
    await expect(page.locator("#lists tbody tr")).to_contain_text("0898")
    listed = before.replace("{nuisance: {", '{nuisance: {prefixes: ["0898"], ')
    assert file.read_text(encoding="utf-8") == listed
    out = {"list": "nuisance", "kind": "prefixes", "entry": "0898", "change": "remove"}
    again = scene.ops.ask("POST", "/blocks/list", {**out, "change": "add"})
    assert "0898 is there already" in again.text
    assert scene.ops.ask("POST", "/blocks/list", out).status == 303
    assert file.read_text(encoding="utf-8") == before
    supervisor = scene.console.person("supervisor")
    assert "nuisance" not in supervisor.get("/blocks").text
    assert supervisor.ask("POST", "/blocks/list", out).status == 403
    await page.context.close()


async def test_each_form_is_for_its_roles_and_is_audited(scene: Scene) -> None:
    viewer = scene.console.person("viewer")
    for path in ("/blocks", "/extensions"):
        assert viewer.get(path).status == 403, path
    for path in ("/gateways", "/schedules", "/queues"):
        shown = viewer.get(path)
        assert shown.status == 200, path
        assert "<button" not in shown.text.partition("<main")[2].partition("</main")[0], path
    form = {"schedule": "office", "state": "open"}
    assert viewer.ask("POST", "/schedules/switch", form).status == 403
    assert viewer.ask("POST", "/gateways/drain", {"gateway": "gw"}).status == 403
    rows = scene.console.person("admin").get("/api/v1/audit?most=200").json["rows"]
    done = {(row["who"], row["action"]) for row in rows}
    assert {("otto", "add_block"), ("otto", "set_override"), ("otto", "add_ban")} <= done


async def test_forms_are_for_everybody(scene: Scene) -> None:
    """axe-core finds nothing serious in either theme, and nothing is wider than 360 pixels."""
    page = await scene.page("/", viewport={"width": 360, "height": 740})
    paths = ["/blocks", "/gateways", "/extensions", "/schedules", "/queues", "/dialplan"]
    for path in [
        *paths,
        "/reports",
        "/settings",
        "/accounts",
        "/callbacks",
        "/webhooks",
        "/numbers",
    ]:
        await page.goto(path)
        for theme in ("light", "dark"):
            await page.emulate_media(color_scheme=theme)
            assert await accessibility_faults(page) == [], (path, theme)
        assert await overflow(page) <= 0, path
    assert page.mistakes == []  # type: ignore[attr-defined]
    await page.context.close()
