/** What backtests found: their curves, figures and years beside each other, and what to keep in mind. */

import { Caveats } from "./caveats.js";
import { Lines } from "./lines.js";
import { change, decimal, longDate, month, percent, whole, year } from "./numbers.js";
import { saveSheet } from "./runs.js";
import { Failed } from "./states.js";
import { html, useState } from "./ui.js";
import { t } from "./words.js";

const KINDS = ["own", "third", "fourth", "fifth"];
const FIGURES = [
  ["cagr", (one) => change(one, 1)],
  ["benchmark_return", (one) => change(one)],
  ["total_return", (one) => change(one)],
  ["volatility", (one) => percent(one)],
  ["max_drawdown", (one) => change(one)],
  ["sharpe", (one) => decimal(one, 2)],
  ["beta", (one) => decimal(one, 2)],
  ["hit_rate_relative", (one) => percent(one)],
  ["turnover", (one) => percent(one)],
  ["costs", (one) => percent(one, 1)],
];

export function Results({ runs, answers, nameOf, onRemove }) {
  const done = answers.map((one, i) => ({ ...one, name: nameOf(runs[i]), kind: KINDS[i] })).filter((one) => one.data);
  return html`
    <ul class="runs">
      ${runs.map(
        (run, i) => html`
          <li>
            <i class=${`key key--${KINDS[i]}`} aria-hidden="true"></i>
            <span>${nameOf(run)}</span>
            <${State} of=${answers[i]} />
            ${answers[i].data && html`<${Sheet} run=${run} />`}
            <button class="link" type="button" onClick=${() => onRemove(i)}>
              ${t("run.remove")}<span class="vh"> ${nameOf(run)}</span>
            </button>
          </li>
        `,
      )}
    </ul>
    ${answers.map((one) => one.error && html`<${Failed} error=${one.error} />`)}
    ${done.length > 0 && html`<${Found} done=${done} />`}
  `;
}

function Sheet({ run }) {
  const [state, set] = useState(null);
  const make = () => {
    set("making");
    saveSheet(run).then(() => set(null), () => set("failed"));
  };
  return html`
    <button class="link" type="button" disabled=${state === "making"} onClick=${make}>
      ${t(state ? `sheet.${state}` : "sheet.save")}
    </button>
  `;
}

function State({ of }) {
  if (of.data) return html`<span class="quiet">${t("run.span", { from: longDate(of.data.from), to: longDate(of.data.to) })}</span>`;
  if (of.error) return html`<span class="quiet">${t("run.failed")}</span>`;
  return html`<span class="runs__wait" role="status"><progress aria-label=${t("run.computing")}></progress> ${t("run.computing")}</span>`;
}

/** The value after each month, 1 at the start; null from a month without a return on. */
function grown(months, key, dates) {
  const known = new Map(months.map((one) => [one.period, one[key]]));
  let value = 1;
  return dates.map((date) => {
    if (!known.has(date)) return null;
    const gain = known.get(date);
    if (value === null || gain == null) return (value = null);
    return (value *= 1 + gain);
  });
}

function Found({ done }) {
  const dates = [...new Set(done.flatMap((one) => one.data.by_month.map((found) => found.period)))].sort();
  const lines = done.map((one) => ({ name: one.name, kind: one.kind, values: grown(one.data.by_month, "return", dates) }));
  const index = { name: t("curve.index"), kind: "index", values: grown(done[0].data.by_month, "benchmark", dates) };
  return html`
    <section class="panel" aria-labelledby="curve-title">
      <h2 id="curve-title">${t("backtest.curve")}</h2>
      <${Lines}
        dates=${dates}
        lines=${[...lines, index]}
        height=${300}
        log
        label=${t("curve.label")}
        value=${(one) => (one == null ? "–" : change(one - 1))}
        day=${month}
      />
      <p class="caveat">${t("curve.caveat")}</p>
    </section>
    <div class="panels">
      <section class="panel" aria-labelledby="figures-title">
        <h2 id="figures-title">${t("backtest.figures")}</h2>
        <div class="wide" tabindex="0"><${Figures} done=${done} /></div>
      </section>
      <section class="panel" aria-labelledby="years-title">
        <h2 id="years-title">${t("backtest.years")}</h2>
        <div class="wide" tabindex="0"><${Years} done=${done} /></div>
      </section>
      <section class="panel" aria-labelledby="caveats-title">
        <h2 id="caveats-title">${t("backtest.caveats")}</h2>
        <${Caveats} sentences=${done.flatMap((one) => one.data.caveats)} />
      </section>
      <section class="panel" aria-labelledby="falls-title">
        <h2 id="falls-title">${t("backtest.falls")}</h2>
        <${Falls} data=${done[0].data} />
      </section>
    </div>
  `;
}

const Heads = ({ done }) => html`
  <tr>
    <td></td>
    ${done.map((one) => html`<th scope="col"><i class=${`key key--${one.kind}`} aria-hidden="true"></i> ${one.name}</th>`)}
  </tr>
`;

const Figures = ({ done }) => html`
  <table class="facts">
    <thead><${Heads} done=${done} /></thead>
    <tbody>
      ${FIGURES.map(
        ([name, shown]) => html`
          <tr>
            <th scope="row">${t(`figure.${name}`)}</th>
            ${done.map(({ data }) => html`<td title=${data.reasons[name] ?? null}>${shown(data.metrics[name])}</td>`)}
          </tr>
        `,
      )}
      <tr><th scope="row">${t("figure.trades")}</th>${done.map(({ data }) => html`<td>${whole(data.trades)}</td>`)}</tr>
    </tbody>
  </table>
`;

function Years({ done }) {
  const years = [...new Set(done.flatMap(({ data }) => data.by_year.map((one) => year(one.period))))].sort().reverse();
  const of = (data, one, key) => data.by_year.find((found) => year(found.period) === one)?.[key];
  return html`
    <table class="facts">
      <thead>
        <tr>
          <td></td>
          ${done.map((one) => html`<th scope="col"><i class=${`key key--${one.kind}`} aria-hidden="true"></i> ${one.name}</th>`)}
          <th scope="col"><i class="key key--index" aria-hidden="true"></i> ${t("curve.index")}</th>
        </tr>
      </thead>
      <tbody>
        ${years.map(
          (one) => html`
            <tr>
              <th scope="row">${one}</th>
              ${done.map(({ data }) => html`<td>${change(of(data, one, "return"))}</td>`)}
              <td>${change(of(done[0].data, one, "benchmark"))}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

const Falls = ({ data }) => html`
  <table class="facts">
    <thead>
      <tr><th scope="col">${t("fall.peak")}</th><th scope="col">${t("fall.trough")}</th><th scope="col">${t("fall.recovery")}</th><th scope="col">${t("fall.depth")}</th></tr>
    </thead>
    <tbody>
      ${data.drawdowns.slice(0, 5).map(
        (one) => html`
          <tr>
            <th scope="row">${month(one.peak)}</th>
            <td>${month(one.trough)}</td>
            <td>${one.recovery ? month(one.recovery) : t("fall.not_yet")}</td>
            <td>${change(one.depth)}</td>
          </tr>
        `,
      )}
    </tbody>
  </table>
`;
