"""What investors ask: each answered from the first page in at most three actions.

An action is a click, a choice in a list, a text that is typed or a key; reading is none.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.slow.browser.conftest import PATIENCE_MS, Service

MOST: Final = 3
VALUE: Final = "trendande_varde"
MOMENTUM: Final = "sammansatt_momentum"


class Reader:
    """A browser at the first page, which counts what is done with it."""

    def __init__(self, page: Page, service: Service, front: dict[str, Any]) -> None:
        self.page: Final = page
        self.service: Final = service
        self.front: Final = front
        self.actions = 0

    def strategy(self, name: str = MOMENTUM) -> dict[str, Any]:
        """What the service says of a strategy."""
        return next(one for one in self.front["strategies"] if one["name"] == name)

    def card(self, name: str = MOMENTUM) -> Locator:
        """The strategy on the first page."""
        title = self.strategy(name)["display_name"]
        return self.page.get_by_role("region", name=title, exact=True)

    def click(self, what: str | Locator, role: Any = "link") -> None:
        """Click something by its name."""
        self.actions += 1
        found = self.page.get_by_role(role, name=what) if isinstance(what, str) else what
        found.first.click()

    def choose(self, label: str, value: str) -> None:
        """Choose from a list."""
        self.actions += 1
        self.page.locator("label.field", has_text=label).first.locator("select").select_option(
            value
        )

    def fill(self, label: str, text: str) -> None:
        """Type a text, and leave the field."""
        self.actions += 1
        self.page.get_by_label(label, exact=True).first.fill(text)

    def paste(self, label: str, text: str) -> None:
        """Paste a text into a field."""
        self.actions += 1
        self.page.get_by_label(label).evaluate(
            """(field, text) => {
              const clipboardData = new DataTransfer();
              clipboardData.setData("text/plain", text);
              const event = { clipboardData, bubbles: true, cancelable: true };
              field.dispatchEvent(new ClipboardEvent("paste", event));
            }""",
            text,
        )

    def search(self, text: str) -> None:
        """Find a stock by a text, and open the first that is found."""
        self.actions += 1
        self.page.get_by_role("combobox", name="Find a stock").fill(text)
        expect(self.page.get_by_role("option").first).to_be_visible()
        self.page.keyboard.press("Enter")

    def whole(self, name: str = VALUE) -> None:
        """Open the whole ranking, once the curves are there, which move what is below them."""
        for card in self.page.locator(".card").all():
            expect(card.locator(".card__curve a")).to_be_visible()
        self.click(self.card(name).get_by_role("link", name="The whole ranking"))
        expect(self.page.locator(".grid")).to_be_visible()

    def first_stock(self, name: str = MOMENTUM) -> dict[str, Any]:
        """Open the first stock of a strategy, and return its explanation."""
        place = self.strategy(name)["rankings"][0]
        self.click(self.card(name).get_by_role("link", name=place["ticker"]))
        told: dict[str, Any] = self.service.get(f"/v1/strategies/{name}/explain/{place['ticker']}")
        return told

    def backtest(self, name: str = VALUE) -> dict[str, Any]:
        """Open the backtest of a strategy, and return it."""
        self.click(self.card(name).locator(".card__curve a"))
        expect(self.page.get_by_role("region", name="Figures")).to_be_visible()
        told: dict[str, Any] = self.service.get(f"/v1/strategies/{name}/backtest")
        return told

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Check that the page says something."""
        expect(self.page.locator("#app")).to_contain_text(text)

    def counts(self, many: int) -> None:
        """Check how many stocks the whole ranking shows."""
        told = f"{many} stock" if many == 1 else f"{many} stocks"
        expect(self.page.locator(".filters__count")).to_contain_text(told)

    def region(self, name: str) -> Locator:
        """A part of the page by its heading."""
        return self.page.get_by_role("region", name=name)

    def rows(self) -> Locator:
        """The rows of the whole ranking that are drawn."""
        return self.page.locator(".grid tbody tr:not(.grid__room)")


