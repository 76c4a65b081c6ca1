/** The whole ranking of a strategy: searched, filtered, sorted, compared, taken along. */

import { address, useAnswer } from "./api.js";
import { COLUMNS, reason } from "./columns.js";
import { before as ranksBefore, Changes } from "./changes.js";
import { Exports } from "./exports.js";
import { chosenColumns, Filters } from "./filters.js";
import { nextRebalance, sentenceOf } from "./front.js";
import { Grid } from "./grid.js";
import { longDate } from "./numbers.js";
import { Pickers } from "./pickers.js";
import { ask, kept, withQuery } from "./router.js";
import { counted, filtered, filtersOf, sorted, sortOf } from "./rows.js";
import { Answer, Empty } from "./states.js";
import { scoreText } from "./ten.js";
import { titled } from "./title.js";
import { html, useMemo } from "./ui.js";
import { known, t } from "./words.js";

export function Page({ name, query }) {
  const chosen = kept(query);
  const front = useAnswer(address("/v1/front", chosen));
  const table = useAnswer(address(`/v1/strategies/${encodeURIComponent(name)}/table`, chosen));
  const against = query.get("against");
  const then = useAnswer(
    against ? address(`/v1/strategies/${encodeURIComponent(name)}/table`, { ...chosen, as_of: against }) : null,
  );
  const strategy = front.data?.strategies.find((one) => one.name === name);
  titled(strategy?.display_name ?? name);
  return html`
    <${Answer} of=${front.error ? front : table} rows=${12}>
      ${(found) => html`
        ${strategy && html`<${Head} front=${front.data} strategy=${strategy} query=${query} />`}
        <${Ranking} table=${found} strategy=${strategy} then=${against ? then : null} against=${against} query=${query} />
      `}
    <//>
  `;
}

const Head = ({ front, strategy, query }) => html`
  <header class="page-head">
    <h1>${strategy.display_name}<small>${longDate(front.as_of)}</small></h1>
    <${Pickers} front=${front} query=${query} />
    <p class="page-head__what">${sentenceOf(strategy)}${" "}
      <span title=${longDate(strategy.next_rebalance)}>${nextRebalance(strategy)}.</span>${" "}
      <a href=${withQuery("/backtest", { strategy: strategy.name })}>${t("strategy.backtest")}</a>
    </p>
  </header>
`;

function Ranking({ table, strategy, then, against, query }) {
  const filters = filtersOf(query);
  const sort = sortOf(query);
  const columns = useMemo(
    () => (then?.data ? { ...table.columns, before: ranksBefore(table, then.data) } : table.columns),
    [table, then?.data],
  );
  const rows = useMemo(() => filtered(columns, filters), [columns, JSON.stringify(filters)]);
  const ordered = useMemo(() => sorted(rows, columns, sort), [rows, sort.by, sort.falls]);
  const shown = chosenColumns(query, { filters, compares: Boolean(then?.data) });
  const onSort = (by) => {
    const turns = sort.by === by ? !sort.falls : COLUMNS[by].kind === "number" && by !== "rank" && by !== "before";
    ask({ sort: by === "rank" && !turns ? "" : `${turns ? "-" : ""}${by}` });
  };
  return html`
    <${Filters} table=${table} filters=${filters} query=${query} count=${rows.length} />
    ${then && html`<${Changes} now=${table} then=${then} against=${against} size=${strategy?.rankings.length ?? 10} query=${query} />`}
    ${filters.show === "excluded" && html`<${Reasons} columns=${columns} filters=${filters} />`}
    ${ordered.length
      ? html`<${Grid}
          columns=${shown}
          rows=${ordered}
          cell=${(row, name) => cellOf(columns, row, name, query, strategy ?? { name: table.strategy })}
          sort=${sort}
          onSort=${onSort}
          label=${t("grid.label")}
          about=${(name) => (known(`help.${name}`) ? t(`help.${name}`) : null)}
        />`
      : html`<${Empty} title=${t("grid.none")}>${t("grid.none.help")}<//>`}
    <${Exports} table=${table} />
  `;
}

function cellOf(columns, row, name, query, strategy) {
  const value = columns[name]?.[row];
  if (name === "score") return scoreText(value, strategy.score_is_fraction);
  if (name !== "name") return COLUMNS[name].show ? COLUMNS[name].show(value) : value;
  const ticker = columns.ticker[row];
  const to = withQuery(`/stock/${encodeURIComponent(ticker)}`, kept(query, { strategy: strategy.name }));
  return html`<a href=${to} title=${value}><span>${value ?? ticker}</span> <small>${ticker}</small></a>`;
}

/** How many are out for each reason; each leads to those stocks. */
function Reasons({ columns, filters }) {
  const out = columns.ticker.map((_, i) => i).filter((i) => columns.rank[i] === null);
  const reasons = counted(columns.excluded_by, out).sort(([, a], [, b]) => b - a);
  return html`
    <div class="chips" role="group" aria-label=${t("strategy.reasons")}>
      ${reasons.map(
        ([code, count]) => html`
          <button type="button" class="chip" aria-pressed=${String(filters.reason === code)}
            onClick=${() => ask({ reason: filters.reason === code ? "" : code })}>
            ${reason(code)} <b>${count}</b>
          </button>
        `,
      )}
    </div>
  `;
}
