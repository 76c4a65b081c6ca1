import { useEffect } from "./ui.js";

/** Name the page in the browser's tab. */
export function titled(name) {
  useEffect(() => {
    document.title = name ? `${name} · StockRank` : "StockRank";
  }, [name]);
}
