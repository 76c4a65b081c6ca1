/** What to keep, sell and buy now, of what a reader holds; it is kept in this browser alone. */

import { address, call, useAnswer } from "./api.js";
import { HoldingsField } from "./holdings.js";
import { Orders } from "./orders.js";
import { parsed } from "./numbers.js";
import { Choice } from "./pickers.js";
import { Answer, Failed } from "./states.js";
import { titled } from "./title.js";
import { html, useEffect, useRef, useState } from "./ui.js";
import { t, term } from "./words.js";

const KEY = "stockrank-portfolio";
const EMPTY = { holdings: [], cash: "", strategy: "", universe: "", mode: "rebalance", buy_rank: "", sell_rank: "", cost_bps: "25", min_fee: "39" };
const PAUSE_MS = 300;
const MODES = ["rebalance", "add_cash", "fix_drift"];

function stored() {
  try {
    return { ...EMPTY, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return EMPTY;
  }
}

/** What is held and wished, kept in the browser after each change. */
function useWish() {
  const [wish, set] = useState(stored);
  useEffect(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(wish));
    } catch {
      // Without storage it lasts as long as the page.
    }
  }, [wish]);
  return [wish, (change) => set((before) => ({ ...before, ...change }))];
}

/** A wish as the service takes it. */
function sent(wish) {
  const numbers = Object.fromEntries(
    ["buy_rank", "sell_rank", "cost_bps", "min_fee"].map((name) => [name, parsed(wish[name])]).filter(([, value]) => value !== null),
  );
  const holdings = wish.holdings.map(({ ticker, shares }) => ({ ticker, shares }));
  const universe = wish.universe ? { universe: wish.universe } : {};
  return { strategy: wish.strategy, ...universe, mode: wish.mode, holdings, cash: parsed(wish.cash) ?? 0, ...numbers };
}

/**
 * The orders for a wish, as `{found, error, busy, asked}`: worked out a moment after each change,
 * and at once by `work`; `asked` is true where the reader asked for them.
 */
function useOrders(wish, front) {
  const [state, set] = useState({});
  const turn = useRef(0);
  const soon = useRef();
  const work = async ({ asked = false } = {}) => {
    clearTimeout(soon.current); // what would be worked out soon is worked out now
    const mine = ++turn.current;
    const show = (next) => mine === turn.current && set(next);
    const strategy = wish.strategy || front.strategies[0].name;
    set((before) => ({ ...before, busy: true, error: null }));
    try {
      const body = sent({ ...wish, strategy });
      const found = await call("/v1/portfolio/orders", { body });
      show({ found, asked });
    } catch (error) {
      show({ error });
    }
  };
  useEffect(() => {
    turn.current++; // an answer on its way is to another wish
    if (!front || (!wish.holdings.length && !parsed(wish.cash))) return set({});
    soon.current = setTimeout(work, PAUSE_MS);
    return () => clearTimeout(soon.current);
  }, [wish, Boolean(front)]);
  return [state, work];
}

export function Page() {
  const front = useAnswer(address("/v1/front"));
  const [wish, change] = useWish();
  const [state, work] = useOrders(wish, front.data);
  titled(t("nav.portfolio"));
  const submit = (event) => {
    event.preventDefault();
    work({ asked: true });
  };
  return html`
    <header class="page-head">
      <h1>${t("portfolio.title")}</h1>
      <p class="page-head__what">${t("portfolio.what")}</p>
    </header>
    <${Answer} of=${front}>
      ${(found) => html`
        <form class="portfolio" onSubmit=${submit}>
          <${HoldingsField} holdings=${wish.holdings} onChange=${(holdings) => change({ holdings })} />
          <${Rules} front=${found} wish=${wish} change=${change} />
        </form>
      `}
    <//>
    ${state.error && html`<${Failed} error=${state.error} />`}
    <div aria-busy=${String(Boolean(state.busy))} class="answer">
      ${state.found && html`<${Orders} found=${state.found} asked=${state.asked} />`}
    </div>
  `;
}

function Rules({ front, wish, change }) {
  const number = (name) => html`
    <label class="field field--short">
      <span class="field__label">${t(`wish.${name}`)}</span>
      <input inputmode="decimal" value=${wish[name]} placeholder=${name === "cash" ? "0" : t("wish.usual")} onInput=${(event) => change({ [name]: event.target.value })} />
    </label>
  `;
  return html`
    <section class="panel" aria-labelledby="rules-title">
      <h2 id="rules-title">${t("portfolio.rules")}</h2>
      <div class="filters">
        <${Choice} label=${t("stock.strategy")} value=${wish.strategy || front.strategies[0].name} options=${front.strategies.map((one) => [one.name, one.display_name])} onChange=${(strategy) => change({ strategy })} />
        <${Choice} label=${t("pick.universe")} value=${wish.universe || front.universe} options=${front.universes.map((one) => [one, term("universe", one)])} onChange=${(universe) => change({ universe })} />
        <${Choice} label=${t("wish.mode")} value=${wish.mode} options=${MODES.map((one) => [one, t(`mode.${one}`)])} onChange=${(mode) => change({ mode })} />
        ${["cash", "buy_rank", "sell_rank", "cost_bps", "min_fee"].map(number)}
      </div>
      <button class="button button--strong" type="submit">${t("portfolio.work")}</button>
    </section>
  `;
}
