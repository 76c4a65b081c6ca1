/** What of a ranking is shown: its filters and columns, which are part of the address. */

import { ALWAYS, CHOOSABLE, titleOf, USUAL, VIEWS } from "./columns.js";
import { size } from "./numbers.js";
import { Choice, DateField } from "./pickers.js";
import { ask } from "./router.js";
import { counted } from "./rows.js";
import { html, useState } from "./ui.js";
import { t, term } from "./words.js";

const CAPS = [500, 2_000, 5_000, 10_000, 50_000];
const TURNOVERS = [1e5, 1e6, 1e7, 1e8];

/** The columns in the order in which they are shown. */
export function chosenColumns(query, { filters, compares }) {
  const named = query.has("columns") ? query.get("columns").split(",") : USUAL;
  const chosen = CHOOSABLE.filter((name) => named.includes(name));
  const out = filters.show === "ranked" ? [] : ["excluded_by"];
  // On a phone what orders the stocks is in sight without scrolling sideways.
  const first = matchMedia("(max-width: 40rem)").matches ? chosen.filter((name) => name === "score") : [];
  const others = chosen.filter((name) => !first.includes(name));
  return [...ALWAYS, ...first, ...(compares ? ["before"] : []), ...out, ...others];
}

/** The view whose columns are chosen; own for any others. */
function viewOf(query) {
  const chosen = query.has("columns") ? query.get("columns") : USUAL.join(",");
  return Object.keys(VIEWS).find((name) => VIEWS[name].join(",") === chosen) ?? "own";
}

const every = (columns) => columns.ticker.map((_, i) => i);

export function Filters({ table, filters, query, count }) {
  const { columns } = table;
  const [open, toggle] = useState(false);
  const all = every(columns);
  const list = (kind, values) => [["", t(`filter.all.${kind}`)], ...values.map(([one, many]) => [one, `${term(kind, one)} (${many})`])];
  return html`
    <div class="filters">
      <label class="field filters__text">
        <span class="field__label">${t("filter.text")}</span>
        <input type="search" value=${query.get("q") ?? ""} onInput=${(event) => ask({ q: event.target.value })} />
      </label>
      <button class="button filters__open" type="button" aria-expanded=${String(open)} onClick=${() => toggle(!open)}>
        ${t("filter.more")}
      </button>
      <div class="filters__more" data-open=${open ? "" : null}>
      <${Choice} label=${t("column.sector")} value=${filters.sector} options=${list("sector", counted(columns.sector, all))} onChange=${(sector) => ask({ sector })} />
      <${Choice} label=${t("column.market")} value=${filters.market} options=${list("market", counted(columns.market, all))} onChange=${(market) => ask({ market })} />
      <${Choice}
        label=${t("column.market_cap_msek")}
        value=${String(filters.cap || "")}
        options=${[["", t("filter.all.cap")], ...CAPS.map((one) => [String(one), t("filter.from", { value: size(one * 1e6) })])]}
        onChange=${(cap) => ask({ cap })}
      />
      <${Choice}
        label=${t("column.turnover")}
        value=${String(filters.turnover || "")}
        options=${[["", t("filter.all.turnover")], ...TURNOVERS.map((one) => [String(one), t("filter.from", { value: size(one) })])]}
        onChange=${(turnover) => ask({ turnover })}
      />
      <${Choice}
        label=${t("filter.show")}
        value=${filters.show}
        options=${["ranked", "excluded", "all"].map((one) => [one, t(`filter.show.${one}`)])}
        onChange=${(show) => ask({ show: show === "ranked" ? "" : show, reason: "" })}
      />
      <${DateField} label=${t("filter.against")} value=${query.get("against")} onChange=${(against) => ask({ against }, { replaces: false })} />
      <${Choice}
        label=${t("filter.view")}
        value=${viewOf(query)}
        options=${[...Object.keys(VIEWS), ...(viewOf(query) === "own" ? ["own"] : [])].map((one) => [one, t(`view.${one}`)])}
        onChange=${(view) => VIEWS[view] && ask({ columns: view === "usual" ? "" : VIEWS[view].join(",") })}
      />
      <${Columns} query=${query} />
      </div>
    </div>
    <p class="filters__count" role="status">
      ${t("filter.count", { count })}
      ${(filters.text || filters.sector || filters.market || filters.cap || filters.turnover || filters.reason) &&
      html` <button class="link" type="button" onClick=${() => ask({ q: "", sector: "", market: "", cap: "", turnover: "", reason: "" })}>${t("filter.clear")}</button>`}
    </p>
  `;
}

function Columns({ query }) {
  const chosen = query.has("columns") ? query.get("columns").split(",") : USUAL;
  const toggle = (name) => {
    const next = CHOOSABLE.filter((one) => (one === name ? !chosen.includes(one) : chosen.includes(one)));
    ask({ columns: String(next) === String(CHOOSABLE.filter((one) => USUAL.includes(one))) ? "" : next.join(",") || "none" });
  };
  return html`
    <details class="menu">
      <summary class="button">${t("filter.columns")}</summary>
      <div class="menu__body" role="group" aria-label=${t("filter.columns")}>
        ${CHOOSABLE.map(
          (name) => html`
            <label class="check">
              <input type="checkbox" checked=${chosen.includes(name)} onChange=${() => toggle(name)} />${titleOf(name)}
            </label>
          `,
        )}
      </div>
    </details>
  `;
}
