"""Takes the pictures of docs/dashboard.md from a dashboard that runs.

Run it as: python -m tests.agents.board.screenshots http://127.0.0.1:8090/ docs/images
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = (1440, 1000), (360, 780)
TALL, TALL_PHONE = (1440, 1340), (360, 1240)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's own Chromium, with a profile that is thrown away."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        try:
            yield browser
        finally:
            browser.close()


def opened(
    browser: Browser, url: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> Page:
    """The page, once it shows the loop."""
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.goto(url)
    page.locator("#connection[data-state=live]").wait_for()
    page.locator("#loop-drawing svg").wait_for()
    return page


def take(url: str, folder: Path) -> None:
    """The four pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for scheme in ("light", "dark"):
            page = opened(browser, url, TALL, scheme)
            page.screenshot(path=folder / f"dashboard-{scheme}.png")
        page = opened(browser, url, TALL_PHONE, "light")
        page.screenshot(path=folder / "dashboard-phone.png")
        page = opened(browser, url, DESKTOP, "light")
        page.locator("#hold").click()
        failed = page.locator(".decisions tr", has_text="after 1 failure").locator(".link")
        (failed if failed.count() else page.locator(".decisions .link")).first.click()
        page.locator("#story-body h3").first.wait_for()
        page.screenshot(path=folder / "dashboard-story.png")


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]))
