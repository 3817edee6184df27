// @ts-check
/** Who is typing where: each for as long as the server said, unless it says sooner that it is over. */

/** @type {Map<number, Map<string, ReturnType<typeof setTimeout>>>} by conversation and name, until when */
const all = new Map();

/** @param {number} id @param {string} username @param {number} seconds @param {() => void} over called when that time is over */
export function begin(id, username, seconds, over) {
  const here = all.get(id) ?? new Map();
  all.set(id, here);
  clearTimeout(here.get(username));
  here.set(username, setTimeout(() => end(id, username) && over(), seconds * 1_000));
}

/** @param {number} id @param {string} username @returns {boolean} whether that is other than before */
export function end(id, username) {
  const here = all.get(id);
  clearTimeout(here?.get(username));
  return here?.delete(username) ?? false;
}

/** @param {number} id */
export const names = (id) => [...(all.get(id)?.keys() ?? [])];

export function clear() {
  for (const here of all.values()) for (const timer of here.values()) clearTimeout(timer);
  all.clear();
}
