/** What a strategy would have earned against the index, in short; where no backtest is, the way to one. */

import { Lines } from "./lines.js";
import { month, percent } from "./numbers.js";
import { html, useState } from "./ui.js";
import { t } from "./words.js";

/** The values from a year on, each line 1 at its start. */
export function since(points, from) {
  const shown = points.filter((point) => point.date >= from);
  const [first] = shown;
  const rebased = (key) => shown.map((point) => (point[key] == null || !first[key] ? null : point[key] / first[key]));
  return { dates: shown.map((point) => point.date), value: rebased("value"), index: rebased("index") };
}

export function Curve({ curve, strategy }) {
  const [from, start] = useState("");
  const to = `/backtest?strategy=${strategy}`;
  if (!curve?.points.length) return html`<p class="card__curve quiet"><a href=${to}>${t("curve.none")}</a></p>`;
  const starts = [...new Set(curve.points.map((point) => point.date.slice(0, 4)))].slice(0, -1);
  const shown = since(curve.points, from);
  return html`
    <div class="card__curve">
      <p class="curve__told">
        <a href=${to}>${curve.index_cagr == null
          ? t("curve.alone", { own: percent(curve.cagr) })
          : t("curve.told", { own: percent(curve.cagr), index: percent(curve.index_cagr) })}</a>
        <label class="curve__since">
          <span>${t("curve.since")}</span>
          <select value=${from} onChange=${(event) => start(event.target.value)}>
            ${starts.map((one, i) => html`<option value=${i ? one : ""}>${one}</option>`)}
          </select>
        </label>
      </p>
      <${Lines}
        dates=${shown.dates}
        lines=${[
          { name: t("curve.own"), values: shown.value, kind: "own" },
          { name: t("curve.index"), values: shown.index, kind: "index" },
        ]}
        height=${150}
        label=${t("curve.label")}
        value=${(one) => percent(one == null ? null : one - 1)}
        day=${month}
      />
      <p class="caveat">${t("curve.caveat")}</p>
    </div>
  `;
}
