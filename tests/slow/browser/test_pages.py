"""The investors' pages: what they show, at every width, in both themes and languages."""

import json
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.slow.browser.conftest import CLIENT, Service, Start, Visit, barriers

WIDTHS = (320, 375, 768, 1024, 1201, 1280, 1366, 1440, 1920, 2560)
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 812}, "has_touch": True}
STRATEGY = "/strategies/trendande_varde"
PAGES = {
    "front": "/",
    "strategy": f"{STRATEGY}?show=all",
    "compared": f"{STRATEGY}?against=AGO",
    "stock": "/stock/FIRST?strategy=trendande_varde",
    "backtest": "/backtest?run=strategy%3Dtrendande_varde&run=strategy%3Dtrendande_kvalitet",
    "portfolio": "/portfolio",
    "method": "/method",
    "status": "/status",
}
ORDERS_SIDEWAYS = """() => [...document.querySelectorAll(".orders .wide")]
  .map((one) => one.scrollWidth <= one.clientWidth)"""
LARGEST_PAGE = 150_000
TYPEFACES = (
    ("", "normal"),
    ("Verdana, DejaVu Sans, sans-serif", "normal"),
    ("Arial Narrow, DejaVu Sans Condensed, sans-serif", "-0.06em"),
)
"""Ours, a wide one, and a narrow one, with the letters closer where there is none."""
DRESS = """async ([family, spacing]) => {
  Object.assign(document.body.style, { fontFamily: family, letterSpacing: spacing });
  await document.fonts.ready;
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
}"""
READY = "main h1"
"""Boxes of text, each with what it overlaps of the others in sight."""
OVERLAPS = """() => {
  const texts = [], edges = new Map();
  const edgeOf = (one) => {  // of what hides all that is beyond it
    if (!edges.has(one))
      edges.set(one, getComputedStyle(one).overflowX !== "visible" && one.getBoundingClientRect());
    return edges.get(one);
  };
  const walk = document.createTreeWalker(document.getElementById("app"), NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const parent = node.parentElement;
    const hidden = parent.closest(".vh, .skip, option, [hidden], [aria-busy=true], .search__found");
    if (!node.data.trim() || hidden || parent.closest(".grid") || !parent.checkVisibility())
      continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      let [left, right, top, bottom] = [box.left, box.right, box.top, box.bottom];
      for (let up = parent; up.id !== "app"; up = up.parentElement) {
        const edge = edgeOf(up);
        if (edge) {
          [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
          [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
        }
      }
      if (right - left > 1 && bottom - top > 1)
        texts.push({ node, text: node.data.trim(), left, right, top, bottom });
    }
  }
  const meet = (a, b) => a.node !== b.node
    && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const met = [];
  texts.sort((a, b) => a.top - b.top);
  texts.forEach((a, i) => {
    for (let j = i + 1; j < texts.length && texts[j].top < a.bottom; j++)
      if (meet(a, texts[j])) met.push(`${a.text} meets ${texts[j].text}`);
  });
  return met;
}"""
CELLS = """() => [...document.querySelectorAll(".grid tbody tr:not(.grid__room), .ten tbody tr")]
  .flatMap((row) => [...row.querySelectorAll("td[class*=number], .ten__score, .ten__price")]
    .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent))"""
LOOK = f"""async (dress) => {{
  await ({DRESS})(dress);
  return [({OVERLAPS})(), ({CELLS})(), document.documentElement.scrollWidth];
}}"""
"""What meets, what is cut and how wide it all is, in a typeface."""
CUT_LEVELS = """() => [...document.querySelectorAll(".lines text")]
  .filter((text) => text.getBoundingClientRect().left
    < text.ownerSVGElement.getBoundingClientRect().left)
  .map((text) => text.textContent)"""


def address(service: Service, page: str) -> str:
    """The path of a page, with a stock and a date that there are."""
    front = service.get("/v1/front")
    ticker = front["strategies"][1]["rankings"][0]["ticker"]
    ago = f"{int(front['as_of'][:4]) - 1}-06-01"
    return PAGES[page].replace("FIRST", ticker.replace(" ", "%20")).replace("AGO", ago)


