// @ts-check
/** Every address of the app. A page's code is fetched when it is opened first, or ahead. The server knows the same list: `src/api/web.rs`. */

import { GoldcrestError } from '../goldcrest.js';
import { route } from './router.js';
import { onceBack } from './session.js';

/** @typedef {{ open: import('./router.js').Opener }} Module */
/** @typedef {() => Promise<Module>} Fetch */

/** @type {Record<string, Fetch>} For whoever is logged in. */
const PAGES = {
  '/': () => import('./pages/stream.js'),
  '/conversations': () => import('./pages/conversations.js'),
  '/conversations/:id': () => import('./pages/conversation.js'),
  '/messages/:id': () => import('./pages/conversation.js').then(({ openMessage }) => ({ open: openMessage })),
  '/threads': () => import('./pages/threads.js'),
  '/threads/:id': () => import('./pages/thread.js'),
  '/mentions': () => import('./pages/mentions.js'),
  '/search': () => import('./pages/search.js'),
  '/new': () => import('./pages/new.js'),
  '/groups/new': () => import('./pages/new-group.js'),
  '/channels': () => import('./pages/channels.js'),
  '/contacts': () => import('./pages/contacts.js'),
  '/user/:name': () => import('./pages/user.js'),
  '/settings': () => import('./pages/settings.js'),
  '/settings/devices': () => import('./pages/devices.js'),
  '/settings/keys': () => import('./pages/keys.js'),
  '/settings/blocks': () => import('./pages/blocks.js'),
  '/admin': () => import('./pages/admin.js'),
};

/** @type {Record<string, Fetch>} For guests. */
const OPEN = {
  '/login': () => import('./pages/login.js'),
  '/register': () => import('./pages/register.js'),
  '/invitations/:token': () => import('./pages/register.js'),
  '/lost-password': () => import('./pages/lost-password.js'),
};

/** Has a page's code fetched while it is not yet known who asks. @param {string} address */
export function warm(address) {
  const segments = address.split('/');
  const fits = (/** @type {string} */ path) => {
    const pattern = path.split('/');
    return pattern.length === segments.length && pattern.every((part, index) => part.startsWith(':') || part === segments[index]);
  };
  const found = Object.entries({ ...PAGES, ...OPEN }).find(([path]) => fits(path));
  // It is tried again when the page is opened, and said if it fails then.
  found?.[1]().catch(() => {});
}

let stocked = false;

/** Has the code of all pages fetched while there is nothing else to do, so that they can be opened while the server is away, too. */
export async function stock() {
  if (stocked) return;
  stocked = true;
  // Not every browser says when it has nothing to do.
  const idle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ act) => setTimeout(act, 200));
  for (let left = Object.values(PAGES); left.length; ) {
    /** @type {Fetch[]} */
    const failed = [];
    for (const fetch of left) {
      await new Promise((resolve) => idle(() => resolve(null)));
      await fetch().catch(() => failed.push(fetch));
    }
    left = failed;
    if (left.length) await new Promise((resolve) => onceBack(() => resolve(null)));
  }
}

/** @param {Fetch} fetch @returns {import('./router.js').Opener} */
const opener = (fetch) => async (place) => {
  const { open } = await fetch().catch((error) => {
    // So browsers say that a module could not be fetched.
    throw error instanceof TypeError ? new GoldcrestError({ status: 0, code: 'not_fetched', detail: error.message, field: null }) : error;
  });
  return open(place);
};

export function declare() {
  for (const [path, fetch] of Object.entries(PAGES)) route(path, opener(fetch));
  for (const [path, fetch] of Object.entries(OPEN)) route(path, opener(fetch), { guest: true });
}
