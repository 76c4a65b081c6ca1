/** Find a stock by its ticker or name; å is a for the search. */

import { address, call } from "./api.js";
import { go, kept, withQuery } from "./router.js";
import { html, useEffect, useRef, useState } from "./ui.js";
import { t } from "./words.js";

const MOST = 8;
const PAUSE_MS = 120;

export function Search({ query }) {
  const [text, type] = useState("");
  const [found, show] = useState([]);
  const [at, move] = useState(0);
  const box = useRef();
  useEffect(() => {
    if (!text.trim()) return show([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call(address("/v1/stocks/search", { q: text.trim(), limit: MOST }), { signal: stop.signal })
        .then((stocks) => (show(stocks), move(0)))
        .catch(() => stop.signal.aborted || show([]));
    }, PAUSE_MS);
    return () => (clearTimeout(timer), stop.abort());
  }, [text]);
  useEffect(() => {
    const focus = (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName);
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      box.current?.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const open = (ticker) => {
    type("");
    show([]);
    go(withQuery(`/stock/${encodeURIComponent(ticker)}`, kept(query)));
  };
  const submit = (event) => {
    event.preventDefault();
    const chosen = found[at]?.ticker ?? text.trim();
    if (chosen) open(chosen);
  };
  const steer = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") type("");
    if (!step || !found.length) return;
    event.preventDefault();
    move((at + step + found.length) % found.length);
  };
  return html`
    <form class="search" role="search" onSubmit=${submit}>
      <input
        ref=${box}
        type="search"
        role="combobox"
        aria-label=${t("search.label")}
        aria-expanded=${String(found.length > 0)}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant=${found.length ? `found-${at}` : null}
        placeholder=${t("search.label")}
        autocomplete="off"
        spellcheck=${false}
        maxlength="60"
        value=${text}
        onInput=${(event) => type(event.target.value)}
        onKeyDown=${steer}
        onBlur=${() => setTimeout(() => show([]), 200)}
      />
      <ul class="search__found" id="found" role="listbox" aria-label=${t("search.found")} hidden=${!found.length}>
        ${found.map(
          (one, i) => html`
            <li
              id=${`found-${i}`}
              role="option"
              aria-selected=${String(i === at)}
              onMouseDown=${() => open(one.ticker)}
            >
              <b>${one.ticker}</b><span>${one.name}</span>
            </li>
          `,
        )}
      </ul>
    </form>
  `;
}
