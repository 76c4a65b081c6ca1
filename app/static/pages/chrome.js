/** What stands around every page: the way to the others, the search, the choices, the banners. */

import { address, call, forget } from "./api.js";
import { date } from "./numbers.js";
import { kept, withQuery } from "./router.js";
import { Search } from "./search.js";
import { ThemeButton } from "./theme.js";
import { html, useEffect, useState } from "./ui.js";
import { LANGUAGES, language, t } from "./words.js";

const PAGES = ["/", "/portfolio", "/backtest", "/method"];
const nameOf = (path) => `nav.${path === "/" ? "rankings" : path.slice(1)}`;
const isOn = (path, page) => path === page || (page === "/" && /^\/(strategies|stock)\//.test(path));

export function Header({ path, query, onLanguage }) {
  return html`
    <header class="top">
      <div class="top__in">
        <a class="brand" href=${withQuery("/", kept(query))}>
          <svg class="brand__mark" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 20v-6M10 20V10M16 20V6M22 20V3" transform="translate(-1 0)" />
          </svg>
          <span>StockRank</span>
        </a>
        <nav class="nav" aria-label=${t("nav.label")}>
          ${PAGES.map(
            (page) => html`
              <a href=${withQuery(page, kept(query))} aria-current=${isOn(path, page) ? "page" : null}>
                ${t(nameOf(page))}
              </a>
            `,
          )}
        </nav>
        <${Search} query=${query} />
        <div class="choices">
          <${Languages} onLanguage=${onLanguage} />
          <${ThemeButton} />
        </div>
      </div>
    </header>
  `;
}

const Languages = ({ onLanguage }) => html`
  <div class="languages" role="group" aria-label=${t("language.label")}>
    ${LANGUAGES.map(
      (one) => html`
        <button
          type="button"
          lang=${one}
          aria-label=${t(`language.${one}`)}
          aria-pressed=${String(one === language())}
          onClick=${() => onLanguage(one)}
        >
          ${one.toUpperCase()}
        </button>
      `,
    )}
  </div>
`;

const LOOK_MS = 60_000;

/** What the service says of itself, every minute and whenever a reader comes back. */
function useHealth() {
  const [health, set] = useState({ ok: true });
  useEffect(() => {
    let version = null;
    const look = async () => {
      if (document.hidden) return;
      const front = await call("/v1/data/integrity/quick").catch((error) => error);
      const lost = front instanceof Error;
      set(lost ? { ok: front.status !== 0 } : { ok: true, verdict: front });
      const versions = lost ? null : await call(address("/v1/front")).catch(() => null);
      if (versions) set((before) => ({ ...before, front: versions }));
      if (version && versions && versions.version !== version) forget();
      version = versions?.version ?? version;
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    addEventListener("online", look);
    addEventListener("offline", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      removeEventListener("online", look);
      removeEventListener("offline", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return health;
}

/** What is wrong with all figures; the operator's page tells itself that the service is lost. */
export function Banners({ path }) {
  const { ok, verdict, front } = useHealth();
  return html`
    <div class="banners" role="status">
      ${!ok && path !== "/status" && html`<p class="banner banner--bad">${t("banner.offline")}</p>`}
      ${ok &&
      front?.age_days > 1 &&
      html`<p class="banner banner--warn">
        ${t("banner.stale", { count: front.age_days, date: date(front.newest) })}
        ${verdict?.safe_to_trade === false && html`<strong> ${t("banner.unsafe")}</strong>`}
      </p>`}
      ${front?.notice && html`<p class="banner"><span class="tag">${t("banner.demo")}</span> <span class="banner__more">${t("banner.demo.text")}</span></p>`}
    </div>
  `;
}

export const Footer = ({ query }) => html`
  <footer class="foot">
    <p>${t("foot.advice")}</p>
    <nav aria-label=${t("foot.label")}>
      <a href="/status">${t("nav.status")}</a>
      <a href=${withQuery("/method", kept(query))}>${t("nav.method")}</a>
      <a href="/v1/openapi.json">${t("foot.api")}</a>
    </nav>
  </footer>
`;
