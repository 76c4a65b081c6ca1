/** Dark, light, or as the system has it. */

import { html, useState } from "./ui.js";
import { t } from "./words.js";

const KEY = "stockrank-theme";
const ORDER = ["auto", "light", "dark"];
const SHAPES = {
  auto: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  light:
    "M8 5a3 3 0 1 0 0 6a3 3 0 0 0 0-6zM8 1v1.25M8 13.75V15M1 8h1.25M13.75 8H15M3 3l.9.9M12.1 12.1l.9.9M13 3l-.9.9M3.9 12.1l-.9.9",
  dark: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
};

const current = () => document.documentElement.dataset.theme ?? "auto";

function choose(theme) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

export function ThemeButton() {
  const [theme, set] = useState(current);
  const next = () => {
    choose(ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length]);
    set(current());
  };
  const label = t(`theme.${theme}`);
  return html`
    <button class="icon-button" type="button" aria-label=${label} title=${label} onClick=${next}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d=${SHAPES[theme]} fill=${theme === "auto" ? "currentColor" : "none"} fill-opacity="0.35" />
      </svg>
    </button>
  `;
}
