"""What the top tens and the explanation of a stock show, whatever the figures are."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.slow.browser.conftest import Service, Visit

LONGEST = "+9,999.9%"
RETURNS = ("score", "return_3m", "return_6m", "return_12m")
VENDOR = "The vendor's score, used in place of these signals."
TOO_WIDE = """() => [...document.querySelectorAll(".ten :is(td, th)")]
  .filter((cell) => getComputedStyle(cell).clipPath === "none")
  .filter((cell) => cell.scrollWidth > cell.clientWidth
    || cell.getBoundingClientRect().right > cell.closest(".ten").getBoundingClientRect().right)
  .map((cell) => `${cell.className}: ${cell.scrollWidth} > ${cell.clientWidth}`)"""
TOO_NEAR = """() => [...document.querySelectorAll(".ten tbody tr")].flatMap((row) => {
  const texts = row.querySelectorAll(".c-score, td > :not(.vh)");
  const boxes = [...texts].map((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    return text.matches("svg") ? text.getBoundingClientRect() : range.getBoundingClientRect();
  }).filter((box) => box.width);
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
    .map((b) => `${a.left} to ${a.right} meets ${b.left} to ${b.right}`));
})"""

Change = Callable[[Any], None]


def with_answer(page: Page, path: str, change: Change) -> None:
    """Change what the service answers to a path."""

    def changed(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        change(body)
        route.fulfill(response=answer, json=body)

    page.route(path, changed)


def longest(top: Any) -> None:
    """Give each stock the longest percentages, and a long change of its rank."""
    for strategy in top["strategies"]:
        for place in strategy["rankings"]:
            place.update(dict.fromkeys(RETURNS, 99.999), rank_before=place["rank"] + 888)


def test_no_percentage_is_wider_than_its_cell(served: Service, visit: Visit) -> None:
    page = visit(served)
    with_answer(page, "**/v1/dashboard/top", longest)
    page.reload()
    expect(page.locator(".c-score").nth(1)).to_have_text(LONGEST)
    for width in (320, 375, 390, 768, 1024, 1201, 1280, 1366, 1440, 1920, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(TOO_WIDE) == [], width
        assert page.evaluate(TOO_NEAR) == [], width


def test_a_ticker_that_is_ranked_is_suggested(served: Service, visit: Visit) -> None:
    page = visit(served, wait=".stock")
    first = served.get("/v1/dashboard/top")["strategies"][0]["rankings"][0]["ticker"]
    box = page.get_by_label("Explain a ticker")
    expect(box).to_have_attribute("placeholder", f"Explain a ticker, {first}")


def test_none_is_suggested_where_none_is_ranked(served: Service, visit: Visit) -> None:
    page = visit(served, wait=".stock")

    def emptied(top: Any) -> None:
        for strategy in top["strategies"]:
            strategy["rankings"] = []

    with_answer(page, "**/v1/dashboard/top", emptied)
    page.reload()
    expect(page.locator(".ten").first).to_contain_text("No stock passes")
    box = page.get_by_label("Explain a ticker")
    expect(box).to_have_attribute("placeholder", "Explain a ticker")


@pytest.mark.parametrize(("source", "count"), [("vendor", 1), ("computed", 0)])
def test_a_score_of_the_vendor_is_told_beside_the_signals(
    served: Service, visit: Visit, source: str, count: int
) -> None:
    page = visit(served, wait=".stock")
    with_answer(page, "**/explain/*", lambda why: why.update(f_source=source, f_score=4))
    page.locator(".stock").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".signals")).to_be_visible()
    expect(dialog.get_by_role("heading", name="F-score 4 of")).to_be_visible()
    expect(dialog.get_by_text(VENDOR, exact=True)).to_have_count(count)
