// @ts-check
/** Who is logged in: one client for the whole app, and what the server says of itself to guests. */

import { Goldcrest } from '../goldcrest.js';

/** @typedef {import('../goldcrest.js').Account} Account */
/**
 * @typedef {{ version: string, registration: 'open' | 'invite' | 'closed', email: 'optional' | 'required', password_min_length: number,
 *   mail: boolean, public_url: string | null, foreign: boolean }} About
 */

export const client = new Goldcrest();

/** Whoever is logged in. @returns {Account | null} */
export const me = () => client.user;

/** Whoever is logged in, where somebody is. @returns {Account} */
export function self() {
  if (!client.user) throw new Error('Nobody is logged in.');
  return client.user;
}

let ended = false;
client.on('logout', ({ reason }) => { ended = reason === 'session_ended'; });
client.on('login', () => { ended = false; });

/** Whether somebody was here whose session is over without his doing. */
export const wasEnded = () => ended;

/** Does something once, as soon as the connection is back. @param {() => void} act @returns {() => void} what gives it up */
export function onceBack(act) {
  const end = client.on('state', ({ name }) => {
    if (name !== 'live') return;
    end();
    act();
  });
  return end;
}

/** @type {Promise<About> | null} */
let asked = null;

/** What a guest must know of the server; asked once. @returns {Promise<About>} */
export function about() {
  asked ??= client.request('GET', 'server', { query: { origin: location.origin } }).catch((error) => {
    asked = null;
    throw error;
  });
  return /** @type {Promise<About>} */ (asked);
}

/** What this browser is called in the list of devices: `Firefox on Linux`. */
export function device() {
  const agent = navigator.userAgent;
  const program = [
    ['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['FxiOS/', 'Firefox'], ['SamsungBrowser/', 'Samsung Internet'],
    ['Chrome/', 'Chrome'], ['CriOS/', 'Chrome'], ['Safari/', 'Safari'],
  ].find(([mark]) => agent.includes(mark ?? ''))?.[1];
  const system = [
    ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['Mac OS X', 'Mac'],
    ['CrOS', 'ChromeOS'], ['Linux', 'Linux'],
  ].find(([mark]) => agent.includes(mark ?? ''))?.[1];
  return `${program ?? 'Browser'}${system ? ` on ${system}` : ''}`;
}
