/** The numbers behind a place: returns with their days, metrics with their percentiles, signals, sources. */

import { change, date, decimal, money, percent } from "./numbers.js";
import { ask } from "./router.js";
import { titleOf } from "./columns.js";
import { Screens } from "./screens.js";
import { html } from "./ui.js";
import { t } from "./words.js";

const FRACTIONS = /^(roe|roa|roic|fcfroe|dividend_yield|payout_ratio)$/;
const valueOf = (name, value) => (FRACTIONS.test(name) ? percent(value, 1) : decimal(value, 1));

const chosen = (reasons, query) =>
  reasons.find((one) => one.strategy === query.get("strategy")) ?? reasons[0];

export function Facts({ reasons, query }) {
  const why = chosen(reasons, query);
  return html`
    <section class="panel" aria-labelledby="numbers-title">
      <h2 id="numbers-title">${t("stock.numbers")}</h2>
      <div class="switch" role="group" aria-label=${t("stock.strategy")}>
        ${reasons.map(
          (one) => html`
            <button type="button" aria-pressed=${String(one === why)} onClick=${() => ask({ strategy: one.strategy })}>
              ${one.display_name}
            </button>
          `,
        )}
      </div>
      <${Returns} why=${why} />
      ${why.metrics.length > 0 && html`<${Metrics} why=${why} />`}
      ${why.screens.length > 0 && html`<${Screens} why=${why} />`}
    </section>
  `;
}

export function Signals({ reasons, query }) {
  const why = chosen(reasons, query);
  return html`
    <section class="panel" aria-labelledby="signals-title">
      <h2 id="signals-title">
        <a href="/method#f-score">${t("stock.signals", { score: why.f_score ?? "–", of: why.f_available ?? 9 })}</a>
      </h2>
      <ul class="signals">
        ${why.f_signals.map(
          ({ name, value }) => html`
            <li class=${value === null ? "quiet" : ""}>
              <span class="signals__sign" aria-hidden="true">${value === null ? "–" : value ? "✓" : "✕"}</span>
              ${t(`signal.${name}`)}
              <span class="vh">${t(value === null ? "signal.unknown" : value ? "signal.met" : "signal.unmet")}</span>
            </li>
          `,
        )}
      </ul>
      ${why.f_source === "vendor" && html`<p class="caveat">${t("stock.vendor")}</p>`}
      <${Sources} why=${why} />
    </section>
  `;
}

const Returns = ({ why }) => html`
  <table class="facts">
    <caption>${t("stock.returns")}</caption>
    <thead>
      <tr><th scope="col">${t("stock.over")}</th><th scope="col">${t("stock.from")}</th><th scope="col">${t("stock.base")}</th><th scope="col">${t("stock.return")}</th></tr>
    </thead>
    <tbody>
      ${why.returns.map(
        (one) => html`
          <tr>
            <th scope="row">${t("stock.months", { count: one.months })}</th>
            <td>${date(one.base_date)}</td>
            <td>${money(one.base_close)}</td>
            <td><b>${change(one.value)}</b></td>
          </tr>
        `,
      )}
    </tbody>
  </table>
`;

const Metrics = ({ why }) => html`
  <table class="facts">
    <caption>
      <a href="/method#composite-ranks">${t("stock.metrics")}</a>
    </caption>
    <thead>
      <tr><th scope="col">${t("stock.metric")}</th><th scope="col">${t("stock.value")}</th><th scope="col">${t("stock.better")}</th></tr>
    </thead>
    <tbody>
      ${why.metrics.map(
        (one) => html`
          <tr>
            <th scope="row"><a href="/method#ratios">${titleOf(one.name)}</a></th>
            <td>${valueOf(one.name, one.value)}</td>
            <td>${one.percentile === null ? "–" : t("stock.than", { share: percent(1 - one.percentile), count: one.compared })}</td>
          </tr>
        `,
      )}
    </tbody>
  </table>
`;

/** The rows that the facts are from, with the days from which they were known. */
const Sources = ({ why }) => html`
  <table class="facts">
    <caption>${t("stock.sources")}</caption>
    <thead>
      <tr><th scope="col">${t("stock.fact")}</th><th scope="col">${t("stock.known")}</th><th scope="col">${t("stock.seen")}</th></tr>
    </thead>
    <tbody>
      ${why.origins.map(
        (one) => html`<tr><th scope="row">${t(`origin.${one.fact}`)}</th><td>${date(one.known_from)}</td><td>${date(one.observed_on)}</td></tr>`,
      )}
    </tbody>
  </table>
  ${why.fiscal_date && html`<p class="caveat">${t("stock.fiscal", { date: date(why.fiscal_date) })}</p>`}
`;
