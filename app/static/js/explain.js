/** The dialog that explains the place of a stock, with its figures and its closes. */

import { read } from "./api.js";
import { closesOnBack, showAsStep } from "./back.js";
import { byId, el, show, skeletons, state } from "./dom.js";
import { content } from "./explanation.js";
import { day, inWords } from "./format.js";
import { priceChart } from "./pricechart.js";

const DAYS = 260; // a little more than a year, so that the base of 12 months is on the chart

export class Explain {
  constructor() {
    this.dialog = /** @type {HTMLDialogElement} */ (byId("explain"));
    this.body = byId("explain-body");
    this.names = [];
    this.asked = 0;
    this.dialog.addEventListener("close", () => this.#forget());
    closesOnBack(this.dialog);
  }

  /** The strategies to switch between: `{name, display_name}`. */
  setStrategies(strategies) {
    this.names = strategies.map(({ name, display_name }) => ({ name, display_name }));
  }

  get firstStrategy() {
    return this.names[0]?.name ?? "sammansatt_momentum";
  }

  /** Show a stock of a strategy. */
  async open(strategy, ticker) {
    byId("explain-title").textContent = ticker;
    byId("explain-place").textContent = "";
    this.#switch(strategy, ticker);
    if (!this.dialog.open) this.#show();
    await this.#load(strategy, ticker);
  }

  /** Draw the chart anew, in the present colours. */
  redraw() {
    if (this.dialog.open && this.shown) this.#draw(...this.shown);
  }

  #show() {
    showAsStep(this.dialog);
    byId("explain-title").focus();
  }

  #switch(strategy, ticker) {
    byId("explain-strategies").replaceChildren(
      ...this.names.map(({ name, display_name }) =>
        el(
          "button",
          {
            type: "button",
            lang: "sv",
            "aria-pressed": String(name === strategy),
            click: () => this.#again(name, ticker),
          },
          display_name,
        ),
      ),
    );
  }

  async #again(strategy, ticker) {
    await this.open(strategy, ticker);
    const chosen = byId("explain-strategies").querySelector('[aria-pressed="true"]');
    /** @type {HTMLElement} */ (chosen).focus();
  }

  async #load(strategy, ticker) {
    const asked = (this.asked += 1);
    this.#forget();
    this.body.setAttribute("aria-busy", "true");
    this.body.replaceChildren(skeletons(9));
    try {
      const answers = await Promise.all([
        read(`/v1/strategies/${strategy}/explain/${encodeURIComponent(ticker)}`),
        closes(ticker),
      ]);
      if (asked === this.asked) this.#draw(...answers);
    } catch (error) {
      if (asked === this.asked) this.#fail(error, () => this.#load(strategy, ticker));
    }
  }

  #fail(error, again) {
    show(
      this.body,
      state(
        "This stock cannot be explained",
        error.message,
        error.status !== 404 &&
          el("button", { class: "button", type: "button", click: again }, "Try again"),
      ),
    );
  }

  #draw(why, prices) {
    this.#forget();
    this.shown = [why, prices];
    byId("explain-title").textContent = `${why.ticker} · ${why.name ?? "no name"}`;
    byId("explain-place").textContent = placeOf(why);
    const readout = el("p", { class: "readout" });
    const box = el("div", { class: "chart__plot chart__plot--price" });
    show(
      this.body,
      content(
        why,
        readout,
        prices.length ? box : state("No closes", "There is no close in the last year."),
      ),
    );
    if (prices.length) this.chart = priceChart(box, readout, prices, why.returns);
  }

  #forget() {
    this.chart?.remove();
    this.chart = this.shown = null;
  }
}

const closes = async (ticker) =>
  (await read(`/v1/stocks/${encodeURIComponent(ticker)}/prices?days=${DAYS}`)).prices;

const placeOf = (why) =>
  [why.sector, inWords(why.market ?? "unknown market"), `closes of ${day(why.as_of)}`]
    .filter(Boolean)
    .join(" · ");
