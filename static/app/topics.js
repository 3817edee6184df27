// @ts-check
/** Who wants to hear that something is other than before, by topic. */

/** How long several changes are gathered before they are told, in milliseconds. */
const GATHER = 25;

/** @type {Map<string, Set<(what: any) => void>>} */
const listeners = new Map();
/** @type {Set<string>} */
const gathered = new Set();

/** @param {string} topic @param {(what: any) => void} listener @returns {() => void} what ends it */
export function on(topic, listener) {
  const all = listeners.get(topic) ?? new Set();
  listeners.set(topic, all.add(listener));
  return () => all.delete(listener);
}

/** @param {string} topic @param {unknown} [what] */
export function tell(topic, what) {
  for (const listener of [...(listeners.get(topic) ?? [])]) listener(what);
}

/** Tells soon, once for many changes. @param {...string} topics */
export function tellSoon(...topics) {
  if (!gathered.size) {
    setTimeout(() => {
      const now = [...gathered];
      gathered.clear();
      for (const topic of now) tell(topic);
    }, GATHER);
  }
  for (const topic of topics) gathered.add(topic);
}
