/** The dialog that explains the place of a stock, with its figures and its closes. */

import { read } from "./api.js";
import { byId, el, icon, show, skeletons, state } from "./dom.js";
import {
  day,
  decimal,
  inWords,
  percentile,
  price,
  returned,
  share,
  signed,
  whole,
} from "./format.js";
import { priceChart } from "./pricechart.js";
import { facts } from "./tables.js";
import { FRACTIONS, REASONS } from "./terms.js";

const DAYS = 260; // a little more than a year, so that the base of 12 months is on the chart

export class Explain {
  constructor() {
    this.dialog = /** @type {HTMLDialogElement} */ (byId("explain"));
    this.body = byId("explain-body");
    this.names = [];
    this.asked = 0;
    this.dialog.addEventListener("close", () => this.#forget());
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
    this.dialog.showModal();
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

function content(why, readout, chart) {
  const known = part("Facts", factsOf(why));
  const hasMetrics = why.metrics.length > 0;
  return [
    el("p", { class: "why" }, ...summary(why)),
    el(
      "div",
      { class: "explain" },
      el(
        "div",
        { class: "explain__side" },
        part(
          "Closes",
          readout,
          el("figure", { role: "img", "aria-label": chartLabel(why) }, chart),
        ),
        part("Returns", returnsTable(why)),
        hasMetrics && known,
      ),
      el(
        "div",
        { class: "explain__side" },
        hasMetrics && part(why.metrics.length > 1 ? "Composite" : "Screen", metricsTable(why)),
        part(fTitle(why), signals(why)),
        !hasMetrics && known,
      ),
    ),
  ];
}

const part = (title, ...nodes) => el("div", {}, el("h3", {}, title), ...nodes);

const chartLabel = (why) =>
  `Closes of ${why.ticker} over a year; the table of returns lists those behind the score`;

/** The answer in a sentence. */
function summary(why) {
  if (why.excluded_by)
    return [
      el("strong", {}, "Not ranked: "),
      `${REASONS[why.excluded_by] ?? inWords(why.excluded_by)}.`,
    ];
  const kept = why.primary_rank
    ? `, and rank ${whole(why.primary_rank)} before momentum, among the best 40%`
    : "";
  return [
    el("strong", {}, `Rank ${why.rank}`),
    ` with a score of `,
    el("strong", {}, signed(why.score)),
    `: the mean of the returns over 3, 6 and 12 months${kept}.`,
  ];
}

function returnsTable(why) {
  return el(
    "table",
    { class: "plain" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["Over", "From", "Base", "Close", "Return"].map((t, i) =>
          el("th", { scope: "col", class: i > 1 ? "num" : null }, t),
        ),
      ),
    ),
    el(
      "tbody",
      {},
      why.returns.map((r) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", class: "nowrap" }, `${r.months} months`),
          el("td", { class: "nowrap" }, day(r.base_date)),
          num(price(r.base_close)),
          num(price(why.close)),
          num(returned(r.value)),
        ),
      ),
    ),
    el(
      "tfoot",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "row", colspan: 4 }, "Score, their mean"),
        num(signed(why.score)),
      ),
    ),
  );
}

const num = (...content) => el("td", { class: "num" }, ...content);

function metricsTable(why) {
  return el(
    "table",
    { class: "plain" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Metric"),
        el("th", { scope: "col", class: "num" }, "Value"),
        el("th", { scope: "col" }, "Best (0) to worst (1)"),
        el("th", { scope: "col", class: "num" }, "Place"),
      ),
    ),
    el("tbody", {}, why.metrics.map(metricLine)),
    why.metrics.length > 1 && el("tfoot", {}, meanLine(why)),
  );
}

const meanLine = (why) =>
  el(
    "tr",
    {},
    el("th", { scope: "row", colspan: 2 }, "Mean, 0 is best"),
    el("td", {}, rung(why.composite)),
    num(percentile(why.composite)),
  );

const metricLine = (metric) =>
  el(
    "tr",
    {},
    el("th", { scope: "row" }, inWords(metric.name)),
    num(valueOf(metric)),
    el("td", {}, rung(metric.percentile)),
    num(percentile(metric.percentile)),
  );

const valueOf = ({ name, value }) => (FRACTIONS.includes(name) ? share(value) : decimal(value));

/** Where a percentile lies; an unknown one counts as the middle. */
function rung(value) {
  const dot = el("i", { class: value === null ? "is-assumed" : null });
  dot.style.left = `${100 * (value ?? 0.5)}%`;
  return el("span", { class: "rung", "aria-hidden": "true" }, dot);
}

const fTitle = (why) =>
  `F-score ${why.f_score} of ${why.f_available}${why.f_source === "vendor" ? ", as reported by the vendor" : ""}`;

const SIGNAL = {
  true: ["ok", "yes", "ok"],
  false: ["critical", "no", "no"],
  null: ["unknown", "unknown", "unknown"],
};

const signals = (why) =>
  el(
    "ul",
    { class: "signals" },
    why.f_signals.map((signal) => {
      const [status, word, shape] = SIGNAL[String(signal.value)];
      return el(
        "li",
        {},
        icon(status, null, shape),
        el("span", {}, inWords(signal.name)),
        el("span", {}, word),
      );
    }),
  );

const factsOf = (why) =>
  facts([
    [
      "Market cap",
      why.market_cap_msek === null
        ? "unknown"
        : `${whole(why.market_cap_msek)} M ${why.currency ?? ""}, ${inWords(why.market_cap_source ?? "").toLowerCase()}`,
    ],
    ["Close", `${price(why.close)} ${why.currency ?? ""} on ${day(why.close_date)}`],
    ["Type", inWords(why.stock_type ?? "unknown")],
    ["Statements to", why.fiscal_date ? day(why.fiscal_date) : "none in 18 months"],
    ["Ratios known from", why.ratios_known_from ? day(why.ratios_known_from) : "none in 12 months"],
  ]);
