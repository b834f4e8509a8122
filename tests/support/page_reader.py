"""A real browser: Debian's chromium, led by Playwright."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final

from playwright.async_api import Browser, Dialog, Page, async_playwright, expect

from support.polling import PATIENCE
from support.web_console import Browser as Person

CHROMIUM: Final = "/usr/bin/chromium"
_FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_SERIOUS: Final = {"serious", "critical"}
expect.set_options(timeout=PATIENCE * 1000)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser, until the end of `with`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        await browser.close()


async def opened(browser: Browser, person: Person, **context: Any) -> Page:
    """A page of a browser in which somebody is signed in; mistakes of its scripts fail its test."""
    around = await browser.new_context(base_url=person.origin, **context)
    around.set_default_timeout(PATIENCE * 1000)
    if person.cookie:
        name, _, value = person.cookie.partition("=")
        await around.add_cookies([{"name": name, "value": value, "url": person.origin}])
    page = await around.new_page()
    page.mistakes = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.mistakes.append(str(error)))
    return page


async def confirmed(page: Page, name: str) -> None:
    """Click a button that asks first: nothing happens before one says yes."""
    button, said = page.get_by_role("button", name=name), list[str]()

    async def refuse(dialog: Dialog) -> None:
        said.append(dialog.message)
        await dialog.dismiss()

    page.once("dialog", refuse)
    await button.click()
    assert said == [f"{name}?"]
    await expect(button).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    await button.click()


async def accessibility_faults(page: Page) -> list[str]:
    """What axe-core finds that is serious, each with the elements that it is about."""
    script = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    # Evaluated by the debugger, which no Content-Security-Policy keeps out.
    await page.evaluate(script)
    found = await page.evaluate("() => axe.run()")
    return [
        f"{fault['id']}: {[node['html'][:200] for node in fault['nodes'][:3]]}"
        for fault in found["violations"]
        if fault["impact"] in _SERIOUS
    ]


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = await page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width
