// @ts-check
/**
 * What was begun and not sent, by place: kept in this tab, so that it outlasts a reload, until the tab is closed, whoever wrote it
 * logs out, or another logs in.
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

/** @param {string} [but] what those begin with that stay */
function forget(but) {
  const goes = (/** @type {string} */ name) => name.startsWith(ALL) && !(but && name.startsWith(but));
  try {
    for (const name of Object.keys(sessionStorage).filter(goes)) sessionStorage.removeItem(name);
  } catch {
    // There were none.
  }
}

// Whose session was ended may log in again, and go on.
client.on('logout', ({ reason }) => { if (reason !== 'session_ended') forget(); });
client.on('login', () => forget(key('')));
