// @ts-check
/** A face for those who have none: the first letter of a name, in a colour of its own. */

import { h } from '../dom.js';
import { icon } from './icons.js';

/** So many hues are told apart at a glance; each is there in two tones. */
const HUES = 12;

/** The number of a name's colour. Two may have the same: whoever knows people by theirs wants it to be so on every page. @param {string} name */
function colourOf(name) {
  // FNV-1a, folded: names that differ in a letter are far from each other.
  let hash = 0x811c9dc5;
  for (const letter of name.normalize('NFC').toLowerCase()) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % (2 * HUES);
}

/** @param {HTMLElement} face @param {string} name */
function paint(face, name) {
  const colour = colourOf(name);
  face.style.setProperty('--hue', String((colour % HUES) * (360 / HUES)));
  face.classList.toggle('deep', colour >= HUES);
}

/** The first letter as people see it, of however many code points. @param {string} name */
function initial(name) {
  const Segmenter = Intl.Segmenter;
  const first = Segmenter ? [...new Segmenter(undefined, { granularity: 'grapheme' }).segment(name)][0]?.segment : [...name][0];
  return (first ?? '?').toLocaleUpperCase();
}

/**
 * @param {{ username: string } | null} user null for the system
 * @param {{ size?: 'small' | 'large', online?: boolean | null }} [how] `online` draws a dot; null does not
 */
export function avatar(user, { size, online = null } = {}) {
  const face = h('span.avatar', { class: size ?? '', 'aria-hidden': 'true' }, user ? initial(user.username) : icon('info'));
  if (user) paint(face, user.username);
  else face.classList.add('neutral');
  if (online === null) return face;
  return h('span.avatar-frame', { 'aria-hidden': 'true' }, face, presenceDot(online));
}

/** The dot alone. @param {boolean} online */
export const presenceDot = (online) => h('span.presence', { class: online ? 'online' : '', 'aria-hidden': 'true' });

/** A face for what is no person: a group, a channel. @param {string} name @param {'group' | 'channels' | 'write'} sign */
export function emblem(name, sign) {
  const face = h('span.avatar.emblem', { 'aria-hidden': 'true' }, icon(sign));
  paint(face, name);
  return face;
}
