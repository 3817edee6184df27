// @ts-check
/** What stands in the place of a guest's page where the app was opened at an address at which nobody can log in. */

import { h } from '../dom.js';
import { about } from '../session.js';
import { card } from './card.js';

/** @returns {Promise<import('../router.js').Page | null>} null where the address is right */
export async function elsewhere() {
  const { foreign, public_url } = await about();
  if (!foreign) return null;
  if (public_url) {
    // Part by part: what stands in the address here can lead to no other place.
    const there = new URL(public_url);
    there.pathname = `${there.pathname.replace(/\/*$/, '')}${location.pathname}`;
    there.search = location.search;
    return card('Open it at its own address', [
      h('p', null, `This server is known by another address than ${location.host}. Here nobody can log in.`),
      h('p', null, h('a.button.primary', { href: there.href }, `Go to ${there.host}`)),
    ]);
  }
  return card('Open it at its own address', [
    h('p', null, `This server takes logins from pages on its own machine alone, and not from ${location.host}.`),
    h('p', null, 'Whoever runs it opens it to others by starting it with ', h('code', null, `--public-url ${location.origin}`), '.'),
  ]);
}
