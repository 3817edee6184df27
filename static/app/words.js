// @ts-check
/** Moments and numbers as people read them, and what stands in a text: links, code, names. */

import { h } from './dom.js';

const locale = navigator.languages;
const clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long' });
const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
const dayOfAnotherYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
const short = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const shortOfAnotherYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });
const whole = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
const numbers = new Intl.NumberFormat(locale);
const compact = new Intl.NumberFormat(locale, { notation: 'compact' });

/** @param {string | Date} at */
const moment = (at) => (at instanceof Date ? at : new Date(at));

/** How many midnights lie between a moment and now. @param {Date} at */
function daysAgo(at) {
  const midnight = (/** @type {Date} */ date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(new Date()).getTime() - midnight(at).getTime()) / 86_400_000);
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

/** `14:05`. @param {string | Date} at */
export const timeOfDay = (at) => clock.format(moment(at));

/** `Today`, `Yesterday`, `Friday 20 November`. @param {string | Date} at */
export function dayLine(at) {
  const date = moment(at);
  const ago = daysAgo(date);
  if (ago === 0 || ago === 1) return capital(relative.format(-ago, 'day'));
  return (date.getFullYear() === new Date().getFullYear() ? day : dayOfAnotherYear).format(date);
}

/** The same within a sentence: `today`. @param {string | Date} at */
export function onDay(at) {
  const ago = daysAgo(moment(at));
  return ago === 0 || ago === 1 ? relative.format(-ago, 'day') : dayLine(at);
}

/** As short as can be: a time today, a weekday this week, a date before. @param {string | Date} at */
export function when(at) {
  const date = moment(at);
  const ago = daysAgo(date);
  if (ago === 0) return clock.format(date);
  if (ago > 0 && ago < 7) return weekday.format(date);
  return (date.getFullYear() === new Date().getFullYear() ? short : shortOfAnotherYear).format(date);
}

/** `3 minutes ago`. @param {string | Date} at */
export function since(at) {
  const seconds = Math.max(0, (Date.now() - moment(at).getTime()) / 1000);
  if (seconds < 60) return relative.format(0, 'minute');
  if (seconds < 3_600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3_600), 'hour');
  return relative.format(-Math.floor(seconds / 86_400), 'day');
}

/** A moment that can be read by people and programs. @param {string} at @param {(at: string) => string} [how] */
export const time = (at, how = when) => h('time', { datetime: at, title: whole.format(moment(at)) }, how(at));

/** @param {number} count */
export const number = (count) => numbers.format(count);

/** `1.2K`, for badges. @param {number} count */
export const few = (count) => compact.format(count);

/** Which day a moment is on, for telling days apart. @param {string} at */
export function dayOf(at) {
  const date = moment(at);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/** Each bracket that closes, and the one that opens it. */
const BRACKETS = Object.entries({ ')': '(', ']': '[', '}': '{' });

/** A link without what ends the sentence or the bracket that it stands in; a bracket that was opened within it is its own. @param {string} found */
function linkIn(found) {
  const unopened = new Map(BRACKETS.map(([closing, opening]) => [closing, found.split(closing).length - found.split(opening).length]));
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found.charAt(end - 1);
    const more = unopened.get(last);
    if (more === undefined ? !`'.,;:!?`.includes(last) : more <= 0) break;
    if (more !== undefined) unopened.set(last, more - 1);
  }
  return found.slice(0, end);
}

/** What a text is made of: blocks of code, code in a line, links (with what may follow them at once), names, and the rest. */
const PIECES = /```(?:[\w+-]*\n)?([^]*?)```|`([^`\n]+)`|(https?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}][^\s<>"]*)|(^|[^\p{L}\p{N}_@.+-])@([\p{L}\p{N}_.@+-][\p{L}\p{N}\p{M}_.@+-]*)/gu;

/**
 * A text as it is shown. Names are links if they are of somebody who was mentioned.
 *
 * @param {string} text
 * @param {{ id: number, username: string }[]} [mentions]
 * @param {number | null} [viewer]
 * @returns {Node[]}
 */
export function rich(text, mentions = [], viewer = null) {
  /** @type {Node[]} */
  const nodes = [];
  const plain = (/** @type {string} */ piece) => piece && nodes.push(document.createTextNode(piece));
  let from = 0;
  for (const match of text.matchAll(PIECES)) {
    const [all, block, code, link, before = '', name] = match;
    let shown = null;
    let used = all.length;
    if (block !== undefined) shown = h('pre', { tabindex: '0' }, h('code', null, block.replace(/\n$/, '')));
    else if (code !== undefined) shown = h('code', null, code);
    else if (link !== undefined) {
      const href = linkIn(link);
      used = href.length;
      shown = h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, href);
    }
    else if (name !== undefined) {
      const fold = (/** @type {string} */ other) => other.normalize('NFC').toLowerCase();
      const who = mentions
        .filter(({ username }) => fold(name).startsWith(fold(username)))
        .sort((one, other) => other.username.length - one.username.length)[0];
      if (who) {
        plain(text.slice(from, match.index + before.length));
        from = match.index + before.length;
        const length = who.username.length + 1;
        nodes.push(h('a', { class: who.id === viewer ? 'mention own' : 'mention', href: userPath(who.username) }, text.slice(from, from + length)));
        from += length;
      }
      continue;
    }
    plain(text.slice(from, match.index));
    if (shown) nodes.push(shown);
    from = match.index + used;
    // What follows a block begins a line anyway. The search has not passed the break, for a name is one after what is none.
    if (block !== undefined && text[from] === '\n') from += 1;
  }
  plain(text.slice(from));
  return nodes;
}

/** @param {string} username */
export const userPath = (username) => `/user/${encodeURIComponent(username)}`;
