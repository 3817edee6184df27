// @ts-check
/**
 * What was begun and not sent, by place: kept in this tab, so that it outlasts a reload, until the tab is closed or whoever wrote
 * it logs out. Each has his own: another may be logged in when the page comes back.
 */

import { client, me } from './session.js';

const ALL = 'goldcrest:draft:';

/** @param {string} place */
const key = (place) => `${ALL}${me()?.id}:${place}`;

/** @param {string} place */
export function draft(place) {
  try {
    return sessionStorage.getItem(key(place)) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} place @param {string} text */
export function keepDraft(place, text) {
  try {
    if (text) sessionStorage.setItem(key(place), text);
    else sessionStorage.removeItem(key(place));
  } catch {
    // It stays in its box until another place is opened.
  }
}

client.on('logout', () => {
  try {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(ALL)) sessionStorage.removeItem(name);
  } catch {
    // There were none.
  }
});
