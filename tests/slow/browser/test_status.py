"""What operators see and do on their page, with the real service behind it."""

import json
import math
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from app.jobs.follow import PHASES
from pipelines.refresh import recorded_export
from pipelines.universe import SWEDEN
from tests.slow.browser.conftest import (
    ROOT,
    TOKEN,
    Service,
    Start,
    Visit,
    barriers,
    copied,
    running,
)
from tests.slow.browser.test_pages import OVERLAPS, WIDTHS, whole_percent

STRATEGIES = 4
RETURNS = ("score", "return_3m", "return_6m", "return_12m")
TOO_WIDE = """() => ["score", "move", "return", "f"]
  .flatMap((name) => [...document.querySelectorAll(`.ten .ten__${name}`)])
  .filter((cell) => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth)
  .map((cell) => `${cell.className}: ${cell.scrollWidth} > ${cell.clientWidth}`)"""
NO_VALUE = "\u2013"
PHONE = {"viewport": {"width": 375, "height": 812}, "device_scale_factor": 2}


def panel(page: Page, title: str) -> Locator:
    """The region of a heading."""
    return page.get_by_role("region", name=title, exact=True)


def figure(page: Page, name: str) -> Locator:
    """A cell of the strip."""
    return page.locator(f"[data-glance={name}]")


def refresh_now(page: Page) -> Locator:
    return page.locator(".status__do").get_by_role("button")


def stocks(page: Page) -> Locator:
    return panel(page, "Top tens").get_by_role("table").get_by_role("link")


def loaded(page: Page) -> None:
    """Wait until every panel shows something."""
    expect(page.locator(".loading, .skeleton")).to_have_count(0)


# --------------------------------------------------------------------------------- first start


def test_the_first_start_says_what_to_do(empty: Service, visit: Visit) -> None:
    page = visit(empty)
    tens = panel(page, "Top tens")
    expect(tens.get_by_role("heading", name="Nothing is published yet")).to_be_visible()
    expect(tens.get_by_role("button", name="Refresh now")).to_be_enabled()
    expect(panel(page, "Refresh")).to_contain_text("No refresh yet")
    expect(panel(page, "Versions")).to_contain_text("No version yet")
    expect(panel(page, "Last refreshes")).to_contain_text("No refresh in the last 7 days")
    expect(panel(page, "Data quality")).to_contain_text("Nothing to check yet")
    expect(figure(page, "prices")).to_contain_text("None yet")
    loaded(page)


def test_nothing_is_said_to_be_absent_while_it_is_loaded(empty: Service, visit: Visit) -> None:
    page = visit(empty)
    held: list[Route] = []
    page.route("**/v1/data/sync-history*", lambda route: held.append(route))  # noqa: PLW0108
    page.reload()
    page.wait_for_selector("#link[data-state=live]")
    expect(figure(page, "memory")).to_contain_text("%")  # the first event has come
    expect(figure(page, "refresh").locator(".skeleton")).to_have_count(1)
    expect(panel(page, "Refresh")).not_to_contain_text("No refresh yet")
    for route in held:
        route.continue_()
    expect(figure(page, "refresh")).to_contain_text("None yet")
    expect(panel(page, "Refresh")).to_contain_text("No refresh yet")


def test_a_refresh_is_watched_from_the_first_start_to_its_end(start: Start, visit: Visit) -> None:
    service = start(published=False)
    page = visit(service)
    page.evaluate(
        """() => {
          window.phases = new Set();
          const see = () => {
            const bar = document.querySelector("#refresh progress");
            if (bar) window.phases.add(bar.getAttribute("aria-label"));
          };
          const all = { childList: true, subtree: true, attributes: true };
          new MutationObserver(see).observe(document.querySelector("#refresh"), all);
        }"""
    )
    panel(page, "Top tens").get_by_role("button", name="Refresh now").click()
    expect(panel(page, "Refresh")).to_contain_text("Succeeded")
    expect(stocks(page)).to_have_count(sum(len(s["rankings"]) for s in tops(service)))
    # A phase of this small market may be over before the page is told of it; most are not.
    seen = [phase.removeprefix("Refresh: ") for phase in page.evaluate("[...window.phases]")]
    known = ["Waiting to start", *(said()[f"phase.{phase}"] for phase in PHASES)]
    assert seen == [phase for phase in known if phase in seen]
    assert len(seen) > 2

    (entry,) = service.get("/v1/data/sync-history")["history"]
    row = panel(page, "Last refreshes").get_by_role("row").nth(1)
    # A half is rounded up by browsers, and to an even number by Python.
    expect(row).to_contain_text(f"{math.floor(entry['peak_memory_mb'] + 0.5):,}\u00a0MB")
    expect(row).to_contain_text(f"{entry['prices_updated']:,}")
    (version,) = service.get("/v1/data/versions")
    expect(panel(page, "Versions").get_by_role("row", name=version["version"])).to_contain_text(
        "published"
    )
    expect(refresh_now(page)).to_be_enabled()


