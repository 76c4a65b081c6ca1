"""How soon the first page can be used, what it transfers, and how a long ranking scrolls.

Example: python -m tests.benchmarks.pages --rows 7300

The service serves a small demo market to headless Chromium, with nothing kept from before. The
first page is usable when the ten of every strategy are drawn. The long ranking is that of the demo
market, its rows repeated; it scrolls from the first row to the last, a step each frame. Frames are
told by the clock, which counts what else the machine does; the tasks of the page's thread by the
time of the processor.
"""

import json
import re
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from playwright.sync_api import Browser, Route, sync_playwright

from pipelines import console
from pipelines.demo import make_market
from pipelines.export import export
from pipelines.universe import SWEDEN
from tests.slow.browser.conftest import CHROMIUM, FLAGS, Service

STOCKS, YEARS = 120, 3
STRATEGY = "trendande_varde"
VIEW: Any = {"viewport": {"width": 1440, "height": 900}}
USABLE = """
addEventListener("DOMContentLoaded", () => {
  const look = new MutationObserver(() => {
    if (document.querySelectorAll(".ten tbody tr").length < 40) return;
    document.body.dataset.usable = performance.now();
    look.disconnect();
  });
  look.observe(document.getElementById("app"), { childList: true, subtree: true });
});
"""
SENT = """() => [...performance.getEntriesByType("resource"),
  ...performance.getEntriesByType("navigation")].reduce((sum, one) => sum + one.transferSize, 0)"""
SCROLL = """(step) => new Promise((done) => {
  const grid = document.querySelector(".grid");
  const frames = [];
  let before = performance.now();
  const next = () => {
    const now = performance.now();
    frames.push(now - before);
    before = now;
    const at = grid.scrollTop;
    grid.scrollTop += step;
    if (grid.scrollTop === at) done(frames.slice(2));
    else requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})"""


def repeated(body: Any, rows: int) -> Any:
    """A table with its rows repeated under other tickers, ranked from 1."""
    many = len(body["columns"]["ticker"])
    columns = {
        name: [values[i % many] for i in range(rows)] for name, values in body["columns"].items()
    }
    columns["ticker"] = [f"{ticker} {i}" for i, ticker in enumerate(columns["ticker"])]
    columns["rank"] = [*range(1, rows + 1)]
    return body | {"columns": columns}


def first_page(browser: Browser, service: Service) -> tuple[float, int]:
    """Milliseconds until the first page is usable, and the bytes that it took."""
    page = browser.new_context(**VIEW).new_page()
    page.add_init_script(USABLE)
    page.goto(service.url)
    page.wait_for_selector("body[data-usable]")
    page.wait_for_load_state("networkidle")
    found = page.evaluate("Number(document.body.dataset.usable)"), page.evaluate(SENT)
    page.context.close()
    return found


def scrolled(
    browser: Browser, service: Service, rows: int, step: int
) -> tuple[list[float], list[float]]:
    """The milliseconds of each frame, and of each task, from the first row to the last."""
    page = browser.new_page(**VIEW)

    def longer(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps(repeated(answer.json(), rows)))

    page.route(re.compile(r"/table(\?|$)"), longer)
    page.goto(f"{service.url}/strategies/{STRATEGY}")
    page.wait_for_selector(".grid tbody tr")
    browser.start_tracing(
        page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"]
    )
    frames: list[float] = page.evaluate(SCROLL, step)
    return frames, tasks(json.loads(browser.stop_tracing())["traceEvents"])


def tasks(events: list[Any]) -> list[float]:
    """The milliseconds of the processor that each task of a page's thread took."""
    names = {(one["pid"], one["tid"]): one["args"].get("name") for one in events
             if one["name"] == "thread_name"}  # fmt: skip
    return [
        one["tdur"] / 1000 for one in events
        if "tdur" in one and one["name"].endswith("RunTask")
        and names.get((one["pid"], one["tid"])) == "CrRendererMain"
    ]  # fmt: skip


def main(
    rows: Annotated[int, typer.Option(min=100, help="Rows of the long ranking.")] = 7_300,
    step: Annotated[int, typer.Option(min=10, help="Pixels that it scrolls each frame.")] = 400,
    rounds: Annotated[int, typer.Option(min=1, help="Loads of the first page.")] = 5,
) -> None:
    """Measure the first page and a long ranking, and print both."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        top = Path(folder)
        make_market(top / "app.db", stocks=STOCKS, years=YEARS)
        export(top / "app.db", top / "lake", SWEDEN, full=True)
        service = Service(top)
        service.start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        try:
            loads = [first_page(browser, service) for _ in range(rounds)]
            frames, spent = scrolled(browser, service, rows, step)
        finally:
            browser.close()
            service.stop()
    usable, sent = statistics.median(ms for ms, _ in loads), max(size for _, size in loads)
    console.write(f"first page: usable after {usable:,.0f} ms (median), {sent:,} bytes")
    console.write(
        f"{rows:,} rows in {len(frames):,} frames: median {statistics.median(frames):.1f} ms, "
        f"longest {max(frames):.1f} ms, {sum(one > 50 for one in frames)} above 50 ms"
    )
    console.write(
        f"tasks by the processor: longest {max(spent):.1f} ms, "
        f"{sum(one > 50 for one in spent)} above 50 ms; {sum(spent) / len(frames):.1f} ms a frame"
    )


if __name__ == "__main__":
    console.run(main)
