// @ts-check
/** A face for those who have none: the first letter of a name, in a colour of its own. */

import { h } from '../dom.js';
import { icon } from './icons.js';

/** A number that is always the same for a name. @param {string} name */
function hue(name) {
  let hash = 0;
  for (const letter of name.normalize('NFC').toLowerCase()) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 3600;
  return Math.round(hash / 10);
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
  if (user) face.style.setProperty('--hue', String(hue(user.username)));
  else face.classList.add('neutral');
  if (online === null) return face;
  return h('span.avatar-frame', { 'aria-hidden': 'true' }, face, presenceDot(online));
}

/** The dot alone. @param {boolean} online */
export const presenceDot = (online) => h('span.presence', { class: online ? 'online' : '', 'aria-hidden': 'true' });

/** A face for what is no person: a group, a channel. @param {string} name @param {'group' | 'channels' | 'write'} sign */
export function emblem(name, sign) {
  const face = h('span.avatar.emblem', { 'aria-hidden': 'true' }, icon(sign));
  face.style.setProperty('--hue', String(hue(name)));
  return face;
}
