/** Orders: what to sell, buy and keep, with costs and reasons; as a file too. */

import { reason as rankReason } from "./columns.js";
import { decimal, money, whole } from "./numbers.js";
import { save } from "./saving.js";
import { html, useEffect, useRef } from "./ui.js";
import { known, language, t } from "./words.js";

const KINDS = ["sell", "buy", "keep"];

/** A reason in words; some hold a number. */
export function because(code) {
  const [, start, number, end] = /^(.*?_)(\d+)(_names)?$/.exec(code) ?? [];
  if (number) return t(`order.${start}n${end ?? ""}`, { number });
  return known(`order.${code}`) ? t(`order.${code}`) : rankReason(code);
}

/** `asked` leads the reader to the orders; where they came by themselves they are only told of. */
export function Orders({ found, asked }) {
  const title = useRef();
  useEffect(() => asked && title.current?.focus(), [found]);
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, found[kind].length]));
  const sum = (kind) => found[kind].reduce((total, one) => total + one.value, 0);
  const figures = [["sell", sum("sell")], ["buy", sum("buy")], ["costs", found.costs.total], ["cash_left", found.cash_left]];
  return html`
    <section class="orders" aria-labelledby="orders-title">
      <p class="vh" role="status">${t("orders.told", counts)}</p>
      <header class="page-head">
        <h2 id="orders-title" tabindex="-1" ref=${title}>${t("orders.title")}</h2>
        <button class="button" type="button" onClick=${() => save(new Blob(["\ufeff", asCsv(found)], { type: "text/csv" }), `${found.strategy}-${found.as_of}.csv`)}>${t("orders.csv")}</button>
      </header>
      <dl class="totals">
        ${figures.map(([name, value]) => html`<div><dt>${t(`orders.${name}`)}</dt><dd>${money(value, found.account_currency)}</dd></div>`)}
      </dl>
      ${KINDS.map((kind) => html`<${Table} kind=${kind} lines=${found[kind]} currency=${found.account_currency} />`)}
      <${Notes} heading=${t("orders.unpriced")} lines=${found.kept_unpriced} />
      <${Notes} heading=${t("orders.not_bought")} lines=${found.not_bought} />
    </section>
  `;
}

const Table = ({ kind, lines, currency }) => html`
  <div class="panel">
    <h3>${t(`orders.lines.${kind}`, { count: lines.length })}</h3>
    ${lines.length > 0 &&
    html`
      <div class="wide" tabindex="0">
        <table class="facts orders__lines">
          <thead>
            <tr>
              <th scope="col">${t("column.name")}</th>
              <th scope="col">${t("orders.shares")}</th>
              <th class="orders__more" scope="col">${t("column.close")}</th>
              <th scope="col">${t("orders.value", { currency })}</th>
              ${kind !== "keep" && html`<th class="orders__more" scope="col">${t("orders.fee")}</th>`}
              <th class="orders__more" scope="col">${t("column.rank")}</th>
              <th class="orders__why" scope="col">${t("orders.why")}</th>
            </tr>
          </thead>
          <tbody>
            ${lines.map(
              (one) => html`
                <tr>
                  <th scope="row">
                    <a href=${`/stock/${encodeURIComponent(one.ticker)}`}>${one.name ?? one.ticker}</a> <small>${one.ticker}</small>
                    <small class="orders__below">${money(one.price, one.currency)} · ${because(one.reason)}</small>
                  </th>
                  <td><b>${whole(one.shares)}</b></td>
                  <td class="orders__more">${money(one.price, one.currency)}</td>
                  <td>${decimal(one.value, 2)}</td>
                  ${kind !== "keep" && html`<td class="orders__more">${decimal(one.fee, 2)}</td>`}
                  <td class="orders__more">${whole(one.rank)}</td>
                  <td class="orders__why">${because(one.reason)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    `}
  </div>
`;

const Notes = ({ heading, lines }) =>
  lines.length > 0 &&
  html`
    <div class="state">
      <p class="state__title">${heading}</p>
      <ul>
        ${lines.map((one) => html`<li>${one.ticker}: ${because(one.reason)}</li>`)}
      </ul>
    </div>
  `;

/** The orders as a file: with semicolons and decimal commas in Swedish, for a Swedish Excel. */
function asCsv(found) {
  const swedish = language() === "sv";
  const [between, point] = swedish ? [";", ","] : [",", "."];
  const cell = (value) => {
    const text = typeof value === "number" ? String(value).replace(".", point) : String(value ?? "");
    return /["\n\r;,]/.test(text) && typeof value !== "number" ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const names = ["action", "ticker", "name", "shares", "price", "currency", "value", "fee", "rank", "reason"];
  const rows = KINDS.flatMap((kind) =>
    found[kind].map((one) => [t(`orders.${kind}`), ...names.slice(1, -1).map((name) => one[name]), because(one.reason)]),
  );
  return [names.map((name) => t(`csv.${name}`)), ...rows].map((row) => row.map(cell).join(between)).join("\r\n");
}
