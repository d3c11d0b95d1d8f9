"""The dashboard in a real browser, beside a real broker, real roles and simulated models."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from agents.board.lookup import Finder
from schemas.feedback import Feedback
from schemas.routing_rule import RoutingRule
from streams.broker.ports import free_ports
from tests.agents.board.screenshots import CHROMIUM, FLAGS, PHONE
from tests.loop.shown_page import HOSTILE, Shown, query, story_of, violations
from tests.loop.system import system_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = ("router", "grader", "aggregator", "tuner", "worker-good", "worker-steady")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(
    kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shown]:
    """All roles in this process, two models, some answers."""
    folder = tmp_path_factory.mktemp("dashboard")
    async with system_at(kafka_bootstrap, f"t{uuid.uuid4().hex[:10]}-", folder) as system:
        await system.chat_sim("good")
        await system.chat_sim("steady")
        (port,) = free_ports(1)
        system.tables["dashboard"] = {"port": port}
        system.tables["tasks.code"] = {"needs": "chat", "prior": {"good": 0.5, "steady": 0.5}}
        system.tables["breaker"] = {"failures": 3, "open_s": 60.0, "longest_open_s": 60.0}
        await system.prepare()
        rules = await system.topic("rules-log", RoutingRule)
        await system.run(*ROLES, "dashboard")
        await rules.until(len, "the first rule")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
            made = Shown(system, browser, f"http://127.0.0.1:{port}/")
            await made.ask(*(f"q{number}" for number in range(30)))
            yield made
            await browser.close()


async def test_it_shows_the_loop_its_rule_and_its_decisions(shown: Shown) -> None:
    async with shown.page() as page:
        await expect(page.locator("#decision-count")).to_contain_text("30 queries")
        loop = page.locator("#loop-drawing")
        for name in ("Router", "good", "steady", "Grader", "Aggregator", "Tuner", "Dead letters"):
            await expect(loop.get_by_text(name, exact=True)).to_be_visible()
        await expect(loop.get_by_text(re.compile(r"^lag \d+$")).first).to_be_visible()
        await page.get_by_text("The same as a table").click()
        lag = page.locator("#loop-table tr", has_text="worker-good").locator("td").last
        await expect(lag).to_have_text("0")
        task = page.locator(".task")
        await expect(task.locator("h3")).to_have_text("code")
        await expect(task.locator(".reason")).not_to_be_empty()
        await expect(task.locator("svg[role=img]").first).to_have_attribute(
            "aria-label", re.compile("Shares of the queries of code since .*good from 50")
        )
        await expect(page.locator("#models tbody tr")).to_have_count(2)


async def test_a_model_that_goes_bad_is_seen_at_once(shown: Shown) -> None:
    async with shown.page() as page:
        state = page.locator("#models tr", has_text="good").locator(".badge").first
        await expect(state).to_have_text("healthy")
        shown.system.sims["good"].set_profile({"error_rate": 1.0})
        await shown.system.ask(*(query(f"bad{number}") for number in range(24)))
        await expect(state).to_have_text("open: not asked", timeout=15_000)
        await expect(page.locator("#loop-drawing .node.open")).to_contain_text("closed off")
        await expect(page.locator("#figures")).to_contain_text("1 of 2")
        await expect(page.locator("#live")).to_contain_text("good is open")
        await expect(page.locator(".task .badge.bad")).to_have_text("open: passed over")
        failed = page.locator("#models tr", has_text="good").locator(".below")
        await expect(failed).to_contain_text("server_error")
        await page.locator("#search").fill("bad")
        after = page.locator(".decisions tr", has_text="after 1 failure").first
        await after.locator(".link").click()
        attempts = page.locator(".attempts > li")
        await expect(attempts).to_have_count(2)
        await expect(attempts.first).to_contain_text("server_error")
        await expect(attempts.last).to_contain_text("steady")
        await expect(attempts.last).to_contain_text("answered")


async def test_a_story_tells_all_of_a_query(shown: Shown) -> None:
    await shown.system.put(
        "feedback", Feedback(query_id="q10", score=0.5, source="ann", comment="so so"), key=b"q10"
    )
    async with shown.page() as page:
        text = await story_of(page, "q10")
        await expect(page.locator("#story-body")).to_contain_text("so so")
    for part in ("17 + 4", "Decision", "Propensity", "21", "Wait in all", "numeric", "policy"):
        assert part in text, part


async def test_search_and_filters(shown: Shown) -> None:
    async with shown.page() as page:
        rows, note = page.locator(".decisions tbody tr"), page.locator("#decision-count")
        await page.locator("#search").fill("q29 code")
        await expect(rows).to_have_count(1)
        await page.locator("#search").fill("")
        await page.locator("#filter-model").select_option("steady")
        await expect(note).to_contain_text(re.compile(r"^\d+ of the newest"))
        assert set(await rows.locator(".named .name").all_inner_texts()) == {"steady"}
        await page.locator("#filter-model").select_option("")
        await page.locator("#filter-result").select_option("failed")
        await expect(page.locator("#decision-table")).to_contain_text("No query of these matches")
        await page.locator("#hold").click()
        await shown.ask("held-1")
        await expect(note).to_contain_text("1 new or changed")
        await expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")


async def test_the_theme_is_the_systems_or_the_buttons(shown: Shown) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    async with shown.page(scheme="dark") as page:
        dark = await page.evaluate(paper)
        await page.locator("#theme").click()
        await expect(page.locator("#theme")).to_have_text("Theme: light")
        assert await page.evaluate(paper) != dark
        await page.reload()
        await expect(page.locator("#theme")).to_have_text("Theme: light")
        await page.locator("#theme").click()
        assert await page.evaluate(paper) == dark


async def test_with_the_keyboard_alone(shown: Shown) -> None:
    async with shown.page() as page:
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.locator("#search").focus()
        await page.keyboard.type("q7")
        link = page.locator(".decisions .link", has_text=re.compile("^q7$"))
        for _ in range(8):
            if await link.evaluate("node => node === document.activeElement"):
                break
            await page.keyboard.press("Tab")
        await expect(link).to_be_focused()
        outline = await link.evaluate("node => getComputedStyle(node).outlineStyle")
        assert outline == "solid"
        await page.keyboard.press("Enter")
        await expect(page.locator("#story")).to_be_visible()
        await page.locator("#story-body h3").first.wait_for()
        inside = "document.getElementById('story').contains(document.activeElement)"
        assert await page.evaluate(inside)
        assert page.url.endswith("#query=q7")
        await page.keyboard.press("Escape")
        await expect(page.locator("#story")).to_be_hidden()
        await expect(link).to_be_focused()
        worse = Feedback(query_id="q7", score=0.0, source="ann")
        await shown.system.put("feedback", worse, key=b"q7")
        row = page.locator(".decisions tr", has=page.locator(".link", has_text=re.compile("^q7$")))
        await expect(row.locator("td").last).to_have_text("50\u00a0%")
        await expect(link).to_be_focused()


async def test_on_a_phone_nothing_is_wider_than_the_page(shown: Shown) -> None:
    await shown.ask(HOSTILE)
    async with shown.page(PHONE) as page:
        wide = "document.documentElement.scrollWidth - innerWidth"
        await expect(page.locator(".decisions tbody tr").first).to_be_visible()
        await page.get_by_text("The same as a table").click()
        assert await page.evaluate(wide) == 0
        await story_of(page, "gpj")
        assert await page.evaluate(wide) == 0
        story = "(n => n.scrollWidth - n.clientWidth)(document.getElementById('story'))"
        assert await page.evaluate(story) == 0


async def test_hostile_strings_are_text(shown: Shown) -> None:
    await shown.ask(HOSTILE)
    await shown.system.put("queries", b'{"query_id": "<b>bold</b>", "prompt": 1}', key=b"<b>")
    async with shown.page() as page:
        scripts = await page.locator("script").count()
        await expect(page.locator("#letter-table tbody tr").first).to_contain_text("str | null")
        command = page.locator("#letter-table tbody code").last
        await expect(command).to_have_text(re.compile(r"^zeta dead-letters redrive \d+@\d+$"))
        text = await story_of(page, "gpj")
        assert "<script>window.hit=1</script>\\u202egpj.exe\\x00" in text
        assert "<img src=x onerror='window.hit=1'> \\u202eRTL \\x00NUL" in text
        assert await page.evaluate("window.hit") is None
        assert await page.locator("script").count() == scripts
        assert await page.locator("img").count() == 0
        assert len(text) < 25_000


async def test_what_is_not_in_memory_is_looked_up_or_said_to_be_gone(shown: Shown) -> None:
    finder = Finder(shown.system.settings.kafka, ["good", "steady"])
    found = await finder.find("q3", None)
    assert found.query is not None
    assert (found.query.prompt, found.missing) == ("17 + 4", [])
    assert found.response is not None
    assert found.response.text == "21"
    assert {one.kind for one in found.metrics} == {"outcome", "judgement"}
    async with shown.page() as page:
        await page.locator("#search").fill("nobody-asked-this")
        await page.locator("#lookup").click()
        await expect(page.locator("#story-body")).to_contain_text("It is gone, or was never asked")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(shown: Shown, scheme: str) -> None:
    async with shown.page(scheme=scheme) as page:
        await page.get_by_text("The same as a table").click()
        await expect(page.locator(".decisions tbody tr").first).to_be_visible()
        await page.locator("#hold").click()
        assert await violations(page) == []
        await story_of(page, "q2")
        assert await violations(page) == []


async def test_it_comes_back_by_itself_with_everything(shown: Shown) -> None:
    async with shown.page() as page:
        await shown.system.stop("dashboard")
        await expect(page.locator("#connection")).to_contain_text("Disconnected")
        await shown.ask("meanwhile-1")
        await shown.system.run("dashboard")
        await expect(page.locator("#connection")).to_have_attribute("data-state", "live")
        await page.locator("#search").fill("meanwhile-1")
        await expect(page.locator(".decisions tbody tr")).to_have_count(1)
        shown.problems[:] = [one for one in shown.problems if "ERR_" not in one]