@dataclass(frozen=True)
class Question:
    """What is asked, and how it is answered."""

    text: str
    answer: Callable[[Reader], None]
    lasts: bool
    """Whether the first page is another one after it, until it is loaded anew."""


QUESTIONS: Final[list[Question]] = []


def question(
    text: str, *, lasts: bool = False
) -> Callable[[Callable[[Reader], None]], Callable[[Reader], None]]:
    """Add a question with the function that answers it."""

    def added(answer: Callable[[Reader], None]) -> Callable[[Reader], None]:
        QUESTIONS.append(Question(text, answer, lasts))
        return answer

    return added


# ------------------------------------------------------------------------------ the first page


@question("What are today's ten?")
def _(r: Reader) -> None:
    expect(r.card().locator("tbody tr")).to_have_count(len(r.strategy()["rankings"]))


@question("When is the next rebalance?")
def _(r: Reader) -> None:
    expect(r.card()).to_contain_text(f"in {r.strategy()['trading_days']} trading day")


@question("What does the strategy do?")
def _(r: Reader) -> None:
    expect(r.card(VALUE)).to_contain_text("Momentum among the cheapest 40%")


@question("What moved since the last rebalance?")
def _(r: Reader) -> None:
    moves = r.service.get("/v1/front/moves")["strategies"][MOMENTUM]
    places = {one["ticker"]: one["rank"] for one in r.strategy()["rankings"]}
    ups = [moves["ranks"][t] - rank for t, rank in places.items() if t in moves["ranks"]]
    assert moves["since"]
    expect(r.card().locator(".move--up")).to_have_count(sum(one > 0 for one in ups))


@question("In which sectors are the ten?")
def _(r: Reader) -> None:
    expect(r.card().locator("td.ten__sector").first).not_to_be_empty()


@question("What does a share cost?")
def _(r: Reader) -> None:
    close = r.strategy()["rankings"][0]["close"]
    expect(r.card().locator("td.ten__price").first).to_contain_text(f"{close:,.2f}"[:2])


@question("Is this real data?")
def _(r: Reader) -> None:
    r.sees("The companies are invented")


@question("How old are the prices, and may I trade on them?")
def _(r: Reader) -> None:
    r.sees(f"{r.front['age_days']} trading days ago")
    r.sees("Do not trade")


@question("How many stocks pass the rules?")
def _(r: Reader) -> None:
    expect(r.card(VALUE)).to_contain_text(f"{r.strategy(VALUE)['ranked']} stock")


@question("What were the ten on a past date?", lasts=True)
def _(r: Reader) -> None:
    day = f"{int(r.front['newest'][:4]) - 1}-11-02"
    r.fill("Date", day)
    then = r.service.get(f"/v1/front?as_of={day}")["strategies"][0]["rankings"]
    expect(r.card().locator("tbody tr").first).to_contain_text(then[0]["ticker"])


@question("What are the ten of all Nordic countries?", lasts=True)
def _(r: Reader) -> None:
    r.choose("Universe", "nordic")
    then = r.service.get("/v1/front?universe=nordic")["strategies"][0]["rankings"]
    expect(r.card().locator("tbody tr").first).to_contain_text(then[0]["ticker"])
    assert "universe=nordic" in r.page.url


@question("What has changed since I was here?", lasts=True)
def _(r: Reader) -> None:
    r.page.evaluate(
        """() => { const kept = JSON.parse(localStorage.getItem("stockrank-visit"));
          kept.now.as_of = "2020-01-02";
          for (const ten of Object.values(kept.now.tens)) ten[0] = ["GONE", "Gone AB"];
          localStorage.setItem("stockrank-visit", JSON.stringify(kept)); }"""
    )
    r.page.reload()
    expect(r.card()).to_contain_text("Since 2 January 2020: came")
    expect(r.card()).to_contain_text("went Gone AB")


@question("Can I read it in Swedish?", lasts=True)
def _(r: Reader) -> None:
    r.click("Svenska", "button")
    r.sees("Hela rankningen")


