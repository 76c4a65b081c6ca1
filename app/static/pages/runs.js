/** Backtests that are asked for, and asked again until they are done. */

import { address, call, inPath } from "./api.js";
import { save } from "./saving.js";
import { useEffect, useRef, useState } from "./ui.js";

const WAIT_MS = 1500;

const pathOf = ({ strategy, ...options }) => address(`/v1/strategies/${inPath(strategy)}/backtest`, options);
const sleep = (ms, signal) =>
  new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), fail(new DOMException("", "AbortError"))));
  });

/** Ask, and come back while the answer is pending. */
async function finished(path, signal) {
  let found = await call(path, { signal });
  while (found.pending) {
    await sleep(WAIT_MS, signal);
    found = await call(found.pending.status_url, { signal });
  }
  return found;
}

/** The tear sheet of a run, saved as a file once it is made. */
export async function saveSheet({ strategy, ...options }) {
  const path = address(`/v1/strategies/${inPath(strategy)}/tear-sheet`, options);
  const stop = new AbortController();
  let answer = await fetch(path);
  while (answer.status === 202) {
    await sleep(WAIT_MS, stop.signal);
    answer = await fetch(path);
  }
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? "");
  save(await answer.blob(), `${strategy}.html`);
}

/** The answers to runs, in their order: `{data}`, `{error}`, or `{since}` while one is computed. */
export function useRuns(runs) {
  const known = useRef(new Map());
  const [, drawn] = useState(0);
  const paths = runs.map(pathOf);
  useEffect(() => {
    const stop = new AbortController();
    const told = (path, state) => {
      if (stop.signal.aborted) return;
      known.current.set(path, state);
      drawn((count) => count + 1);
    };
    for (const path of paths) {
      if (known.current.get(path)?.data) continue;
      told(path, { since: Date.now() });
      finished(path, stop.signal)
        .then((data) => told(path, { data }))
        .catch((error) => told(path, { error }));
    }
    return () => stop.abort();
  }, [paths.join("\n")]);
  return paths.map((path) => known.current.get(path) ?? { since: Date.now() });
}
