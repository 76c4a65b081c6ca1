/** What the service answers, asked for once by address, with the states of a question. */

import { useEffect, useState } from "./ui.js";

/** An answer other than success; status 0 if there is none. */
export class Refused extends Error {
  /** `retryAfter` is the number of seconds to wait, if the service tells one. */
  constructor(status, detail, retryAfter = null) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Ask for JSON; with a body by POST: a file as it is, anything else as JSON. @throws {Refused} */
export function call(path, { signal, body } = {}) {
  if (body === undefined) return answered(path, { signal });
  const isFile = body instanceof Blob;
  const headers = { "Content-Type": isFile ? "text/csv" : "application/json" };
  return answered(path, { signal, method: "POST", body: isFile ? body : JSON.stringify(body), headers });
}

/** Change something, with a token if there is one. @throws {Refused} */
export const change = (path, token) =>
  answered(path, { method: "POST", headers: token ? { Authorization: `Bearer ${token}` } : {} });

async function answered(path, { signal, headers, ...sent }) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-cache", signal, headers: { Accept: "application/json", ...headers }, ...sent });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "");
  }
  const found = await answer.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    if (answer.ok) throw new Refused(0, "");
    return null;
  });
  if (!answer.ok) throw new Refused(answer.status, told(found?.detail), answer.headers.get("Retry-After"));
  return answer.status === 202 ? { pending: found } : found;
}

const told = (detail) => {
  if (typeof detail !== "string") return "";
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
};

const kept = new Map();
const KEPT = 40;
const watching = new Set();

/** Forget all answers, as after another version was published. */
export function forget() {
  kept.clear();
  for (const look of watching) look();
}

async function asked(path, signal) {
  if (kept.has(path)) return kept.get(path);
  const found = await call(path, { signal });
  if (!found?.pending) {
    kept.set(path, found);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return found;
}

/**
 * The answer to a path: `{data, error, loading, again}`. While another is asked for, the answer
 * before stays, with `loading`. A path of null asks nothing.
 */
export function useAnswer(path) {
  const [state, set] = useState({ loading: Boolean(path) });
  const [turn, again] = useState(0);
  useEffect(() => {
    if (!path) return set({ loading: false });
    const stop = new AbortController();
    set((before) => ({ data: kept.get(path) ?? before.data, loading: !kept.has(path) }));
    asked(path, stop.signal)
      .then((data) => stop.signal.aborted || set({ data, loading: false, path }))
      .catch((error) => stop.signal.aborted || set((before) => ({ ...before, error, loading: false })));
    const look = () => again((count) => count + 1);
    watching.add(look);
    return () => {
      stop.abort();
      watching.delete(look);
    };
  }, [path, turn]);
  return { ...state, again: () => again((count) => count + 1) };
}

export const address = (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
};
export const inPath = (text) => encodeURIComponent(text);
