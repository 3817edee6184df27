// @ts-check
/** Every address of the app. A page's code is fetched when it is opened first. The server knows the same list: `src/api/web.rs`. */

import { route } from './router.js';

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

export function declare() {
  for (const [path, fetch] of Object.entries(PAGES)) route(path, async (place) => (await fetch()).open(place));
  for (const [path, fetch] of Object.entries(OPEN)) route(path, async (place) => (await fetch()).open(place), { guest: true });
}
