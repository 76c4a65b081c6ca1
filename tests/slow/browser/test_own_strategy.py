"""A strategy of the owner, the eleven lines of the README, on the page of the real service."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.slow.browser.conftest import PATIENCE_MS, ROOT, Service, Start, Visit
from tests.slow.browser.test_pages import whole_percent
from tests.slow.browser.test_status import panel, refresh_now

expect.set_options(timeout=PATIENCE_MS)


def readme_lines() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"```toml\n(\[strategies\.calm\].*?)```", text, re.DOTALL)
    assert len(found.splitlines()) == 11
    return found


def ten_of(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def first_of(service: Service) -> Any:
    return service.get("/v1/strategies/calm")[0]


def test_a_strategy_of_ones_own_is_shown_explained_and_published(
    start: Start, visit: Visit, tmp_path: Path
) -> None:
    (tmp_path / "stockrank.toml").write_text(readme_lines(), encoding="utf-8")
    service = start()
    page = visit(service, wait=".ten")
    first = first_of(service)
    ten = ten_of(page, "Calm and cheap")
    stock = ten.locator("tbody tr").first
    expect(stock).to_contain_text(first["ticker"])
    expect(stock.locator(".ten__score")).to_have_text(whole_percent(first["score"]))
    assert service.get("/v1/strategies/compare")["calm"][0]["ticker"] == first["ticker"]
    stock.get_by_role("link").click()
    a_ranked_stock_is_explained(page, service, first)
    one_that_its_screen_leaves_out_is_explained(page, service)
    page.goto(f"{service.url}/status")
    # The next refresh publishes it with the four, and the history of the versions has it.
    assert service.get("/v1/rankings/history/calm")[0]["rankings"] == []
    refresh_now(page).click()
    expect(panel(page, "Refresh")).to_contain_text("Succeeded")
    past = service.get("/v1/rankings/history/calm")[0]["rankings"]
    assert past[0]["ticker"] == first["ticker"]
    expect(stock).to_contain_text(first["ticker"])
    assert [a for a in service.get("/v1/data/alerts") if a["key"] == "rank_churn"] == []


def a_ranked_stock_is_explained(page: Page, service: Service, first: Any) -> None:
    """The rank, the screen with its value and cut, and the cut of the composite."""
    why = service.get(f"/v1/strategies/calm/explain/{first['ticker'].replace(' ', '-')}")
    cut, screen = why["cut"], screen_of(page)
    standing = page.locator(".standing li", has_text="Calm and cheap")
    expect(standing).to_contain_text("#1")
    expect(standing).to_contain_text(f"First rank {why['primary_rank']} of {cut['compared']}")
    expect(standing).to_contain_text("inside the best 30%")
    expect(screen).to_contain_text(f"{why['screens'][0]['value']:,.0f}")
    expect(screen).to_contain_text("from 50,000,000")
    expect(screen).to_contain_text("stays")


def one_that_its_screen_leaves_out_is_explained(page: Page, service: Service) -> None:
    """The condition, and that the stock leaves by it."""
    out = service.get("/v1/strategies/calm/exclusions?limit=1000")["left_out"]
    thin = next(one["ticker"] for one in out if one["reason"] == "thin")
    page.goto(f"{service.url}/stock/{thin.replace(' ', '-')}?strategy=calm")
    standing = page.locator(".standing li", has_text="Calm and cheap")
    expect(standing).to_contain_text("not ranked")
    expect(screen_of(page)).to_contain_text("leaves")


def screen_of(page: Page) -> Locator:
    """The line of its screen."""
    return page.get_by_role("row", name=re.compile(r"turnover_3m < 50e6"))
