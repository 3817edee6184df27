// @ts-check
/** The page of a guest: a card in the middle, under the bird. */

import { h } from '../dom.js';
import { bird } from './icons.js';

/** @param {string} title @param {import('../dom.js').Child[]} body @returns {import('../router.js').Page} */
export function card(title, body) {
  const node = h(
    'div.card-page',
    null,
    h('div.card-brand', null, bird('bird large'), h('span', null, 'Goldcrest')),
    h('section.card', { 'aria-labelledby': 'card-title' }, h('h1', { id: 'card-title' }, title), ...body),
  );
  return { node, title, bare: true };
}