@question("Can it be dark?", lasts=True)
def _(r: Reader) -> None:
    r.click("Theme", "button")
    r.click("Theme", "button")
    expect(r.page.locator("html")).to_have_attribute("data-theme", "dark")


@question("Is the service well?", lasts=True)
def _(r: Reader) -> None:
    r.click("Status")
    expect(r.page.get_by_role("heading", name="Data quality")).to_be_visible()


# ------------------------------------------------------------------------------- whole rankings


@question("What is the whole ranking by sector?")
def _(r: Reader) -> None:
    r.whole()
    r.click(r.page.get_by_role("columnheader", name="Sector").get_by_role("button"))
    header = r.page.get_by_role("columnheader", name="Sector")
    expect(header).to_have_attribute("aria-sort", "ascending")


@question("Which stocks of one sector are ranked?")
def _(r: Reader) -> None:
    r.whole()
    columns = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]
    r.choose("Sector", "Teknik")
    ranked = [s for s, k in zip(columns["sector"], columns["rank"], strict=True) if k]
    r.counts(ranked.count("Teknik"))


@question("Which are listed in Stockholm?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("Market", "stockholmsborsen")
    expect(r.rows().first).to_contain_text("Stockholm")


@question("Which are the largest?")
def _(r: Reader) -> None:
    r.whole()
    r.click("Market cap", "button")
    columns = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]
    caps = zip(columns["market_cap_msek"], columns["ticker"], columns["rank"], strict=True)
    largest = max((cap, ticker) for cap, ticker, rank in caps if rank)
    expect(r.rows().first).to_contain_text(largest[1])


@question("Which are traded enough?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("Turnover", "10000000")
    columns = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]
    pairs = zip(columns["turnover"], columns["rank"], strict=True)
    many = sum(bool(rank) and (traded or 0) >= 1e7 for traded, rank in pairs)
    r.counts(many)


@question("Which are above ten billion?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("Market cap", "10000")
    columns = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]
    pairs = zip(columns["market_cap_msek"], columns["rank"], strict=True)
    many = sum(bool(rank) and (cap or 0) >= 10_000 for cap, rank in pairs)
    r.counts(many)


