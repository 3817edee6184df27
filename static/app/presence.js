// @ts-check
/** Who is there, and when whoever is not was seen last. */

import { client } from './session.js';

/** Who is online, by name. @type {Set<string>} */
const online = new Set();
/** When somebody was last there. @type {Map<string, string>} */
const seen = new Map();
/** Raised when what is on its way is not asked for any more. */
let turn = 0;

/** Asks who is there. */
export async function load() {
  const mine = (turn += 1);
  /** @type {string[]} */
  const now = [];
  try {
    for await (const { user } of client.list('presence')) now.push(user.username);
  } catch {
    // A courtesy: without it nobody is shown as online.
    now.length = 0;
  }
  if (mine !== turn) return;
  online.clear();
  for (const username of now) online.add(username);
}

/** Hears of somebody's coming or going. @param {{ user: { username: string }, online: boolean, last_seen_at?: string | null }} change */
export function change({ user: { username }, online: there, last_seen_at }) {
  if (there) online.add(username);
  else online.delete(username);
  if (last_seen_at) seen.set(username, last_seen_at);
}

/** @param {string} username */
export const isOnline = (username) => online.has(username);

/** When somebody was last there, if that was heard. @param {string} username */
export const lastSeen = (username) => seen.get(username) ?? null;

export function clear() {
  turn += 1;
  online.clear();
  seen.clear();
}
