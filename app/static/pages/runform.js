/** What a backtest is of. */

import { Choice, DateField } from "./pickers.js";
import { html, useState } from "./ui.js";
import { t, term } from "./words.js";

const REBALANCES = ["strategy", "month", "quarter", "year"];
const USUAL = { from: "", to: "", rebalance: "strategy", size: "", cost_bps: "", universe: "" };

export function RunForm({ front, full, onRun }) {
  const [run, set] = useState({ strategy: front.strategies[0].name, ...USUAL });
  const change = (name) => (value) => set((before) => ({ ...before, [name]: value }));
  const number = (name, label, placeholder) => html`
    <label class="field field--short">
      <span class="field__label">${label}</span>
      <input type="number" min="0" step="1" inputmode="numeric" placeholder=${placeholder} value=${run[name]}
        onInput=${(event) => change(name)(event.target.value)} />
    </label>
  `;
  const submit = (event) => {
    event.preventDefault();
    const given = Object.entries(run).filter(([name, value]) => value !== "" && value !== USUAL[name]);
    onRun(Object.fromEntries(given));
  };
  return html`
    <form class="filters" onSubmit=${submit}>
      <${Choice} label=${t("stock.strategy")} value=${run.strategy} options=${front.strategies.map((one) => [one.name, one.display_name])} onChange=${change("strategy")} />
      <${Choice} label=${t("pick.universe")} value=${run.universe} options=${[["", t("run.usual")], ...front.universes.map((one) => [one, term("universe", one)])]} onChange=${change("universe")} />
      <${DateField} label=${t("run.label.from")} value=${run.from} max=${front.newest} onChange=${change("from")} />
      <${DateField} label=${t("run.label.to")} value=${run.to} max=${front.newest} onChange=${change("to")} />
      <${Choice} label=${t("run.label.rebalance")} value=${run.rebalance} options=${REBALANCES.map((one) => [one, t(`rebalance.${one}`)])} onChange=${change("rebalance")} />
      ${number("size", t("run.label.size"), "10")}
      ${number("cost_bps", t("run.label.cost"), "25")}
      <button class="button button--strong" type="submit" disabled=${full}>${t(full ? "run.full" : "run.add")}</button>
    </form>
  `;
}