@question("Who is left out, and why?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("Show", "excluded")
    expect(r.page.get_by_role("group", name="Reasons")).to_contain_text(
        "Market cap below the floor"
    )


@question("Which are too small?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("Show", "excluded")
    r.click("Market cap below the floor", "button")
    expect(r.rows().first).to_contain_text("Market cap below the floor")


@question("What are the multiples of the ten?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("View", "multiples")
    expect(r.page.get_by_role("columnheader", name="EV/EBITDA")).to_be_visible()
    pe = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]["pe"][0]
    expect(r.rows().first).to_contain_text(f"{pe:.1f}"[:-1])


@question("How profitable are they?")
def _(r: Reader) -> None:
    r.whole()
    r.choose("View", "profit")
    expect(r.page.get_by_role("columnheader", name="ROIC")).to_be_visible()


@question("What differs between two dates?")
def _(r: Reader) -> None:
    r.whole()
    day = f"{int(r.front['newest'][:4]) - 1}-06-01"
    r.fill("Compare with", day)
    expect(r.page.get_by_role("heading", name=re.compile(r"\d+ came"))).to_be_visible()
    expect(r.page.get_by_role("columnheader", name="Rank then")).to_be_visible()


@question("May I have it in Excel?")
def _(r: Reader) -> None:
    r.whole()
    with r.page.expect_download() as saved:
        r.click(r.page.get_by_role("link", name="Excel", exact=True))
    assert saved.value.suggested_filename.endswith(".xlsx")


@question("May I have it for a Swedish Excel?")
def _(r: Reader) -> None:
    r.whole()
    with r.page.expect_download() as saved:
        r.click("CSV for Swedish Excel")
    assert saved.value.path().read_text(encoding="utf-8-sig").startswith("ticker;name;rank")


@question("May a program have it?")
def _(r: Reader) -> None:
    r.whole()
    with r.page.expect_download() as saved:
        r.click("Parquet")
    assert saved.value.path().read_bytes()[:4] == b"PAR1"


@question("What is F?")
def _(r: Reader) -> None:
    r.whole()
    r.click("What F-score is")
    expect(r.page.locator("#f-score")).to_be_in_viewport()


@question("How is the score computed?")
def _(r: Reader) -> None:
    r.click(r.card().get_by_role("link", name="Score"))
    expect(r.page.locator("#momentum")).to_be_in_viewport()


# -------------------------------------------------------------------------------------- a stock


@question("Why is a stock not in, and how far off is it?")
def _(r: Reader) -> None:
    columns = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]
    out = columns["excluded_by"].index("outside_best_40_percent")
    r.search(columns["ticker"][out])
    why = r.service.get(f"/v1/strategies/{VALUE}/explain/{columns['ticker'][out]}")
    standing = r.region("In the strategies")
    expect(standing).to_contain_text("Outside the best 40%")
    expect(standing).to_contain_text(f"{why['cut']['distance']} place")


@question("Where is a company whose name has an å?")
def _(r: Reader) -> None:
    names = r.service.get(f"/v1/strategies/{VALUE}/table")["columns"]["name"]
    name = next(one for one in names if one and one.startswith("\u00c5"))
    r.search("A" + name[1:])
    expect(r.page.get_by_role("heading", level=1)).to_contain_text(name[:6])


@question("Which other strategies hold it?")
def _(r: Reader) -> None:
    r.first_stock()
    expect(r.region("In the strategies").get_by_role("listitem")).to_have_count(4)


@question("What did it return, from when?")
def _(r: Reader) -> None:
    why = r.first_stock()
    row = r.page.get_by_role("row", name="12 months")
    expect(row).to_contain_text(str(int(why["returns"][2]["base_date"][8:])))


@question("How has its price gone for ten years?")
def _(r: Reader) -> None:
    r.first_stock()
    r.click("10 years", "button")
    expect(r.region("Price").locator("path.line")).to_be_visible()


@question("What is its F-score made of?")
def _(r: Reader) -> None:
    why = r.first_stock()
    part = r.page.get_by_role("region", name=f"F-score {why['f_score']} of")
    expect(part.locator(".signals li")).to_have_count(9)


@question("Since when are its figures known?")
def _(r: Reader) -> None:
    r.first_stock()
    expect(r.page.get_by_role("table", name="Where the facts are from")).to_contain_text("Ratios")


@question("How cheap is it beside the others?")
def _(r: Reader) -> None:
    why = r.first_stock(VALUE)
    row = r.page.get_by_role("row", name="P/E")
    expect(row).to_contain_text(f"of {why['metrics'][0]['compared']}")


@question("Where has it ranked over time?")
def _(r: Reader) -> None:
    r.first_stock()
    expect(r.region("Rank over time").locator("path.line")).to_be_visible()


@question("What has happened to it?")
def _(r: Reader) -> None:
    r.first_stock()
    expect(r.region("What happened")).to_contain_text("Changes are remembered since")


# ------------------------------------------------------------------------------------ backtests


@question("How did it do against the index, net of costs?")
def _(r: Reader) -> None:
    found = r.backtest()
    figures = r.region("Figures")
    told = f"{found['metrics']['cagr']:+.1%}".replace("-", "\u2212")
    expect(figures.get_by_role("row", name="Return a year")).to_contain_text(told)
    expect(figures.get_by_role("row", name="The index in all")).to_contain_text("%")


@question("How deep did it fall?")
def _(r: Reader) -> None:
    r.backtest()
    expect(r.region("The deepest falls").get_by_role("row").nth(1)).to_contain_text("\u2212")


@question("How was each year?")
def _(r: Reader) -> None:
    found = r.backtest()
    last = found["by_year"][-1]["period"][:4]
    expect(r.region("Year by year").get_by_role("row", name=last)).to_be_visible()


@question("What should I keep in mind?")
def _(r: Reader) -> None:
    found = r.backtest()
    expect(r.region("What to keep in mind")).to_contain_text(found["caveats"][0])


@question("May I keep it as a page?")
def _(r: Reader) -> None:
    r.backtest()
    with r.page.expect_download() as saved:
        r.click("Tear sheet", "button")
    assert saved.value.path().read_text().startswith("<!doctype html>")


@question("And with twenty stocks?")
def _(r: Reader) -> None:
    r.click("Backtest")
    r.fill("Stocks", "20")
    r.click("Run", "button")
    expect(r.region("Figures")).to_contain_text("20 stocks")


@question("Which of two strategies did better?")
def _(r: Reader) -> None:
    r.backtest()
    r.choose("Strategy", MOMENTUM)
    r.click("Run", "button")
    expect(r.region("Figures").get_by_role("columnheader")).to_have_count(2)


# ------------------------------------------------------------------------------------ portfolio


@question("What shall I sell and buy, given my holdings?")
def _(r: Reader) -> None:
    held, place = r.strategy(VALUE)["rankings"][:2]
    r.click("Portfolio")
    r.paste("Paste lines", f"{held['ticker']};1000\n{place['ticker']}\t20")
    orders = r.region("Orders")
    expect(orders).to_contain_text("Buy")
    expect(orders.get_by_role("row", name=held["ticker"])).to_be_visible()
    assert r.actions < MOST


@question("What does it cost?")
def _(r: Reader) -> None:
    _remembered(r, [])
    r.click("Portfolio")
    r.fill("Cash", "100000")
    expect(r.region("Orders")).to_contain_text("Costs390.00")


@question("What shall I buy for new money alone?")
def _(r: Reader) -> None:
    _remembered(r, [{"ticker": r.strategy()["rankings"][0]["ticker"], "shares": 10}])
    r.click("Portfolio")
    r.choose("What to do", "add_cash")
    expect(r.region("Orders")).to_contain_text("Sell 0")


def _remembered(r: Reader, holdings: list[dict[str, Any]]) -> None:
    """Holdings of an earlier visit."""
    kept = {"holdings": holdings, "cash": "50000"}
    r.page.evaluate(
        "(kept) => localStorage.setItem('stockrank-portfolio', JSON.stringify(kept))", kept
    )


# -------------------------------------------------------------------------------------------


class Desk:
    """One window for all questions, each asked from the first page."""

    def __init__(self, page: Page, service: Service) -> None:
        self._page: Final = page
        self._service: Final = service
        self._front: Final = service.get("/v1/front")
        self._is_loaded = False

    def ask(self, asked: Question) -> None:
        """Ask from the first page, which is loaded anew only after an answer that lasts."""
        if not self._is_loaded:
            self._load()
        elif self._page.url != f"{self._service.url}/":
            self._return()
        self._is_loaded = False
        reader = Reader(self._page, self._service, self._front)
        asked.answer(reader)
        assert reader.actions <= MOST
        self._is_loaded = not asked.lasts

    def _load(self) -> None:
        self._page.goto(f"{self._service.url}/health/live")
        self._page.evaluate("localStorage.clear()")
        self._page.goto(f"{self._service.url}/")
        self._page.wait_for_selector(".ten")

    def _return(self) -> None:
        """Lead back as the browser does, which remembers nothing."""
        self._page.evaluate(
            """() => { localStorage.clear(); sessionStorage.clear(); scrollTo(0, 0);
              history.pushState(null, "", "/"); dispatchEvent(new PopStateEvent("popstate")); }"""
        )
        self._page.wait_for_selector(".ten")


@pytest.fixture(scope="module")
def desk(served: Service, browser: Browser) -> Iterator[Desk]:
    """The window of a reader in English."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(f"{error}"))
    yield Desk(page, served)
    context.close()
    assert errors == []


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: asked.text)
def test_a_question_is_answered(desk: Desk, asked: Question) -> None:
    desk.ask(asked)


def test_there_are_forty_questions() -> None:
    assert len({asked.text for asked in QUESTIONS}) >= 40