def said() -> dict[str, str]:
    """The texts of the page."""
    found: dict[str, str] = json.loads((ROOT / "app/static/messages/en.json").read_text())
    return found


def tops(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get("/v1/dashboard/top")["strategies"]
    assert len(found) == STRATEGIES
    return found


# -------------------------------------------------------------------------------------- memory


def test_memory_samples_arrive_live(served: Service, visit: Visit) -> None:
    page = visit(served)
    expect(page.locator("#memory-plot svg")).to_be_visible()
    page.evaluate(
        """() => {
          let seen = 0;
          const count = () => { document.body.dataset.samples = Math.min(3, ++seen); };
          const line = document.querySelector("#memory-plot .line--own");
          new MutationObserver(count).observe(line, { attributes: true });
        }"""
    )
    expect(page.locator("body")).to_have_attribute("data-samples", "3")
    limit = served.get("/v1/system/memory")["limit_mb"]
    chart = panel(page, "Memory").get_by_role("img")
    expect(chart).to_have_accessible_name(re.compile(rf"now \d+\sMB of {limit:,.0f}\sMB"))


# -------------------------------------------------------------------------------------- alerts


def test_an_alert_appears_and_resolves(start: Start, visit: Visit) -> None:
    service = start()
    page = visit(service)
    alert = panel(page, "Alerts").locator('[data-key="refresh_failed"]')
    expect(panel(page, "Alerts")).not_to_contain_text("Loading")
    expect(alert).to_have_count(0)

    database = service.folder / "app.db"
    database.rename(service.folder / "away.db")
    refresh_now(page).click()
    expect(panel(page, "Refresh")).to_contain_text("Failed")
    expect(alert).to_contain_text("Refresh failed")
    expect(alert).to_contain_text("the old version stays", ignore_case=True)
    expect(figure(page, "refresh")).to_contain_text("failed after")
    expect(stocks(page).first).to_be_visible()

    (service.folder / "away.db").rename(database)
    refresh_now(page).click()
    expect(panel(page, "Refresh")).to_contain_text("Succeeded")
    recorded_export(database, service.folder / "lake", SWEDEN)
    expect(panel(page, "Refresh")).to_contain_text("Checked, nothing new")
    expect(panel(page, "Refresh")).to_contain_text("Outside")
    resolved = panel(page, "Alerts").locator('.alert--resolved[data-key="refresh_failed"]')
    expect(resolved).to_have_count(1)
    expect(alert).to_have_count(1)
    expect(page.locator("#say")).to_contain_text("resolved")


def test_old_prices_are_told(served: Service, visit: Visit) -> None:
    page = visit(served)
    age = served.get("/v1/data/integrity")["checks"][0]["value"]
    assert age["label"] == "very_stale"
    expect(page.locator(".banners")).to_contain_text("Do not trade on these rankings.")
    expect(figure(page, "prices")).to_contain_text(f"{age['trading_days']} trading days old")
    expect(figure(page, "verdict")).to_contain_text("Do not trade")


# ------------------------------------------------------------------------------------ rankings


def test_the_top_tens_show_what_the_service_ranks(served: Service, visit: Visit) -> None:
    page = visit(served, wait=".ten", viewport={"width": 1920, "height": 1080})
    for strategy in tops(served):
        rows = panel(page, strategy["display_name"]).get_by_role("row")
        expect(rows).to_have_count(1 + len(strategy["rankings"]))
        for row, place in zip(rows.all()[1:], strategy["rankings"], strict=True):
            expect(row.get_by_role("rowheader")).to_contain_text(place["ticker"])
            cells = row.get_by_role("cell").all_inner_texts()
            assert cells[0] == str(place["rank"])
            returns = ("score", "return_3m", "return_6m", "return_12m")
            assert cells[2:6] == [whole_percent(place[name]) for name in returns]
            assert cells[6] == f"{place['f_score']}/{place['f_available']}"


PLACES = [(1, None, "new"), (2, 5, "\u2191\u20093"), (3, 1, "\u2193\u20092"), (4, 4, "=")]


def test_moves_are_told_in_signs_and_in_words(served: Service, visit: Visit) -> None:
    first = tops(served)[0]["rankings"]

    def changed(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for place, (_, before, _) in zip(body["strategies"][0]["rankings"], PLACES, strict=False):
            place["rank_before"] = before
        body["strategies"][0]["rankings"][0]["name"] = "<img src=x onerror=alert(1)>"
        body["strategies"][0]["rankings"][0]["return_3m"] = None
        route.fulfill(response=answer, json=body)

    page = visit(served)
    page.route("**/v1/dashboard/top", changed)
    page.reload()
    rows = page.locator(".ten").first.get_by_role("row")
    for rank, _, sign in PLACES:
        expect(rows.nth(rank).locator(".ten__move")).to_contain_text(sign)
    told = rows.nth(2).locator(".ten__move .vh")
    expect(told).to_have_text("up 3 places")
    # Text of the service is text, whatever it looks like; what is unknown is a dash.
    expect(rows.nth(1)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("img[src=x]")).to_have_count(0)
    expect(rows.nth(1).locator(".ten__return").first).to_contain_text(NO_VALUE)
    assert len(first) >= len(PLACES)


def test_no_figure_is_wider_than_its_cell(served: Service, visit: Visit) -> None:
    page = visit(served)

    def longest(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for strategy in body["strategies"]:
            for place in strategy["rankings"]:
                place.update(dict.fromkeys(RETURNS, 99.999), rank_before=place["rank"] + 888)
        route.fulfill(response=answer, json=body)

    page.route("**/v1/dashboard/top", longest)
    page.reload()
    expect(page.locator(".ten__score").nth(1)).to_have_text("+10,000%")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(TOO_WIDE) == [], width
        assert page.evaluate(OVERLAPS) == [], width


def test_a_strategy_without_stocks_says_so(served: Service, visit: Visit) -> None:
    page = visit(served)

    def emptied(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["strategies"][0]["rankings"] = []
        route.fulfill(response=answer, json=body)

    page.route("**/v1/dashboard/top", emptied)
    page.reload()
    expect(page.locator(".card").first).to_contain_text("No stock passes")


@pytest.mark.parametrize("key", ["mouse", "Enter"])
def test_a_stock_leads_to_its_explanation_and_back(served: Service, visit: Visit, key: str) -> None:
    page = visit(served, wait=".ten")
    strategy = tops(served)[1]
    ticker = strategy["rankings"][0]["ticker"]
    stock = panel(page, strategy["display_name"]).get_by_role("link", name=ticker).first
    if key == "mouse":
        stock.click()
    else:
        stock.focus()
        page.keyboard.press(key)
    chosen = page.get_by_role("button", name=strategy["display_name"])
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", level=1)).to_contain_text(ticker)
    page.go_back()
    expect(page.locator("#link")).to_have_text("Live")


def test_arrow_keys_walk_through_a_top_ten(served: Service, visit: Visit) -> None:
    page = visit(served, wait=".ten")
    stocks(page).first.focus()
    page.keyboard.press("ArrowDown")
    expect(stocks(page).nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(stocks(page).first).to_be_focused()


# ------------------------------------------------------------------------------------ rollback


@pytest.fixture(scope="module")
def guarded(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a token, for tests that publish and roll back."""
    folder = tmp_path_factory.mktemp("guarded")
    with running(copied(made, folder, STOCKRANK_API_TOKEN=TOKEN)) as service:
        yield service


def test_a_rollback_asks_first_and_needs_the_token(guarded: Service, visit: Visit) -> None:
    service = guarded
    page = visit(service, wait="[data-version]")
    newest, older, *_ = (v["version"] for v in service.get("/v1/data/versions"))
    published = page.locator("[data-version]:has-text('published')")
    dialog = page.get_by_role("dialog")

    page.get_by_role("button", name=f"Roll back to {older}").click()
    expect(dialog).to_contain_text(older)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name=f"Roll back to {older}")).to_be_focused()

    page.get_by_role("button", name=f"Roll back to {older}").click()
    for wrong in ("", "guessed"):
        dialog.get_by_label("Access token").fill(wrong)
        dialog.get_by_role("button", name="Roll back").click()
        expect(dialog.get_by_role("alert")).to_contain_text("The token is missing or wrong")
        expect(dialog.get_by_role("button", name="Roll back")).to_be_enabled()
        expect(dialog.get_by_label("Access token")).to_have_value(wrong)
        assert service.get("/v1/data/versions")[0]["current"]

    dialog.get_by_label("Access token").fill(TOKEN)
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog).to_be_hidden()
    expect(published).to_have_attribute("data-version", older)
    expect(page.locator(f"[data-version='{newest}']")).to_contain_text("rolled back")
    expect(page.locator("#about")).to_contain_text(older)
    current = [v["version"] for v in service.get("/v1/data/versions") if v["current"]]
    assert current == [older]
    assert TOKEN not in json.dumps(page.evaluate("({ ...localStorage, cookie: document.cookie })"))
    assert TOKEN in json.dumps(page.evaluate("({ ...sessionStorage })"))


@pytest.mark.parametrize("way", ["back", "Escape", "beside"])
def test_back_closes_the_dialog_as_other_ways_do(served: Service, visit: Visit, way: str) -> None:
    page = visit(served, wait="[data-version]")
    here = page.url
    page.get_by_role("button", name="Roll back to").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    if way == "back":
        page.go_back()
    elif way == "beside":
        page.mouse.click(5, 5)
    else:
        page.keyboard.press(way)
    expect(dialog).to_be_hidden()
    assert page.url == here
    assert page.evaluate("history.state") is None  # no step is left behind


def test_a_refresh_asks_for_the_token_only_where_there_is_one(
    guarded: Service, visit: Visit
) -> None:
    page = visit(guarded, wait="[data-version]")
    refresh_now(page).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Access token").fill(TOKEN)
    dialog.get_by_role("button", name="Refresh now").click()
    expect(dialog).to_be_hidden()
    expect(panel(page, "Refresh")).to_contain_text("Succeeded")


def test_a_change_that_is_for_the_machine_only_is_refused_in_a_sentence(
    served: Service, visit: Visit
) -> None:
    page = visit(served, wait="[data-version]")
    page.route("**/rollback", lambda route: route.fulfill(status=403, json={"detail": "no"}))
    page.route("**/sync-now", lambda route: route.fulfill(status=403, json={"detail": "no"}))
    refresh_now(page).click()
    expect(page.locator("#banners")).to_contain_text("takes changes from its own machine only")
    page.get_by_role("button", name="Roll back to").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog.get_by_role("alert")).to_contain_text("takes changes from its own machine only")


# ------------------------------------------------------------------------------------- the link


def test_a_lost_service_is_told_and_found_again(start: Start, visit: Visit) -> None:
    service = start()
    page = visit(service, wait=".ten")
    link, old = page.locator("#link"), page.locator(".old-mark:visible")
    expect(link).to_have_text("Live")
    expect(old).to_have_count(0)
    service.kill()
    expect(link).to_have_text("Disconnected")
    expect(page.locator("#banners")).to_contain_text("The connection is lost.")
    expect(old).to_have_count(7)
    expect(stocks(page).first).to_be_visible()
    service.start()
    expect(link).to_have_text("Live")
    expect(page.locator("#banners")).not_to_contain_text("The connection is lost.")
    expect(old).to_have_count(0)


def test_a_service_that_falls_silent_is_told_as_lost(served: Service, visit: Visit) -> None:
    page = visit(served, wait=".ten")
    served.send(signal.SIGSTOP)
    try:
        expect(page.locator("#link")).to_have_text("Disconnected")
    finally:
        served.send(signal.SIGCONT)
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("#link")).to_have_text("Live")


# ------------------------------------------------------------------------------ for every reader


def test_the_first_start_fits_a_phone(empty: Service, visit: Visit) -> None:
    page = visit(empty, **PHONE)
    loaded(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 375


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dialog_keeps_nobody_out(served: Service, visit: Visit, scheme: str) -> None:
    page = visit(served, color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("button", name="Roll back to").click()
    assert grave(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_does_the_first_start(empty: Service, visit: Visit, scheme: str) -> None:
    page = visit(empty, color_scheme=scheme, reduced_motion="reduce")
    loaded(page)
    assert grave(page) == []


def test_nor_does_a_lost_service(start: Start, visit: Visit) -> None:
    service = start(published=False)
    page = visit(service, color_scheme="light", reduced_motion="reduce")
    loaded(page)
    service.kill()
    expect(page.locator("#link")).to_have_text("Disconnected")
    assert grave(page) == []
    page.emulate_media(color_scheme="dark")
    assert grave(page) == []


def grave(page: Page) -> list[str]:
    """The serious and critical findings of axe."""
    return [
        f"{v['id']}: {[node['target'] for node in v['nodes']]}"
        for v in barriers(page)
        if v["impact"] in ("serious", "critical")
    ]


def test_a_chosen_theme_is_kept(served: Service, visit: Visit) -> None:
    page = visit(served, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    theme = page.get_by_role("button", name="Theme:")
    theme.click()
    expect(theme).to_have_accessible_name("Theme: light")
    theme.click()
    expect(theme).to_have_accessible_name("Theme: dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    expect(theme).to_have_accessible_name("Theme: dark")
    assert page.evaluate(ground) == dark


def test_an_operator_reads_swedish(served: Service, visit: Visit) -> None:
    page = visit(served, locale="sv-SE")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Drift")
    expect(page.locator("#link")).to_have_text("Direkt")
    loaded(page)
    # What is said in English is of the service, and marked as such.
    assert "Freshness" not in page.locator("#app").inner_text()
    expect(page.locator(".checks__text").first).to_have_attribute("lang", "en")
