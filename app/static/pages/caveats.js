/** What to keep in mind of a backtest, in the reader's language; a sentence without a text stays. */

import { html } from "./ui.js";
import { language, t } from "./words.js";

/** How each sentence of the service begins, with the values in it. */
const KNOWN = [
  [/^Price return: the database has no/, "price_return"],
  [/^(?<number>\d+) dividends are left out/, "dividends"],
  [/^Stocks in (?<names>.+) are not bought/, "currencies"],
  [/^Paid out as delisted, and traded again later: (?<names>.+)\.$/, "returned"],
  [/^The values of (?<names>.+) are taken as they are/, "benchmark"],
  [/^No stock of the universe ends/, "survivors"],
  [/^Prices are in the currency of each listing/, "listing"],
  [/^Sectors, markets and market caps are those/, "today"],
  [/^At (?<number>\d+) of (?<of>\d+) rebalances fewer than (?<size>\d+) stocks were ranked, (?<least>\d+)/, "thin"],
];

function told(sentence) {
  for (const [start, name] of KNOWN) {
    const match = start.exec(sentence);
    if (match) return t(`caveat.${name}`, match.groups ?? {});
  }
  return null;
}

export function Caveats({ sentences }) {
  const one = (sentence) => {
    const text = language() === "en" ? null : told(sentence);
    return html`<li lang=${text ? null : "en"}>${text ?? sentence}</li>`;
  };
  return html`<ul class="caveats">${[...new Set(sentences)].map(one)}</ul>`;
}
