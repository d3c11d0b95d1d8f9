"""The dashboard's page in Chromium, for tests: what it shows, and what the browser complains of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from schemas.query import Query, Reference
from schemas.response import Response
from tests.loop.system import System
from tests.loop.watching import answered

HOSTILE = "<script>window.hit=1</script>\u202egpj.exe\x00" + "x" * 150
MARKUP = "<img src=x onerror='window.hit=1'> \u202eRTL \x00NUL " + "y" * 8_000


@dataclass
class Shown:
    """A system that runs, its dashboard, and a browser."""

    system: System
    browser: Browser
    url: str
    problems: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def page(
        self, size: tuple[int, int] = (1280, 900), scheme: str = "light"
    ) -> AsyncIterator[Page]:
        """The page, live. Whatever the browser complains of fails the test."""
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = await context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: self._note(m.type in ("error", "warning"), m.text))
        page.on("pageerror", lambda error: self._note(True, str(error)))
        page.on("requestfailed", lambda r: self._note("/events" not in r.url, r.url))
        try:
            await page.goto(self.url)
            await expect(page.locator("#connection")).to_have_attribute("data-state", "live")
            await page.locator("#loop-drawing svg").wait_for()
            yield page
        finally:
            await context.close()
        assert not self.problems

    def _note(self, bad: bool, what: str) -> None:
        if bad:
            self.problems.append(what)

    async def ask(self, *query_ids: str) -> None:
        """Asks, and waits for the answers."""
        responses = await self.system.topic("responses", Response)
        await self.system.ask(*map(query, query_ids))
        await responses.until(answered(*query_ids), "answers")


def query(query_id: str) -> Query:
    """A sum; the hostile one asks with markup."""
    return Query(
        query_id=query_id,
        task="code",
        prompt="17 + 4" if query_id != HOSTILE else MARKUP,
        reference=Reference(kind="numeric", value=21),
    )


async def story_of(page: Page, text: str) -> str:
    """Opens the story of the query that the search finds."""
    await page.locator("#search").fill(text)
    await page.locator(".decisions .link").first.click()
    await page.locator("#story-body h3").first.wait_for()
    return await page.locator("#story").inner_text()


async def violations(page: Page) -> Sequence[str]:
    """What axe-core has against the page."""
    found = (await Axe().run(page)).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]