def settled(page: Page) -> None:
    """Wait until nothing loads; the stream of the operator's page never ends."""
    if not page.url.endswith("/status"):
        page.wait_for_load_state("networkidle")
    expect(page.locator(".loading, .skeleton, .runs__wait")).to_have_count(0)


# ------------------------------------------------------------------------------------- looks


@pytest.mark.parametrize("name", PAGES)
def test_no_texts_meet_at_any_width_in_any_typeface(
    served: Service, visit: Visit, name: str
) -> None:
    page = visit(served, address(served, name), wait=READY)
    settled(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for family, spacing in TYPEFACES:
            met, cut, wide = page.evaluate(LOOK, [family, spacing])
            assert met == [], (width, family)
            assert cut == [], (width, family)
            assert wide <= width, family


def grown(route: Route) -> None:
    """Answer with a curve that has grown ten thousandfold in twenty years."""
    points = [{"date": f"{2000 + n}-01-03", "value": 1.0 + 500 * n, "index": 1.0 + n}
              for n in range(21)]  # fmt: skip
    curve = {"cagr": 0.6, "index_cagr": 0.2, "points": points}
    route.fulfill(json={"curves": {"sammansatt_momentum": curve}})


def test_all_of_the_levels_of_a_curve_is_in_sight(served: Service, visit: Visit) -> None:
    page = visit(served, "/method", wait=READY, viewport={"width": 375, "height": 812})
    page.route("**/v1/front/curves*", grown)
    page.goto(f"{served.url}/")
    expect(page.locator(".lines__text", has_text="749,900%")).to_be_visible()
    for family, spacing in TYPEFACES:
        page.evaluate(DRESS, [family, spacing])
        assert page.evaluate(CUT_LEVELS) == [], family


def test_levels_of_growth_are_as_far_apart_as_they_look(served: Service, visit: Visit) -> None:
    page = visit(served, "/method", wait=READY)
    levels = """async ([low, high]) =>
      (await import("/static/pages/lines.js")).powers(low, high)"""
    assert page.evaluate(levels, [0.9, 10_300]) == [1, 10, 100, 1000, 10_000]
    assert page.evaluate(levels, [0.5, 6]) == pytest.approx([0.5, 1, 2, 5])
    assert page.evaluate(levels, [0.9, 1.6]) == pytest.approx([1, 1.2, 1.4, 1.6])


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(served: Service, visit: Visit, name: str) -> None:
    page = visit(served, address(served, name), wait=READY, reduced_motion="reduce")
    colours = ("color-contrast",)  # all that differs in the other theme
    for scheme, rules in (("light", ()), ("dark", colours)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        settled(page)
        found = barriers(page, *rules)
        told = [f"{v['id']}: {[node['target'] for node in v['nodes']][:3]}" for v in found]
        assert told == [], scheme


def test_the_first_stock_is_in_sight_on_a_phone(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten__name a", **PHONE)
    settled(page)
    box = page.locator(".ten__name a").first.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 812
    assert box["height"] >= 44


@pytest.mark.parametrize("language", ["en-GB", "sv-SE"])
def test_the_score_of_a_whole_ranking_is_in_sight_on_a_phone(
    served: Service, visit: Visit, language: str
) -> None:
    page = visit(served, STRATEGY, wait=".grid tbody th", locale=language, **PHONE)
    names = page.locator(".grid thead th")
    for place in range(3):
        assert names.nth(place).evaluate("(one) => one.scrollWidth <= one.clientWidth")
    box = page.locator(".grid tbody tr").first.locator("td").nth(1).bounding_box()
    assert box
    assert box["x"] + box["width"] <= 375
    assert page.locator(".grid tbody tr").first.locator("td").nth(1).inner_text().startswith("+")


@pytest.mark.parametrize("name", PAGES)
def test_what_a_finger_points_at_is_large_enough(served: Service, visit: Visit, name: str) -> None:
    page = visit(served, address(served, name), wait=READY, **PHONE)
    settled(page)
    low = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, summary, .nav a, .ten a")]
          .filter((one) => one.checkVisibility() && !one.closest("thead, .filters__count, label"))
          .map((one) => [one.textContent, one.getBoundingClientRect().height])
          .filter(([, height]) => height < 43.5)"""
    )
    assert low == []


def test_the_first_page_is_small(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")
    settled(page)
    sent = page.evaluate(
        """() => [...performance.getEntriesByType("resource"),
          ...performance.getEntriesByType("navigation")]
          .reduce((sum, one) => sum + one.encodedBodySize, 0)"""
    )
    assert sent <= LARGEST_PAGE


# ----------------------------------------------------------------------------------- contents


def test_the_front_shows_what_the_service_ranks(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")
    front = served.get("/v1/front")
    for strategy in front["strategies"]:
        card = page.get_by_role("region", name=strategy["display_name"], exact=True)
        rows = card.get_by_role("row")
        expect(rows).to_have_count(1 + len(strategy["rankings"]))
        for row, place in zip(rows.all()[1:], strategy["rankings"], strict=True):
            expect(row).to_contain_text(place["ticker"])
            expect(row.locator(".ten__score")).to_have_text(whole_percent(place["score"]))


def whole_percent(fraction: float) -> str:
    """As the page writes it: a half away from zero, with a true minus."""
    whole = int(abs(fraction) * 100 + 0.5)
    sign = "" if not whole else "+" if fraction > 0 else "\u2212"
    return f"{sign}{whole}%"


def test_a_past_date_has_an_address(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")
    newest = served.get("/v1/front")["newest"]
    day = f"{int(newest[:4]) - 1}-11-02"
    page.get_by_label("Date", exact=True).fill(day)
    expect(page.get_by_role("heading", level=1)).to_contain_text("as they were")
    assert f"as_of={day}" in page.url
    first = served.get(f"/v1/front?as_of={day}")["strategies"][0]["rankings"][0]
    expect(page.locator(".ten tbody tr").first).to_contain_text(first["ticker"])
    page.go_back()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("as they were")


def test_a_whole_ranking_is_drawn_in_part_and_reached_in_full(
    served: Service, visit: Visit
) -> None:
    page = visit(served, f"{STRATEGY}?show=all", wait=".grid")
    columns = served.get("/v1/strategies/trendande_varde/table")["columns"]
    many = len(columns["ticker"])
    expect(page.get_by_role("table")).to_have_attribute("aria-rowcount", str(many + 1))
    assert page.locator(".grid tbody tr").count() < many
    page.locator(".grid").evaluate("(grid) => grid.scrollTo(0, grid.scrollHeight)")
    expect(page.locator(f".grid tr[aria-rowindex='{many + 1}']")).to_be_visible()


def test_a_ranking_is_searched_without_marks_and_sorted(served: Service, visit: Visit) -> None:
    page = visit(served, f"{STRATEGY}?show=all", wait=".grid")
    names = served.get("/v1/strategies/trendande_varde/table")["columns"]["name"]
    marked = next(name for name in names if name and name[0] in "\u00c5\u00c4\u00d6")
    plain = marked.translate(str.maketrans("\u00c5\u00c4\u00d6\u00e5\u00e4\u00f6", "AAOaao"))
    page.get_by_label("Search by name or ticker").fill(plain.lower())
    expect(page.locator(".grid tbody tr").first).to_contain_text(marked)
    assert "q=" in page.url
    page.get_by_role("button", name="Clear the filters").click()
    page.get_by_role("button", name="Market cap").click()
    header = page.get_by_role("columnheader", name="Market cap")
    expect(header).to_have_attribute("aria-sort", "descending")


def test_names_are_text_whatever_they_look_like(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")

    def changed(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["strategies"][0]["rankings"][0]["name"] = "<img src=x onerror=alert(1)>"
        route.fulfill(response=answer, json=body)

    page.route("**/v1/front", changed)
    page.reload()
    expect(page.locator(".ten__name").nth(1)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("img")).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")  # a request may be on its way


def test_a_stock_tells_where_it_stands_in_every_strategy(served: Service, visit: Visit) -> None:
    path = address(served, "stock")
    page = visit(served, path, wait=".standing")
    expect(page.locator(".standing li")).to_have_count(4)
    expect(page.locator(".standing li").nth(1)).to_contain_text("#1")
    expect(page.locator(".lines path.line").first).to_be_visible()


CUT_OFF: Final = """async (name) => {
  const { call } = await import("/static/pages/api.js");
  const fetched = window.fetch;
  const json = () => Promise.reject(new DOMException("cut off", name));
  window.fetch = async () => ({ ok: true, status: 200, headers: new Headers(), json });
  try {
    return ["found", await call("/v1/strategies")];
  } catch (error) {
    return [error.name, error.status ?? null];
  } finally {
    window.fetch = fetched;
  }
}"""


def test_an_answer_that_is_cut_off_is_none(served: Service, visit: Visit) -> None:
    """As where a reader goes on to another page in the midst of it."""
    page = visit(served, "/", wait=".ten")
    assert page.evaluate(CUT_OFF, "AbortError") == ["AbortError", None]
    assert page.evaluate(CUT_OFF, "NetworkError") == ["Error", 0]


def test_an_unknown_stock_is_said_to_be_none(served: Service, visit: Visit) -> None:
    page = visit(served, "/stock/NOSUCH", wait=".state")
    expect(page.get_by_role("alert")).to_contain_text("NOSUCH")


def test_a_portfolio_is_told_what_to_do(served: Service, visit: Visit) -> None:
    first, second = served.get("/v1/front")["strategies"][0]["rankings"][:2]
    page = visit(served, "/portfolio", wait="form.portfolio")
    page.get_by_label("Paste lines").fill(f"{first['ticker']};10\nNOSUCH;7\nhello")
    page.get_by_role("button", name="Add these").click()
    expect(page.get_by_role("alert")).to_contain_text("hello")
    expect(page.get_by_role("alert")).to_contain_text("NOSUCH")
    page.get_by_label("Cash").fill("100 000,50")
    page.get_by_role("button", name="Work out the orders").click()
    orders = page.get_by_role("region", name="Orders")
    held = [{"ticker": first["ticker"], "shares": 10}]
    rules = {"strategy": "sammansatt_momentum", "cash": 100_000.5, "min_fee": 39}
    sent = {**rules, "holdings": held}
    found = CLIENT.post(f"{served.url}/v1/portfolio/orders", json=sent).json()
    expect(orders).to_contain_text(f"Cash left{found['cash_left']:,.2f}\u00a0SEK")
    bought = next(one for one in found["buy"] if one["ticker"] == second["ticker"])
    expect(orders.get_by_role("row", name=second["name"]).first).to_contain_text(
        f"{bought['shares']:,}"
    )
    with page.expect_download() as saved:
        orders.get_by_role("button", name="As CSV").click()
    text = saved.value.path().read_text(encoding="utf-8-sig")
    many = sum(len(found[kind]) for kind in ("sell", "buy", "keep"))
    assert len(text.splitlines()) == 1 + many
    page.set_viewport_size({"width": 375, "height": 812})  # all of an order is in sight
    assert page.evaluate(ORDERS_SIDEWAYS) == [True, True]
    assert page.evaluate(OVERLAPS) == []
    page.reload()
    expect(page.get_by_label(f"Shares of {first['ticker']}")).to_have_value("10")
    expect(page.get_by_label("Cash")).to_have_value("100 000,50")


def test_backtests_stand_beside_each_other(served: Service, visit: Visit) -> None:
    page = visit(served, "/backtest", wait="form.filters")
    strategy = page.locator("form.filters select").first
    strategy.select_option("trendande_varde")
    page.get_by_role("button", name="Run").click()
    strategy.select_option("trendande_kvalitet")
    page.get_by_role("button", name="Run").click()
    settled(page)
    figures = page.get_by_role("region", name="Figures")
    expect(figures.get_by_role("columnheader")).to_have_count(2)
    found = served.get("/v1/strategies/trendande_varde/backtest")
    row = figures.get_by_role("row", name="Return a year")
    expect(row.get_by_role("cell").first).to_have_text(tenths(found["metrics"]["cagr"]))
    sent = page.url
    assert sent.count("run=") == 2
    page.goto("about:blank")
    page.goto(sent)
    expect(figures.get_by_role("columnheader")).to_have_count(2)


def tenths(fraction: float) -> str:
    """As the page writes it, with a true minus."""
    return f"{fraction:+.1%}".replace("-", "\u2212")


def test_numbers_lead_to_the_method(served: Service, visit: Visit) -> None:
    page = visit(served, STRATEGY, wait=".grid")
    page.get_by_role("link", name="What F-score is").click()
    expect(page.locator("#f-score")).to_be_in_viewport()


# ---------------------------------------------------------------------------------- languages


def test_a_swede_reads_swedish_and_may_choose(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten", locale="sv-SE")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rankningar")
    expect(page.locator("html")).to_have_attribute("lang", "sv")
    expect(page.locator(".ten__score").nth(1)).to_contain_text("\u00a0%")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rankings")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rankings")
    assert "en" in json.dumps(page.evaluate("({ ...localStorage })"))


# ------------------------------------------------------------------------------------- states


def test_nothing_published_is_said(empty: Service, visit: Visit) -> None:
    page = visit(empty, "/", wait=".state")
    expect(page.get_by_role("alert")).to_contain_text("not available")


def test_a_lost_service_is_told_and_what_was_shown_stays(start: Start, visit: Visit) -> None:
    service = start()
    page = visit(service, "/", wait=".ten")
    service.kill()
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.get_by_role("status").first).to_contain_text("does not answer")
    expect(page.locator(".ten").first).to_be_visible()


def test_the_keyboard_reaches_a_stock(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")
    page.keyboard.press("/")
    page.keyboard.type(served.get("/v1/front")["strategies"][0]["rankings"][0]["ticker"][:3])
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".standing")).to_be_visible()


# ----------------------------------------------------------------------------------- keyboard

OUTLINED = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" || style.borderColor !== "transparent";
}"""
FARTHEST = 60


def tab_to(page: Page, css: str) -> None:
    """Press Tab until an element has the focus; each on the way can be seen to have it."""
    for _ in range(FARTHEST):
        page.keyboard.press("Tab")
        if page.evaluate("(css) => document.activeElement.matches(css)", css):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            assert page.evaluate(OUTLINED)
            return
    raise AssertionError(f"Tab does not reach {css}")


def test_a_stock_is_reached_without_a_mouse(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "h2 a[href='/strategies/sammansatt_momentum']")
    page.keyboard.press("Enter")
    expect(page.locator(".grid")).to_be_visible()
    tab_to(page, ".grid tbody a")
    page.keyboard.press("Enter")
    expect(page.locator(".standing")).to_be_visible()
    page.go_back()
    expect(page.locator(".grid")).to_be_visible()


def test_orders_are_reached_without_a_mouse(served: Service, visit: Visit) -> None:
    page = visit(served, "/", wait=".ten")
    ticker = served.get("/v1/front")["strategies"][1]["rankings"][0]["ticker"]
    tab_to(page, ".nav a[href='/portfolio']")
    page.keyboard.press("Enter")
    tab_to(page, "textarea")
    page.keyboard.type(f"{ticker};100")
    tab_to(page, ".holdings__ways button")
    asked: list[Route] = []

    def second_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    page.route("**/v1/portfolio/orders", second_first)
    with page.expect_request("**/v1/portfolio/orders"):  # orders come by themselves, but not yet
        page.keyboard.press("Enter")
    expect(page.get_by_label(f"Shares of {ticker}")).to_have_value("100")
    tab_to(page, "form.portfolio button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_focused()


def test_a_refresh_is_reached_without_a_mouse(served: Service, visit: Visit) -> None:
    page = visit(served)
    tab_to(page, "[data-version] button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "dialog button[type=button]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.activeElement.closest('[data-version]') !== null")


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_those_who_ask_for_rest(
    served: Service, visit: Visit, motion: str, moves: bool
) -> None:
    page = visit(served, "/method", wait=READY, reduced_motion=motion)
    held: list[Route] = []
    page.route("**/v1/front", lambda route: held.append(route))  # noqa: PLW0108
    page.goto(served.url)
    page.wait_for_selector(".loading i")
    assert page.evaluate("document.getAnimations().length > 0") == moves
    for route in held:
        route.continue_()
    expect(page.locator(".ten").first).to_be_visible()
