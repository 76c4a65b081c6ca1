/** What strategies would have earned: up to four runs beside each other, all in the address. */

import { address, useAnswer } from "./api.js";
import { RunForm } from "./runform.js";
import { Results } from "./results.js";
import { go, withQuery } from "./router.js";
import { Answer } from "./states.js";
import { titled } from "./title.js";
import { useRuns } from "./runs.js";
import { html } from "./ui.js";
import { t, term } from "./words.js";

export const MOST = 4;

/** The runs of an address: each `run` is a query of its own; `strategy` alone is one with nothing but defaults. */
function runsOf(query) {
  const runs = query.getAll("run").slice(0, MOST).map((text) => Object.fromEntries(new URLSearchParams(text)));
  const found = runs.filter((one) => one.strategy);
  return found.length || !query.get("strategy") ? found : [{ strategy: query.get("strategy") }];
}

/** Keep runs in the address, so that they can be sent. */
function keep(runs) {
  const query = new URLSearchParams(location.search);
  query.delete("run");
  query.delete("strategy");
  for (const run of runs) query.append("run", new URLSearchParams(run).toString());
  go(withQuery(location.pathname, query));
}

export function Page({ query }) {
  const front = useAnswer(address("/v1/front"));
  const runs = runsOf(query);
  const answers = useRuns(runs);
  titled(t("nav.backtest"));
  return html`
    <header class="page-head">
      <h1>${t("backtest.title")}</h1>
      <p class="page-head__what">${t("backtest.what")}</p>
    </header>
    <${Answer} of=${front}>
      ${(found) => html`
        <${RunForm} front=${found} full=${runs.length >= MOST} onRun=${(run) => keep([...runs, run])} />
        ${runs.length > 0 &&
        html`<${Results}
          runs=${runs}
          answers=${answers}
          nameOf=${(run) => nameOf(run, found)}
          onRemove=${(at) => keep(runs.filter((_, i) => i !== at))}
        />`}
      `}
    <//>
  `;
}

/** A run in words: its strategy, and what is not as usual. */
function nameOf(run, front) {
  const { strategy, ...rest } = run;
  const title = front.strategies.find((one) => one.name === strategy)?.display_name ?? strategy;
  const told = Object.entries(rest).map(([name, value]) =>
    name === "universe" ? term("universe", value) : t(`run.${name}`, { value: name === "rebalance" ? t(`rebalance.${value}`) : value }),
  );
  return [title, ...told].join(", ");
}
