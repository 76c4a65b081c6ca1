/** The address is the state of a page: what a reader sees can be kept and sent. */

import { useEffect, useState } from "./ui.js";

const PAGES = /^\/($|strategies\/[^/]+$|stock\/.+|portfolio$|backtest$|method$|status$)/;
const CHANGED = "stockrank-address";

const here = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

/** The path and the query, now and after each change. */
export function useAddress() {
  const [address, set] = useState(here);
  useEffect(() => {
    const look = () => set(here());
    addEventListener("popstate", look);
    addEventListener(CHANGED, look);
    return () => {
      removeEventListener("popstate", look);
      removeEventListener(CHANGED, look);
    };
  }, []);
  return address;
}

/** Lead to an address of these pages; `replaces` leaves no step to go back to. */
export function go(address, { replaces = false } = {}) {
  history[replaces ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new Event(CHANGED));
}

/** Change parts of the query; an empty value removes one. */
export function ask(changes, { replaces = true } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes))
    if (value == null || value === "" || value === false) query.delete(name);
    else query.set(name, value);
  go(withQuery(location.pathname, query), { replaces });
}

export const withQuery = (path, query) => {
  const text = new URLSearchParams(query).toString();
  return text ? `${path}?${text}` : path;
};

/** What of a query goes on with a reader to other pages: the universe and the date. */
export function kept(query, more = {}) {
  const found = {};
  for (const name of ["universe", "as_of"]) if (query.get(name)) found[name] = query.get(name);
  return { ...found, ...more };
}

/** Follow links between these pages without loading them anew. */
export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!link || modified || event.button || link.target || link.hasAttribute("download")) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || !PAGES.test(to.pathname)) return;
    if (to.pathname === location.pathname && to.hash) return;
    event.preventDefault();
    go(to.pathname + to.search + to.hash);
    if (!to.hash) scrollTo(0, 0);
    document.querySelector("main")?.focus({ preventScroll: true });
  });
}
