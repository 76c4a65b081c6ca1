/** Draws the page of the address. */

import { Banners, Footer, Header } from "./chrome.js";
import { Loading } from "./states.js";
import { followLinks, useAddress } from "./router.js";
import { html, render, useEffect, useState } from "./ui.js";
import { language, speak, t } from "./words.js";

/** The module that draws each page, loaded when it is first visited. */
const PAGES = [
  [/^\/$/, () => import("./front.js")],
  [/^\/strategies\/([^/]+)$/, () => import("./strategy.js")],
  [/^\/stock\/(.+)$/, () => import("./stock.js")],
  [/^\/portfolio$/, () => import("./portfolio.js")],
  [/^\/backtest$/, () => import("./backtest.js")],
  [/^\/method$/, () => import("./method.js")],
  [/^\/status$/, () => import("./status.js")],
];

function usePage(path) {
  const [page, set] = useState(null);
  useEffect(() => {
    let current = true;
    const [pattern, load] = PAGES.find(([one]) => one.test(path)) ?? PAGES[0];
    load().then(({ Page }) => current && set({ Page, name: decodeURIComponent(pattern.exec(path)?.[1] ?? ""), path }));
    return () => (current = false);
  }, [path]);
  return page;
}

function App() {
  const { path, query } = useAddress();
  const [, speaking] = useState(language());
  const page = usePage(path);
  const choose = (wanted) => speak(wanted).then(() => speaking(wanted));
  return html`
    <a class="skip" href="#main">${t("nav.skip")}</a>
    <${Header} path=${path} query=${query} onLanguage=${choose} />
    <${Banners} path=${path} />
    <main id="main" tabindex="-1" key=${language()}>
      ${page ? html`<${page.Page} key=${page.path} name=${page.name} query=${query} />` : html`<${Loading} />`}
    </main>
    <${Footer} query=${query} />
  `;
}

await speak();
followLinks();
const place = document.getElementById("app");
place.replaceChildren();
render(html`<${App} />`, place);
