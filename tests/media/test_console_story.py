"""The console from its first link on: a refused call is found, its rule mended, the next heard."""

from pathlib import Path

import pytest
from playwright.async_api import Response, expect
from support import hearing
from support.console_story import MENDED, REFUSES, REFUSING, TONE, ConsoleStory

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_ops_person_mends_the_rule_that_refused_and_hears_the_next_call(
    tmp_path: Path,
) -> None:
    async with ConsoleStory.open(tmp_path / "server", tmp_path) as story:
        await story.was_refused_yesterday()
        before = story.file.read_text(encoding="utf-8")
        line = before.splitlines().index(REFUSING) + 1
        page = await story.is_invited_by(await story.signs_up_by_the_link())
        await story.finds_the_refused_call(page)
        rule = page.locator(".verdicts .refused")
        await expect(rule).to_contain_text(f"dialplan.yaml:{line}")
        await expect(rule).to_contain_text("begins with +86138")
        await story.mends_the_rule(page)
        assert story.file.read_text(encoding="utf-8") == before
        await story.puts_it_live(page)
        assert story.file.read_text(encoding="utf-8") == before.replace(REFUSES, MENDED)
        parts: list[Response] = []
        page.on("response", lambda part: parts.append(part) if "/audio" in part.url else None)
        audio = await story.hears(page, await story.is_recorded())
        assert {part.status for part in parts} == {206}
        file = tmp_path / "heard.wav"
        file.write_bytes(await (await page.context.request.get(audio)).body())
        assert hearing.tones(hearing.load(file), [TONE])
        assert page.mistakes == []  # type: ignore[attr-defined]
