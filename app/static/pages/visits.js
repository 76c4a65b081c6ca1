/** What has changed since a reader was here last: kept in the browser, told on the first page. */

import { longDate } from "./numbers.js";
import { html, useMemo } from "./ui.js";
import { t } from "./words.js";

const KEY = "stockrank-visit";

const tensOf = (front) =>
  Object.fromEntries(front.strategies.map((one) => [one.name, one.rankings.map(({ ticker, name }) => [ticker, name])]));

/**
 * The portfolios of the visit before the newest data came, as `{as_of, tens}`; null without one.
 * What is shown now becomes the visit to compare with once newer data is there.
 */
export function useVisits(front, isNewest) {
  return useMemo(() => {
    if (!front || !isNewest || front.as_of !== front.newest) return null;
    try {
      const { now, before = null } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      if (now?.as_of === front.as_of) return before;
      const next = { as_of: front.as_of, tens: tensOf(front) };
      localStorage.setItem(KEY, JSON.stringify({ now: next, before: now }));
      return now ?? null;
    } catch {
      return null; // without storage no visit is remembered
    }
  }, [front, isNewest]);
}

const names = (stocks) => stocks.map(([ticker, name]) => name ?? ticker).join(", ");

export function Since({ strategy, before }) {
  const old = before?.tens[strategy.name];
  if (!old) return null;
  const now = strategy.rankings.map(({ ticker, name }) => [ticker, name]);
  const without = (some, others) => some.filter(([ticker]) => !others.some(([other]) => other === ticker));
  const [came, went] = [without(now, old), without(old, now)];
  return html`
    <p class="since">
      <b>${t("since.title", { date: longDate(before.as_of) })}</b>
      ${came.length + went.length === 0 && html` ${t("since.same")}`}
      ${came.length > 0 && html` ${t("since.came", { names: names(came) })}`}
      ${went.length > 0 && html` ${t("since.went", { names: names(went) })}`}
    </p>
  `;
}
