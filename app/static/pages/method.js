/** The methodology, as it is written; every part has an anchor that numbers lead to. */

import { Part, parts } from "./markdown.js";
import { Failed, Loading } from "./states.js";
import { titled } from "./title.js";
import { html, useEffect, useState } from "./ui.js";
import { language, t } from "./words.js";

const CONTENTS = 3;

function useText(path) {
  const [state, set] = useState({});
  useEffect(() => {
    fetch(path)
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error())))
      .then((text) => set({ found: parts(text) }))
      .catch(() => set({ error: { status: 0, message: "" } }));
  }, [path]);
  return state;
}

export function Page() {
  const { found, error } = useText(`/method.${language()}.md`);
  titled(t("nav.method"));
  useEffect(() => {
    const look = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    look();
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, [found]);
  if (error) return html`<${Failed} error=${error} />`;
  if (!found) return html`<${Loading} rows=${12} />`;
  const headings = found.filter((one) => one.kind === "heading" && one.level > 1 && one.level <= CONTENTS);
  return html`
    <div class="method">
      <nav class="contents" aria-label=${t("method.contents")}>
        <ul>
          ${headings.map(
            (one) => html`<li class=${`contents__${one.level}`}><a href=${`#${one.anchor}`}>${one.text}</a></li>`,
          )}
        </ul>
      </nav>
      <article class="prose">
        ${found.map((part) => html`<${Part} part=${part} />`)}
      </article>
    </div>
  `;
}
